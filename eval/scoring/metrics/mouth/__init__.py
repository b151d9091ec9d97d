"""Does the mouth move as one that says this?"""

"""Is it the same person, with the same expression?"""

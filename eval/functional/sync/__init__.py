"""Do lips and sound belong together?"""

"""Do many frames or videos together look real?"""

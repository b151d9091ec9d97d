"""The parts of the Generate page that show many jobs at once."""

"""Studies with people: creating, handing out clips, collecting marks, statistics."""

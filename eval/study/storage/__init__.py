"""How studies are stored: specification, clips, raters and marks, and a log of every change."""

"""A manifest of videos: its rows, where they are scored, and the tables made of them."""

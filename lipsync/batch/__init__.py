"""Many videos at once: where rows are worked on, and what is kept of each."""

"""Where weights come from, whether they are the right ones, and how they are read."""

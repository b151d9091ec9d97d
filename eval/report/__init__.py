"""Tables of a batch in the formats people need: Markdown, LaTeX, CSV, JSON."""

"""What is kept of studies: their specification, clips, raters and marks, and how it changed."""

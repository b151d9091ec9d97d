"""The Generate tab, its twin for programs, and the look of all pages: the only part that imports Gradio."""

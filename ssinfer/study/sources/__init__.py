"""Data sources of a study. One source per file."""

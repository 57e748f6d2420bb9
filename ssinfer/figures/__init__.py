"""Figures of the report. One figure per file; each draws a plain frame with matplotlib."""

"""Frames that the figures of the report draw. One frame per file; each is declared as ``FRAME``."""

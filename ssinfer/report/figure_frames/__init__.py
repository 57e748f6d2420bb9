"""Frames that the figures of the report draw. Each file declares one or a tuple of them as ``FRAME``."""

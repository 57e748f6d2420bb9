"""Thresholds: one kind per file; each takes draws, placebos or a size, and returns a Threshold."""

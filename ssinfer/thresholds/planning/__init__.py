"""Thresholds, power and size before any data are seen."""

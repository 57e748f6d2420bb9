"""Array kernels of the thresholds."""

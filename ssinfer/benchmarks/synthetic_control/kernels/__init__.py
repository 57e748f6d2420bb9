"""Array kernels of the synthetic control methods."""

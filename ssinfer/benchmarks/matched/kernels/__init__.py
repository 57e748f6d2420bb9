"""Array kernels of the matched benchmark."""

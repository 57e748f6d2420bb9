"""Array kernels of the hierarchical benchmark."""

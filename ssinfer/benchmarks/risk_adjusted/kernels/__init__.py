"""Array kernels of the risk-adjusted benchmark."""

"""Arrays in, arrays out: the numerical kernels. No labels, no pandas, no PyMC."""

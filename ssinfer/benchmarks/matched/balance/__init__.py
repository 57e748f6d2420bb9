"""Balance of covariates between treated persons and their comparison group."""

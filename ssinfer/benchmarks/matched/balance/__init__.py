"""Balance of covariates between treated persons and their comparison group: one check a file, no outcome anywhere."""

"""Benchmarks: one method a file; each turns a panel (or cohort) and a design into a Counterfactual."""

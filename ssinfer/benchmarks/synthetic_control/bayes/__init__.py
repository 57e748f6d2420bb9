"""Bayesian synthetic control: the posterior of the donor weights and of the benchmark."""

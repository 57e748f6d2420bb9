"""Propensity scores, matches, weights and outcome models. No score uses an outcome."""

"""Propensity scores, matched sets, weights and effects on persons: arrays with labels, no outcome in the design."""

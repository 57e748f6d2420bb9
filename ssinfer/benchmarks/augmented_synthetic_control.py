"""Import path of version 0.1.0; see :mod:`ssinfer.benchmarks.synthetic_control.augmented`."""

from ssinfer.benchmarks.synthetic_control.augmented import AugmentedSyntheticControl

__all__ = ["AugmentedSyntheticControl"]

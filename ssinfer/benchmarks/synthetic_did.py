"""Import path of version 0.1.0; see :mod:`ssinfer.benchmarks.synthetic_control.synthetic_did`."""

from ssinfer.benchmarks.synthetic_control.synthetic_did import SyntheticDiD

__all__ = ["SyntheticDiD"]

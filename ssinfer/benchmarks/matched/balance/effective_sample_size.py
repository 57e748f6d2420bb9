"""Kish's effective sample size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssinfer.typing import Floats


def effective_sample_size(weights: Floats) -> float:
    r"""Return :math:`(\sum w)^2 / \sum w^2`: the equally weighted persons that would be as informative.

    References
    ----------
    Kish, L. (1965). Survey Sampling. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> effective_sample_size(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    return float(weights.sum() ** 2 / (weights**2).sum())

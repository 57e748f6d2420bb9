"""Null error of a counterfactual, from the posterior or the sampling distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.typing import Floats


def null_error_of(cf: Counterfactual) -> Floats:
    """Return draws (S,) of E0 = Bbar - B from the posterior if there is one, else from the sampling distribution.

    Raises
    ------
    NotSupportedError, ConvergenceError
        The counterfactual has no distribution of its error, or did not converge.
    """
    return cf.null_error("credible" if cf.uncertainty == "posterior" else "confidence")

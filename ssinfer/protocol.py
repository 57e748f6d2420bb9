"""Benchmark: the protocol that every benchmark method follows, ours and strangers', and what it may say it supports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.design import Design


@dataclass(frozen=True)
class Capabilities:
    """What a method supports; `ssinfer methods` prints it, and a method refuses the rest ("X is not supported for Y").

    Attributes
    ----------
    several_treated : a design may name several treated units
    staggered_starts : treated units may start at different periods (``Design.starts``)
    covariates : the method can use covariates of the panel
    masks : periods in ``Design.masked`` are left out of estimation and of savings
    posterior, confidence : the method can give draws of a posterior, of a sampling distribution
    """

    several_treated: bool = True
    staggered_starts: bool = False
    covariates: bool = False
    masks: bool = True
    posterior: bool = False
    confidence: bool = False


@runtime_checkable
class Benchmark(Protocol):
    """A benchmark method: anything with `needs`, `fit` and scikit-learn's parameter access.

    Structural: nothing is inherited. Deriving from :class:`sklearn.base.BaseEstimator` gives `get_params` and
    `set_params`. Two members are optional, and looked up by name:

    - ``capabilities`` : :class:`Capabilities`, for `ssinfer methods` and the conformance check of the same name.
    - ``fit_many(data, designs, seeds)`` : per design a Counterfactual, or the exception that `fit` would
      raise; a backtest prefers it where it exists. The result of a design must not depend on the others in the list.

    Examples
    --------
    >>> import ssinfer as ss
    >>> isinstance(ss.AdministrativeBenchmark(), Benchmark)
    True
    """

    @property
    def needs(self) -> Literal["panel", "cohort"]:
        """What `fit` takes: "panel" (unit means) or "cohort" (persons)."""
        ...

    def fit(self, data: Any, design: Design, *, seed: Any = None) -> Counterfactual:
        """Return draws of the treated units' performance spending without the contract.

        Parameters
        ----------
        data : Panel or Cohort
            As `needs` says. Read-only: a method changes neither data nor design nor its own parameters.
        design : Design
        seed : int, numpy.random.SeedSequence or numpy.random.Generator
            All randomness comes from it (``numpy.random.default_rng(seed)``).

        Raises
        ------
        NotSupportedError
            The design asks for what the method does not support.
        SsinferError
            Any other refusal; a backtest keeps the reason and goes on.
        """
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters."""
        ...

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name and return the method."""
        ...

"""Benchmark: the protocol of every benchmark method, and the capabilities that a method declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.design import Design


@dataclass(frozen=True)
class Capabilities:
    """Capabilities of a method. It refuses the others ("X is not supported for Y"); `ssinfer methods` lists them.

    Attributes
    ----------
    several_treated : bool
        A design may name several treated units.
    staggered_starts : bool
        Treated units may start at different periods (``Design.starts``).
    covariates : bool
        The method can use covariates of the panel.
    masks : bool
        Periods in ``Design.masked`` are left out of estimation and of savings.
    posterior, confidence : bool
        The method can give draws of a posterior, or of a sampling distribution.
    """

    several_treated: bool = True
    staggered_starts: bool = False
    covariates: bool = False
    masks: bool = True
    posterior: bool = False
    confidence: bool = False


@runtime_checkable
class Benchmark(Protocol):
    """A benchmark method: any object with `needs`, `fit` and scikit-learn's access to parameters.

    No base class is needed. :class:`sklearn.base.BaseEstimator` gives `get_params` and `set_params`. Further members
    are optional and found by name:

    - ``capabilities`` : :class:`Capabilities`, for `ssinfer methods` and the conformance check of the same name.
    - ``fit_many(data, designs, seeds)`` : returns one Counterfactual per design, or the exception that `fit` would
      raise. A backtest uses it if it exists. The result of a design must not depend on the other designs.
    - ``check_parameters()`` : raises ParameterError for impossible parameters, before any data are read.
    - ``member_parameters`` : names of constructor parameters that hold other methods. Studies name them by entry point.
    - ``renamed`` : tuple of :class:`ssinfer.deprecation.Renamed`, old names of parameters that still work.

    Examples
    --------
    >>> import ssinfer as ss
    >>> isinstance(ss.AdministrativeBenchmark(), Benchmark)
    True
    """

    @property
    def needs(self) -> Literal["panel", "cohort"]:
        """The data that `fit` takes: "panel" (unit means) or "cohort" (persons)."""
        ...

    def fit(self, data: Any, design: Design, *, seed: Any = None) -> Counterfactual:
        """Return draws of the treated units' performance spending without the contract.

        Parameters
        ----------
        data : Panel or Cohort
            The data that `needs` names. A method changes neither data nor design nor its own parameters.
        design : Design
        seed : int, numpy.random.SeedSequence or numpy.random.Generator
            Source of all randomness (``numpy.random.default_rng(seed)``).

        Raises
        ------
        NotSupportedError
            The design asks for what the method does not support.
        SsinferError
            Any other refusal. A backtest records the reason and continues.
        """
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters."""
        ...

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name and return the method."""
        ...

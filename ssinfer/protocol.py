"""Benchmark: the protocol of every benchmark method, and the capabilities that a method declares."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, runtime_checkable

from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design


@dataclass(frozen=True)
class Capabilities:
    """Capabilities of a method. It refuses the others ("X is not supported for Y"); `ssinfer methods` lists them.

    `level_dependent` is a property that a method must state, since it changes payments (docs/level_dependence.md).
    """

    several_treated: bool = True  # a design may name several treated units
    staggered_starts: bool = False  # treated units may start at different periods (``Design.starts``)
    covariates: bool = False  # of the panel
    masks: bool = True  # periods in ``Design.masked`` are left out of estimation and of savings
    posterior: bool = False  # the method can give draws of a posterior
    confidence: bool = False  # the method can give draws of a sampling distribution
    level_dependent: bool = False  # the measured saving may depend on how far a unit's lasting spending is from others'


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
    - ``renamed`` : mapping of old names of parameters that still work to their new names.

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

        `data` are what `needs` names. A fit changes neither data nor design nor parameters. All randomness comes from
        ``numpy.random.default_rng(seed)``. NotSupportedError: the design asks for what the method does not support. Any
        other refusal is an SsinferError, which a backtest records.
        """
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters."""
        ...

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name and return the method."""
        ...

"""AdministrativeBenchmark: the contract's own way, a weighted baseline trended by a reference group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ssinfer.benchmarks.administrative.error_components import ErrorParts
from ssinfer.benchmarks.administrative.placebo_history import REPLICATES, PlaceboHistory
from ssinfer.benchmarks.administrative.reference_group import reference_groups
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.errors import DesignError, SsinferError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]


class AdministrativeBenchmark(BenchmarkMethod):
    r"""Baseline spending, weighted over years and trended by a reference group.

    .. math:: B_{it} = \sum_b w_b \, y_{ib} \, \frac{R_t}{R_b} \,
              \bigl(1 + \gamma_t^\top (z_i - \bar z)\bigr)

    with :math:`R` the reference group's mean spending per insured-year (weighted by insured-years, the group chosen by
    ``design.donors``) and :math:`y` spending, or the case-mix index where ``design.standard`` names expected spending.

    **Estimand** the treated unit's mean spending per insured-year without the contract. **Assumption** its spending,
    relative to its own baseline, would have grown like the reference group's.

    **Errors**, each once, relative to B: own performance-period noise and own baseline noise (together :math:`k^2/n`),
    a group shock with SD :math:`\tau`, autocorrelated over periods, and the reference group's own noise. :math:`k`,
    :math:`\tau` and the persistence are estimated jointly by maximum likelihood from the placebo errors of the
    panel's other units, each against its own reference group under the same rule, in this window and in every earlier
    window of the same shape (composite likelihood over windows). Their own estimation error is carried by a
    weighted-likelihood bootstrap over units (Newton and Raftery 1994, doi 10.1111/j.2517-6161.1994.tb01956.x).
    The draws are of a sampling distribution: `uncertainty` is "sampling".

    Parameters
    ----------
    weights : "equal", "last" or sequence of float
        Baseline weights, earliest first; normalised to sum to one. (10, 30, 60) on twelve quarters spreads each
        weight over four of them.
    covariates : sequence of str
        Covariates whose baseline value changes growth (gamma): weighted least squares over the reference group.
    history : int or None
        Number of earlier windows from which k and tau are learned; None for all that the panel holds, 0 for this
        window alone.
    draws, chains : int
        Number of draws per chain and of chains.

    Examples
    --------
    >>> import numpy as np, pandas as pd, ssinfer as ss
    >>> rng = np.random.default_rng(0)
    >>> grid = [(f"u{i:02d}", t) for i in range(30) for t in range(2014, 2018)]
    >>> frame = pd.DataFrame(grid, columns=["unit", "period"]).assign(insured_years=20_000.0)
    >>> frame["spending"] = 2000 * 1.02 ** (frame["period"] - 2014) * (1 + 0.02 * rng.standard_normal(len(frame)))
    >>> design = ss.Design(treated=["u00"], baseline=range(2014, 2017), performance=[2017])
    >>> cf = ss.AdministrativeBenchmark().fit(ss.Panel.from_frame(frame), design, seed=1)
    >>> cf.uncertainty
    'sampling'
    """

    needs: ClassVar[Any] = "panel"
    capabilities: ClassVar[Capabilities] = Capabilities(covariates=True, confidence=True)

    def __init__(
        self,
        weights: str | Sequence[float] = "equal",
        covariates: Sequence[str] = (),
        history: int | None = None,
        draws: int = 1000,
        chains: int = 4,
    ) -> None:
        self.weights = weights
        self.covariates = covariates
        self.history = history
        self.draws = draws
        self.chains = chains

    def check_parameters(self) -> None:
        """Refuse impossible weights or numbers of draws."""
        if isinstance(self.weights, str):
            if self.weights not in ("equal", "last"):
                raise DesignError(
                    f"weights is {self.weights!r}; allowed: 'equal', 'last', or numbers like (10, 30, 60)."
                )
        else:
            values = np.asarray(self.weights, dtype=float)
            if values.ndim != 1 or not len(values) or (values < 0).any() or not values.sum() > 0:
                raise DesignError(f"weights is {self.weights!r}; non-negative numbers with a positive sum are needed.")
        if self.draws * self.chains < 2 or self.draws < 1 or self.chains < 1:
            raise DesignError(f"draws={self.draws}, chains={self.chains}: at least two draws in all are needed.")
        if self.history is not None and self.history < 0:
            raise DesignError(f"history is {self.history}; a number of earlier windows, or None for all, is needed.")

    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Estimate one problem."""
        (outcome,) = self.estimate_many([problem], [rng])
        if isinstance(outcome, SsinferError):
            raise outcome
        return outcome

    def estimate_many(
        self, problems: Sequence[Problem], generators: Sequence[np.random.Generator]
    ) -> Iterable[Estimate | SsinferError]:
        """Estimate several problems; the reference groups of all units are chosen once per rule and window."""
        groups: dict[Any, Floats] = {}
        for problem, rng in zip(problems, generators, strict=True):
            try:
                design = problem.design
                places = tuple(problem.baseline), tuple(problem.columns)
                key = (id(problem.panel), repr(design.donors), design.under_contract, places)
                if key not in groups:
                    groups[key] = reference_groups(problem)
                yield self._estimate(problem, groups[key], rng)
            except SsinferError as error:
                yield error

    def _estimate(self, problem: Problem, groups: Floats, rng: np.random.Generator) -> Estimate:
        shares = self._baseline_weights(len(problem.baseline))
        history = PlaceboHistory.of(problem, groups, shares, self.covariates, self.history)
        parameters = history.estimate(rng)
        parts = ErrorParts.of(problem, shares, history.known)
        n_treated, n_periods = len(problem.treated), len(problem.columns)
        point = history.benchmark  # (I, P)
        total = np.empty((self.chains * self.draws, n_treated, n_periods))
        expected = np.empty_like(total)
        take = np.arange(len(total)) % REPLICATES
        tau, k = parameters.tau[take, None], parameters.k[take, None]
        root = np.linalg.cholesky(history.shock[parameters.best] + 1e-12 * np.eye(n_periods)).T
        common = k * np.sqrt(parts.reference_performance) * rng.standard_normal((len(total), n_periods))
        common += k * np.sqrt(parts.reference_baseline) * rng.standard_normal((len(total), 1))
        common += tau * np.sqrt(parts.reference_shock) * (rng.standard_normal((len(total), n_periods)) @ root)
        for i in range(n_treated):
            shock = rng.standard_normal((len(total), n_periods)) @ root
            kept = common + k * np.sqrt(parts.baseline[i]) * rng.standard_normal((len(total), 1))
            lost = tau * shock + k * np.sqrt(parts.performance[i]) * rng.standard_normal((len(total), n_periods))
            expected[:, i] = point[i] * (1 + kept)
            total[:, i] = point[i] * (1 + kept + lost)
        shape = (self.chains, self.draws, n_treated, n_periods)
        weights = np.zeros((n_treated, len(problem.donors)))
        weights[:] = parts.share
        return Estimate(
            benchmark=total.reshape(shape),
            expected=expected.reshape(shape),
            uncertainty="sampling",
            weights=weights,
            components=parts.table(problem, parameters),
            diagnostics=parameters.table(history),
        )

    def _baseline_weights(self, n_baseline: int) -> Floats:
        if isinstance(self.weights, str):
            shares = np.ones(n_baseline) if self.weights == "equal" else np.eye(n_baseline)[-1]
        else:
            values = np.asarray(self.weights, dtype=float)
            if n_baseline % len(values):
                raise DesignError(
                    f"weights has {len(values)} numbers for {n_baseline} baseline periods. Give one per period, or a "
                    "number that divides them into equal blocks."
                )
            shares = np.repeat(values, n_baseline // len(values))
        return np.asarray(shares / shares.sum())

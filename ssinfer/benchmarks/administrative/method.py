"""AdministrativeBenchmark: the contract's own way, a weighted baseline trended by a reference group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ssinfer.benchmarks.administrative.error_components import ErrorParts
from ssinfer.benchmarks.administrative.placebo_history import REPLICATES, PlaceboHistory
from ssinfer.benchmarks.administrative.reference_group import reference_groups
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.deprecation import Renamed, renamed_parameters
from ssinfer.errors import DesignError, SsinferError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]


@renamed_parameters(Renamed("draws", "n_draws", per_chain=True), Renamed("weights", "year_weights"))
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
    year_weights : "equal", "last" or sequence of float
        Weights of the baseline periods, earliest first; normalised to sum to one. (10, 30, 60) on twelve quarters
        gives each weight to four of them.
    covariates : sequence of str
        Covariates whose baseline value changes growth (gamma): weighted least squares over the reference group.
    history : int or None
        Number of earlier windows from which k and tau are learned; None for all that the panel holds, 0 for this
        window alone.
    n_draws : int
        Total number of draws, over all chains together.
    chains : int
        Number of chains into which the draws are split; it has to divide `n_draws`.

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
        year_weights: str | Sequence[float] = "equal",
        covariates: Sequence[str] = (),
        history: int | None = None,
        n_draws: int = 4000,
        chains: int = 4,
    ) -> None:
        self.year_weights = year_weights
        self.covariates = covariates
        self.history = history
        self.n_draws = n_draws
        self.chains = chains

    def check_parameters(self) -> None:
        """Refuse impossible weights, numbers of draws and numbers of windows."""
        if isinstance(self.year_weights, str):
            if self.year_weights not in ("equal", "last"):
                raise self.parameter_error("year_weights", "Give 'equal', 'last', or numbers such as (10, 30, 60).")
        else:
            values = np.asarray(self.year_weights, dtype=float)
            if values.ndim != 1 or not len(values) or (values < 0).any() or not values.sum() > 0:
                raise self.parameter_error("year_weights", "Give non-negative numbers with a positive sum.")
        self.require_draws(self.n_draws, self.chains)
        if self.history is not None and self.history < 0:
            raise self.parameter_error("history", "Give a number of earlier windows, or None for all of them.")

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
                places = tuple(problem.baseline), tuple(problem.performance_columns)
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
        n_treated, n_periods = len(problem.treated), len(problem.performance_columns)
        point = history.benchmark  # (I, P)
        total = np.empty((self.n_draws, n_treated, n_periods))
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
        shape = (self.chains, self.n_draws // self.chains, n_treated, n_periods)
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
        if isinstance(self.year_weights, str):
            shares = np.ones(n_baseline) if self.year_weights == "equal" else np.eye(n_baseline)[-1]
        else:
            values = np.asarray(self.year_weights, dtype=float)
            if n_baseline % len(values):
                raise DesignError(
                    f"year_weights has {len(values)} numbers, but the design has {n_baseline} baseline periods. Give "
                    "one number per period, or a number of weights that divides the periods into equal blocks."
                )
            shares = np.repeat(values, n_baseline // len(values))
        return np.asarray(shares / shares.sum())

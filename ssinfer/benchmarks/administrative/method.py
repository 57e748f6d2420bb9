"""AdministrativeBenchmark: a weighted baseline trended by a reference group, as contracts define it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ssinfer.arguments import MOST, Number, Optional, Rule
from ssinfer.benchmarks.administrative.error_components import ErrorComponents
from ssinfer.benchmarks.administrative.placebo_history import N_REPLICATES, PlaceboHistory
from ssinfer.benchmarks.administrative.reference_group import ReferenceGroups
from ssinfer.benchmarks.administrative.year_weights import correlation_weights
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.problem import Problem
from ssinfer.deprecation import renamed_parameters
from ssinfer.design import Design
from ssinfer.errors import DesignError
from ssinfer.later import Later
from ssinfer.typing import Floats


@renamed_parameters(draws="n_draws", weights="year_weights")
@dataclass(eq=False, repr=False)
class AdministrativeBenchmark(BenchmarkMethod):
    r"""Baseline spending, weighted over years and trended by a reference group.

    .. math:: B_{it} = \sum_b w_b \, y_{ib} \, \frac{R_t}{R_b} \, \bigl(1 + \gamma_t^\top (z_i - \bar z)\bigr)

    Here :math:`R` is the reference group's mean spending per insured-year, weighted by insured-years; ``design.donors``
    chooses the group. :math:`y` is spending, or spending over case mix if ``design.standard`` names expected spending.

    **Estimand**: the treated unit's mean spending per insured-year without the contract. **Assumption**: its spending,
    relative to its own baseline, would have grown like the reference group's.

    **Errors**, relative to B, enter once each. The unit has sampling noise in the performance period and in the
    baseline (together :math:`k^2/n`). It has a group shock with SD :math:`\tau`, autocorrelated over periods. The
    reference group has noise of the same kinds. :math:`k`, :math:`\tau` and the persistence are estimated jointly by
    maximum likelihood from the errors of placebo units. These are the panel's other units, each compared with its own
    reference group under the same rule. This window and every earlier window of the same shape are used (composite
    likelihood over windows). A weighted-likelihood bootstrap over units carries their estimation error (Newton and
    Raftery 1994, doi 10.1111/j.2517-6161.1994.tb01956.x). The draws are of a sampling distribution:
    `uncertainty` is "sampling".

    Parameters
    ----------
    year_weights : "equal", "last", "correlation" or sequence of float
        Weights of the baseline periods, earliest first; normalised to sum to one. (10, 30, 60) on twelve quarters
        gives each weight to four of them. "correlation": least sampling variance, by the panel's `person_correlation`.
    covariates : sequence of str
        Covariates whose baseline value changes growth (gamma), by weighted least squares over the reference group.
    history : int or None, number of earlier windows that k and tau are estimated from too; None: all in the panel
    n_draws, chains : int, total number of draws, and the number of chains, which has to divide it

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

    capabilities: ClassVar[Capabilities] = Capabilities(covariates=True, confidence=True)
    rules: ClassVar[dict[str, Rule]] = {
        "history": Optional(Number(0, whole=True)),
        "n_draws": Number(2, MOST, whole=True),
    }
    needs_positive_spending = True
    shares_work: ClassVar[bool] = True

    year_weights: str | Sequence[float] = "equal"
    covariates: Sequence[str] = ()
    history: int | None = None
    n_draws: int = 4000
    chains: int = 4

    def check_parameters(self) -> None:
        """Refuse impossible weights, numbers of draws and numbers of windows."""
        super().check_parameters()
        if isinstance(self.year_weights, str):
            if self.year_weights not in ("equal", "last", "correlation"):
                raise self.parameter_error("year_weights", "Give 'equal', 'last', 'correlation', or (10, 30, 60).")
        else:
            values = np.asarray(self.year_weights, dtype=float)
            if values.ndim != 1 or not len(values) or (values < 0).any() or not values.sum() > 0:
                raise self.parameter_error("year_weights", "Give non-negative numbers with a positive sum.")
        self.require_equal_chains(self.n_draws, self.chains)

    def prepare(self, data: Any, design: Design) -> Problem:
        """Return the problem of a design, or refuse a design that does not fit the year weights."""
        if str(self.year_weights) == "correlation" and hasattr(data, "to_panel") and isinstance(design, Design):
            data = data.to_panel(outside=design.treated, before=design.performance[0])
        problem = super().prepare(data, design)
        self._baseline_weights(problem)
        return problem

    def estimate(
        self, problem: Problem, rng: np.random.Generator, shared: dict[Any, ReferenceGroups] | None = None
    ) -> Estimate:
        """Estimate one problem; `shared` holds the reference groups of all units, by rule and window."""
        known, design = {} if shared is None else shared, problem.design
        window = tuple(problem.baseline), tuple(problem.performance_columns)
        key = (id(problem.panel), repr(design.donors), design.under_contract, window)
        if key not in known:
            known[key] = ReferenceGroups.of(problem)
        groups = known[key]
        shares = self._baseline_weights(problem)
        history = PlaceboHistory.of(problem, groups, shares, self.covariates, self.history)
        parameters = history.estimate(rng)
        components = ErrorComponents.of(problem, shares)
        point = history.benchmark  # (I, P)
        n_draws, (n_treated, n_periods) = self.n_draws, point.shape
        total, lasting = np.empty((n_draws, n_treated, n_periods)), np.empty((n_draws, n_treated, n_periods))
        replicate = np.arange(n_draws) % N_REPLICATES
        tau, k = parameters.tau[replicate, None], parameters.k[replicate, None]
        root = np.linalg.cholesky(history.shock[parameters.best] + 1e-12 * np.eye(n_periods)).T
        # errors that all treated units share: those of the reference group
        common = k * np.sqrt(components.reference_performance) * rng.standard_normal((n_draws, n_periods))
        common += k * np.sqrt(components.reference_baseline) * rng.standard_normal((n_draws, 1))
        common += tau * np.sqrt(components.reference_shock) * (rng.standard_normal((n_draws, n_periods)) @ root)
        for i in range(n_treated):
            shock = rng.standard_normal((n_draws, n_periods)) @ root
            lasting[:, i] = common + k * np.sqrt(components.baseline[i]) * rng.standard_normal((n_draws, 1))
            noise = k * np.sqrt(components.performance[i]) * rng.standard_normal((n_draws, n_periods))
            total[:, i] = point[i] * (1 + lasting[:, i] + (tau * shock + noise))
        shape = (self.chains, n_draws // self.chains, n_treated, n_periods)
        return Estimate(
            benchmark=total.reshape(shape),
            expected=Later(lambda: (point * (1 + lasting)).reshape(shape)),
            uncertainty="sampling",
            fitted=Later(
                lambda: PlaceboHistory.of(problem.on_baseline(), groups, shares, self.covariates, 0).benchmark
            ),
            weights=np.tile(components.donor_shares, (n_treated, 1)),
            components=Later(lambda: components.by_source(parameters)),
            diagnostics=Later(parameters.table),
        )

    def _baseline_weights(self, problem: Problem) -> Floats:
        n_baseline = len(problem.baseline)
        if isinstance(self.year_weights, str):
            if self.year_weights == "correlation":
                return correlation_weights(problem)
            shares = np.ones(n_baseline) if self.year_weights == "equal" else np.eye(n_baseline)[-1]
        else:
            values = np.asarray(self.year_weights, dtype=float)
            if n_baseline % len(values) or len(values) == 1 < n_baseline:  # one weight means nothing
                raise DesignError(
                    f"year_weights has {len(values)} numbers, but the design has {n_baseline} baseline periods. Give "
                    "one number per period, or a number of weights that divides the periods into equal blocks."
                )
            shares = np.repeat(values, n_baseline // len(values))
        return np.asarray(shares / shares.sum())

"""AdministrativeBenchmark: the contract's own way, a weighted baseline trended by a reference group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.errors import DataError, DesignError, RefusalError, SsinferError
from ssinfer.kernels.error_components import fit_noise, noise_shape, rotation, shock_contrast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ssinfer.benchmarks.problem import Problem

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

RHOS = (0.0, 0.5, 0.8, 0.95)
REPLICATES = 64
FEWEST_UNITS = 10


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
                    groups[key] = _reference_groups(problem)
                yield self._estimate(problem, groups[key], rng)
            except SsinferError as error:
                yield error

    def _estimate(self, problem: Problem, groups: Floats, rng: np.random.Generator) -> Estimate:
        shares = self._baseline_weights(len(problem.baseline))
        history = _History.of(problem, groups, shares, self.covariates, self.history)
        parameters = history.estimate(rng)
        parts = _Parts.of(problem, shares, history.known)
        n_treated, n_periods = len(problem.treated), len(problem.columns)
        point = history.benchmark  # (I, P)
        total = np.empty((self.chains * self.draws, n_treated, n_periods))
        expected = np.empty_like(total)
        take = np.arange(len(total)) % REPLICATES
        common = rng.standard_normal((len(total), n_periods))
        for i in range(n_treated):
            shock = (
                rng.standard_normal((len(total), n_periods))
                @ np.linalg.cholesky(history.shock[parameters.best] + 1e-12 * np.eye(n_periods)).T
            )
            tau, k = parameters.tau[take, None], parameters.k[take, None]
            kept = k * np.sqrt(parts.baseline[i]) * rng.standard_normal((len(total), 1))
            kept = kept + np.sqrt(k**2 * parts.reference_noise + tau**2 * parts.reference_shock) * common
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


@dataclass(frozen=True, eq=False)
class _Parameters:
    """Bootstrap draws (R,) of k and tau, the maximum-likelihood values, and the index of the best persistence."""

    k: Floats
    tau: Floats
    k_hat: float
    tau_hat: float
    best: int

    def table(self, history: _History) -> pd.DataFrame:
        """Return k, tau and persistence with 90% intervals, as diagnostics rows."""
        rows = []
        for name, value, draws in (("k", self.k_hat, self.k), ("shock_sd", self.tau_hat, self.tau)):
            low, high = np.quantile(draws, [0.05, 0.95])
            rows.append((name, "PASS", value, f"90% interval {low:.4g} to {high:.4g}"))
        n_units, n_windows = history.squares[0].shape[:2]
        rows.append(("placebo_errors", "PASS", float(n_units), f"{n_units} units x {n_windows} windows"))
        if len(history.shock) > 1:
            rows.append(("persistence", "PASS", RHOS[self.best], f"chosen among {RHOS}"))
        return pd.DataFrame(rows, columns=["check", "status", "figure", "message"])


@dataclass(frozen=True, eq=False)
class _History:
    """Placebo errors of the panel's other units, and the treated units' point benchmarks.

    benchmark : (I, P);  squares : per persistence, (J, W, P) squared rotated errors;  inverse_size : (J, W)
    """

    benchmark: Floats
    squares: list[Floats]
    lam: list[Floats]
    shock: list[Floats]
    inverse_size: Floats
    known: str

    @classmethod
    def of(
        cls, problem: Problem, groups: Floats, shares: Floats, covariates: Sequence[str], history: int | None
    ) -> _History:
        groups = groups.copy()
        groups[:, problem.treated] = 0.0
        reach = len(problem.panel.periods) if history is None else history
        windows = _windows(problem, reach)
        # placebos for the noise: units with a reference group that the rule admits as somebody's donor
        pool = np.setdiff1d(np.flatnonzero(groups.any(axis=1) & groups.any(axis=0)), problem.treated)
        if len(pool) < FEWEST_UNITS:
            raise RefusalError(
                f"Only {len(pool)} units can serve as placebos for k and the group shock; at least {FEWEST_UNITS} are "
                "needed for an honest error. Add units to the panel or widen the comparison group."
            )
        reference = _ReferenceMeans.of(problem, groups)
        design_z = _covariate_matrix(problem, covariates)
        errors, inverse, own = [], [], None
        for before, after in windows:
            means = reference.over(np.concatenate([before, after]))
            predicted = _trended(problem.spending, means, shares, before, after)
            if design_z is not None:
                predicted = predicted * _growth_factor(problem, predicted, design_z, groups, after, pool)
            if own is None:
                own = predicted[problem.treated]
            with np.errstate(invalid="ignore", divide="ignore"):
                errors.append((predicted - problem.spending[:, after])[pool] / predicted[pool])
            inverse.append(_inverse_size(problem, shares, before, after)[pool])
        if own is None or not np.isfinite(own).all():
            raise DataError("The benchmark is not finite: a reference group has zero spending in a baseline period.")
        x = np.stack(errors, axis=1)  # (J, W, P)
        known = {"variance": "variance", "cv": "variance", "size": "size", "none": "none"}[problem.panel.noise]
        noise = noise_shape(shares, len(problem.columns))
        rhos = RHOS if len(problem.columns) > 1 else RHOS[-1:]
        places = problem.baseline.astype(float), problem.columns.astype(float)
        shock = [shock_contrast(rho, shares, *places) for rho in rhos]
        squares, lam = [], []
        for shape in shock:
            turn, values = rotation(noise, shape)
            squares.append(np.ascontiguousarray((x @ turn.T) ** 2))
            lam.append(values)
        return cls(own, squares, lam, shock, np.stack(inverse, axis=1), known)

    def estimate(self, rng: np.random.Generator) -> _Parameters:
        """Return maximum-likelihood k, tau and persistence, with bootstrap draws over units."""
        # the first column weighs all units alike: the estimate; the others are bootstrap replicates
        masses = np.ones((len(self.inverse_size), 1 + REPLICATES))
        masses[:, 1:] = rng.standard_exponential((len(masses), REPLICATES))
        fits = [
            fit_noise(squares, self.inverse_size, lam, self.known, masses)
            for squares, lam in zip(self.squares, self.lam, strict=True)
        ]
        best = int(np.argmax([fit.log_likelihood[0] for fit in fits]))
        k, tau = fits[best].k, fits[best].tau
        return _Parameters(k[1:], tau[1:], float(k[0]), float(tau[0]), best)


@dataclass(frozen=True, eq=False)
class _Parts:
    """Variance factors of the benchmark error of each treated unit: times k^2, or tau^2 for the shocks.

    performance : (I, P);  baseline : (I, 1);  reference_noise, reference_shock : (P,);  share : (J,) donor shares
    """

    performance: Floats
    baseline: Floats
    reference_noise: Floats
    reference_shock: float
    share: Floats

    @classmethod
    def of(cls, problem: Problem, shares: Floats, known: str) -> _Parts:
        n_periods = len(problem.columns)
        sizes = problem.sizes
        if known == "variance":
            unit_noise = _relative_variance(problem)
            split = 1.0
        elif known == "size":
            unit_noise = 1.0 / sizes
            split = 1.0 + float(shares @ shares)
        else:
            unit_noise = np.zeros_like(sizes)
            split = 1.0
        performance = unit_noise[np.ix_(problem.treated, problem.columns)] / split
        baseline = (unit_noise[np.ix_(problem.treated, problem.baseline)] @ shares**2)[:, None] / split
        donors = sizes[np.ix_(problem.donors, problem.columns)]
        share = donors / donors.sum(axis=0)
        donor_noise = unit_noise[np.ix_(problem.donors, problem.columns)]
        donor_base = (unit_noise[np.ix_(problem.donors, problem.baseline)] @ shares**2)[:, None]
        reference_noise = (share**2 * (donor_noise + donor_base)).sum(axis=0) / split
        reference_shock = float((share**2).sum(axis=0).mean())
        assert performance.shape == (len(problem.treated), n_periods)  # noqa: S101  (shape of the formula)
        return cls(performance, baseline, reference_noise, reference_shock, share.mean(axis=1))

    def table(self, problem: Problem, parameters: _Parameters) -> pd.DataFrame:
        """Return the variance of the relative benchmark error by source, per treated unit and period."""
        k2, tau2 = parameters.k_hat**2, parameters.tau_hat**2
        rows = []
        for i, unit in enumerate(problem.labels(problem.treated)):
            for p, period in enumerate(problem.periods(problem.columns)):
                parts = {
                    "performance_noise": k2 * self.performance[i, p],
                    "baseline_noise": k2 * self.baseline[i, 0],
                    "group_shock": tau2,
                    "reference_group": k2 * self.reference_noise[p] + tau2 * self.reference_shock,
                }
                rows.append({"unit": unit, "period": period, **parts, "total": sum(parts.values())})
        return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class _ReferenceMeans:
    """Mean spending of each unit's reference group, weighted by insured-years.

    In an earlier window a group consists of those of its members whose spending is known in the whole window, so
    that R_t / R_b never compares different members.

    groups : (N, N) membership;  spending, sizes : (N, T), zero where unknown;  seen : (N, T)
    means : (N, T) of all members
    """

    groups: Floats
    spending: Floats
    sizes: Floats
    seen: NDArray[np.bool_]
    means: Floats

    @classmethod
    def of(cls, problem: Problem, groups: Floats) -> _ReferenceMeans:
        sizes = problem.sizes
        seen = np.isfinite(problem.spending) & np.isfinite(sizes)
        spending, sizes = np.where(seen, problem.spending, 0.0), np.where(seen, sizes, 0.0)
        return cls(groups, spending, sizes, seen, _weighted_means(groups, spending, sizes))

    def over(self, window: Places) -> Floats:
        """Return means (N, T), right in the columns of `window`; NaN where a group has no member with spending."""
        whole = self.seen[:, window].all(axis=1)
        if whole[self.groups.any(axis=0)].all():
            return self.means
        return _weighted_means(self.groups * whole, self.spending, self.sizes)


def _weighted_means(groups: Floats, spending: Floats, sizes: Floats) -> Floats:
    total = groups @ sizes
    return np.asarray(groups @ (spending * sizes) / np.where(total > 0, total, np.nan))


def _reference_groups(problem: Problem) -> Floats:
    """Return membership (N, N): row j marks the comparison group that the design's rule gives unit j."""
    panel, design = problem.panel, problem.design
    usable = np.zeros(len(panel.units))
    contracted = set(design.under_contract)
    usable[[row for row, unit in enumerate(panel.units) if unit not in contracted]] = 1.0
    needed = np.union1d(problem.baseline, problem.columns)
    usable[~np.isfinite(panel.spending[:, needed]).all(axis=1)] = 0.0
    groups = np.tile(usable, (len(panel.units), 1))
    rule = design.donors
    if isinstance(rule, tuple):
        named = np.zeros(len(panel.units))
        named[panel.rows(rule)] = 1.0
        groups *= named
    elif rule is not None:
        for row, unit in enumerate(panel.units):
            groups[row] *= rule.admits(panel, [unit], problem.baseline)
    np.fill_diagonal(groups, 0.0)
    return groups


def _windows(problem: Problem, reach: int) -> list[tuple[Places, Places]]:
    """Return this window and up to `reach` earlier ones of the same shape that hold no masked period."""
    masked = {place for place, label in enumerate(problem.panel.periods) if label in set(problem.design.masked)}
    windows = [(problem.baseline, problem.columns)]
    for back in range(1, int(problem.baseline[0]) + 1):
        before, after = problem.baseline - back, problem.columns - back
        if len(windows) > reach:
            break
        if not masked.intersection([*before.tolist(), *after.tolist()]):
            windows.append((before, after))
    return windows


def _trended(spending: Floats, means: Floats, shares: Floats, before: Places, after: Places) -> Floats:
    """Return sum_b w_b y_b R_t / R_b (N, P), NaN where a unit lacks baseline spending."""
    with np.errstate(invalid="ignore", divide="ignore"):
        level = (spending[:, before] / means[:, before]) @ shares
    return np.asarray(level[:, None] * means[:, after])


def _relative_variance(problem: Problem) -> Floats:
    """Return known sampling variance over squared spending (N, T); sealed cells take their unit's mean, by size."""
    variance, sizes = problem.variance, problem.sizes
    assert variance is not None  # noqa: S101  (called only where the variance is known)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = variance / problem.spending**2
    typical = np.nanmean(np.where(np.isfinite(relative), relative * sizes, np.nan)[:, problem.baseline], axis=1)
    return np.where(np.isfinite(relative), relative, typical[:, None] / sizes)


def _inverse_size(problem: Problem, shares: Floats, before: Places, after: Places) -> Floats:
    """Return 1 / n_j (N,) so that k^2 / n_j is the mean variance of one performance period's contrast.

    With known variances it is that variance itself (k = 1); without sizes it is zero.
    """
    if problem.panel.noise == "none":
        return np.zeros(len(problem.panel.units))
    if problem.variance is not None:
        relative = _relative_variance(problem)
        return np.asarray(relative[:, after].mean(axis=1) + relative[:, before] @ shares**2)
    sizes = problem.sizes
    spread = 1.0 + float(shares @ shares)
    return np.asarray(((1.0 / sizes[:, after]).mean(axis=1) + (1.0 / sizes[:, before]) @ shares**2) / spread)


def _covariate_matrix(problem: Problem, covariates: Sequence[str]) -> Floats | None:
    """Return baseline means of covariates (N, q), standardised over units, or None."""
    if not len(covariates):
        return None
    columns = []
    for name in covariates:
        values = problem.panel.covariate(name)[:, problem.baseline].mean(axis=1)
        used = values[np.concatenate([problem.treated, problem.donors])]
        if not np.isfinite(used).all():
            raise DataError(
                f"Covariate {name!r} is missing for a treated unit or a donor in the baseline. Complete it."
            )
        spread = used.std()
        columns.append((values - used.mean()) / (spread if spread > 0 else 1.0))
    return np.column_stack(columns)


def _growth_factor(
    problem: Problem, predicted: Floats, z: Floats, groups: Floats, after: Places, pool: Places
) -> Floats:
    """Return 1 + gamma_t'(z_i - zbar) (N, P), gamma by weighted least squares on the pool's relative errors.

    A pool unit's own value is left out of its own prediction through its leverage.
    """
    del groups
    good = pool[
        np.isfinite(predicted[pool]).all(axis=1) & np.isfinite(problem.spending[np.ix_(pool, after)]).all(axis=1)
    ]
    weight = problem.sizes[good][:, after].mean(axis=1)
    centre = (weight @ z[good]) / weight.sum()
    x = z - centre
    y = problem.spending[np.ix_(good, after)] / predicted[good] - 1.0
    root = np.sqrt(weight)[:, None]
    q, r = np.linalg.qr(root * x[good])
    if np.abs(np.diag(r)).min() < 1e-10 * np.abs(np.diag(r)).max():
        raise DataError(f"Covariates {z.shape[1]} are collinear over the comparison group. Drop one.")
    gamma = np.linalg.solve(r, q.T @ (root * y))  # (q, P)
    fitted = x @ gamma
    leverage = (q**2).sum(axis=1)[:, None]
    fitted[good] = (fitted[good] - leverage * y) / (1.0 - leverage)
    return np.asarray(1.0 + fitted)

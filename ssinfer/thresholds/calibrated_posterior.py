"""Empirical calibration: systematic error that the draws do not carry, learned from placebos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.errors import ConvergenceError, DataError, RefusalError
from ssinfer.level import check_level, check_side, tail
from ssinfer.thresholds.threshold import Threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.typing import Floats


FEWEST_UNITS = 19
PARAMETERS = ("mean", "slope", "scale", "excess", "unit_sd", "origin_sd")


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    r"""Posterior of the systematic error of a benchmark method, after OHDSI's empirical calibration.

    .. math:: y_i \sim N\bigl(\mu + \beta \log(n_i / \bar n) + u_{unit(i)} + o_{origin(i)},\;
              c^2 s_i^2 + \tau^2 \bar n / n_i \bigr)

    for placebo savings rates y with their own standard errors s: :math:`c` rescales what the draws carry (below one
    where intervals are too wide, which excess variance cannot repair), :math:`\tau` is excess error, larger in small
    groups, u and o are persistent errors of a unit and errors common to an origin.

    Attributes
    ----------
    draws : mapping of str to array (draw,)
        mean, slope, scale, excess, unit_sd, origin_sd.
    typical_size : float
        NaN where the placebos' sizes are not known.
    n_units, n_origins, n_rows : int
    excluded : tuple of str
        Units that were left out because they are to be judged.
    """

    draws: dict[str, Floats]
    typical_size: float
    n_units: int
    n_origins: int
    n_rows: int
    excluded: tuple[str, ...]

    def null_error(self, cf: Counterfactual, rng: np.random.Generator) -> Floats:
        """Return calibrated draws of the null error of the measured rate, E0 / Bbar plus systematic error (S,)."""
        judged = [unit for unit in cf.design.treated if unit not in self.excluded]
        if judged:
            raise RefusalError(
                f"{judged} may be in the calibration's own placebos, and a tested group is never in its own "
                f"calibration set. Calibrate again with exclude={judged}."
            )
        kind = "credible" if cf.uncertainty == "posterior" else "confidence"
        own = cf.null_error(kind) / cf.level
        pick = rng.integers(0, len(self.draws["mean"]), len(own))
        return self._systematic(cf.assigned, pick, rng) + self.draws["scale"][pick] * own

    def threshold(
        self, cf: Counterfactual, level: float = 0.95, side: str = "one-sided", *, seed: int = 0
    ) -> Threshold:
        """Return the calibrated threshold: the quantile of the calibrated null error.

        Parameters
        ----------
        cf : Counterfactual
            Of a treated group that is among `excluded`.
        level : float
        side : "one-sided" or "two-sided"
        seed : int
        """
        level, side = check_level(level), check_side(side)
        error = self.null_error(cf, np.random.default_rng(seed))
        rate = float(np.quantile(error, tail(level, side)))
        detail = {"standard_error": float(error.std()), "bias": float(self.draws["mean"].mean())}
        return Threshold(rate=rate, money=rate * cf.level, kind="calibrated", level=level, side=side, detail=detail)

    def expected_systematic_error(self, cf: Counterfactual, *, seed: int = 0) -> tuple[float, float]:
        """Return the expected absolute systematic error of the measured saving, as a rate and per insured-year."""
        rng = np.random.default_rng(seed)
        pick = rng.integers(0, len(self.draws["mean"]), 20_000)
        rate = float(np.abs(self._systematic(cf.assigned, pick, rng)).mean())
        return rate, rate * cf.level

    def summary(self) -> pd.DataFrame:
        """Return posterior mean, SD and 90% interval of each parameter."""
        rows = [(name, x.mean(), x.std(), *np.quantile(x, [0.05, 0.95])) for name, x in self.draws.items()]
        return pd.DataFrame(rows, columns=["parameter", "mean", "sd", "lower", "upper"])

    def _systematic(self, size: float, pick: NDArray[np.intp], rng: np.random.Generator) -> Floats:
        draws = {name: values[pick] for name, values in self.draws.items()}
        ratio = size / self.typical_size
        ratio = ratio if np.isfinite(ratio) else 1.0  # of the typical size where either is not known
        spread = np.sqrt(draws["unit_sd"] ** 2 + draws["origin_sd"] ** 2 + draws["excess"] ** 2 / ratio)
        return np.asarray(draws["mean"] + draws["slope"] * np.log(ratio) + spread * rng.standard_normal(len(pick)))

    def __repr__(self) -> str:
        scale, mean = self.draws["scale"].mean(), self.draws["mean"].mean()
        return (
            f"Calibration on {self.n_rows} placebos of {self.n_units} units at {self.n_origins} origins: bias "
            f"{100 * mean:.2f}%, scale {scale:.2f}, excess SD {100 * self.draws['excess'].mean():.2f}%"
        )


def calibrate(
    placebos: pd.DataFrame, exclude: Sequence[str], *, draws: int = 1500, chains: int = 4, seed: int = 1
) -> Calibration:
    """Learn systematic error from placebos.

    Parameters
    ----------
    placebos : pandas.DataFrame
        Rows of one design and method of a backtest: unit, origin, savings_rate, standard_error, assigned.
    exclude : sequence of str
        The group that is to be judged: its rows are dropped, wherever they are.
    draws, chains : int
    seed : int

    Returns
    -------
    Calibration

    Raises
    ------
    DataError
        A column is missing, or values are.
    RefusalError
        Fewer than 19 units.
    ConvergenceError
        R-hat above 1.01, fewer than 400 effective draws, or divergences.

    References
    ----------
    Schuemie, Hripcsak, Ryan, Madigan and Suchard 2018, doi 10.1073/pnas.1708282114.
    """
    data = usable_placebos(placebos, exclude)
    trace = _sample(data, draws, chains, seed)
    return Calibration(
        draws={name: trace[name] for name in PARAMETERS},
        typical_size=data["size"],
        n_units=len(data["units"]),
        n_origins=len(data["origins"]),
        n_rows=len(data["y"]),
        excluded=tuple(str(unit) for unit in exclude),
    )


def usable_placebos(placebos: pd.DataFrame, exclude: Sequence[str]) -> dict[str, Any]:
    """Return the arrays of a calibration, checked: y, s, ratio of sizes to the typical one, and numbers of labels.

    Labels are units, origins and blocks of neighbours (units where no blocks are known).
    """
    needed = ["unit", "origin", "savings_rate", "standard_error", "assigned"]
    absent = [name for name in needed if name not in placebos.columns]
    if absent:
        raise DataError(f"placebos lacks {absent}; it has {list(placebos.columns)[:12]}. Pass rows of result.placebos.")
    if not len(exclude):
        raise RefusalError(
            "exclude is empty: name the group that is to be judged, so that it stays out of its own set."
        )
    for name in ("design", "method"):
        if name in placebos.columns and len(placebos[name].drop_duplicates()) > 1:
            raise DataError(f"placebos mixes several {name}s; calibrate one design and method at a time.")
    rows = placebos[~placebos["unit"].astype(str).isin([str(unit) for unit in exclude])]
    rows = rows[rows["savings_rate"].notna() & rows["standard_error"].notna()]
    if "role" in rows.columns:
        rows = rows[rows["role"] == "placebo"]
    units, unit = np.unique(rows["unit"].astype(str), return_inverse=True)
    origins, origin = np.unique(rows["origin"].astype(str), return_inverse=True)
    if len(units) < FEWEST_UNITS:
        raise RefusalError(f"{len(units)} placebo units with a standard error; at least {FEWEST_UNITS} are needed.")
    y = rows["savings_rate"].to_numpy(dtype=float)
    if y.std() <= 1e-12:
        raise RefusalError(f"All {len(y)} placebo savings are alike: they are not {len(y)} placebos. Check the data.")
    blocks = rows["block"].astype(str) if "block" in rows.columns else rows["unit"].astype(str)
    block = np.unique(blocks, return_inverse=True)[1]
    size = rows["assigned"].to_numpy(dtype=float)
    sized = bool(np.isfinite(size).all())  # a size is known of all placebos, or all are taken as alike
    typical = float(np.exp(np.log(size).mean())) if sized else float("nan")
    return {
        "y": y,
        "s": rows["standard_error"].to_numpy(dtype=float),
        "ratio": size / typical if sized else np.ones(len(y)),
        "size": typical,
        "units": units,
        "unit": unit,
        "origins": origins,
        "origin": origin,
        "block": block,
    }


def _sample(data: dict[str, Any], draws: int, chains: int, seed: int) -> dict[str, Floats]:
    """Sample the model on the scale of the placebos' own SD; with one origin its effect is left out."""
    import arviz as az  # noqa: PLC0415  (heavy, and only here)
    import pymc as pm  # noqa: PLC0415  (heavy, and only here)

    unit_scale = float(data["y"].std())
    y, s = data["y"] / unit_scale, data["s"] / unit_scale
    several = len(data["origins"]) > 1
    repeated = len(data["y"]) > len(data["units"])
    # (units, rows): sums over a unit's rows as one product; unit effects are integrated out exactly
    members = (np.arange(len(data["units"]))[:, None] == data["unit"][None, :]).astype(float)
    with pm.Model():
        mean = pm.Normal("mean", 0.0, 0.5)
        slope = pm.Normal("slope", 0.0, 0.25)
        scale = pm.LogNormal("scale", 0.0, 0.35)
        excess = pm.HalfNormal("excess", 0.5)
        residual = y - mean - slope * np.log(data["ratio"])
        if several:
            origin_sd = pm.HalfNormal("origin_sd", 0.5)
            residual = (
                residual - (origin_sd * pm.Normal("origin", 0.0, 1.0, shape=len(data["origins"])))[data["origin"]]
            )
        variance = (scale * s) ** 2 + excess**2 / data["ratio"]
        log_likelihood = -0.5 * pm.math.sum(pm.math.log(variance) + residual**2 / variance)
        if repeated:
            # N(0, D + u^2 1 1') per unit: determinant and inverse by the matrix determinant and Woodbury identities
            unit_sd = pm.HalfNormal("unit_sd", 0.5)
            weight, weighted = pm.math.dot(members, 1 / variance), pm.math.dot(members, residual / variance)
            inflation = 1 + unit_sd**2 * weight
            log_likelihood -= 0.5 * pm.math.sum(pm.math.log(inflation) - (unit_sd * weighted) ** 2 / inflation)
        pm.Potential("log_likelihood", log_likelihood)
        trace = pm.sample(
            draws=draws,
            tune=1000,
            chains=chains,
            cores=1,
            random_seed=seed,
            nuts_sampler="nutpie",
            target_accept=0.99,
            progressbar=False,
        )
    names = [name for name in PARAMETERS if name in trace.posterior]
    table = az.summary(trace, var_names=names, round_to="none")
    divergent = int(trace.sample_stats["diverging"].sum())
    require_convergence(float(table["r_hat"].max()), float(table["ess_bulk"].min()), divergent)
    found = {name: trace.posterior[name].values.ravel() for name in names}
    nothing = np.zeros_like(found["mean"])
    scaled = {name: found.get(name, nothing) for name in PARAMETERS}
    return {name: values if name == "scale" else values * unit_scale for name, values in scaled.items()}


def require_convergence(worst: float, fewest: float, divergent: int) -> None:
    """Refuse a posterior by its worst R-hat, its fewest effective draws and its divergences.

    >>> require_convergence(1.004, 1200.0, 0)
    """
    if not (worst <= 1.01 and fewest >= 400) or divergent:  # so that NaN, of chains that stand still, is refused
        raise ConvergenceError(
            f"The calibration did not converge: R-hat {worst:.3f} (at most 1.01), effective draws {fewest:.0f} (at "
            f"least 400), {divergent} divergences (none). Draw longer with draws=, or look at the placebos for "
            "outliers."
        )

"""calibrate: learns systematic error, which the draws of a method do not include, from placebos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ssinfer.arguments import checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import ConvergenceError, ParameterError, RefusalError
from ssinfer.kernels.importance import resample
from ssinfer.level import check_level, check_side, tail
from ssinfer.thresholds.kind import ThresholdKey, ThresholdKind
from ssinfer.thresholds.null_error import null_error_of, quantile_of
from ssinfer.thresholds.placebo_posterior import PlaceboPosterior
from ssinfer.thresholds.placebo_rows import CalibrationPlacebos
from ssinfer.thresholds.threshold import Threshold
from ssinfer.typing import Floats, Positions

NAME = "calibrated whole"
PARAMETERS = ("mean", "slope", "scale", "excess", "unit_sd", "origin_sd")


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    r"""Posterior of the systematic error of a benchmark method, after OHDSI's empirical calibration.

    .. math:: y_i \sim N\bigl(\mu + \beta \log(n_i / \bar n) + u_{unit(i)} + o_{origin(i)},\;
              c^2 s_i^2 + \tau^2 \bar n / n_i \bigr)

    for placebo savings rates y with standard errors s from their own fits. The scale :math:`c` is below one where
    intervals are too wide. The excess error :math:`\tau` is larger in small groups. u are persistent errors of a unit,
    and o are errors common to an origin.

    Attributes
    ----------
    draws : mapping of mean, slope, scale, excess, unit_sd and origin_sd to array (draw,)
    typical_size : geometric mean of the placebos' numbers of insured; NaN where a size is unknown
    n_units, n_origins, n_rows : numbers of placebo units, origins and rows
    excluded : units that were left out, because they are to be judged
    pareto_k, effective : Pareto k and effective sample size of the importance weights behind the draws
    """

    draws: dict[str, Floats]
    typical_size: float
    n_units: int
    n_origins: int
    n_rows: int
    excluded: tuple[str, ...]
    pareto_k: float = float("nan")
    effective: float = float("nan")

    def null_error(self, cf: Counterfactual, rng: np.random.Generator) -> Floats:
        """Return calibrated draws of the null error of the measured rate, E0 / Bbar plus systematic error (S,)."""
        judged = [unit for unit in cf.design.treated if unit not in self.excluded]
        if judged:
            raise RefusalError(
                f"{judged} may be among the placebos of this calibration, and a judged group must not be in its own "
                f"calibration set. Calibrate again with exclude={judged}."
            )
        error = null_error_of(cf) / cf.level
        pick = rng.integers(0, len(self.draws["mean"]), len(error))
        return self._systematic(cf.assigned, pick, rng) + self.draws["scale"][pick] * error

    def threshold(
        self, cf: Counterfactual, level: float = 0.95, side: str = "one-sided", *, seed: int = 0
    ) -> Threshold:
        """Return the quantile of the calibrated null error at `level` and `side` for a group among `excluded`."""
        level, side = check_level(level), check_side(side)
        error = self.null_error(cf, np.random.default_rng(seed))
        rate = quantile_of(error, tail(level, side))
        detail = {"standard_error": float(error.std()), "bias": float(self.draws["mean"].mean())}
        return Threshold(rate=rate, money=rate * cf.level, kind=NAME, level=level, side=side, detail=detail)

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

    def _systematic(self, size: float, pick: Positions, rng: np.random.Generator) -> Floats:
        draws = {name: values[pick] for name, values in self.draws.items()}
        ratio = size / self.typical_size
        ratio = ratio if np.isfinite(ratio) else 1.0  # the typical size, where a size is unknown
        spread = np.sqrt(draws["unit_sd"] ** 2 + draws["origin_sd"] ** 2 + draws["excess"] ** 2 / ratio)
        return np.asarray(draws["mean"] + draws["slope"] * np.log(ratio) + spread * rng.standard_normal(len(pick)))

    def __repr__(self) -> str:
        scale, mean = self.draws["scale"].mean(), self.draws["mean"].mean()
        return (
            f"Calibration on {self.n_rows} placebos of {self.n_units} units at {self.n_origins} origins: bias "
            f"{100 * mean:.2f}%, scale {scale:.2f}, excess SD {100 * self.draws['excess'].mean():.2f}%"
        )


@checked()
def calibrate(
    placebos: pd.DataFrame, exclude: Sequence[str], *, n_draws: int = 6000, chains: int = 4, seed: int = 1
) -> Calibration:
    """Learn systematic error from placebos.

    The model follows Schuemie, Hripcsak, Ryan, Madigan and Suchard 2018, doi 10.1073/pnas.1708282114. Its posterior is
    integrated without a sampler: mean, slope, unit and origin effects in closed form, the scale and the standard
    deviations by importance sampling on fixed quasi-random nodes (Pareto smoothed: Vehtari, Simpson, Gelman, Yao and
    Gabry 2024, Journal of Machine Learning Research 25(72)). Equal data and seed give equal digits.

    Parameters
    ----------
    placebos : DataFrame, rows of one design and method of a backtest
        Columns unit, origin, savings_rate (fraction), standard_error (fraction), assigned (insured-years).
    exclude : units of the group that is to be judged; their rows are left out
    n_draws : total number of draws
    chains : must divide `n_draws`; the draws are independent of it
    seed : random seed of the draws; the nodes do not depend on it

    Raises
    ------
    DataError : a column is missing
    ParameterError : the chains do not divide the draws
    RefusalError : fewer than 19 units
    ConvergenceError : Pareto k of the importance weights above 0.7, or fewer than 400 effective nodes

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"unit": range(200), "origin": 2017, "assigned": 20_000.0, "standard_error": 0.01})
    >>> frame["savings_rate"] = 0.005 + 0.02 * rng.standard_normal(200)
    >>> calibrate(frame, exclude=["case"], seed=1)
    Calibration on 200 placebos of 200 units at 1 origins: bias 0.3...%, scale 1.3..., excess SD 1.1...%
    """
    if n_draws % chains:
        raise ParameterError(f"calibrate: chains={chains!r} must divide n_draws={n_draws!r}. Change one of them.")
    usable = CalibrationPlacebos.of(placebos, exclude)
    scale = float(usable.y.std())
    model = PlaceboPosterior.of(usable, scale)
    posterior = model.integrate()
    if posterior.failures:
        raise ConvergenceError(
            f"The calibration is not dependable: {'; '.join(posterior.failures)}. Look at placebos.savings_rate and "
            "placebos.standard_error for outliers, or use calibrated_threshold."
        )
    rng = np.random.default_rng(seed)
    draws = model.draw(posterior.nodes[resample(posterior.weights, n_draws, rng)], rng)
    return Calibration(
        draws={name: draws[name] * (1.0 if name == "scale" else scale) for name in PARAMETERS},
        typical_size=usable.typical_size,
        n_units=usable.n_units,
        n_origins=usable.n_origins,
        n_rows=len(usable.y),
        excluded=tuple(str(unit) for unit in exclude),
        pareto_k=posterior.pareto_k,
        effective=posterior.effective,
    )


def _for_case(cf: Counterfactual, placebos: pd.DataFrame, seed: int) -> Callable[[ThresholdKey], Threshold]:
    calibration = calibrate(placebos, [str(unit) for unit in cf.design.treated], seed=seed)
    rate, money = calibration.expected_systematic_error(cf, seed=seed)
    errors = {"systematic_error": rate, "systematic_error_money": money}

    def threshold_of(key: ThresholdKey) -> Threshold:
        threshold = calibration.threshold(cf, key.fraction, key.side, seed=seed)
        return replace(threshold, detail={**threshold.detail, **errors})

    return threshold_of


KIND = ThresholdKind(name=NAME, order=50, learns_from="placebos", on_request=True, for_case=_for_case)

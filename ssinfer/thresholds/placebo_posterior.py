"""Posterior of the systematic error that placebos show, integrated without a sampler."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import erfinv, ndtr

from ssinfer.kernels.adaptive_importance import Posterior, build_proposal, weight_until_reliable
from ssinfer.kernels.importance import Mixture, laplace
from ssinfer.thresholds.kernels.placebo_likelihood import marginal_likelihoods
from ssinfer.thresholds.placebo_rows import CalibrationPlacebos
from ssinfer.typing import Floats

MEAN_SD, SLOPE_SD = 0.5, 0.25  # prior SD of mean and slope, in units of the placebos' SD
SCALE_SD = 0.35  # prior SD of the log of the scale
DEVIATION = 0.5  # scale of the half-normal priors of excess, unit and origin SD, in units of the placebos' SD
MAX_X = 8.0  # beyond it the normal distribution function is 1 to rounding
SEARCH_BOUND = 5.0  # bound of the search for a mode, in standard deviations of the prior
MIN_NODES = 8192  # with most of them effective, resampled draws repeat few nodes
PRIOR_SHARE = 0.10  # share of the proposal that is the prior: weights are bounded wherever the likelihood is
BOUNDARY_SHARE = 0.05  # share of the proposal where the scale, and each standard deviation, is small
BOUNDARY_QUANTILE = -1.5  # centre of these components in x: the 7% quantile of the prior


@dataclass(frozen=True, eq=False)
class PlaceboPosterior:
    """Model of placebo savings rates over their SD; parameters are quantiles of their priors at Φ(x), x ~ N(0, 1)."""

    rows: tuple[Any, ...]  # arguments of the likelihood after the variances; 0 origins leave out their effect
    names: tuple[str, ...]  # "scale", "excess", "unit_sd" with repeated units, "origin_sd" with several origins

    @classmethod
    def of(cls, placebos: CalibrationPlacebos, scale: float) -> "PlaceboPosterior":
        """Return the model of placebos; `scale` is the SD of their savings rates."""
        order = np.argsort(placebos.unit, kind="stable")
        first = np.searchsorted(placebos.unit[order], np.arange(placebos.n_units + 1))
        ratio = placebos.ratio[order]
        n_origins = placebos.n_origins if placebos.n_origins > 1 else 0
        repeated = len(placebos.y) > placebos.n_units
        rows = (
            placebos.y[order] / scale,
            (placebos.s[order] / scale) ** 2,
            1.0 / ratio,
            np.log(ratio),
            np.asarray(placebos.origin[order], dtype=np.int64),
            np.asarray(first, dtype=np.int64),
            np.array([MEAN_SD, SLOPE_SD]),
            n_origins,
        )
        names = ("scale", "excess", *(("unit_sd",) if repeated else ()), *(("origin_sd",) if n_origins else ()))
        return cls(rows, names)

    def natural(self, x: Floats) -> dict[str, Floats]:
        """Return scale, excess, unit_sd and origin_sd (M,) at x (M, d); zero where the model leaves one out."""
        deviation = DEVIATION * np.sqrt(2.0) * erfinv(ndtr(np.minimum(x, MAX_X)))
        values = {name: deviation[:, j] for j, name in enumerate(self.names)}
        values["scale"] = np.exp(SCALE_SD * x[:, 0])
        return {name: values.get(name, np.zeros(len(x))) for name in ("scale", "excess", "unit_sd", "origin_sd")}

    def _likelihoods(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        variances = np.stack(list(self.natural(x).values()), axis=1) ** 2
        return marginal_likelihoods(variances, *self.rows)

    def log_posterior(self, x: Floats) -> Floats:
        """Return the log density (M,) at x (M, d), up to a constant; mean, slope and effects are integrated out."""
        return np.asarray(self._likelihoods(x)[0] - 0.5 * (x**2).sum(axis=1))

    def integrate(self) -> Posterior:
        """Return weighted nodes of x. They do not depend on a random seed."""
        size = len(self.names)
        mode, root = laplace(self._at, np.zeros(size), SEARCH_BOUND)
        start = Mixture(np.ones(1), mode[None], root[None])
        proposal = build_proposal(self.log_posterior, start, self._defensive(mode), MIN_NODES)
        return weight_until_reliable(self.log_posterior, proposal, MIN_NODES)

    def draw(self, x: Floats, rng: np.random.Generator) -> dict[str, Floats]:
        """Return all parameters (M,) at nodes x (M, d): mean and slope are drawn from their normal distribution."""
        _, centre, root = self._likelihoods(x)
        normal = rng.standard_normal(centre.shape)
        slope = normal[:, 1] / root[:, 2]
        mean = (normal[:, 0] - root[:, 1] * slope) / root[:, 0]
        return {"mean": centre[:, 0] + mean, "slope": centre[:, 1] + slope, **self.natural(x)}

    def _at(self, x: Floats) -> float:
        return float(self.log_posterior(x[None])[0])

    def _defensive(self, mode: Floats) -> Mixture:
        """Return components that Pareto k and ESS cannot ask for: the prior, and one where each parameter is small."""
        size = len(mode)
        centres, roots, shares = [np.zeros(size)], [np.eye(size)], [PRIOR_SHARE]
        for small in range(size):
            rest = np.arange(size) != small

            def given(z: Floats, small: int = small) -> float:
                return self._at(np.insert(z, small, BOUNDARY_QUANTILE))

            others, root = laplace(given, mode[rest], SEARCH_BOUND)
            full_root = np.eye(size)
            full_root[np.ix_(rest, rest)] = root
            centres.append(np.insert(others, small, BOUNDARY_QUANTILE))
            roots.append(full_root)
            shares.append(BOUNDARY_SHARE)
        return Mixture(np.array(shares), np.array(centres), np.array(roots))

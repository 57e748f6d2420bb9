r"""Which share of Medicare's shared-savings payments is expected to be noise, by size and track.

Estimand: over the payments P of a performance year, sum E[(P - due)+ | data] / sum P, with due = f d+ in money and d
the ACO's true savings rate against its own benchmark.

Model, for ACO-agreement j in year t with n assigned beneficiaries and measured savings rate y:

.. math:: y_{jt} = \mu_t + a_{jt} + e_{jt}, \quad e_{jt} \sim N(0, k^2 / n_{jt} + \sigma^2), \quad
          a_j \sim AR(1) with SD \tau, correlation \rho

A flat prior on each year's mean, integrated out exactly as is a; flat priors on k, sigma, tau > 0 and on rho from 0 to
1, integrated by importance sampling from a t distribution at the mode. sigma is a shock of one year that does not
shrink with size.

What lasts (a) can be the ACO's saving or a lasting error of its benchmark: the file cannot tell. `persistent_error` is
the share of its variance that is error, and the answer is given for several values: 0 (a lower bound of the noise),
0.11 (a lasting shock with an SD of 1.25% of spending, as a first look at Dutch municipalities that had no contract
gives) and 0.25. Likewise `benchmark_bias` answers for the year means: the noise if every benchmark were too high by
so much.

    python case_studies/medicare_acos/noise.py --data FOLDER
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import multivariate_t

sys.path.insert(0, str(Path(__file__).parent))
from replicate import replicate

if TYPE_CHECKING:
    from collections.abc import Callable

type Floats = npt.NDArray[np.float64]

SIZES = (0, 10_000, 20_000, 50_000, np.inf)
SIZE_NAMES = ("below 10,000", "10,000-19,999", "20,000-49,999", "50,000 and more")
PARAMETERS = ("k", "shock", "between", "persistence")
START = (2.5, 0.005, 0.035, 0.85)
#: Shares of the lasting variance that are error: none; a shock of 1.25% against the 3.8% found here; a quarter.
PERSISTENT_ERRORS = (0.0, 0.11, 0.25)
LEAST_EFFECTIVE_DRAWS = 300
HESSIAN_STEPS = np.array([0.02, 5e-4, 0.02, 0.05])


@dataclass(frozen=True)
class Panel:
    """Savings rates by group (ACO x agreement period) and year: arrays (group, year), nan where there is none."""

    rate: Floats
    size: Floats
    groups: pd.MultiIndex
    years: tuple[int, ...]


def load_panel(folder: Path) -> Panel:
    """Return the ACOs of 2014 to 2023, without 2013 (up to 21 months) and the half years of 2019."""
    frame = pd.read_csv(folder / "mssp_core_panel_2013_2023.csv.gz", low_memory=False)
    frame = frame[(frame["performance_year"] > 2013) & (frame["half_year_2019"] == 0)]
    # before 2016 the file has no agreement start: ACOs were in the agreement they had started with
    start = frame["current_start_date"].fillna(frame["initial_start_date"]).str.extract(r"/(\d{2,4})(?:\s|$)")[0]
    frame = frame.assign(
        agreement=pd.to_numeric(start).mod(100).fillna(0).astype(int),
        rate=frame["bnchmkminexp"] / frame["abtotbnchmk"],
    )
    return to_panel(frame, ["aco_id", "agreement"])


def to_panel(frame: pd.DataFrame, group: list[str]) -> Panel:
    """Return the (group, year) arrays of a long frame with performance_year, rate and n_ab."""
    rate = frame.pivot_table(index=group, columns="performance_year", values="rate")
    size = frame.pivot_table(index=group, columns="performance_year", values="n_ab")
    return Panel(rate.to_numpy(), size.to_numpy(), rate.index, tuple(int(year) for year in rate.columns))


@dataclass(frozen=True)
class Packed:
    """A panel with each group's years moved to the front: (group, position), position = years since its first."""

    rate: Floats
    inverse_size: Floats
    seen: npt.NDArray[np.bool_]
    year: npt.NDArray[np.int64]  # column of the panel; 0 where nothing is seen
    years: int

    @classmethod
    def of(cls, panel: Panel) -> Packed:
        """Pack a panel."""
        seen = ~np.isnan(panel.rate)
        first = seen.argmax(axis=1)
        last = seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
        span = int((last - first).max()) + 1
        year = np.minimum(first[:, None] + np.arange(span), seen.shape[1] - 1)
        here = np.take_along_axis(seen, year, axis=1) & (first[:, None] + np.arange(span) < seen.shape[1])
        rate = np.where(here, np.take_along_axis(panel.rate, year, axis=1), 0.0)
        size = np.where(here, np.take_along_axis(panel.size, year, axis=1), 1.0)
        return cls(rate, np.where(here, 1.0 / size, 0.0), here, np.where(here, year, 0), seen.shape[1])

    def lasting(self, point: Floats) -> Floats:
        """Return the covariance of a between positions, (position, position)."""
        _, _, tau, rho = point
        at = np.arange(self.rate.shape[1])
        return np.asarray(tau**2 * rho ** np.abs(at[:, None] - at[None, :]))

    def inverse(self, point: Floats) -> tuple[Floats, float]:
        """Return the inverse covariance of each group's rates (0 where nothing is seen), and the log determinant."""
        both = self.seen[:, :, None] & self.seen[:, None, :]
        covariance = np.where(both, self.lasting(point), 0.0)
        at = np.arange(self.rate.shape[1])
        covariance[:, at, at] += np.where(self.seen, point[0] ** 2 * self.inverse_size + point[1] ** 2, 1.0)
        diagonal = np.linalg.cholesky(covariance)[:, at, at]
        return np.where(both, np.linalg.inv(covariance), 0.0), 2.0 * float(np.log(diagonal).sum())

    def marginal(self, point: Floats) -> tuple[float, Floats, Floats]:
        """Return the log marginal likelihood, up to a constant, and mean and covariance of the year means."""
        inverse, log_det = self.inverse(point)
        pairs = (self.year[:, :, None] * self.years + self.year[:, None, :]).ravel()
        precision = np.bincount(pairs, inverse.ravel(), minlength=self.years**2).reshape(self.years, self.years)
        left = np.einsum("gij,gj->gi", inverse, self.rate)
        score = np.bincount(self.year.ravel(), left.ravel(), minlength=self.years)
        covariance = np.linalg.inv(precision)
        mean = covariance @ score
        quadratic = float((left * self.rate).sum()) - float(score @ mean)
        return -0.5 * (log_det + float(np.linalg.slogdet(precision)[1]) + quadratic), mean, covariance


@dataclass(frozen=True)
class Posterior:
    """Weighted draws of (k, shock, between, persistence), with each draw's year means and their covariance."""

    points: Floats  # (draw, 4)
    weight: Floats  # (draw,)
    mean: Floats  # (draw, year)
    covariance: Floats  # (draw, year, year)
    panel: Panel

    @property
    def effective_draws(self) -> float:
        """Effective number of importance draws."""
        return float(1.0 / (self.weight @ self.weight))

    def summary(self) -> pd.DataFrame:
        """Return mean, SD, Monte Carlo error of the mean and central 95% interval of the parameters."""
        rows = []
        for name, values in zip(PARAMETERS, self.points.T, strict=True):
            mean = float(self.weight @ values)
            order = np.argsort(values, kind="stable")
            running = np.cumsum(self.weight[order])
            low, high = (float(values[order][np.searchsorted(running, q)]) for q in (0.025, 0.975))
            sd = float(np.sqrt(self.weight @ (values - mean) ** 2))
            error = sd / np.sqrt(self.effective_draws)
            rows.append({"parameter": name, "mean": mean, "sd": sd, "mcse": error, "lower": low, "upper": high})
        return pd.DataFrame(rows)


def _natural(free: Floats) -> Floats:
    """Return (k, shock, between, persistence) from the free scale: log, signed, log, logit."""
    return np.array([np.exp(free[0]), abs(free[1]), np.exp(free[2]), expit(free[3])])


def _log_jacobian(free: Floats) -> float:
    """Return what makes the priors flat on the natural scale."""
    rho = float(expit(free[3]))
    return float(free[0] + free[2]) + float(np.log(rho * (1.0 - rho)))


def fit(panel: Panel, *, draws: int = 1_500, seed: int = 1) -> Posterior:
    """Return the posterior by importance sampling from a multivariate t (5 degrees of freedom) at the mode.

    Raises
    ------
    ValueError
        When fewer than 300 effective draws result: the posterior is not near enough to the proposal.
    """
    packed = Packed.of(panel)

    def minus_log_density(free: Floats) -> float:
        return -packed.marginal(_natural(free))[0] - _log_jacobian(free)

    start = np.array([np.log(START[0]), START[1], np.log(START[2]), logit(START[3])])
    found = minimize(minus_log_density, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-4})
    spread = np.linalg.inv(_hessian(minus_log_density, found.x, HESSIAN_STEPS))
    proposal = multivariate_t(found.x, 1.3 * (spread + spread.T) / 2.0, df=5, seed=np.random.default_rng(seed))
    free = proposal.rvs(draws)
    free[:, 1] = np.abs(free[:, 1])  # the shock's sign means nothing: both halves of the proposal fall on one
    other_half = free * [1.0, -1.0, 1.0, 1.0]
    proposed = np.logaddexp(proposal.logpdf(free), proposal.logpdf(other_half))
    moments = [packed.marginal(_natural(one)) for one in free]
    log = np.array([one[0] + _log_jacobian(at) for one, at in zip(moments, free, strict=True)]) - proposed
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    points = np.array([_natural(one) for one in free])
    means, covariances = (np.array([one[i] for one in moments]) for i in (1, 2))
    result = Posterior(points, weight, means, covariances, panel)
    if result.effective_draws < LEAST_EFFECTIVE_DRAWS:
        raise ValueError(
            f"Only {result.effective_draws:.0f} effective draws of {draws}: the posterior is far from its proposal. "
            "Draw more, or look at the likelihood.",
        )
    return result


def _hessian(function: Callable[[Floats], float], at: Floats, step: Floats) -> Floats:
    """Return the matrix of second differences."""
    count = len(at)
    steps = np.diag(step)
    out = np.empty((count, count))
    for i in range(count):
        for j in range(count):
            plus, minus = steps[i] + steps[j], steps[i] - steps[j]
            ends = [function(at + plus), function(at - plus), function(at + minus), function(at - minus)]
            out[i, j] = (ends[0] + ends[1] - ends[2] - ends[3]) / (4.0 * step[i] * step[j])
    return out


def check_fit(posterior: Posterior) -> pd.DataFrame:
    """Return changes between successive years of an agreement, standardised by the model, by size.

    Columns: changes, sd (1 if the model fits), se_sd (normal, independent), beyond_2 (normal: 0.046), beyond_3 (0.003),
    correlation of successive changes, and what the model expects of it.
    """
    panel = posterior.panel
    k, sigma, tau, rho = posterior.weight @ posterior.points
    apart = panel.rate - posterior.weight @ posterior.mean
    inverse = 1.0 / panel.size
    error = k**2 * inverse + sigma**2
    sd = np.sqrt(error[:, 1:] + error[:, :-1] + 2.0 * tau**2 * (1.0 - rho))
    change = np.diff(apart, axis=1) / sd
    # Cov(a2 - a1, a3 - a2) = -tau^2 (1 - rho)^2; the middle year's error enters both changes
    expected = -(error[:, 1:-1] + tau**2 * (1.0 - rho) ** 2) / (sd[:, 1:] * sd[:, :-1])
    size = 2.0 / (inverse[:, 1:] + inverse[:, :-1])
    rows = []
    for name, low, high in (("all", 0, np.inf), *zip(SIZE_NAMES, SIZES, SIZES[1:], strict=False)):
        kept = np.where((size >= low) & (size < high), change, np.nan)
        z = kept[~np.isnan(kept)]
        both = ~np.isnan(kept[:, 1:]) & ~np.isnan(kept[:, :-1])
        rows.append(
            {
                "group": name,
                "changes": len(z),
                "sd": float(z.std()),
                "se_sd": float(1 / np.sqrt(2 * len(z))),
                "beyond_2": float((np.abs(z) > 2).mean()),
                "beyond_3": float((np.abs(z) > 3).mean()),
                "correlation": float(np.corrcoef(kept[:, 1:][both], kept[:, :-1][both])[0, 1]),
                "expected": float(expected[both].mean()),
            },
        )
    return pd.DataFrame(rows)


def true_rates(
    posterior: Posterior, year: int, *, persistent_error: float = 0.0, draws: int = 1_000, seed: int = 1
) -> pd.DataFrame:
    """Return draws of the true savings rate: a row per group seen in `year`, a column per draw."""
    panel, rng = posterior.panel, np.random.default_rng(seed)
    column = panel.years.index(year)
    here = ~np.isnan(panel.rate[:, column])
    packed = Packed.of(Panel(panel.rate[here], panel.size[here], panel.groups[here], panel.years))
    position = np.argmax(packed.seen & (packed.year == column), axis=1)
    out = np.empty((here.sum(), draws))
    for draw, point in enumerate(rng.choice(len(posterior.weight), size=draws, p=posterior.weight)):
        parameters = posterior.points[point]
        mu = rng.multivariate_normal(posterior.mean[point], posterior.covariance[point], method="cholesky")
        # covariance of the true deviation d - mu with the rates of the group's years, (group, position)
        true = (1.0 - persistent_error) * packed.lasting(parameters)
        with_rates = np.where(packed.seen, true[position], 0.0)
        inverse, _ = packed.inverse(parameters)
        pull = np.einsum("gij,gj->gi", inverse, with_rates)
        apart = np.where(packed.seen, packed.rate - mu[packed.year], 0.0)
        left = true[0, 0] - (pull * with_rates).sum(axis=1)
        out[:, draw] = mu[column] + (pull * apart).sum(axis=1) + np.sqrt(left) * rng.standard_normal(len(left))
    return pd.DataFrame(out, index=panel.groups[here])


def noise_of_payments(
    settled: pd.DataFrame, truth: pd.DataFrame, *, benchmark_bias: float = 0.0, by: str | None = None
) -> pd.DataFrame:
    """Return payments and their expected noise, in all or by a column of `settled`.

    Columns: number paid, paid (dollars before sequestration), noise (expected overpayment as a share of paid), its
    posterior SD, nothing_saved (share of the money that went to ACOs with a true saving of 0 or less, in expectation),
    underpaid (expected underpayment as a share of paid).
    """
    rates = truth.groupby(level=0).first().loc[settled["ACO_ID"]].to_numpy() - benchmark_bias
    paid = np.maximum(settled["before_relief"].to_numpy(), 0.0)[:, None]
    share = settled["sharing_rate"].to_numpy()[:, None] / 100.0
    due = share * np.maximum(rates, 0.0) * settled["ABtotBnchmk"].to_numpy()[:, None]
    over, under = np.maximum(paid - due, 0.0), np.maximum(due - paid, 0.0)
    keys = settled[by] if by else pd.Series("all", index=settled.index)
    rows = []
    for key in sorted(keys.unique()) if by != "size" else [name for name in SIZE_NAMES if (keys == name).any()]:
        here = (keys == key).to_numpy()
        total = float(paid[here].sum())
        shares = over[here].sum(axis=0) / total
        rows.append(
            {
                "group": key,
                "acos": int(here.sum()),
                "paid_acos": int((paid[here] > 0).sum()),
                "paid_million": total / 1e6,
                "noise": float(shares.mean()),
                "noise_sd": float(shares.std(ddof=1)),
                "nothing_saved": float((paid[here] * (rates[here] <= 0)).sum(axis=0).mean() / total),
                "underpaid": float(under[here].sum(axis=0).mean() / total),
            },
        )
    return pd.DataFrame(rows)


def with_size(settled: pd.DataFrame) -> pd.DataFrame:
    """Return the settled ACOs with a size band."""
    return settled.assign(size=pd.cut(settled["N_AB"], SIZES, labels=SIZE_NAMES, right=False).astype(str))


def main() -> None:
    """Print the posterior and the noise of the payments of 2022 and 2023."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public use files and the core panel")
    folder = parser.parse_args().data
    posterior = fit(load_panel(folder))
    seen = int((~np.isnan(posterior.panel.rate)).sum())
    print(f"{seen} ACO-years, {len(posterior.panel.groups)} ACO-agreements, years {posterior.panel.years}")
    print(f"effective importance draws {posterior.effective_draws:.0f} of {len(posterior.weight)}")
    print(posterior.summary().to_string(index=False, float_format=lambda x: f"{x:.4f}"))
    print(check_fit(posterior).to_string(index=False, float_format=lambda x: f"{x:.3f}"))
    for year in (2022, 2023):
        settled = with_size(replicate(folder, year))
        for part in PERSISTENT_ERRORS:
            truth = true_rates(posterior, year, persistent_error=part)
            print(f"\n{year}, persistent error {part:g}")
            tables = [noise_of_payments(settled, truth, by=by) for by in (None, "size", "Current_Track")]
            print(pd.concat(tables).to_string(index=False, float_format=lambda x: f"{x:.3f}"))
            for bias in (0.01, 0.02):
                row = noise_of_payments(settled, truth, benchmark_bias=bias).iloc[0]
                print(f"if every benchmark is too high by {100 * bias:g} points: noise {row['noise']:.3f}")


if __name__ == "__main__":
    main()

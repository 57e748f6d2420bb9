r"""Which share of Medicare's shared-savings payments is expected to be noise, by size and track.

Estimand: over the payments P of a performance year, sum E[(P - due)+ | data] / sum P, with due = f d+ in money and d
the ACO's true savings rate against its own benchmark.

Model, for ACO i in agreement period j and year t with n assigned beneficiaries and measured savings rate y:

.. math:: y_{ijt} = \mu_t + a_{ij} + e_{ijt}, \quad a_{ij} \sim N(0, \tau^2), \quad
          e_{ijt} \sim N(0, k^2 / n_{ijt} + \sigma^2)

A flat prior on each year's mean (integrated out exactly), flat priors on k, sigma and tau over the grid below. The
shock sigma does not shrink with size. Two readings of the true saving bracket the answer, and the file cannot choose:

- "persistent": d = mu + a. Whatever does not last within an agreement period is error.
- "yearly": d = mu + a + shock. Only k^2 / n is error.

What neither sees: an error that all years of an agreement share (a benchmark too high for one ACO), or all ACOs of a
year share (mu). `benchmark_bias` answers for the second: the payments' noise if every benchmark were too high
by so much.

    python case_studies/medicare_acos/noise.py --data FOLDER
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from replicate import replicate

type Floats = npt.NDArray[np.float64]
type Reading = Literal["persistent", "yearly"]

SIZES = (0, 10_000, 20_000, 50_000, np.inf)
SIZE_NAMES = ("below 10,000", "10,000-19,999", "20,000-49,999", "50,000 and more")
#: Grids of the flat priors: k, shock SD sigma, between-ACO SD tau. Posterior mass at an edge is refused.
K_GRID = np.linspace(2.0, 4.0, 41)
SIGMA_GRID = np.linspace(0.002, 0.020, 37)
TAU_GRID = np.linspace(0.028, 0.044, 33)


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
class Posterior:
    """Grid posterior of (k, sigma, tau), with each point's year means and their covariance."""

    points: Floats  # (point, 3)
    weight: Floats  # (point,)
    mean: Floats  # (point, year)
    covariance: Floats  # (point, year, year)
    panel: Panel

    def summary(self) -> pd.DataFrame:
        """Return mean, SD and central 95% interval of k, sigma and tau."""
        rows = []
        for column, name in enumerate(("k", "shock", "between")):
            values = self.points[:, column]
            mean = float(self.weight @ values)
            order = np.argsort(values, kind="stable")
            running = np.cumsum(self.weight[order])
            low, high = (float(values[order][np.searchsorted(running, q)]) for q in (0.025, 0.975))
            sd = float(np.sqrt(self.weight @ (values - mean) ** 2))
            rows.append({"parameter": name, "mean": mean, "sd": sd, "lower": low, "upper": high})
        return pd.DataFrame(rows)


def fit(panel: Panel, k: Floats = K_GRID, sigma: Floats = SIGMA_GRID, tau: Floats = TAU_GRID) -> Posterior:
    """Return the exact marginal posterior on the grid; groups and years are integrated out in closed form.

    Raises
    ------
    ValueError
        When more than 1% of the posterior lies on an edge of the grid: widen the grid.
    """
    seen = ~np.isnan(panel.rate)
    y = np.where(seen, panel.rate, 0.0)
    inverse_size = np.where(seen, 1.0 / np.where(seen, panel.size, 1.0), 0.0)
    points, logs, means, covariances = [], [], [], []
    for one_k in k:
        for one_sigma in sigma:
            variance = one_k**2 * inverse_size + one_sigma**2
            w = np.where(seen, 1.0 / variance, 0.0)
            s, wy = w.sum(axis=1), (w * y).sum(axis=1)
            wyy = float((w * y * y).sum())
            log_v = float(np.log(variance[seen]).sum())
            for one_tau in tau:
                c = one_tau**2 / (1.0 + one_tau**2 * s)
                # GLS for the year means under C = diag(v) + tau^2 J within each group
                precision = np.diag(w.sum(axis=0)) - (w * c[:, None]).T @ w
                score = (w * y).sum(axis=0) - w.T @ (c * wy)
                covariance = np.linalg.inv(precision)
                mean = covariance @ score
                quadratic = wyy - float(c @ wy**2) - float(score @ mean)
                log_det = log_v + float(np.log1p(one_tau**2 * s).sum()) + float(np.linalg.slogdet(precision)[1])
                points.append((one_k, one_sigma, one_tau))
                logs.append(-0.5 * (log_det + quadratic))
                means.append(mean)
                covariances.append(covariance)
    log = np.array(logs)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    keep = weight > 1e-7
    result = Posterior(
        np.array(points)[keep],
        weight[keep] / weight[keep].sum(),
        np.array(means)[keep],
        np.array(covariances)[keep],
        panel,
    )
    for column, grid in enumerate((k, sigma, tau)):
        at_edge = np.isin(result.points[:, column], grid[[0, -1]])
        if len(grid) > 1 and float(result.weight[at_edge].sum()) > 0.01:
            raise ValueError(
                f"The posterior of {('k', 'sigma', 'tau')[column]} reaches the edge of its grid: widen it."
            )
    return result


def true_rates(posterior: Posterior, year: int, reading: Reading, *, draws: int = 1_000, seed: int = 1) -> pd.DataFrame:
    """Return draws of the true savings rate: a row per group seen in `year`, a column per draw."""
    panel, rng = posterior.panel, np.random.default_rng(seed)
    column = panel.years.index(year)
    here = ~np.isnan(panel.rate[:, column])
    rate, size = panel.rate[here], panel.size[here]
    seen = ~np.isnan(rate)
    out = np.empty((here.sum(), draws))
    for draw, point in enumerate(rng.choice(len(posterior.weight), size=draws, p=posterior.weight)):
        k, sigma, tau = posterior.points[point]
        mu = rng.multivariate_normal(posterior.mean[point], posterior.covariance[point], method="cholesky")
        variance = np.where(seen, k**2 / np.where(seen, size, 1.0) + sigma**2, 1.0)
        w = np.where(seen, 1.0 / variance, 0.0)
        apart = np.where(seen, rate - mu, 0.0)
        spread = 1.0 / (1.0 / tau**2 + w.sum(axis=1))
        a = spread * (w * apart).sum(axis=1) + np.sqrt(spread) * rng.standard_normal(len(spread))
        out[:, draw] = mu[column] + a
        if reading == "yearly":  # the shock given the residual: N(r sigma^2 / v, sigma^2 (1 - sigma^2 / v))
            part = sigma**2 / variance[:, column]
            left = apart[:, column] - a
            out[:, draw] += part * left + sigma * np.sqrt(1.0 - part) * rng.standard_normal(len(left))
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
    print(posterior.summary().to_string(index=False, float_format=lambda x: f"{x:.4f}"))
    for year in (2022, 2023):
        settled = with_size(replicate(folder, year))
        for reading in ("persistent", "yearly"):
            truth = true_rates(posterior, year, reading)
            print(f"\n{year}, true saving read as {reading}")
            tables = [noise_of_payments(settled, truth, by=by) for by in (None, "size", "Current_Track")]
            print(pd.concat(tables).to_string(index=False, float_format=lambda x: f"{x:.3f}"))
            for bias in (0.01, 0.02):
                row = noise_of_payments(settled, truth, benchmark_bias=bias).iloc[0]
                print(f"if every benchmark is too high by {100 * bias:g} points: noise {row['noise']:.3f}")


if __name__ == "__main__":
    main()

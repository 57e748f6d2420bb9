"""StudyQueries: what several outputs ask of the result of a study, without words."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

import pandas as pd

from ssinfer.backtesting.advice import may_pay
from ssinfer.backtesting.frames import THRESHOLDS
from ssinfer.backtesting.noise import Noise
from ssinfer.backtesting.pareto import pareto_set
from ssinfer.backtesting.result import BacktestResult
from ssinfer.counterfactual import Counterfactual
from ssinfer.finding import Finding
from ssinfer.study.disclosure import OF_BACKTEST
from ssinfer.study.frames import OUTPUT
from ssinfer.study.result import StudyResult
from ssinfer.study.verdict import Verdict, verdict_of
from ssinfer.thresholds.kind import KINDS
from ssinfer.thresholds.names import model_kinds, plain_key
from ssinfer.thresholds.placebo import COMPARISON_KEY

type Pair = tuple[str, str]  # design and method
type Row = pd.Series[Any]

DEFAULT_SHARE = 0.5
ALL_SIZES = "all"  # the size class of all placebos


@dataclass(frozen=True, eq=False)
class StudyQueries:
    """The result of a study, its noise, and the designs and methods without noise components by reason."""

    result: StudyResult
    noise: Mapping[Pair, Noise] = field(default_factory=dict)
    why_no_noise: Mapping[str, list[Pair]] = field(default_factory=dict)

    @cached_property
    def pairs(self) -> list[Pair]:
        """The designs and methods that were backtested or evaluated, in the order of the study."""
        result, backtest = self.result, self.result.backtest
        everything = [(design, method) for design in result.designs for method in result.methods]
        frames = [result.savings, pd.DataFrame() if backtest is None else backtest.placebos]
        used = [pair for pair in everything if any(len(rows_of(frame, pair)) for frame in frames)]
        return [pair for pair in everything if pair in {*used, *result.counterfactuals}] or everything

    @property
    def balanced_pairs(self) -> list[tuple[Pair, Counterfactual]]:
        """The designs and methods that compare persons, with their fits."""
        fits = self.result.counterfactuals
        return [(pair, fits[pair]) for pair in self.pairs if pair in fits and "balance" in fits[pair].inference]

    @cached_property
    def hidden(self) -> bool:
        """Whether the contract group is too small to be shown."""
        return self.result.hidden is not None and self.result.hidden.case

    @cached_property
    def verdict(self) -> Verdict:
        """The judgement of the case."""
        return verdict_of(self.result)

    @property
    def main(self) -> Pair:
        """The design (name of its fits) and method that settle; the best ones if none can."""
        settles = self.result.manifest.get("settles", {})
        return (str(settles["fit"]), str(settles["method"])) if settles.get("method") else self.best

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """Designs and methods by detection rate at equal false payment rates; empty without a backtest."""
        return pd.DataFrame() if self._may_settle is None else self._may_settle.ranking()

    @property
    def ranked_pairs(self) -> list[Pair]:
        """The designs and methods of the ranking, best first."""
        return [pair_of(row) for _, row in self.ranking.iterrows()]

    @property
    def best(self) -> Pair:
        """The design and method with the highest detection rate; the first of the study without a ranking."""
        return [*self.ranked_pairs, *self.pairs][0]

    @cached_property
    def pareto(self) -> pd.DataFrame:
        """Bias and detection of designs, methods and kinds of threshold; empty without a backtest."""
        return pd.DataFrame() if self._may_settle is None else pareto_set(self._may_settle)

    @cached_property
    def _may_settle(self) -> BacktestResult | None:
        """The backtest without the designs of sensitivity populations, which are never advised."""
        backtest, out = self.result.backtest, self.result.manifest.get("sensitivity")
        if backtest is None or not out:
            return backtest
        frames = {name: getattr(backtest, name) for name in OF_BACKTEST}
        kept = {name: frame[~frame["design"].isin(out)].reset_index(drop=True) for name, frame in frames.items()}
        return replace(backtest, **kept)

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the output folder by the name of its file; without rows if the study has none."""
        return self.result.tables[name] if name in self.result.tables else OUTPUT[name].empty()

    @property
    def share(self) -> float:
        """The sharing rate of the backtest."""
        return float(self.result.manifest.get("share", DEFAULT_SHARE))

    def placebos(self, pair: Pair, role: str = "placebo") -> pd.DataFrame:
        """Return the estimated placebos of a design and method; of the role "case", the contract group's windows."""
        rows = rows_of(None if self.result.backtest is None else self.result.backtest.placebos, pair)
        return rows[(rows["role"] == role) & (rows["status"] == "ok")] if len(rows) else rows

    def backtested(self, pair: Pair) -> pd.DataFrame:
        """Return the backtested thresholds of a design and method over placebos of all sizes."""
        rows = rows_of(None if self.result.backtest is None else self.result.backtest.thresholds, pair)
        return rows[rows["size_class"] == ALL_SIZES] if len(rows) else rows

    def saving(self, pair: Pair) -> Row | None:
        """Return the measured saving of the contract group; None if it is sealed or was refused."""
        rows = rows_of(self.result.savings, pair)
        if not len(rows) or "saving" not in rows.columns or not math.isfinite(float(rows["saving"].iloc[0])):
            return None
        return rows.iloc[0]

    @property
    def has_saving(self) -> bool:
        """Whether any design and method measured the saving of the contract group."""
        return any(self.saving(pair) is not None for pair in self.pairs)

    def model_thresholds(self, *, by_size: bool) -> pd.DataFrame:
        """Return one-sided thresholds of models and of placebos; by class of size only with the first kind."""
        kinds, parts = [*model_kinds(), KINDS.find(COMPARISON_KEY.kind)], []
        for pair in sorted(self.pairs, key=lambda pair: pair != self.main):
            rows = rows_of(None if self.result.backtest is None else self.result.backtest.thresholds, pair)
            if len(rows) and (not by_size or (rows["kind"] == kinds[0].name).any()):
                rows = rows[(rows["size_class"] != ALL_SIZES) == by_size]
                for _, part in rows.groupby("size_class", sort=False):
                    levels = sorted(part["level"].dropna().unique(), reverse=True)
                    parts += [part[plain_key(kind, level).rows(part)] for level, kind in product(levels, kinds)]
        rows = pd.concat(parts) if parts else THRESHOLDS.empty()
        return rows.assign(promised=1 - rows["level"])

    def kept_promises(self) -> dict[str, bool]:
        """Return by kind whether its thresholds pay contracts without savings no more often than they promise."""
        rows = rows_of(self.model_thresholds(by_size=False), self.main)
        by_chance = (rows["promised"] * (1 - rows["promised"]) / rows["n_rows"]) ** 0.5
        numbers = (rows["promised"], rows["false_payment_rate"], rows["false_payment_rate_se"].fillna(by_chance))
        keeps = rows.assign(keeps=may_pay(*(column.to_numpy(dtype=float) for column in numbers)))
        return {str(kind): bool(part.all()) for kind, part in keeps.groupby("kind", sort=False)["keeps"]}

    def payments(self, row: Row) -> pd.DataFrame:
        """Return payments of a design and method by true saving in the first scenario (scenarios.csv)."""
        rows = rows_of(self.result.tables["scenarios.csv"], pair_of(row))
        return pd.DataFrame(rows[rows["scenario"] == rows["scenario"].iloc[0]])

    def insured_years(self, pair: Pair) -> float | None:
        """Return the insured-years of the contract group over the performance periods; None if they are unknown."""
        if self.result.panel.insured_years is None or pair not in self.result.counterfactuals:
            return None
        return float(self.result.counterfactuals[pair].insured_years.sum())


def pair_of(row: Any) -> Pair:
    """Return the design and method of a row."""
    return str(row["design"]), str(row["method"])


def rows_of(frame: pd.DataFrame | None, pair: Pair) -> pd.DataFrame:
    """Return the rows of a design and method; an empty frame if there are none."""
    if frame is None or not {"design", "method"} <= set(frame.columns):
        return pd.DataFrame()
    return frame[(frame["design"] == pair[0]) & (frame["method"] == pair[1])]


def judged_limits(cf: Counterfactual) -> dict[str, dict[str, Any]]:
    """Return figure, limit, direction and verdict by measure of balance; empty without limits."""
    if "balance_limits" not in cf.inference:
        return {}
    limits: Any = cf.inference["balance_limits"].to_dataframe().to_dict("index")
    return dict(limits)


def portfolio_findings(portfolio: pd.DataFrame) -> Iterator[Finding]:
    """Return what several contracts are paid in all, and what a portfolio without savings would be paid."""
    if not len(portfolio):
        return
    total, n = portfolio.iloc[-1], {"n": len(portfolio) - 1, "n_paid": int((portfolio["paid"][:-1] > 0).sum())}
    names = ("paid", "at_risk", "false_payments")
    if total[[*names]].notna().all():
        yield Finding("portfolio", n | {name: float(total[name]) for name in names})
    if pd.notna(total["final_paid"]):
        yield Finding("portfolio_provisional", {"final_paid": float(total["final_paid"])})
    if n["n"] > 1:
        yield Finding("portfolio_first", {"name": portfolio["group"].iloc[0]})

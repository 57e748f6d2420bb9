"""Analysis: the result of a study, with the quantities that several parts of its report need."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import Any

import pandas as pd

from ssinfer.backtesting import noise as of_placebos
from ssinfer.backtesting.advice import Specification
from ssinfer.backtesting.pareto import pareto_set
from ssinfer.backtesting.result import BacktestResult
from ssinfer.errors import SsinferError
from ssinfer.foreign import chosen, foreign, joined, own
from ssinfer.printed import listed, quoted
from ssinfer.sentences import say
from ssinfer.study.disclosure import disclosed
from ssinfer.study.result import StudyResult
from ssinfer.study.verdict import Verdict, verdict_of
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.placebo import COMPARISON_KEY
from ssinfer.thresholds.schedule import MSSP_K

type Pair = tuple[str, str]  # design and method
type Row = pd.Series[Any]

DEFAULT_SHARE = 0.5
ALL_SIZES = "all"  # the size class of all placebos


@dataclass(frozen=True)
class Noise:
    """Noise of one design and method, and payments by sampling noise alone, with the estimated k and Medicare's."""

    components: of_placebos.NoiseComponents
    own_k: of_placebos.OutsideSamplingInterval
    medicare_k: of_placebos.OutsideSamplingInterval


@dataclass(frozen=True, eq=False)
class Analysis:
    """The result of a study, and its noise components."""

    result: StudyResult
    noise: Mapping[Pair, Noise]
    why_no_noise: Mapping[str, list[str]]  # designs and methods without noise components, by reason

    @cached_property
    def pairs(self) -> list[Pair]:
        """The designs and methods that were backtested or evaluated, in the order of the study."""
        result, backtest = self.result, self.result.backtest
        everything = [(design, method) for design in result.designs for method in result.methods]
        frames = [result.savings, pd.DataFrame() if backtest is None else backtest.placebos]
        used = [pair for pair in everything if any(len(rows_of(frame, pair)) for frame in frames)]
        return [pair for pair in everything if pair in {*used, *result.counterfactuals}] or everything

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

    @property
    def advised(self) -> Specification | None:
        """The design, method and threshold that are advised for the next contract; None without advice."""
        return None if self.result.advice is None else self.result.advice.specification

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
        frames = {name: getattr(backtest, name) for name in ("scores", "detection", "thresholds", "placebos")}
        frames = {name: frame[~frame["design"].isin(out)].reset_index(drop=True) for name, frame in frames.items()}
        return replace(backtest, **frames)

    @property
    def share(self) -> float:
        """The sharing rate of the backtest."""
        return float(self.result.manifest.get("share", DEFAULT_SHARE))

    @property
    def group(self) -> str:
        """The names of the treated units, or their number if there are many."""
        treated = next(iter(self.result.designs.values())).treated
        return own(", ".join(treated)) if len(treated) <= 3 else say("contracted_units", n=len(treated))

    def label(self, pair: Pair) -> str:
        """Return the name of a design, with the method if the study has several."""
        name = pair[0].replace("_", " ")
        return f"{name}, {pair[1]}" if len(self.result.methods) > 1 else name

    def quoted(self, pair: Pair) -> str:
        """Return the label in quotation marks."""
        return own(quoted(self.label(pair)))

    def full_name(self, pair: Pair) -> str:
        """Return the label in quotation marks, followed by the description of the design."""
        tag, words = chosen(self.result.design_labels.get(pair[0], ""))
        description = foreign(words.strip().rstrip("."), tag)
        return say("described", name=self.quoted(pair), text=description) if description else self.quoted(pair)

    def labelled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with columns design and method, with the label of each row as a column."""
        return frame.assign(label=[self.label(pair_of(row)) for _, row in frame.iterrows()])

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

    def threshold(self, pair: Pair, key: ThresholdKey = COMPARISON_KEY) -> Row | None:
        """Return a threshold of the contract group under a design and method; None if there is none."""
        rows = rows_of(self.result.case_thresholds, pair)
        rows = rows[key.rows(rows)] if len(rows) else rows
        return rows.iloc[0] if len(rows) and math.isfinite(rows["rate"].iloc[0]) else None

    @cached_property
    def compared(self) -> pd.DataFrame:
        """Numbered rows of designs.csv: the one that settles, then those that none dominates, then the others."""
        table = self.result.tables.get("designs.csv", pd.DataFrame())
        if not len(table):
            return table
        dominated = table["dominated_by"].notna() & (table["dominated_by"] != "")
        table = table.assign(rest=~table["settles"], dominated=dominated)
        table = table.sort_values(["rest", "dominated", "misallocation"], kind="stable", ignore_index=True)
        texts = self.result.manifest.get("labels", {})
        label = [own(texts.get(name, text)) for name, text in table[["design", "label"]].to_numpy()]
        methods = map(own, table["method"]) if len(set(table["method"])) > 1 else repeat("")
        name = [joined(words, "; ") for words in zip(label, methods, strict=False)]
        numbered = [joined([f"{number}.", words]) for number, words in enumerate(name, start=1)]
        words = pd.DataFrame({"label": label, "name": name, "numbered": numbered}, dtype=object)  # with their `lang`
        return table.assign(number=table.index + 1, **words)

    def payments(self, row: Row) -> pd.DataFrame:
        """Return payments of a design and method by true saving in the first scenario (scenarios.csv)."""
        rows = rows_of(self.result.tables["scenarios.csv"], pair_of(row))
        return pd.DataFrame(rows[rows["scenario"] == rows["scenario"].iloc[0]])

    def entry(self, block: str, name: str) -> str:
        """Return an entry of a building block in words."""
        parts = self.result.manifest.get("study", {}).get(block, [])
        labels = {part["name"]: part.get("label") for part in parts if isinstance(part, dict)}
        return own(labels.get(name) or name)

    def insured_years(self, pair: Pair) -> float | None:
        """Return the insured-years of the contract group over the performance periods; None if they are unknown."""
        if self.result.panel.insured_years is None or pair not in self.result.counterfactuals:
            return None
        return float(self.result.counterfactuals[pair].insured_years.sum())


def analyse(result: StudyResult) -> Analysis:
    """Compute what several parts of a report need, from what may be shown of the result."""
    result = disclosed(result)
    return Analysis(result, *_noise(result))


def pair_of(row: Any) -> Pair:
    """Return the design and method of a row."""
    return str(row["design"]), str(row["method"])


def rows_of(frame: pd.DataFrame | None, pair: Pair) -> pd.DataFrame:
    """Return the rows of a design and method; an empty frame if there are none."""
    if frame is None or not {"design", "method"} <= set(frame.columns):
        return pd.DataFrame()
    return frame[(frame["design"] == pair[0]) & (frame["method"] == pair[1])]


def span(periods: tuple[object, ...]) -> str:
    """Return periods as "first to last", or as a list if there are at most two."""
    if len(periods) <= 2:
        return listed([str(period) for period in periods])
    return say("span", first=periods[0], last=periods[-1])


def named(names: list[str], counted: str = "designs", most: int = 3) -> list[str]:
    """Return a list of names; of more than `most`, their number, in the words with the id `counted`."""
    return names if len(names) <= most else [say(counted, n=len(names))]


def _noise(result: StudyResult) -> tuple[dict[Pair, Noise], dict[str, list[str]]]:
    """Return noise components by design and method, and the reasons for those without."""
    if result.backtest is None or result.panel.insured_years is None:
        return {}, {}
    noise, refused = dict[Pair, Noise](), dict[str, list[str]]()
    empty, seed = Analysis(result, {}, {}), result.backtest.seed
    for pair in empty.pairs:
        rows = empty.placebos(pair)
        if not len(rows):
            continue
        try:
            components = of_placebos.noise_components(rows, seed=seed)
            outside = (of_placebos.outside_sampling_interval(rows, k, seed=seed) for k in (components.k, MSSP_K))
            noise[pair] = Noise(components, *outside)
        except SsinferError as error:
            refused.setdefault(str(error), []).append(empty.label(pair))
    return noise, refused

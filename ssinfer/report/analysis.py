"""Analysis: the result of a study, with the quantities that several parts of its report need."""

import re
from collections.abc import Mapping
from functools import cached_property
from itertools import repeat
from typing import Any

import pandas as pd

from ssinfer.backtesting.noise import noise_of_pairs
from ssinfer.foreign import chosen, foreign, joined, own
from ssinfer.periods.reading import read_periods
from ssinfer.printed import listed, quoted
from ssinfer.sentences import say
from ssinfer.study.compared_designs import numbered
from ssinfer.study.disclosure import disclosed
from ssinfer.study.queries import Pair, StudyQueries, pair_of
from ssinfer.study.result import StudyResult
from ssinfer.study.sensitivity import sensitivity

MAX_NAME = 40  # characters of a label that stands for the name of a design
QUOTES = quoted("\0").split("\0")


class Analysis(StudyQueries):
    """The result of a study, with names of its parts in the language in use."""

    @property
    def group(self) -> str:
        """The names of the treated units, or their number if there are many."""
        treated = next(iter(self.result.designs.values())).treated
        return own(", ".join(map(self.unit, treated))) if len(treated) <= 3 else say("contracted_units", n=len(treated))

    def unit(self, label: str) -> str:
        """Return the name that the study gives a unit; by default its label."""
        names = self.result.manifest.get("study", {}).get("case", {}).get("names", {})
        return str(names.get(label, label))

    @cached_property
    def _designs(self) -> dict[str, str]:
        """The labels of designs that are given by language; none if one is too long for a name, or if two are equal."""
        labels = {name: own(text) for name, text in self.result.design_labels.items() if isinstance(text, Mapping)}
        short = all(len(label) <= MAX_NAME for label in labels.values())
        return labels if short and len({*labels.values()}) == len(labels) else {}

    def method(self, name: str) -> str:
        """Return the name of a method, in words if it is that of a class or a usual one."""
        try:
            return say(f"cell.method.{name}")
        except KeyError:
            return own(name)

    def label(self, pair: Pair) -> str:
        """Return the name of a design, with the method if the study has several."""
        name = self._designs.get(pair[0]) or own(pair[0].replace("_", " "))
        return joined([name, self.method(pair[1])], ", ") if len(self.result.methods) > 1 else name

    def quoted(self, pair: Pair) -> str:
        """Return the label in quotation marks."""
        return joined([QUOTES[0], self.label(pair), QUOTES[1]], "")

    def full_name(self, pair: Pair) -> str:
        """Return the label in quotation marks, followed by the description of the design."""
        if pair[0] in self._designs:
            return self.quoted(pair)
        tag, words = chosen(self.result.design_labels.get(pair[0], ""))
        description = foreign(words.strip().rstrip("."), tag)
        return say("described", name=self.quoted(pair), text=description) if description else self.quoted(pair)

    def labelled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with columns design and method, with the label of each row as a column."""
        return frame.assign(label=[self.label(pair_of(row)) for _, row in frame.iterrows()])

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The numbered rows of designs.csv with their names; `label` without the method."""
        table = numbered(self.table("designs.csv"))
        texts = self.result.manifest.get("labels", {})
        label = [own(texts.get(name, text)) for name, text in table[["design", "label"]].to_numpy()]
        methods = map(self.method, table["method"]) if len(set(table["method"])) > 1 else repeat("")
        name = [joined(words, "; ") for words in zip(label, methods, strict=False)]
        words = {"label": label, "name": name}
        words["numbered"] = [joined([f"{n}.", text]) for n, text in zip(table["number"], name, strict=True)]
        return table.assign(**pd.DataFrame(words, dtype=object))  # with their `lang`

    @property
    def design_names(self) -> dict[str, str]:
        """The labels of the designs of designs.csv."""
        return dict(self.compared[["design", "label"]].to_numpy())

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """What changes of one choice would do to the threshold, the saving and the verdict."""
        return sensitivity(self)

    def settings(self, block: str) -> list[dict[str, Any]]:
        """Return the entries of a building block as the study file has them."""
        return [part for part in self.result.manifest.get("study", {}).get(block, []) if isinstance(part, dict)]

    def entry(self, block: str, name: str) -> str:
        """Return an entry of a building block in words."""
        if block == "method":
            return self.method(name)
        labels = {part["name"]: part.get("label") for part in self.settings(block)}
        if block == "windows":
            return re.sub("[a-z]+", lambda word: say(f"entry.windows.{word[0]}", word[0]), name)
        return own(labels[name]) if labels.get(name) else say(f"entry.{block}.{name}", "") or own(name)


def analyse(result: StudyResult) -> Analysis:
    """Compute what several parts of a report need, from what may be shown of the result."""
    analysis = Analysis(disclosed(result))
    backtest = analysis.result.backtest
    if backtest is None or analysis.result.panel.insured_years is None:
        return analysis
    return Analysis(analysis.result, *noise_of_pairs(backtest.placebos, analysis.pairs, backtest.seed))


def span(periods: tuple[object, ...]) -> str:
    """Return periods as "first to last", or as a list if there are at most two."""
    if len(periods) <= 2:
        return listed([str(period) for period in periods])
    timeline = read_periods(periods)  # months that a file gives as days are shown as months
    return say("span", first=timeline.name(0), last=timeline.name(len(periods) - 1))


def named(names: list[str], counted: str = "designs", most: int = 3) -> list[str]:
    """Return a list of names; of more than `most`, their number, in the words with the id `counted`."""
    return names if len(names) <= most else [say(counted, n=len(names))]

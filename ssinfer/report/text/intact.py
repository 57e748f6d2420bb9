"""Sentences on intact practices: how much larger their threshold is than the threshold for random insured."""

import math
from collections.abc import Iterator
from typing import Any

from ssinfer.figures.numbers import column_with_errors, count, percent
from ssinfer.report.analysis import Analysis

REGIONAL, ANY_REGION, RANDOM = "regional bundles", "bundles", "random"


def intact_sentences(analysis: Analysis) -> Iterator[str]:
    """Return the two thresholds, and whether practices have shocks that can be distinguished from sampling noise."""
    groups = analysis.result.intact_groups
    if groups is None:
        return
    if groups.table is None:
        yield f"Intact practices are not compared with random insured: {groups.reason}"
        return
    frame = groups.table.set_index("kind")
    regional = REGIONAL in frame.index
    by_kind: Any = frame.drop(columns="groups").to_dict("index")
    row, random = by_kind[REGIONAL if regional else ANY_REGION], by_kind[RANDOM]
    ratio, error = float(row["ratio"]), float(row["ratio_se"])
    yield (
        f"At the size of the contract (about {count(groups.size)} insured), a group of intact practices"
        f"{' from one region' if regional else ''} needs a threshold of {percent(row['threshold'])}. Random insured "
        f"need {percent(random['threshold'])}: the ratio is {column_with_errors([ratio], [error])[0]}."
    )
    if ratio > 1 + 1.645 * error:
        yield (
            "Practices and regions have their own shocks, which do not shrink with the number of insured. Here the "
            f"shocks are about {percent(math.sqrt(row['sd'] ** 2 - random['sd'] ** 2))} of spending per group. A "
            "threshold from random insured, or from a formula for independent persons, would be too low by that ratio."
        )
    else:
        yield (
            "At this size the sampling noise of persons is so large that shocks of practices cannot be distinguished "
            "from it. In larger groups the noise shrinks and the shocks do not."
        )

"""In words: what an interval from sampling error alone would pay, and the noise that placebos show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssinfer.backtesting.noise import (
    NoiseComponents,
    OutsideSamplingInterval,
    noise_components,
    outside_sampling_interval,
)
from ssinfer.errors import SsinferError
from ssinfer.figures.numbers import PLUS_MINUS, count, listed, percent, plain, quoted
from ssinfer.report.text.pairs import label_of, pairs_of, placebo_rows
from ssinfer.thresholds.schedule import MSSP_K

if TYPE_CHECKING:
    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult


@dataclass(frozen=True)
class Noise:
    """k and shock of one design and method; what sampling error alone would pay with that k, and with Medicare's."""

    components: NoiseComponents
    own_k: OutsideSamplingInterval
    medicare_k: OutsideSamplingInterval


def noise_of(result: StudyResult) -> tuple[dict[Pair, Noise], tuple[str, ...]]:
    """Return the noise components by design and method, and the reasons where there are none."""
    found: dict[Pair, Noise] = {}
    refused: dict[str, list[str]] = {}
    if result.backtest is None:
        return {}, ()
    if result.panel.insured_years is None:
        return {}, ("Sampling noise against group shock: the panel has no numbers of insured.",)
    seed = result.backtest.seed
    for pair in pairs_of(result):
        rows = placebo_rows(result, pair)
        if not len(rows):
            continue
        try:
            components = noise_components(rows, seed=seed)
            own = outside_sampling_interval(rows, components.k, seed=seed)
            medicare = outside_sampling_interval(rows, MSSP_K, seed=seed)
        except SsinferError as error:
            refused.setdefault(str(error), []).append(quoted(label_of(result, pair)))
            continue
        found[pair] = Noise(components, own, medicare)
    return found, tuple(
        f"Sampling noise against group shock under {_some(names)}: {reason}" for reason, names in refused.items()
    )


def _some(names: list[str]) -> str:
    return listed(names) if len(names) <= 3 else f"{len(names)} designs and methods"


def sampling_sentences(result: StudyResult, noise: dict[Pair, Noise], best: Pair) -> tuple[str, ...]:
    """Return what sampling error alone would pay, in words, for the best design."""
    if best not in noise:
        return ()
    found = noise[best]
    c, own, medicare = found.components, found.own_k, found.medicare_k
    place = f"under {quoted(label_of(result, best))}" if len(noise) > 1 else "here"
    first = (
        "A 95% interval from sampling error alone (standard error k / sqrt(n), no group shock) would pay "
        f"{percent(own.above, own.above_se)} {PLUS_MINUS} {percent(own.above_se, own.above_se)} of contracts that "
        f"saved nothing, where it promises 2.5%; and {percent(own.below, own.below_se)} would seem to have lost money. "
        f"So {percent(own.outside, own.outside_se)} {PLUS_MINUS} {percent(own.outside_se, own.outside_se)} of placebo "
        f"contracts lie outside an interval that should leave out 5%. This takes k = {plain(c.k, 1)} from the placebos "
        f"{place}; with Medicare's k = {MSSP_K} it would pay {percent(medicare.above, medicare.above_se)}, and "
        f"{percent(medicare.outside, medicare.outside_se)} would lie outside."
    )
    second = (
        f"The placebos' spread has two parts, estimated jointly from {c.n_rows:,} placebo contracts of {c.n_units} "
        f"units at {c.n_origins} {'origin' if c.n_origins == 1 else 'origins'}: sampling noise with k = "
        f"{plain(c.k, 1)} (95% interval {plain(c.k_lower, 1)} to {plain(c.k_upper, 1)}), which shrinks with size, and "
        f"a group shock with an SD of {percent(c.shock)} ({percent(c.shock_lower)} to {percent(c.shock_upper)}), which "
        f"does not. At {count(20_000)} insured-years they are {percent(c.k / 20_000**0.5)} and {percent(c.shock)}: "
        "more insured lower the first only."
    )
    rows = placebo_rows(result, best)
    if rows["block"].nunique() < rows["unit"].nunique():
        depend = "The interval counts neighbouring units as dependent."
    else:
        depend = "The interval takes units as independent of each other, as the panel does not say where they lie."
    third = (
        f"{depend} A shock common to all units in a year has as many observations as there are origins, {c.n_origins}, "
        "and is hardly known."
    )
    return first, second, third

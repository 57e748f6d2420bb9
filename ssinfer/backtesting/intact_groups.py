"""Intact groups against random insured: how much larger the savings threshold of whole practices is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.cohort.pseudo_practices import Kind, group_codes, pseudo_practices
from ssinfer.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ssinfer.cohort.cohort import Cohort

    Window = tuple[Sequence[Any], Sequence[Any]]

# Below this many groups an SD of placebo savings says little: its relative error is 1 / sqrt(2 (m - 1)), 24% at 10.
LEAST_GROUPS = 10
QUANTILE = 1.6448536269514722  # one-sided 95%, normal


def placebo_savings(codes: Any, sums: Any) -> Any:
    r"""Return each group's placebo savings rate against the growth of all (groups, windows).

    It is :math:`1 - (Y_1 / Y_0) / (\bar Y_1 / \bar Y_0)` with :math:`Y_0, Y_1` a group's mean spending per insured-year
    over baseline and performance, and bars over those of all persons: the administrative benchmark without weights,
    the same for every group however it was made.

    Parameters
    ----------
    codes : array (n,)
        Group of each row; -1 for none.
    sums : array (n, windows, 2, 2)
        Money and insured-years (last), in baseline and performance (before it).
    """
    n, windows = len(sums), sums.shape[1]
    flat = sums.reshape(n, -1)
    inside = codes >= 0
    groups = int(codes.max()) + 1
    by_group = np.stack([np.bincount(codes[inside], weights=column[inside], minlength=groups) for column in flat.T], -1)
    totals = by_group.reshape(groups, windows, 2, 2)
    everybody = flat.sum(axis=0).reshape(1, windows, 2, 2)
    growth = [part[..., 1, 0] / part[..., 1, 1] / (part[..., 0, 0] / part[..., 0, 1]) for part in (totals, everybody)]
    return 1 - growth[0] / growth[1]


def intact_group_ratio(
    cohort: Cohort,
    *,
    size: int,
    windows: Sequence[Window],
    exclude: Iterable[object] = (),
    repeats: int = 20,
    seed: int = 1,
) -> pd.DataFrame:
    """Return how much larger the savings threshold is for groups of intact practices than for random insured.

    All groups have zero true saving. Bundles and random groups have about `size` insured; practice shocks, which do
    not shrink with the number of insured in a practice, are in whole practices only. Single practices are set
    against random groups of exactly their sizes.

    Parameters
    ----------
    cohort : Cohort
    size : int
        Insured per bundle, the contract's own say.
    windows : sequence of (baseline, performance)
        Periods of each window; variances are averaged over windows.
    exclude : sequence of units
        Units under contract.
    repeats : int
        Random divisions into groups, over which variances are averaged.
    seed : int
        Each kind has a stream of its own, so that a kind left out changes no other.

    Returns
    -------
    pandas.DataFrame
        A row per kind: "practices", "random, as practices", "bundles", "regional bundles" where regions are known, and
        "random". Columns: groups per division, insured per group (mean), sd of the placebo savings rate, threshold
        (one-sided 95%, normal: 1.645 sd), ratio to random insured in groups of the same size, and its standard error:
        over groups, sd / sqrt(2 (m - 1)) each, because divisions of the same persons, and windows that share them,
        are not independent.

    Raises
    ------
    CohortError
        A division has fewer than 10 groups.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> unit = np.repeat([f"gp{i:02d}" for i in range(60)], 40)
    >>> from ssinfer.cohort.cohort import Cohort
    >>> money = rng.gamma(1.0, 2000.0, (2400, 2))
    >>> cohort = Cohort(np.arange(2400), unit, (2018, 2019), money, np.ones((2400, 2)))
    >>> table = intact_group_ratio(cohort, size=120, windows=[([2018], [2019])], repeats=5)
    >>> table["kind"].tolist()
    ['practices', 'random, as practices', 'bundles', 'random']
    """
    left_out = tuple(exclude)
    whole = pseudo_practices(cohort, "intact", exclude=left_out)
    sums = _window_sums(whole, windows)
    practices = whole.unit_rows()
    kinds: list[tuple[str, Kind | None]] = [("practices", "intact"), ("random, as practices", None)]
    kinds += [("bundles", "bundles")]
    kinds += [("regional bundles", "regional bundles")] if cohort.region is not None else []
    kinds += [("random", "random")]
    rows = []
    for place, (name, kind) in enumerate(kinds):
        rng = np.random.default_rng([seed, place])
        variances, counts, sizes = [], [], []
        for _ in range(1 if kind == "intact" else repeats):
            if kind == "intact":
                codes = practices
            elif kind is None:  # practices' labels dealt anew over persons: the sizes stay, the practices go
                codes = rng.permutation(practices)
            else:
                codes = group_codes(whole, kind, size, rng)[0]
            found = np.bincount(codes[codes >= 0])
            if len(found) < LEAST_GROUPS:
                raise CohortError(
                    f"Only {len(found)} groups of {size:,} insured can be made ({name}); an SD over fewer than "
                    f"{LEAST_GROUPS} says little. Choose a smaller size or a larger cohort."
                )
            variances.append(placebo_savings(codes, sums).var(axis=0, ddof=1).mean())
            counts.append(len(found))
            sizes.append(found.mean())
        rows.append(
            {
                "kind": name,
                "groups": round(float(np.mean(counts))),
                "insured": float(np.mean(sizes)),
                "sd": float(np.sqrt(np.mean(variances))),
            }
        )
    frame = pd.DataFrame(rows)
    frame["threshold"] = QUANTILE * frame["sd"]
    against = ["random, as practices" if "practices" in name else "random" for name in frame["kind"]]
    by_kind = frame.set_index("kind")
    frame["ratio"] = frame["sd"] / by_kind["sd"].loc[against].to_numpy()
    relative = 1 / (2 * (frame["groups"] - 1)) + 1 / (2 * (by_kind["groups"].loc[against].to_numpy() - 1))
    frame["ratio_se"] = np.where(frame["kind"] == against, 0.0, frame["ratio"] * np.sqrt(relative))
    return frame


def _window_sums(cohort: Cohort, windows: Sequence[Window]) -> Any:
    """Return money and insured-years of each row in baseline and performance of each window (n, windows, 2, 2)."""
    parts = []
    for window in windows:
        columns = [cohort.columns(periods) for periods in window]
        parts.append(
            np.stack(
                [
                    np.stack([grid[:, c].sum(axis=1) for grid in (cohort.spending, cohort.insured_years)], -1)
                    for c in columns
                ],
                axis=1,
            )
        )
    return np.stack(parts, axis=1)

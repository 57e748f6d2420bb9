"""intact_group_ratio: compares the savings threshold of whole practices with that of randomly drawn insured."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import COUNT, Several, checked
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.pseudo_practices import Kind, group_codes, pseudo_practices
from ssinfer.errors import CohortError
from ssinfer.streams import stream_of
from ssinfer.typing import Floats, Positions

type Window = tuple[Sequence[Any], Sequence[Any]]

#: Fewest groups for an SD of placebo savings; its relative error is 1 / sqrt(2 (m - 1)), 24% at 10.
MIN_GROUPS = 10
#: Quantile of a one-sided 95% threshold under a normal law.
QUANTILE = 1.6448536269514722


def placebo_savings(codes: Positions, sums: Floats) -> Floats:
    r"""Return savings rates :math:`1 - (Y_1 / Y_0) / (\bar Y_1 / \bar Y_0)` (groups, windows); bars: over all persons.

    `codes` (n,) is the group of each row, -1 for none. `sums` (n, windows, 2, 2) holds spending and insured-years (last
    axis) in baseline and performance (axis before it).
    """
    n, windows = len(sums), sums.shape[1]
    flat = sums.reshape(n, -1)
    inside = codes >= 0
    groups = int(codes.max()) + 1
    by_group = np.stack([np.bincount(codes[inside], weights=column[inside], minlength=groups) for column in flat.T], -1)
    totals = by_group.reshape(groups, windows, 2, 2)
    everybody = flat.sum(axis=0).reshape(1, windows, 2, 2)
    growth = [part[..., 1, 0] / part[..., 1, 1] / (part[..., 0, 0] / part[..., 0, 1]) for part in (totals, everybody)]
    return np.asarray(1 - growth[0] / growth[1])


@checked(CohortError, size=COUNT, repeats=COUNT, windows=Several(Several(count=2)))
def intact_group_ratio(
    cohort: Cohort,
    *,
    size: int,
    windows: Sequence[Window],
    exclude: str | Iterable[object] = (),
    repeats: int = 20,
    seed: int = 1,
) -> pd.DataFrame:
    """Return the ratio of savings thresholds: groups of intact practices against random insured.

    The true saving of all groups is zero. Bundles and random groups have about `size` insured. Only whole practices
    have practice shocks, which do not shrink with the number of insured in a practice. Single practices are compared
    with random groups of exactly their sizes. CohortError: a division has fewer than 10 groups.

    Parameters
    ----------
    cohort : Cohort
    size : insured per bundle, for example the size of the contract
    windows : periods (baseline, performance) of each window; variances are averaged over windows
    exclude : units under contract
    repeats : number of random divisions into groups, over which variances are averaged
    seed : random seed; each kind has its own stream, so that leaving one out changes no other

    Returns
    -------
    pandas.DataFrame, one row per kind: "practices", "random, as practices", "bundles", "regional bundles", "random"
        Columns: kind, groups per division, insured per group (mean), sd of the placebo savings rate, threshold
        (one-sided 95%, normal: 1.645 sd), ratio to random insured in groups of the same size, and ratio_se, which
        counts groups, sd / sqrt(2 (m - 1)) each: divisions of the same persons are not independent.

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
    intact = pseudo_practices(cohort, "intact", exclude=exclude)
    if not windows:
        raise CohortError("windows is empty. Give at least one, such as ([2017], [2018]).")
    sums = _window_sums(intact, windows)
    kinds: list[tuple[str, Kind | None]] = [("practices", "intact"), ("random, as practices", None)]
    kinds += [("bundles", "bundles"), ("regional bundles", "regional bundles"), ("random", "random")]
    if cohort.region is None:
        kinds = [(name, kind) for name, kind in kinds if kind != "regional bundles"]
    rows = []
    for name, kind in kinds:
        rng = np.random.default_rng(stream_of(seed, "intact groups", name))
        variances, counts, sizes = [], [], []
        for codes in _divisions(intact, kind, size, 1 if kind == "intact" else repeats, rng):
            members = np.bincount(codes[codes >= 0])
            if len(members) < MIN_GROUPS:
                raise CohortError(
                    f"Only {len(members)} groups of {size:,} insured can be made ({name}), and an SD needs at least "
                    f"{MIN_GROUPS}. Choose a smaller size or a larger cohort."
                )
            variances.append(placebo_savings(codes, sums).var(axis=0, ddof=1).mean())
            counts.append(len(members))
            sizes.append(members.mean())
        means = {"groups": round(float(np.mean(counts))), "insured": float(np.mean(sizes))}
        rows.append({"kind": name, **means, "sd": float(np.sqrt(np.mean(variances)))})
    frame = pd.DataFrame(rows)
    frame["threshold"] = QUANTILE * frame["sd"]
    against = ["random, as practices" if "practices" in name else "random" for name in frame["kind"]]
    by_kind = frame.set_index("kind")
    frame["ratio"] = frame["sd"] / by_kind["sd"].loc[against].to_numpy()
    relative = 1 / (2 * (frame["groups"] - 1)) + 1 / (2 * (by_kind["groups"].loc[against].to_numpy() - 1))
    frame["ratio_se"] = np.where(frame["kind"] == against, 0.0, frame["ratio"] * np.sqrt(relative))
    return frame


def _divisions(
    intact: Cohort, kind: Kind | None, size: int, repeats: int, rng: np.random.Generator
) -> Iterator[Positions]:
    """Yield the group of each row in each division; None deals the practices' labels at random, so that sizes stay."""
    practices = intact.unit_rows()
    for _ in range(repeats):
        if kind == "intact":
            yield practices
        elif kind is None:
            yield rng.permutation(practices)
        else:
            yield group_codes(intact, kind, size, rng)[0]


def _window_sums(cohort: Cohort, windows: Sequence[Window]) -> Floats:
    """Return spending and insured-years of each row in baseline and performance of each window (n, windows, 2, 2)."""
    grids = (cohort.spending, cohort.insured_years)
    parts = []
    for window in windows:
        columns = [cohort.columns(periods) for periods in window]
        parts.append(np.stack([np.stack([grid[:, c].sum(axis=1) for grid in grids], -1) for c in columns], axis=1))
    return np.stack(parts, axis=1)

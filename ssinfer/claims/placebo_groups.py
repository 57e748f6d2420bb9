"""Pseudo-practices: groups with zero true saving, as placebos for a group of practices under contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ssinfer.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ssinfer.cohort import Cohort

Kind = Literal["intact", "bundles", "random"]
# Below this many groups an SD of placebo savings says little: its relative error is 1 / sqrt(2 (m - 1)), 24% at 10.
LEAST_GROUPS = 10


def pseudo_practices(
    cohort: Cohort,
    kind: Kind,
    *,
    size: int | None = None,
    exclude: Iterable[object] = (),
    seed: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> Cohort:
    """Return a cohort whose units are placebo groups.

    Parameters
    ----------
    cohort : Cohort
    kind : "intact", "bundles" or "random"
        Intact: practices as they are. Bundles: whole practices in random order, put together until a group has about
        `size` insured. Random: groups of `size` insured drawn from all, which share no practice and so no practice
        shock: their spread is sampling noise alone, **not** what a contract with practices is subject to.
    size : int, optional
        Insured per group; not for "intact".
    exclude : sequence of units
        Units under contract, which are no placebos.
    seed : int, SeedSequence or Generator

    Returns
    -------
    Cohort
        Persons left over, too few for a group, are not in it.

    Raises
    ------
    CohortError
        Fewer than two groups can be made.

    Examples
    --------
    >>> import numpy as np
    >>> from ssinfer.cohort import Cohort
    >>> unit = np.repeat(["a", "b", "c", "d"], 50)
    >>> cohort = Cohort(np.arange(200), unit, (2018,), np.ones((200, 1)), np.ones((200, 1)))
    >>> pseudo_practices(cohort, "bundles", size=100, seed=1)
    Cohort: 200 persons in 2 units x 1 periods (2018 to 2018), 200.0 insured-years
    """
    if kind not in ("intact", "bundles", "random"):
        raise CohortError(f"kind is {kind!r}; allowed: 'intact', 'bundles' or 'random'.")
    if (size is None) != (kind == "intact"):
        raise CohortError(
            f"size is {size} for kind {kind!r}. Bundles and random groups need one, intact ones have theirs."
        )
    if size is not None and size < 1:
        raise CohortError(f"size is {size}; at least one insured per group is needed.")
    left_out = {str(unit) for unit in exclude}
    unknown = left_out - set(cohort.units)
    if unknown:
        raise CohortError(f"exclude names {sorted(unknown)[:3]}, which the cohort does not have.")
    if left_out:
        cohort = cohort.select(units=[unit for unit in cohort.units if unit not in left_out])
    if kind == "intact":
        return cohort
    rng = np.random.default_rng(seed)
    assert size is not None  # noqa: S101  (for the type checker: refused above)
    group = _bundles(cohort, size, rng) if kind == "bundles" else _random(cohort, size, rng)
    n_groups = int(group.max()) + 1
    if n_groups < 2:
        raise CohortError(
            f"{len(cohort.person):,} insured in {len(cohort.units)} units make {n_groups} group of {size:,}; at least "
            "two are needed. Choose a smaller size."
        )
    width = len(str(n_groups))
    names = np.array([f"{'bundle' if kind == 'bundles' else 'random'} {g + 1:0{width}d}" for g in range(n_groups)])
    inside = group >= 0
    return cohort.select(persons=inside).with_units(names[group[inside]])


def _bundles(cohort: Cohort, size: int, rng: np.random.Generator) -> Any:
    """Return each person's bundle; -1 for the practices left over at the end."""
    rows = cohort.unit_rows()
    sizes = np.bincount(rows)
    bundle = np.full(len(sizes), -1)
    current, held, members = 0, 0, []
    for practice in rng.permutation(len(sizes)):
        members.append(practice)
        held += sizes[practice]
        # Close where the next practice of average size would lead further away from the size wanted.
        if held + sizes.mean() / 2 >= size:
            bundle[members] = current
            current, held, members = current + 1, 0, []
    return bundle[rows]


def _random(cohort: Cohort, size: int, rng: np.random.Generator) -> Any:
    """Return each person's random group; all rows of a person who changed practice go together."""
    codes, persons = pd.factorize(cohort.person)
    place = rng.permutation(len(persons)) // size
    place[place >= len(persons) // size] = -1
    return np.asarray(place[codes])


def placebo_savings(cohort: Cohort, baseline: Sequence[Any], performance: Sequence[Any]) -> pd.Series:
    r"""Return each unit's placebo savings rate against the growth of all.

    It is :math:`1 - (Y_1 / Y_0) / (\bar Y_1 / \bar Y_0)` with :math:`Y_0, Y_1` a unit's mean spending per insured-year
    over baseline and performance, and bars over those of all persons: the administrative benchmark without weights,
    the same for every group however it was made.
    """
    rows, n = cohort.unit_rows(), len(cohort.units)

    def growth(mask: Any) -> Any:
        means = []
        for periods in (baseline, performance):
            columns = cohort.columns(periods)
            money, years = cohort.spending[:, columns].sum(axis=1), cohort.insured_years[:, columns].sum(axis=1)
            means.append(np.bincount(mask, weights=money, minlength=1) / np.bincount(mask, weights=years, minlength=1))
        return means[1] / means[0]

    rates = 1 - growth(rows) / growth(np.zeros(len(rows), dtype=np.intp))[0]
    return pd.Series(rates[:n], index=pd.Index(cohort.units, name="unit"), name="saving_rate")


def intact_group_ratio(
    cohort: Cohort,
    *,
    size: int,
    baseline: Sequence[Any],
    performance: Sequence[Any],
    exclude: Iterable[object] = (),
    repeats: int = 20,
    seed: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Return how much larger the savings threshold is for groups of intact practices than for random insured.

    Both kinds of group have about `size` insured and zero true saving; practice shocks, which do not shrink with the
    number of insured in a practice, are in the first only.

    Parameters
    ----------
    size : int
        Insured per group.
    baseline, performance : sequence of periods
    exclude : sequence of units
        Units under contract.
    repeats : int
        Random divisions into groups, over which variances are averaged.
    seed : int, SeedSequence or Generator

    Returns
    -------
    pandas.DataFrame
        A row per kind ("bundles", "random"): groups per division, sd of the placebo savings rate, threshold (one-sided
        95%, normal: 1.645 sd), ratio to random, and its standard error: over groups, sd / sqrt(2 (m - 1)) each,
        because divisions of the same persons are not independent.

    Raises
    ------
    CohortError
        A division has fewer than 10 groups.
    """
    rng = np.random.default_rng(seed)
    left_out = tuple(exclude)
    rows = []
    for kind in ("bundles", "random"):
        variances, counts = [], []
        for _ in range(repeats):
            groups = pseudo_practices(cohort, kind, size=size, exclude=left_out, seed=rng)
            if len(groups.units) < LEAST_GROUPS:
                raise CohortError(
                    f"Only {len(groups.units)} groups of {size:,} insured can be made; an SD over fewer than "
                    f"{LEAST_GROUPS} says little. Choose a smaller size or a larger cohort."
                )
            variances.append(placebo_savings(groups, baseline, performance).var(ddof=1))
            counts.append(len(groups.units))
        rows.append({"kind": kind, "groups": round(float(np.mean(counts))), "sd": float(np.sqrt(np.mean(variances)))})
    frame = pd.DataFrame(rows)
    frame["threshold"] = 1.6448536269514722 * frame["sd"]
    frame["ratio"] = frame["sd"] / frame["sd"].iloc[-1]
    relative = 1 / (2 * (frame["groups"] - 1))
    error = frame["ratio"] * np.sqrt(relative + relative.iloc[-1])
    error.iloc[-1] = 0.0
    frame["ratio_se"] = error
    return frame

"""Pseudo-practices: groups with zero true saving, as placebos for a group of practices under contract."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd

from ssinfer.arguments import Number, Optional, checked, random_generator
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import CohortError
from ssinfer.names import match_names
from ssinfer.typing import Integers, Positions

Kind = Literal["intact", "bundles", "regional bundles", "random"]


@checked(CohortError, size=Optional(Number(1, whole=True)))
def pseudo_practices(
    cohort: Cohort,
    kind: Kind,
    *,
    size: int | None = None,
    exclude: str | Iterable[object] = (),
    keep: str | Iterable[object] = (),
    seed: int | np.random.SeedSequence | np.random.Generator | None = None,
    like: Cohort | None = None,
) -> Cohort:
    """Return a cohort whose units are placebo groups.

    ================  ==========================================================================================
    intact            practices as they are
    bundles           practices in random order, put together until a group has about `size` insured
    regional bundles  bundles within each region: a group shares its region's shocks and hospitals, as a contract does
    random            groups of `size` insured, drawn from all persons
    ================  ==========================================================================================

    Random groups share no practice, so no practice shock: their spread is sampling noise alone. It is **not** the
    uncertainty of a contract with practices.

    Parameters
    ----------
    cohort, kind : Cohort, one of the names above
    size : int, optional. Insured per group; not for "intact". Persons too few for a last group are left out.
    exclude, keep : sequence of units. Units under contract, not placebos; and those under study, which come first.
    seed : int, SeedSequence or Generator
    like : Cohort, optional
        A cohort whose groups are made, so that other persons or spending of the same practices have the same groups.
        Rows of a practice (for "random": of a person) that it lacks are left out.

    Raises
    ------
    CohortError : fewer than two groups can be made, or regions are wanted and not known

    Examples
    --------
    >>> import numpy as np
    >>> from ssinfer.cohort.cohort import Cohort
    >>> unit = np.repeat(["a", "b", "c", "d"], 50)
    >>> cohort = Cohort(np.arange(200), unit, (2018,), np.ones((200, 1)), np.ones((200, 1)))
    >>> pseudo_practices(cohort, "bundles", size=100, seed=1)
    Cohort: 200 persons in 2 units x 1 periods (2018 to 2018), 200.0 insured-years
    """
    if (size is None) != (kind == "intact"):
        raise CohortError(
            f"size is {size} and kind is {kind!r}. Bundles and random groups need a size, intact practices have one."
        )
    kept, excluded = (
        set(match_names(units, (like or cohort).units, f"{name}: the cohort has no unit", CohortError))
        for name, units in (("keep", keep), ("exclude", exclude))
    )
    in_contract = np.isin(cohort.unit, list(kept - excluded))
    inside = ~np.isin(cohort.unit, list(kept | excluded))
    if not inside.any():
        raise CohortError("No person is left for placebo groups after keep and exclude are taken out.")
    labels = np.array(cohort.unit, dtype=object)
    if size is not None:
        rows = np.flatnonzero(inside)
        codes, names = _codes_like(cohort, rows, kind, size, seed, kept | excluded, like)
        labels[rows] = np.array([*names, ""], dtype=object)[codes]  # code -1 takes the last name
        inside[rows] = codes >= 0
    order = np.concatenate([np.flatnonzero(in_contract), np.flatnonzero(inside)])
    chosen = cohort.take(order)
    return chosen if kind == "intact" else chosen.with_units(labels[order])


def _codes_like(
    cohort: Cohort, rows: Positions, kind: Kind, size: int, seed: Any, outside: set[str], like: Cohort | None
) -> tuple[Integers, list[str]]:
    """Return the groups of some rows, and their names: of the cohort itself, or those of their practices in `like`."""
    rng = random_generator("pseudo_practices", seed)
    if like is None or like is cohort:
        return group_codes(cohort.take(rows), kind, size, rng)
    made = np.flatnonzero(~np.isin(like.unit, list(outside)))
    codes, names = group_codes(like.take(made), kind, size, rng)
    member, wanted = (like.person, cohort.person) if kind == "random" else (like.unit, cohort.unit)
    group = pd.Series(codes, index=member[made])
    group = group[~group.index.duplicated()]
    return group.reindex(wanted[rows], fill_value=-1).to_numpy(), names


def group_codes(cohort: Cohort, kind: Kind, size: int, rng: np.random.Generator) -> tuple[Integers, list[str]]:
    """Return each row's group (n,), -1 for a person who is left over, and the names of the groups."""
    rows, n_units = cohort.unit_rows(), len(cohort.units)
    sizes = np.bincount(rows, minlength=n_units)
    if kind == "random":
        codes = _random(cohort, size, rng)
        names = _numbered("random", int(codes.max()) + 1)
    elif kind == "bundles":
        codes = _bundles(sizes, np.arange(n_units), size, rng)[rows]
        names = _numbered("bundle", int(codes.max()) + 1)
    else:
        regions = cohort.unit_regions()
        if regions is None:
            raise CohortError("Regional bundles need the persons' region. Add the column to the table of insured.")
        bundle, names = np.full(n_units, -1), []
        for region in sorted(set(regions)):
            units = np.flatnonzero(regions == region)
            part = _bundles(sizes, units, size, rng)[units]
            bundle[units] = np.where(part >= 0, part + len(names), -1)
            names += _numbered(f"{region}, bundle", int(part.max()) + 1)
        codes = bundle[rows]
    if len(names) < 2:
        raise CohortError(
            f"{len(rows):,} insured in {n_units} units make {len(names)} groups of {size:,}; at least two are needed. "
            "Choose a smaller size."
        )
    return codes, names


def _numbered(stem: str, n: int) -> list[str]:
    return [f"{stem} {number + 1:0{len(str(n))}d}" for number in range(n)]


def _bundles(sizes: Integers, units: Positions, size: int, rng: np.random.Generator) -> Integers:
    """Return the bundle of each practice; -1 for practices that are not among `units` or are left over."""
    bundle = np.full(len(sizes), -1)
    current, insured, members = 0, 0, []
    for practice in rng.permutation(units):
        members.append(practice)
        insured += sizes[practice]
        # Close the bundle if another practice of average size would bring it further from the wanted size.
        if insured + sizes[units].mean() / 2 >= size:
            bundle[members] = current
            current, insured, members = current + 1, 0, []
    return bundle


def _random(cohort: Cohort, size: int, rng: np.random.Generator) -> Integers:
    """Return each row's random group (n,); all rows of a person who changed practice stay together."""
    codes, persons = pd.factorize(cohort.person)
    group = rng.permutation(len(persons)) // size
    group[group >= len(persons) // size] = -1
    return np.asarray(group[codes])

"""Pseudo-practices: groups with zero true saving, as placebos for a group of practices under contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ssinfer.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ssinfer.cohort.cohort import Cohort

Kind = Literal["intact", "bundles", "regional bundles", "random"]
KINDS = ("intact", "bundles", "regional bundles", "random")


def pseudo_practices(
    cohort: Cohort,
    kind: Kind,
    *,
    size: int | None = None,
    exclude: Iterable[object] = (),
    keep: Iterable[object] = (),
    seed: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> Cohort:
    """Return a cohort whose units are placebo groups.

    Parameters
    ----------
    cohort : Cohort
    kind : "intact", "bundles", "regional bundles" or "random"
        Intact: practices as they are. Bundles: whole practices in random order, put together until a group has about
        `size` insured. Regional bundles: the same within each region, so that a group shares its region's shocks and
        hospitals, as a contract does. Random: groups of `size` insured drawn from all, which share no practice and so
        no practice shock: their spread is sampling noise alone, **not** what a contract with practices is subject to.
    size : int, optional
        Insured per group; not for "intact".
    exclude : sequence of units
        Units under contract, which are no placebos.
    keep : sequence of units
        Units that stay as they are beside the groups: those of the contract that is studied.
    seed : int, SeedSequence or Generator

    Returns
    -------
    Cohort
        Persons left over, too few for a group, are not in it. The units of `keep` come first.

    Raises
    ------
    CohortError
        Fewer than two groups can be made, or regions are wanted and not known.

    Examples
    --------
    >>> import numpy as np
    >>> from ssinfer.cohort.cohort import Cohort
    >>> unit = np.repeat(["a", "b", "c", "d"], 50)
    >>> cohort = Cohort(np.arange(200), unit, (2018,), np.ones((200, 1)), np.ones((200, 1)))
    >>> pseudo_practices(cohort, "bundles", size=100, seed=1)
    Cohort: 200 persons in 2 units x 1 periods (2018 to 2018), 200.0 insured-years
    """
    if kind not in KINDS:
        raise CohortError(f"kind is {kind!r}; allowed: {', '.join(map(repr, KINDS))}.")
    if (size is None) != (kind == "intact"):
        raise CohortError(
            f"size is {size} for kind {kind!r}. Bundles and random groups need one, intact ones have theirs."
        )
    if size is not None and size < 1:
        raise CohortError(f"size is {size}; at least one insured per group is needed.")
    kept, left_out = {str(unit) for unit in keep}, {str(unit) for unit in exclude}
    for name, units in (("keep", kept), ("exclude", left_out)):
        unknown = units - set(cohort.units)
        if unknown:
            raise CohortError(f"{name} names {sorted(unknown)[:3]}, which the cohort does not have.")
    others = ~np.isin(cohort.unit, list(kept | left_out))
    if not others.any():
        raise CohortError("Nobody is left for placebo groups once keep and exclude are taken out.")
    own = np.isin(cohort.unit, list(kept - left_out))
    labels = np.array(cohort.unit, dtype=object)
    inside = own | others
    if kind != "intact":
        assert size is not None  # noqa: S101  (for the type checker: refused above)
        codes, names = group_codes(cohort.take(np.flatnonzero(others)), kind, size, np.random.default_rng(seed))
        labels[others] = np.array([*names, ""], dtype=object)[codes]  # -1 takes the last
        inside[others] = codes >= 0
    order = np.argsort(~own[inside], kind="stable")
    rows = np.flatnonzero(inside)[order]
    chosen = cohort.take(rows)
    return chosen if kind == "intact" else chosen.with_units(labels[rows])


def group_codes(cohort: Cohort, kind: Kind, size: int, rng: np.random.Generator) -> tuple[Any, list[str]]:
    """Return each row's group (n,), -1 for who is left over, and the names of the groups; not for "intact"."""
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
    return [f"{stem} {place + 1:0{len(str(n))}d}" for place in range(n)]


def _bundles(sizes: Any, units: Any, size: int, rng: np.random.Generator) -> Any:
    """Return the bundle of each practice (of all); -1 for those not among `units`, or left over at the end."""
    bundle = np.full(len(sizes), -1)
    current, held, members = 0, 0, []
    for practice in rng.permutation(units):
        members.append(practice)
        held += sizes[practice]
        # Close where the next practice of average size would lead further away from the size wanted.
        if held + sizes[units].mean() / 2 >= size:
            bundle[members] = current
            current, held, members = current + 1, 0, []
    return bundle


def _random(cohort: Cohort, size: int, rng: np.random.Generator) -> Any:
    """Return each person's random group; all rows of a person who changed practice go together."""
    codes, persons = pd.factorize(cohort.person)
    place = rng.permutation(len(persons)) // size
    place[place >= len(persons) // size] = -1
    return np.asarray(place[codes])

"""Intact groups of a study: the threshold of whole practices, relative to that of random insured."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ssinfer.backtesting.intact_groups import intact_group_ratio
from ssinfer.errors import SsinferError

if TYPE_CHECKING:
    from ssinfer.study.plan import Plan

REPEATS = 20  # random divisions into groups


@dataclass(frozen=True, eq=False)
class IntactGroups:
    """The table of :func:`ssinfer.claims.intact_group_ratio` and its settings, or the reason why there is none."""

    table: pd.DataFrame | None
    size: int  # insured per group
    windows: tuple[str, ...]  # first performance periods
    seed: int
    reason: str = ""


def intact_groups(plan: "Plan") -> IntactGroups | None:
    """Compare groups of persons outside the contract in the windows of the first comparison; None without claims."""
    claims = plan.data.claims
    if claims is None:
        return None
    name, design = next(iter(plan.designs.items()))
    cohort = claims.practices
    size = claims.groups.size or int((cohort.unit == design.treated[0]).sum())
    windows, seed = plan.windows_of(name), claims.groups.seed
    origins, spans = tuple(str(w.origin) for w in windows), [(w.learned, w.measured) for w in windows]
    exclude = [unit for unit in (*design.treated, *claims.contracted) if unit in cohort.units]
    try:
        table = intact_group_ratio(cohort, size=size, windows=spans, exclude=exclude, repeats=REPEATS, seed=seed)
    except SsinferError as error:
        return IntactGroups(None, size, origins, seed, str(error))
    return IntactGroups(table, size, origins, seed)

r"""Indirect standardisation for age and sex against any reference group.

The spending per insured-year that unit :math:`i` would have had in period :math:`t` if each of its age-sex cells
:math:`c`, with :math:`n` insured-years and :math:`y` EUR, had spent at the rate of the reference group :math:`R`:

.. math:: E_{it} = \frac{\sum_c n_{itc}\, r_{tc}}{\sum_c n_{itc}}, \qquad
    r_{tc} = \frac{\sum_{j \in R} y_{jtc}}{\sum_{j \in R} n_{jtc}}.

Over the reference group itself, insured-years-weighted expected and actual means are equal.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ssinfer.arguments import Kind, checked, instance_of
from ssinfer.errors import DatasetError
from ssinfer.names import match_names

CELL = ["year", "sex", "age_class"]
REQUIRED = ["unit", *CELL, "insured_years", "spending"]


@checked(DatasetError, cells=Kind("a pandas frame, as vektis_cells(...) returns", instance_of("DataFrame").test))
def expected_spending(cells: pd.DataFrame, reference: str | Iterable[Any] | None = None) -> pd.DataFrame:
    """Return expected spending per insured-year of each unit and year, standardised for age and sex.

    `cells` has the columns unit, year, sex, age_class, insured_years and spending (EUR of the cell), as `vektis_cells`
    returns it. `reference` are the units whose rates are the standard; None: all units. The choice moves the level and
    the age-sex pattern of the standard, not which unit is older. The frame has unit, year, insured_years, spending and
    expected (both in EUR per insured-year), sorted. DatasetError: columns missing, blank keys, a reference unit that is
    not there, or a cell that some unit has and the reference group lacks.

    >>> import pandas as pd
    >>> cells = pd.DataFrame({"unit": ["A", "A", "B", "B"], "age_class": ["0-4", "90+"] * 2, "year": 2015, "sex": "f"})
    >>> cells = cells.assign(insured_years=[900.0, 100.0, 500.0, 500.0], spending=[900e3, 800e3, 500e3, 4_000e3])
    >>> expected_spending(cells)[["unit", "spending", "expected"]]
      unit  spending  expected
    0    A    1700.0    1700.0
    1    B    4500.0    4500.0
    """
    missing = [name for name in REQUIRED if name not in cells.columns]
    if missing:
        raise DatasetError(
            f"Cells lack the columns {', '.join(missing)}. Allowed: {', '.join(REQUIRED)}. Next step: vektis_cells()."
        )
    if cells[REQUIRED].isna().to_numpy().any():
        raise DatasetError(
            "Cells have blank units, ages, sexes or numbers, which cannot be standardised. Allowed: full rows. "
            "Next step: leave out the pooled row (vektis_cells does)."
        )
    rows = cells
    if reference is not None:
        cure = "Next step: correct the list, or reference=None for all units."
        wanted = match_names(reference, dict.fromkeys(cells["unit"]), "Reference group: got", DatasetError, cure)
        if not wanted:
            raise DatasetError(f"Reference group: got an empty list; a list of units of the cells is needed. {cure}")
        rows = cells[cells["unit"].isin(wanted)]
    standard = rows.groupby(CELL, observed=True)[["spending", "insured_years"]].sum()
    rates = (standard["spending"] / standard["insured_years"]).rename("rate")
    joined = cells[REQUIRED].merge(rates.reset_index(), on=CELL, how="left")
    if joined["rate"].isna().any():
        row = joined[joined["rate"].isna()].iloc[0]
        raise DatasetError(
            f"The reference group has nobody of sex {row['sex']} and age {row['age_class']} in {row['year']}, "
            f"but {row['unit']} has. Allowed: a reference group with every age-sex cell. "
            "Next step: take a larger reference group, or reference=None for all units."
        )
    joined["expected"] = joined["rate"] * joined["insured_years"]
    sums = joined.groupby(["unit", "year"], observed=True)[["insured_years", "spending", "expected"]].sum()
    for name in ("spending", "expected"):
        sums[name] /= sums["insured_years"]
    return sums.reset_index()

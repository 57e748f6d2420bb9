"""Expected spending: what persons of the same sex and age cost elsewhere, the standard of a case-mix correction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ssinfer.cohort.cohort import Cohort

CASE_MIX_EXPECTED = "expected"  # name of the covariate that holds expected spending; study files use it
BAND = 10  # years of age
OLDEST = 90


def expected_spending(cohort: Cohort, periods: Iterable[Any], *, exclude: Iterable[object] = ()) -> NDArray[np.float64]:
    r"""Return each person's expected spending per insured-year (n,).

    It is the mean of all persons of the same sex and ten-year age band (90 and older together) over `periods`,

    .. math:: E_i = \sum_{j \in s(i)} y_j / \sum_{j \in s(i)} w_j,

    with y money and w insured-years; a band without anybody of the person's sex takes both sexes. As a covariate of a
    panel it is the insured-year-weighted mean of E over whoever is insured, so it moves only when the group's ages and
    sexes do (indirect standardisation; ``Design(standard=)``).

    Parameters
    ----------
    cohort : Cohort
        With covariates age (a number) and sex.
    periods : sequence of periods
        The baseline: nothing later may enter a case-mix standard.
    exclude : sequence of units
        Units under contract, whose own spending is no norm.

    Raises
    ------
    CohortError
        A covariate is absent, or nobody outside `exclude` shares a person's age band.

    Examples
    --------
    >>> from ssinfer.cohort.cohort import Cohort
    >>> cohort = Cohort(np.arange(3), np.array(["a", "a", "b"]), (2018,), np.array([[10.0], [30.0], [99.0]]),
    ...                 np.ones((3, 1)), covariates={"age": [41, 44, 43], "sex": ["V", "V", "V"]})
    >>> expected_spending(cohort, [2018], exclude=["b"]).tolist()
    [20.0, 20.0, 20.0]
    """
    columns = cohort.columns(periods)
    frame = pd.DataFrame(
        {
            "sex": cohort.covariate("sex"),
            "band": np.minimum(cohort.covariate("age"), OLDEST) // BAND,
            "money": cohort.spending[:, columns].sum(axis=1),
            "years": cohort.insured_years[:, columns].sum(axis=1),
        }
    )
    norm = ~np.isin(cohort.unit, [str(unit) for unit in exclude])
    sums = frame[norm].groupby(["sex", "band"])[["money", "years"]].sum()
    bands = frame[norm].groupby("band")[["money", "years"]].sum()
    rates = (sums["money"] / sums["years"]).rename("expected")
    of_band = (bands["money"] / bands["years"]).rename("of_band")
    joined = frame.join(rates, on=["sex", "band"]).join(of_band, on="band")
    expected = joined["expected"].where(joined["expected"] > 0, joined["of_band"]).to_numpy(dtype=np.float64)
    unknown = ~(np.isfinite(expected) & (expected > 0))
    if unknown.any():
        at = int(np.flatnonzero(unknown)[0])
        raise CohortError(
            f"{int(unknown.sum())} persons have no expected spending: nobody outside {sorted(map(str, exclude))[:3]} "
            f"of age {int(BAND * frame['band'].iloc[at])} to {int(BAND * frame['band'].iloc[at]) + BAND - 1} has any. "
            "Widen the population."
        )
    return expected

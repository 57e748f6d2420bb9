"""Expected spending by sex and age, the standard of a case-mix correction."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import checked
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import CohortError
from ssinfer.names import match_names
from ssinfer.typing import Floats

CASE_MIX_EXPECTED = "expected"  # name of the covariate that holds expected spending; study files use it
STANDARDS = {CASE_MIX_EXPECTED: (), f"{CASE_MIX_EXPECTED}_ses": ("ses",)}  # covariates beside sex and age, by name
BAND_YEARS = 10
OLDEST_BAND = 90


@checked(CohortError)
def expected_spending(
    cohort: Cohort,
    periods: Iterable[Any],
    *,
    exclude: str | Iterable[object] = (),
    nearest: bool = False,
    by: Sequence[str] = (),
) -> Floats:
    r"""Return each person's expected spending per insured-year (n,).

    It is the mean of all persons of the same sex and ten-year age band (90 and older together) over `periods`,

    .. math:: E_i = \sum_{j \in s(i)} y_j / \sum_{j \in s(i)} w_j,

    with y money and w insured-years. The covariates `by`, such as SES, make finer groups s. If a group has no other
    person, all of its age band are used. As a covariate
    of a panel it is the mean of E over the insured, weighted by insured-years (indirect standardisation;
    ``Design(standard=)``). The cohort has the covariates age (a number) and sex. `periods` is the baseline: a standard
    must not use later periods. `exclude` names the units under contract, whose spending does not enter it. With
    `nearest`, an age band without spending has that of the nearest band: age is that of a fixed year, so that in a
    population chosen by age some persons reach it after the baseline. CohortError:
    a covariate is absent, or no person outside `exclude` has the age band of some person.

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
            **{name: cohort.covariate(name) for name in ("sex", *by)},
            "band": np.minimum(cohort.covariate("age"), OLDEST_BAND) // BAND_YEARS,
            "money": cohort.spending[:, columns].sum(axis=1),
            "years": cohort.insured_years[:, columns].sum(axis=1),
        }
    )
    excluded = match_names(exclude, cohort.units, "exclude: the cohort has no unit", CohortError)
    standard = frame[~np.isin(cohort.unit, excluded)]
    groups = ["sex", *by, "band"]
    of_group, of_band = (standard.groupby(keys)[["money", "years"]].sum() for keys in (groups, ["band"]))
    rates = (of_group["money"] / of_group["years"]).rename("of_group")
    both_sexes = (of_band["money"] / of_band["years"]).rename("of_band")
    if nearest:
        known = both_sexes[both_sexes > 0].sort_index()
        bands = pd.Series(np.unique(frame["band"]))
        closest = [known.index[np.abs(known.index - band).argmin()] for band in bands] if len(known) else []
        both_sexes = pd.Series(known.loc[closest].to_numpy(), index=bands, name="of_band") if len(known) else known
    joined = frame.join(rates, on=groups).join(both_sexes, on="band")
    expected = joined["of_group"].where(joined["of_group"] > 0, joined["of_band"]).to_numpy(dtype=np.float64)
    unknown = ~(np.isfinite(expected) & (expected > 0))
    if unknown.any():
        youngest = int(BAND_YEARS * frame["band"].iloc[int(np.flatnonzero(unknown)[0])])
        raise CohortError(
            f"{int(unknown.sum())} persons have no expected spending: no person outside "
            f"{sorted(excluded)[:3]} of age {youngest} to {youngest + BAND_YEARS - 1} has any spending. "
            "Widen the population."
        )
    return expected

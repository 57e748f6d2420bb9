"""Tables that a failed run leaves show no group with fewer insured than the limit."""

from types import SimpleNamespace

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import ssinfer as ss
from ssinfer.report.disclosure import without_small_groups

LIMIT = 10
YEARS = range(2015, 2018)


def plan_of(insured):
    """Return what the function reads of a plan; the first unit is the contract group."""
    rows = [(f"u{i}", year, 100.0, size) for i, size in enumerate(insured) for year in YEARS]
    panel = ss.Panel.from_frame(pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"]))
    designs = {"a": ss.Design(treated=["u0"], baseline=[2015, 2016], performance=[2017])}
    return SimpleNamespace(panel=panel, designs=designs, suppress_below=LIMIT)


def tables_of(insured, persons):
    labels = {"design": "a", "method": "m"}
    placebos = [{**labels, "unit": f"u{i}", "role": "placebo", "insured_years": n} for i, n in enumerate(insured)]
    classes = pd.DataFrame({**labels, "size_class": ["all", "below 10"]})
    return {
        "placebos.parquet": pd.DataFrame(placebos[1:]),
        "scores.csv": classes,
        "detection.csv": classes,
        "savings.csv": pd.DataFrame([labels]),
        "attrition.csv": pd.DataFrame({"step": "all", "persons": persons}),
        "truncation.csv": pd.DataFrame({"year": [2017]}),
        "intact_groups.csv": pd.DataFrame({"kind": ["practices"], "insured": [float(persons[0])]}),
    }


sizes = st.one_of(st.integers(1, 2 * LIMIT), st.just(500))


@settings(max_examples=8)
@given(insured=st.lists(sizes, min_size=3, max_size=5), persons=st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_no_small_group_is_shown(insured, persons):
    """Fault A8: what a failed run leaves obeys the same limit as a report."""
    tables = tables_of(insured, persons)
    shown = without_small_groups(plan_of(insured), tables)
    assert "truncation.csv" not in shown
    assert ("attrition.csv" in shown) == (not any(0 < n < LIMIT for n in persons))
    assert ("intact_groups.csv" in shown) == (not 0 < persons[0] < LIMIT)
    of_case = {"placebos.parquet", "scores.csv", "savings.csv"} & set(shown)
    assert of_case == (set() if insured[0] < LIMIT else {"placebos.parquet", "scores.csv", "savings.csv"})
    if of_case:
        assert list(shown["placebos.parquet"]["insured_years"]) == [n for n in insured[1:] if n >= LIMIT]
    assert list(shown["detection.csv"]["size_class"]) == ["all"]

"""Scores of the risk-adjusted benchmark on placebos of a small world, and the tables of its page.

Authority: the simulated saving is zero, so an error is benchmark less spending; the rule has the same groups and years.
Limits are those of issue 25, with two standard errors at the number of groups. `risk_adjusted.py` has all figures. The
level has a wider limit: these are practices of about 870, and who moved to one brings a history of another level.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from risk_adjusted import EVIDENCE, PAGE, by_region, compared, figures, ladder, sums, tables, truncated, world

from ssinfer.cohort.pseudo_practices import pseudo_practices

START, LEVEL = 21, 1.15


@pytest.fixture(scope="module")
def small(evidence_share):
    """A world, its practices without a contract, and the errors of some of them with each rule."""
    cohorts, caps, treated = world("simple", 5001, 250_000 if evidence_share == 1 else 70_000)
    groups = pseudo_practices(cohorts["all"], "intact", exclude=treated)
    chosen = sorted(np.random.default_rng(1).permutation(list(groups.units))[:20].tolist())
    return cohorts, caps, groups, compared(groups, chosen, START)


@pytest.mark.evidence
def test_errors_are_no_larger_than_those_of_the_rule_and_as_predicted(small):
    rows = small[-1]
    ratio = rows["persons"].std() / rows["three years"].std()
    square = (rows["persons"] / rows["sd"]) ** 2  # of mean one if errors are as large as predicted; its spread is large
    print(f"SD over that of the rule {ratio:.3f}, squared error over predicted {square.mean():.2f}, n {len(rows)}")  # noqa: T201
    assert rows[["persons", "three years"]].notna().all(axis=None)
    assert ratio < 0.90 + 2 * 0.10  # its standard error at 20 groups
    assert abs(square.mean() - 1) < 2 * square.std() / np.sqrt(len(rows)) + 0.1
    assert ((rows["rank"] - 0.5).abs() < 0.45).sum() >= 14  # 90% intervals: fewer of 20 has a chance of 0.2%


@pytest.mark.evidence
def test_a_level_15_percent_above_the_others_is_followed(small):
    groups = small[2]
    chosen = [names[0] for names in by_region(groups)]
    inside = np.isin(groups.unit, chosen)[:, None]
    money = np.where(inside, LEVEL, 1.0) * groups.spending
    dearer, plain = (
        compared(cohort, chosen, START, others=chosen)["persons"]
        for cohort in (replace(groups, spending=money), groups)
    )
    shift = dearer - plain
    print(f"change of the error at +15%: {shift.mean():+.2f} points, SD {shift.std():.2f}, n {len(shift)}")  # noqa: T201
    assert abs(shift.mean()) < 1.5 + 2 * shift.std() / np.sqrt(len(shift))


@pytest.mark.evidence
def test_the_instruments_truncation_is_that_of_the_extraction(small):
    cohorts, caps, _, _ = small
    ours = truncated(cohorts["all"], caps, cohorts["all"].spending)
    assert np.abs(ours - cohorts["truncated"].spending).max() < 1  # cents are rounded down, per period
    assert cohorts["truncated"].spending.sum() < 0.95 * cohorts["all"].spending.sum()


@pytest.mark.evidence
def test_sums_keep_the_errors_figures(small):
    rows = small[-1].assign(size=870, spending="all", level=1.0, elasticity=1.0, shift=0.0, seed=1)
    found = figures(sums(rows).assign(persons_of="simple", seed=1))
    assert found["sd persons"][0] == pytest.approx(rows["persons"].std(ddof=0), rel=1e-3)
    assert found["persons, 90%"][0] == pytest.approx(100 * ((rows["rank"] - 0.5).abs() < 0.45).mean(), abs=0.1)


@pytest.mark.evidence
def test_the_page_has_the_tables_of_the_evidence_files():
    table, page = pd.read_csv(EVIDENCE / "risk_adjusted.csv"), PAGE.read_text(encoding="utf-8")
    for name, text in tables(table, ladder(table)).items():
        assert f"<!-- table: {name} -->\n{text}\n<!-- end -->" in page, name

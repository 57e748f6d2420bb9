"""The balance of a comparison of persons: limits with verdicts, small numbers not disclosed, the love plot."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from pseudo import from_no_catalogue
from simulated_matching import simulate_matching

import ssinfer as ss
from ssinfer.drawing import draw
from ssinfer.figures.svg import svg_of
from ssinfer.report.analysis import analyse
from ssinfer.report.table import TABLES
from ssinfer.report.tables.balance import FRAME
from ssinfer.thresholds.compare import compare_thresholds

TABLE = TABLES.find("balance")


@pytest.fixture(scope="module")
def matched(study):
    """A study of persons: one design, one method, evaluated but not backtested."""
    simulated = simulate_matching(600, n_treated=1, n_practices=42, seed=3)
    method = ss.PropensityMatching(n_draws=50, balance_limits={"smd": 1e-4, "ks": 0.5})
    cf = method.fit(simulated.cohort, simulated.design, seed=1)
    row = cf.savings().summary().iloc[-1].to_dict()
    savings = {"design": "a", "method": "matched", "status": "ok", "reason": "", "insured_years": 600.0, **row}
    table = compare_thresholds(cf, (0.95, 0.90), None).assign(design="a", method="matched", passed=False)
    return replace(
        study,
        panel=simulated.cohort.to_panel(),
        designs={"a": simulated.design},
        methods={"matched": method},
        backtest=None,
        counterfactuals={("a", "matched"): cf},
        savings=pd.DataFrame([{**savings, "total": 600 * row["saving"]}]),
        case_thresholds=table,
        settlement=pd.DataFrame(),
    )


def test_a_study_of_panels_has_no_balance(analysis):
    assert TABLE.build(analysis) == ""
    assert FRAME.frame(analysis).empty


def test_limits_are_shown_with_their_verdicts_and_a_failure_is_noted(matched):
    table = TABLE.build(analyse(matched))
    (row,) = (dict(zip(table.names, cells, strict=True)) for cells in table.rows)
    assert row["label"] == "a"
    assert row["smd"].startswith("FAIL 0.0")
    assert row["smd"].endswith("(at most 0.0001)")
    assert row["ks"].startswith("PASS")
    assert any("“a” does not respect the limit on SMD" in note for note in table.notes)


def test_a_small_number_of_unmatched_persons_is_not_disclosed(matched):
    cf = matched.counterfactuals["a", "matched"]
    attrition = cf.inference["attrition"].copy(deep=True)
    attrition["matched"].loc[{"group": "treated"}] = 597
    fits = {("a", "matched"): replace(cf, inference={**cf.inference, "attrition": attrition})}
    (cells,) = TABLE.build(analyse(replace(matched, counterfactuals=fits))).rows
    assert cells[1] == "number not shown of 600"
    assert "597" not in " ".join(cells)


def test_love_plot_has_the_numbers_of_the_balance_table(matched):
    frame = FRAME.frame(analyse(matched))
    balance = matched.counterfactuals["a", "matched"].inference["balance"].to_dataframe()
    assert set(frame["limit"]) == {1e-4}
    assert frame["before"].is_monotonic_decreasing
    for _, row in frame.iterrows():
        assert row["before"] == abs(balance.loc[row["covariate"], "smd (SD of the treated)"])
        assert row["after"] == abs(balance.loc[row["covariate"], "smd (SD of the treated) after"])
    without_limit = frame.assign(design="c", limit=float("nan"))
    picture = draw("balance", pd.concat([frame, frame.assign(design="b"), without_limit, frame.assign(design="d")]))
    axis = picture.axes[0]
    assert [line.get_label() for line in axis.lines] == ["before", "after", "limit 0.0001"]
    assert list(axis.lines[1].get_xdata()) == list(frame["after"])
    assert "<svg" in svg_of(picture)


def test_the_report_shows_balance_before_any_effect_and_all_words_are_from_the_catalogue(matched, tmp_path):
    assert from_no_catalogue(matched, tmp_path) == []
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert page.index('id="balance-section"') < page.index('id="case-section"')
    assert (tmp_path / "report" / "figures" / "balance.svg").is_file()
    assert "FÁÍL" in page

"""The table of what would change the verdict, and the answers with which sections begin."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ssinfer.report.sections import SECTIONS
from ssinfer.report.table import TABLES
from ssinfer.report.tables.sensitivity import sensitivity_findings
from ssinfer.report.tables.thresholds import thresholds_lead
from ssinfer.study.frames import DESIGNS
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.placebo import COMPARISON_KEY, placebo_threshold


def with_result(analysis, **changes):
    return replace(analysis, result=replace(analysis.result, **changes))


@pytest.fixture
def table_of(analysis):
    return lambda changed=analysis: TABLES.find("sensitivity-table").build(changed)


def test_the_threshold_is_learned_again_without_each_start(analysis, table_of):
    rows = analysis.placebos(analysis.main)
    near = analysis.placebos(analysis.main, "case")["block"]
    rows = rows[(rows["origin"] != 2018) & ~rows["block"].isin(near)]
    fit = analysis.result.counterfactuals[analysis.main]
    error = float(fit.null_error().std()) / fit.level
    expected = [
        placebo_threshold(rows[rows["origin"] != origin], 0.95, standard_error=error).rate
        for origin in rows["origin"].unique()
    ]
    table = table_of()
    assert table.column("part") == ["nothing", *["placebo contracts"] * len(expected)]
    assert table.column("threshold")[1:] == [f"{100 * rate:.1f}" for rate in expected]
    assert len(set(table.column("saving"))) == 1


def test_a_design_with_another_comparison_group_and_a_sensitivity_population_are_rows(analysis, table_of):
    same = {"spending": "s", "threshold": "t", "sharing": "h", "windows": "w", "method": "admin", "sensitivity": False}
    designs = [
        same | {"design": "a", "population": "p", "comparison": "all", "settles": True, "label": "first"},
        same | {"design": "b", "population": "p", "comparison": "few", "settles": False, "label": "second"},
    ]
    frame = DESIGNS.frame([dict.fromkeys(DESIGNS.header(), np.nan) | row | {"dominated_by": ""} for row in designs])
    cases = analysis.result.case_thresholds
    cases = cases.assign(measured=np.where(cases["design"] == "b", 1.0, -0.01))
    table = table_of(with_result(analysis, tables={"designs.csv": frame}, case_thresholds=cases))
    assert [column[1] for column in map(table.column, ("part", "changed", "saving", "verdict"))] == [
        *("comparison group", "few", "100.0", "reached"),
    ]
    frame["sensitivity"] = frame["design"] == "b"
    changed = with_result(analysis, tables={"designs.csv": frame}, case_thresholds=cases)
    assert table_of(changed).column("part")[1] == "sensitivity population"
    (found,) = sensitivity_findings(changed)
    assert (found.id, found.numbers["altered"]) == ("sensitivity_altered", 1)


def test_other_priors_of_the_threshold_that_settles_are_rows(analysis, table_of):
    keys = [ThresholdKey("credible", 0.95, "one-sided", prior) for prior in ("flat", "sceptical")]
    keys += [ThresholdKey("credible", 0.90, "one-sided", "sceptical"), COMPARISON_KEY]
    row = analysis.result.case_thresholds.iloc[0].to_dict() | {"design": "a", "measured": 0.05, "decides": False}
    cases = pd.DataFrame([row | key.labels | {"rate": 0.04 + 0.02 * i} for i, key in enumerate(keys)])
    cases["decides"] = [True, False, False, False]
    changed = with_result(analysis, case_thresholds=cases)
    table = table_of(changed)
    assert list(zip(table.column("changed"), table.column("threshold"), table.column("verdict"), strict=True)) == [
        *(("as settled", "4.0", "reached"), ("sceptical prior", "6.0", "not reached")),
    ]


def test_a_kind_that_pays_too_often_breaks_its_promise(analysis):
    backtest = analysis.result.backtest
    (kept,) = thresholds_lead(analysis)
    often = backtest.thresholds["kind"] == "confidence"
    rows = backtest.thresholds.assign(
        false_payment_rate=np.where(often, 0.3, 0.01), false_payment_rate_se=np.where(often, 0.02, np.nan)
    )
    (found,) = thresholds_lead(with_result(analysis, backtest=replace(backtest, thresholds=rows)))
    assert kept.id.startswith("lead_promise")
    assert (found.id, found.numbers["kept"]) == ("lead_promise_some", ["the placebo threshold"])
    assert found.numbers["broken"] == ["the confidence threshold"]


def test_leads_without_a_backtest_or_an_evaluation_say_nothing_more_than_is_known(analysis):
    empty = analysis.result.case_thresholds[:0]
    changes = {"backtest": None, "advice": None, "case_thresholds": empty, "savings": analysis.result.savings[:0]}
    bare = with_result(analysis, **changes, counterfactuals={}, settlement=analysis.result.settlement[:0])
    names = ("comparison", "case-section", "thresholds-section", "evidence", "sensitivity")
    said = {section.name: list(section.findings(bare)) for section in SECTIONS if section.name in names}
    assert not any(said[name] for name in names[1:])
    assert said["comparison"][0].id == "lead_comparison"

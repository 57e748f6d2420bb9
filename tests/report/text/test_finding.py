"""Findings of the verdict and of the designs: ids and numbers, against the fits and the placebos themselves."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ssinfer.report.tables.contract_group import truth_lead
from ssinfer.report.text.finding import design_findings, threshold_findings, verdict_findings
from ssinfer.thresholds.placebo import COMPARISON_KEY


def numbers_of(findings):
    """Return the numbers of findings by id, in their order."""
    return {finding.id: dict(finding.numbers) for finding in findings}


def test_the_verdict_has_the_numbers_of_the_fit(analysis):
    """Authority: benchmark and spending of the case, and the quantiles of its draws."""
    found, cf = numbers_of(verdict_findings(analysis)), analysis.result.counterfactuals["a", "admin"]
    assert list(found) == ["measured_loss", "measured_interval", "measured_total", "not_reached", "nothing_paid"]
    panel = analysis.result.panel
    spending, draws = panel.spending[0, panel.columns([2018])[0]], cf.pooled()
    saving = float(np.mean(draws)) - spending
    assert found["measured_loss"]["when"] == "2018"
    assert found["measured_loss"]["amount"] == pytest.approx(-saving)
    assert found["measured_loss"]["rate"] == pytest.approx(saving / np.mean(draws))
    ends = [found["measured_interval"][end] for end in ("lower", "upper")]
    assert ends == pytest.approx(np.quantile(draws - spending, [0.025, 0.975]))
    assert found["measured_total"] == {"total": pytest.approx(20_000 * saving), "years": 20_000.0}
    assert found["not_reached"]["money"] == pytest.approx(found["not_reached"]["rate"] * np.mean(draws))
    assert found["nothing_paid"] == {"amount": 0.0}


def test_rates_beside_the_threshold_are_a_count_of_placebos(analysis):
    """Authority: a direct count. A saving s turns the savings rate r into 1 - (1 - r)(1 - s)."""
    found = numbers_of(threshold_findings(analysis))
    rates = analysis.result.backtest.placebos.query("design == 'a' and role == 'placebo'")["savings_rate"]
    limit = analysis.verdict.threshold["rate"]
    assert found["payments"]["n_judged"] == len(rates)
    assert found["payments"]["false_payment_rate"]["value"] == np.mean(rates >= limit)
    assert found["payments"]["detection"]["value"] == np.mean(1 - (1 - rates) * 0.97 >= limit)
    assert found["reported_partly_paid"] == {"low": 0.01, "high": 0.10, "rate": limit}


def test_the_best_design_has_the_highest_rate_and_the_others_follow(analysis):
    """Authority: the table of thresholds of the backtest."""
    found = numbers_of(design_findings(analysis))
    assert list(found) == ["best_design", "equal", "none_better"]
    rows = COMPARISON_KEY.rows(table := analysis.result.backtest.thresholds) & (table["size_class"] == "all")
    rates = table[rows].set_index("design")["detection_rate_3"]
    assert found["best_design"]["detection"]["value"] == rates.max()
    assert (rates.idxmax() in found["best_design"]["design"], rates.idxmin() in found["equal"]["others"][0]) == (
        True,
        True,
    )


def test_without_a_backtest_or_with_too_few_placebos_no_design_is_best(analysis, study, without):
    assert list(numbers_of(design_findings(without(analysis, result=without(study, backtest=None))))) == ["no_backtest"]
    few = without(study, backtest=without(study.backtest, thresholds=study.backtest.thresholds.iloc[:0]))
    n = int((study.backtest.placebos["role"] == "placebo").sum())
    assert numbers_of(design_findings(without(analysis, result=few))) == {"too_few_placebos": {"n": n, "n_ok": n}}


def test_the_section_on_the_known_truth_says_whether_the_interval_contains_it(analysis, without):
    rate = analysis.saving(analysis.main)["savings_rate"]
    for true, name in ((rate, "lead_truth_inside"), (0.9, "lead_truth_outside")):
        claims = SimpleNamespace(truth={"a": SimpleNamespace(rate=true)})
        (finding,) = truth_lead(replace(analysis, result=without(analysis.result, claims=claims)))
        assert (finding.id, finding.numbers["measured"]) == (name, rate)
    assert not [*truth_lead(analysis)]

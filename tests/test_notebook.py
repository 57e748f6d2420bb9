"""Tables of objects in notebooks: what they say, and that names are escaped."""

import re
from dataclasses import replace

import maketables
import numpy as np
import pytest
from small_study import HOSTILE, study  # noqa: F401  (a fixture)

import ssinfer as ss
from ssinfer.check import Check, tabulate
from ssinfer.plugins.conformance.suite import ConformanceReport

DRAWS = 100 + 2 * np.random.default_rng(1).standard_normal(4000)
CF = ss.Counterfactual.from_draws(DRAWS, "posterior", spending=97.0)
BAD = Check("sum <script>", "FAIL", 2.0, f"of {HOSTILE}", limit=1.0)
CONTRACT = ss.load_contract("kerngezond-vlissingen")
SETTLED = ss.settle(CONTRACT, benchmark=2500.0, spending=2300.0, insured_years=20_000.0, threshold=0.05)


def cells(shown):
    """The rows of a table by label, as they stand in HTML."""
    html = shown._repr_html_()
    assert "<script" not in html
    assert "://" not in html
    return dict(re.findall(r"<tr><th [^>]*>(.*?)</th><td [^>]*>(.*?)</td></tr>", html))


def test_panel_design_and_fit_of_a_unit_with_a_hostile_name(study):  # noqa: F811
    panel, cf = study.panel, study.counterfactuals["a", "admin"]
    sealed = panel.spending.copy()
    sealed[0, -1] = np.nan
    own = cells(ss.Panel(panel.units, panel.periods, sealed, covariates={HOSTILE: panel.spending}))
    assert (own["units"], own["cells without spending"]) == ("40 units", "1 of 360")
    assert own["covariates"].startswith("&lt;script&gt;")
    assert cells(study.designs["b"])["treated"].startswith("&lt;script&gt;")
    row = cf.savings().summary().iloc[-1]
    assert f"{row['saving']:,.2f} per insured-year ({100 * row['savings_rate']:.2f}% of the" in cells(cf)["saving"]
    assert cells(cf)["95% interval"] == f"{row['lower']:,.2f} to {row['upper']:,.2f}"
    assert cells(cf)["checks"] == "3 PASS"


def test_backtest_shows_what_it_pays(study):  # noqa: F811
    rows = study.backtest.thresholds.query("size_class == 'all' and kind == 'placebo' and level == 0.95")
    rate = rows.query("side == 'one-sided' and design == 'a'")["false_payment_rate"].item()
    assert cells(study.backtest)["a: placebo 95%"] == f"pays {100 * rate:.1f}% of contracts without savings"


def test_maketables_reads_a_backtest(study):  # noqa: F811
    table = study.backtest.__maketables_coef_table__
    row = study.backtest.scores.query("design == 'b' and size_class == 'all'").iloc[0]
    assert table.loc["b, bias", ["b", "se"]].tolist() == [row["bias"], row["bias_mcse"]]
    assert "b, false_payment_rate" in maketables.ETable([study.backtest], coef_fmt="b:.4f (se:.4f)").make(type="html")


@pytest.mark.parametrize(
    ("shown", "label", "text"),
    [
        (CF.savings(), "share of draws above zero", f"{100 * (DRAWS > 97).mean():.0f}%"),
        (ss.credible_threshold(CF), "kind", "credible 95%"),
        (SETTLED, "providers", f"EUR {SETTLED.lines['providers']:,.2f}"),
        (BAD, "sum &lt;script&gt;", "FAIL"),
        (ConformanceReport("m", tabulate([BAD])), "method", "m"),
        (ss.simulation.simulate_cohort(4, persons=(5, 6), seed=1), "units", "4"),
    ],
)
def test_other_tables(shown, label, text):
    assert cells(shown)[label] == text


def test_states_without_a_saving_or_with_a_failed_check():
    sealed = ss.Counterfactual.from_draws(DRAWS, "posterior")
    assert "saving" not in cells(sealed)
    point = ss.Counterfactual.from_draws(np.array([100.0]), "none", spending=97.0)
    assert "95% interval" not in cells(point)
    assert cells(replace(CF, failures=("r_hat",)))["95% interval"] == "refused, because a check failed"

"""Several fits side by side: numbers are those of the fits, print forms hold them, and maketables reads them."""

from dataclasses import replace

import maketables
import numpy as np
import pytest

import ssinfer as ss
from ssinfer.errors import DataError

RNG = np.random.default_rng(1)
DRAWS = {"own": 2000 + 30 * RNG.standard_normal(4000), "other": 2050 + 40 * RNG.standard_normal(4000)}
FITS = {
    "own & co": ss.Counterfactual.from_draws(DRAWS["own"], "posterior", spending=1950.0, insured_years=20_000.0),
    "other": ss.Counterfactual.from_draws(DRAWS["other"], "sampling", spending=1950.0, insured_years=20_000.0),
}


def test_numbers_are_those_of_the_fits():
    table = ss.compare_fits(FITS, level=0.9).set_index("name")
    for name, cf in FITS.items():
        row = cf.savings().summary(level=0.9).iloc[-1]
        columns = ["benchmark", "saving", "savings_rate", "lower", "upper"]
        np.testing.assert_allclose(table.loc[name, columns].astype(float), row[columns].astype(float), rtol=1e-12)
    assert table.loc["own & co", "credible"] == ss.credible_threshold(FITS["own & co"], level=0.9).rate
    assert table.loc["other", "confidence"] == ss.confidence_threshold(FITS["other"], 0.9, "one-sided").rate
    assert table[["credible", "confidence"]].isna().to_numpy().tolist() == [[False, True], [True, False]]


def test_print_forms_escape_and_hold_the_numbers():
    table = ss.compare_fits(FITS)
    shown = ss.print_fits(table)
    assert shown.loc["Insured-years"].tolist() == ["20,000", "20,000"]
    assert shown.loc["Saving, EUR per insured-year", "other"] == f"{table['saving'][1]:.0f}"
    assert shown.loc["Credible (model) 95%"].tolist() == [f"{100 * table['credible'][0]:.1f}%", "–"]
    latex = shown.to_latex(escape=True)
    assert r"own \& co" in latex
    assert "\\%" in latex


def test_what_is_refused_has_no_number():
    failed = replace(FITS["own & co"], failures=("r_hat",))
    sealed = ss.Counterfactual.from_draws(DRAWS["own"], "posterior")
    table = ss.compare_fits({"failed": failed, "sealed": sealed}).set_index("name")
    assert table.loc["failed", ["lower", "upper", "credible"]].isna().all()
    assert table.loc["sealed", ["saving", "savings_rate", "lower", "insured_years"]].isna().all()
    assert np.isfinite(table.loc["sealed", "credible"])
    assert ss.print_fits(table.reset_index()).loc["95% interval of the saving"].tolist() == ["–", "–"]


@pytest.mark.parametrize(
    ("fits", "message"),
    [
        ([FITS["other"]] * 2, "2 fits of 1 methods. Give a mapping of own names"),
        ({}, "0 fits of 0 methods"),
        ({"a": FITS["other"].savings()}, "fits holds a Savings; each is a Counterfactual"),
    ],
)
def test_other_fits_are_refused(fits, message):
    with pytest.raises(DataError, match=message):
        ss.compare_fits(fits)


def test_maketables_reads_two_fits():
    cells = "b:,.2f \n [ci95l:,.2f, ci95u:,.2f]"
    html = maketables.ETable([*FITS.values()], model_heads=[*FITS], coef_fmt=cells).make(type="html")
    for name, cf in FITS.items():
        row = cf.savings().summary().iloc[-1]
        assert f"{row['saving']:,.2f}" in html, name
        assert f"{row['lower']:,.2f}" in html, name
    for words in ("Spending per insured-year", "Savings rate", "Insured-years", "20,000", "posterior", "own &amp; co"):
        assert words in html


def test_unknown_insured_years_are_no_number_of_insured():
    cf = ss.Counterfactual.from_draws(DRAWS["own"], "posterior", spending=1950.0)
    assert (FITS["other"].__maketables_stat__("N"), cf.__maketables_stat__("N")) == (20_000, None)
    assert "posterior" in maketables.ETable([cf]).make(type="html")

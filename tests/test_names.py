"""Names that users give, and labels of data that look like one name twice."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssinfer as ss
from ssinfer.accept import check_accept
from ssinfer.errors import CohortError, DataError, DesignError, PanelError
from ssinfer.names import as_names, match_names, normalise, refuse_controls, refuse_similar

UNITS = ["Súdwest-Fryslân", "u01", "Den Haag", "u03", "VLISSINGEN"]
LETTERS = st.characters(codec="utf-8", categories=("Lu", "Ll", "Nd", "Mn", "Zs"))


def frame(units=UNITS, years=range(2010, 2018)):
    rng = np.random.default_rng(0)
    rows = [(unit, year, 2000 + rng.normal(0, 50), 5000.0) for unit in units for year in years]
    return pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"])


def design(**changes):
    parts = {"treated": ["u01"], "baseline": range(2010, 2016), "performance": [2016, 2017], **changes}
    return ss.Design(**parts)


def fit(data, **changes):
    return ss.SyntheticControl(n_draws=100).fit(data, design(**changes), seed=1)


PANEL = ss.Panel.from_frame(frame())


@settings(max_examples=15)
@given(st.text(LETTERS, min_size=1, max_size=6), st.sampled_from(UNITS))
def test_any_perturbation_of_a_name_is_refused_or_equal(noise, unit):
    for name in (unit + noise, noise + unit, noise, unit.swapcase(), unit.replace(unit[0], noise)):
        if normalise(name) in {normalise(label) for label in UNITS}:
            assert normalise(PANEL.units[PANEL.rows([name])[0]]) == normalise(name)
        else:
            with pytest.raises(PanelError, match="has no unit"):
                PANEL.rows([name])


@settings(max_examples=40)
@given(st.sampled_from(UNITS), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]), st.text(" \t\n\u00a0", max_size=3))
def test_every_spelling_of_a_name_is_the_name(unit, form, blanks):
    assert match_names([blanks + unicodedata.normalize(form, unit) + blanks], UNITS, "No", PanelError) == (unit,)


def test_one_name_is_not_its_letters():
    """Fault A3: covariates="age" asked for a column 'a'."""
    assert as_names("age") == ("age",)
    assert as_names([1, "b"]) == ("1", "b")
    data = frame().assign(age=40.0)
    assert list(ss.Panel.from_frame(data, covariates="age").covariates) == ["age"]
    assert design(under_contract="u03").under_contract == ("u03",)


@pytest.mark.parametrize("name", ["U03", "u0 3", "u30"])
def test_a_contracted_unit_that_the_panel_lacks_is_refused(name):
    """Fault W4 (a): under_contract=["U05"] left u05 among the donors."""
    with pytest.raises(DesignError, match=f"no under_contract unit '{name}'. Did you mean .*'u03'"):
        fit(PANEL, under_contract=[name])
    with pytest.raises(DesignError, match="no under_contract unit"):
        ss.backtest(PANEL, design(under_contract=[name]), ss.AdministrativeBenchmark(), n_jobs=1)


def test_blanks_and_unicode_form_change_no_result():
    """Fault A2: the NFD form of a name was unknown, and "Did you mean" showed the same name."""
    plain = fit(PANEL, treated=["Súdwest-Fryslân"], under_contract=["u03"], donors=["u01", "Den Haag", "VLISSINGEN"])
    other = fit(
        PANEL,
        treated=[unicodedata.normalize("NFD", "Súdwest-Fryslân")],
        under_contract=["u03 "],
        donors=["u01", " Den Haag", "VLISSINGEN\u00a0"],
    )
    assert other.design.fingerprint() == plain.design.fingerprint()
    np.testing.assert_array_equal(other.benchmark, plain.benchmark)


@pytest.mark.parametrize("double", ["vlissingen", "VLISSINGEN ", "DenHaag", unicodedata.normalize("NFD", UNITS[0])])
def test_similar_names_of_units_are_refused_unless_accepted(double):
    """Faults W10, A11: "u05" and "u05 " were two donors, and the treated unit was its own donor."""
    data = frame([*UNITS, double])
    with pytest.raises(PanelError, match=r"differ only in case, blanks or Unicode form.*accept=\[\"similar_names\"\]"):
        ss.Panel.from_frame(data)
    assert double in ss.Panel.from_frame(data, accept=["similar_names"]).units
    persons = data.assign(person=range(len(data)), insured_years=1.0)
    with pytest.raises(CohortError, match="differ only in case"):
        ss.Cohort.from_frame(persons)
    cohort = ss.Cohort.from_frame(persons, accept=["similar_names"])
    assert double in cohort.units
    assert cohort.to_panel().accept == {"similar_names"}


def test_a_difference_that_cannot_be_seen_is_shown():
    with pytest.raises(PanelError, match=r"'S\\xfad' and 'Su\\u0301d'"):
        refuse_similar(["Súd", unicodedata.normalize("NFD", "Súd")], "Units", (), PanelError)


def test_a_word_that_overrules_nothing_is_refused():
    with pytest.raises(DataError, match=r"accept names 'similar'. Did you mean 'similar_names'"):
        check_accept(["similar"])


def test_a_donor_equal_to_the_treated_unit_is_refused_unless_accepted():
    """Fault W10: the treated unit under another name took all weight, and the saving was zero."""
    data = frame()
    twin = data[data.unit == "u01"].assign(unit="Zeeland")
    twin.loc[twin.period >= 2016, "spending"] += 10.0
    data = pd.concat([data, twin])
    with pytest.raises(DesignError, match=r"'Zeeland' has the same spending as treated unit 'u01' in every baseline"):
        fit(ss.Panel.from_frame(data))
    assert fit(ss.Panel.from_frame(data, accept=["similar_names"])).weights.loc["u01", "Zeeland"] > 0.99
    assert fit(ss.Panel.from_frame(data), under_contract=["Zeeland"]).design.under_contract == ("Zeeland",)


@pytest.mark.parametrize("label", ["a\x1b[31m", "a\nb", "a\u202eb", "\x00"])
def test_control_characters_in_labels_are_refused(label):
    """Fault R28: an escape sign made a figure that is no XML."""
    with pytest.raises(DataError, match="control character"):
        refuse_controls([label], "Label", DataError)
    refuse_controls(["Zo\u00eb\u00a0x", "\u65e5\u672c", 2018], "Label", DataError)
    frame = pd.DataFrame({"unit": [label, "b"], "period": [2018, 2018], "spending": [1.0, 2.0]})
    with pytest.raises(DataError, match="control character"):
        ss.Panel.from_frame(frame, insured_years=None)


@pytest.mark.parametrize("other", ["u0\u200b1", "u\u00ad01", "\u057d01", "u01\ufeff"])
def test_invisible_signs_and_letters_that_look_latin_make_no_second_unit(other):
    """Fault FZ5: the last row of a unit under such a name was a unit of its own."""
    with pytest.raises(PanelError, match="differ only in case, blanks or Unicode form"):
        refuse_similar(["u01", other], "Units", (), PanelError)

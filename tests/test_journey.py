"""Mistakes that users made on the way from their own data to a report: each works, or names the thing, what was got,
what is allowed and the next step. The numbers are those of the list of mistakes in issue 24."""

import re

import numpy as np
import pandas as pd
import pytest
from own_files import NAMES, QUARTERS, Written, panel, text_of
from typer.testing import CliRunner

import ssinfer as ss
from ssinfer.cli import app
from ssinfer.errors import SsinferError
from ssinfer.study import plan_study

STUDY = """\
title = "Study"
question = "Which?"
[data]
source = "panel"
file = "panel.csv"
[case]
treated = ["p00"]
[windows]
baseline = { first = "2020Q1", last = "2020Q4" }
performance = { first = "2021Q1", last = "2021Q4" }
[[comparison]]
name = "all"
[[threshold]]
kind = "placebo"
level = 0.95
side = "one-sided"
[[sharing]]
contract = "kerngezond-vlissingen"
[[method]]
method = "AdministrativeBenchmark"
"""
PERIODS = [f"{year}Q{quarter}" for year in range(2019, 2022) for quarter in (1, 2, 3, 4)]


def frame(units=24):
    rng = np.random.default_rng(1)
    grid = [(f"p{i:02d}", period) for i in range(units) for period in PERIODS]
    data = pd.DataFrame(grid, columns=["unit", "period"])
    return data.assign(
        spending=rng.normal(2400, 30, len(data)).round(2),
        insured_years=1000.0,
        leeftijd=43.0,
        latitude=52.0,
        longitude=np.repeat(4 + np.arange(units) / 20, len(PERIODS)),
    )


def without(unit=None, period=None, before=None):
    """Return the panel without the rows of a unit, of a period, or of both."""
    data = frame()
    left_out = np.ones(len(data), dtype=bool)
    left_out &= (data["unit"] == unit) if unit else True
    left_out &= (data["period"] == period) if period else True
    left_out &= (data["period"] < before) if before else True
    return data[~left_out]


def emptied(column, value, unit="p05", period="2020Q2"):
    data = frame()
    data.loc[(data["unit"] == unit) & (data["period"] == period), column] = value
    return data


ADDRESS = '"postgres://analyst@host/dwh"\nperiods = { first = "2019Q1", last = "2021Q4" }'
COLUMNS = ('file = "panel.csv"', 'file = "panel.csv"\ncolumns = {}')
WORKS = ()
# number: (text of the study, in its place), the data, and parts of the message in their order
MISTAKES = {
    "1": (("[case]", "[populatie]"), None, ("unknown key 'populatie' (line 6)", "Did you mean 'population'")),
    "2": (("baseline =", "baseine ="), None, ("'windows.baseine' (line 9)", "Did you mean 'baseline'")),
    "3": (
        ('["p00"]', "[Kerngezond Vlissingen]"),
        None,
        ("line 7", "[Kerngezond Vlissingen]", 'quotes, as in ["name"]'),
    ),
    "3: quotes of a word processor": (('"p00"', "\u201cp00\u201d"), None, ("line 7", "Write straight quotes")),
    "4": (('["p00"]', '"p00"'), None, ("'case.treated' (line 7)", "list, got 'p00'", 'Write treated = ["p00"]')),
    "5": (('["p00"]', '["p0O"]'), None, ("study.toml", "no treated unit 'p0O'", "Did you mean 'p")),
    "6": (("level = 0.95", "level = 95"), None, ("level' (line 15)", "got 95", "looks like a percentage. Write 0.95")),
    "7": (("level = 0.95", "levels = [0,95; 0,90]"), None, ("line 15", "[0,95; 0,90]", "a point", "[0.95, 0.90]")),
    "7: one number": (("level = 0.95", "level = 0,95"), None, ("line 15", "level = 0,95", "decimals with a point")),
    "8": (
        ('"AdministrativeBenchmark"', '"Administratief"'),
        None,
        ("study.toml", "'Administratief'", "ssinfer methods"),
    ),
    "9": (
        ('"AdministrativeBenchmark"', '"AdministrativeBenchmark"\nparameters = { n_drws = 500 }'),
        None,
        ("study.toml", "no parameter 'n_drws'", "Did you mean 'n_draws'"),
    ),
    "10": (('last = "2020Q4"', 'last = "2021Q1"'), None, ("overlap in ['2021Q1']", "End the baseline before")),
    "11": (('"2020Q1"', '"2020-Q1"'), None, WORKS),
    "12": (
        ('"2021Q4"', '"2025Q4"'),
        None,
        ("windows.performance (line 10)", "'2025Q4'", "12 quarters, 2019Q1 to 2021Q4"),
    ),
    "13": (('"placebo"', '"geloofwaardig"'), None, ("kind' (line 14)", "'credible'", "got 'geloofwaardig'")),
    "14": (('"one-sided"', '"onesided"'), None, ("side' (line 16)", "'one-sided' or 'two-sided'", "got 'onesided'")),
    "17": (
        ('name = "all"', 'name = "all"\nwithin_km = 30'),
        None,
        ("no covariate 'latitude'", 'covariates = ["latitude"] in columns of [data] (line 3)'),
    ),
    "17 works": (
        (
            ('name = "all"', 'name = "all"\nwithin_km = 30'),
            (COLUMNS[0], COLUMNS[1].format('{ covariates = ["latitude", "longitude"] }')),
        ),
        None,
        WORKS,
    ),
    "18": (('"AdministrativeBenchmark"', '"PropensityMatching"'), None, ("needs persons", "panel only", "'claims'")),
    "21": (("[[comparison]]", "[comparison]"), None, ("'comparison' (line 11)", "list", "Write [[comparison]]")),
    "21: the other way": (("[windows]", "[[windows]]"), None, ("'windows' (line 8)", "Write [windows]")),
    "25": (('"panel.csv"', '"C:\\data\\panel.csv"'), None, ("line 5", "C:\\data", "write /", "single quotes")),
    "26": (('"panel"', '"csv"'), None, ("'data.source' (line 4)", "'csv'", "'panel' (A panel file")),
    "27": (
        (),
        frame().rename(columns={"unit": "praktijk", "period": "kwartaal"}),
        ("panel.csv", "no column 'unit'", "'praktijk'", 'unit = "praktijk" in columns of [data] (line 3)'),
    ),
    "27 works": (
        (COLUMNS[0], COLUMNS[1].format('{ unit = "praktijk", period = "kwartaal" }')),
        frame().rename(columns={"unit": "praktijk", "period": "kwartaal"}),
        WORKS,
    ),
    "28": ((COLUMNS[0], COLUMNS[1].format("{ covariaten = [] }")), None, ("'covariaten'", "Did you mean 'covariates'")),
    "29, 89": (
        ('name = "all"', 'name = "all"\nstandard = "leeftijd"'),
        None,
        ("no covariate 'leeftijd'", 'covariates = ["leeftijd"] in columns of [data] (line 3)'),
    ),
    "38": ((), emptied("spending", np.nan), ("'p05'", "'2020Q2'", 'incomplete = "drop" in [[comparison]] (line 11)')),
    "38 works": (('name = "all"', 'name = "all"\nincomplete = "drop"'), emptied("spending", np.nan), WORKS),
    "41": (
        (),
        emptied("insured_years", 0),
        ("insured_years of unit 'p05' in period '2020Q2' is 0", "insured_years = false in columns of [data] (line 3)"),
    ),
    "42": (
        (),
        without("p05", before="2020Q3"),
        ("'p05' has no spending in period '2020Q1'", 'incomplete = "drop" in [[comparison]] (line 11)'),
    ),
    "43": ((), without(period="2019Q3"), ("2019Q3", "Keep their rows", 'masked = ["2019Q3"] in [windows] (line 8)')),
    "43: of one unit": ((), without("p05", "2019Q3"), ("'p05'", "'2019Q3'", 'masked = ["2019Q3"] in [windows]')),
    "47": (
        (),
        frame().drop(columns="insured_years"),
        ("panel.csv", "no column 'insured_years'", "insured_years = false in columns of [data] (line 3)"),
    ),
    "47 works": (
        (COLUMNS[0], COLUMNS[1].format("{ insured_years = false }")),
        frame().drop(columns="insured_years"),
        WORKS,
    ),
    "55": (
        (COLUMNS[0], 'file = "panel.csv"\nspending_is = "per insured-period"'),
        frame().assign(spending=lambda data: data["spending"] / 4),
        WORKS,
    ),
    "67": ((), frame(15), WORKS),
    "88": (
        ('"AdministrativeBenchmark"', '"StackedBenchmark"'),
        None,
        ("got 0 methods", "at least two", "SyntheticControl and SyntheticDiD"),
    ),
    "90": (("[[method]]", '[[spending]]\nexclude = ["ggz"]\n[[method]]'), None, ("spending.exclude", "leave it out")),
    "95": (('source = "panel"', 'source = "panel"\nsource = "panel"'), None, ("line 5", "source", "keep one of them")),
    "97": (
        ('"placebo"', '"credible"'),
        None,
        ("threshold.kind is 'credible'", "no method gives a posterior", "'AdministrativeBenchmark'", "'placebo'"),
    ),
    "98": (
        (
            ('name = "all"', 'name = "all"\nstandard = "leeftijd"'),
            (COLUMNS[0], COLUMNS[1].format('{ covariates = ["leeftijd"] }')),
        ),
        None,
        ("'leeftijd' has mean 43", "expected spending", 'accept = ["standard"] in [data] (line 3)'),
    ),
    "A14: names alike": (
        (),
        frame().replace({"unit": {"p07": "P08"}}),
        ("'P08' and 'p08' differ only in case", 'accept = ["similar_names"] in [data] (line 3)'),
    ),
    "no donors": (
        ('name = "all"', 'name = "all"\ndonors = []'),
        None,
        ("donors is an empty list", "no donors in [[comparison]]"),
    ),
}


@pytest.mark.parametrize("number", MISTAKES)
def test_a_mistake_in_a_study_is_named_with_what_to_write(number, tmp_path):
    changes, data, parts = MISTAKES[number]
    text = STUDY
    for old, new in [changes] if changes and isinstance(changes[0], str) else changes:
        assert old in text
        text = text.replace(old, new, 1)
    (frame() if data is None else data).to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    if not parts:
        assert plan_study(tmp_path / "study.toml").designs
        return
    with pytest.raises(SsinferError) as refused:
        plan_study(tmp_path / "study.toml")
    assert re.search(".*".join(map(re.escape, parts)), str(refused.value)), str(refused.value)
    assert "Design(" not in str(refused.value)


OWN = {
    "30": Written(";", ","),
    "31": Written(",", ","),
    "32": Written(";", ",", "."),
    "35": Written(";", ",", below=("Eindtotaal;;2700,00;61234,00",)),
    "36": Written(";", ",", titles=("Export Vektis 2023;;;",)),
    "44": Written(";", ",", style=QUARTERS["K2 2018"]),
    "45": Written(";", ",", style=QUARTERS["01-04-2018"]),
    "49": Written(";", ",", wide=True),
}


@pytest.mark.parametrize("number", OWN)
def test_a_file_as_users_have_it_is_planned_with_its_own_numbers(number, tmp_path):
    data, columns = panel(n_years=3), ", ".join(f'{name} = "{own}"' for name, own in NAMES.items())
    text = STUDY.replace(COLUMNS[0], COLUMNS[1].format(f"{{ {columns} }}")).replace('"p00"', f'"{data["unit"][0]}"')
    (tmp_path / "panel.csv").write_bytes(text_of(data, OWN[number]))
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    read = plan_study(tmp_path / "study.toml").panel
    data = data.sort_values(["unit", "period"], ignore_index=True)
    data["period"] = data["period"].map(dict(zip(sorted(set(data["period"])), read.periods, strict=True)))
    pd.testing.assert_frame_equal(read.to_frame()[[*NAMES]], data)


def test_windows_that_lose_their_placebos_are_told_before_the_fits(tmp_path):
    """Mistake 38: p05 has no spending in 2019Q2, which is in the baseline of the windows of 2020Q1 only."""
    emptied("spending", np.nan, period="2019Q2").to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    looks = []
    plan_study(tmp_path / "study.toml", tell=looks.append)
    (found,) = [dict(each.numbers) for each in looks[0].findings if each.id == "incomplete_windows"]
    assert found == {"comparison": "all", "unit": "p05", "period": "2019Q2", "origins": ["2020Q1"]}


CONSOLE = {
    "80": (["check", "absent.toml", "--jobs", "0"], ("--jobs", "0 processes", "Give 1 or more")),
    "82": (["check", "absent.toml"], ("absent.toml", "Pass the path of a TOML file")),
    "87": (["rnu"], ("No such command 'rnu'", "Did you mean 'run'")),
    "115": (["power", "--shock-sd", "1.25"], ("looks like a percentage. Write 0.0125",)),
    "116": (["power", "--insured", "20.000"], ("20.000", "20000")),
    "117": (["settle", "--contract", "kerngezond-vlissingen", "--benchmark", "100,50"], ("100,50", "100.50")),
}


@pytest.mark.parametrize("number", CONSOLE)
def test_a_mistake_on_the_console_is_named_with_what_to_write(number):
    arguments, parts = CONSOLE[number]
    if arguments[0] == "settle":
        arguments = [*arguments, "--spending", "90", "--insured-years", "1000"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", f"{result.output} {result.exception}").split())
    assert re.search(".*".join(map(re.escape, parts)), said), said


def test_an_address_in_place_of_a_file_is_told_its_key(tmp_path):
    """Mistake 114."""
    text = STUDY.replace('"panel"', '"claims"').replace('"panel.csv"', ADDRESS)
    (tmp_path / "study.toml").write_text(text.replace("[case]", "[population]"), encoding="utf-8")
    with pytest.raises(SsinferError, match=r"claims are on a server.*\[data\] connection = 'postgres://USER@HOST"):
        plan_study(tmp_path / "study.toml")


def test_mistakes_in_python_are_named():
    """Mistake 120."""
    panel = ss.Panel.from_frame(frame())
    cf = ss.AdministrativeBenchmark(n_draws=400).fit(panel, ss.Design("p00", PERIODS[4:8], PERIODS[8:]), seed=1)
    with pytest.raises(SsinferError, match=r"settle: .*Give arguments by name"):
        ss.settle(ss.load_contract("kerngezond-vlissingen"), cf)
    with pytest.raises(
        SsinferError, match=r"power_table: scenario is 20000; allowed: a Scenario, such as ss\.Scenario"
    ):
        ss.power_table(20000)
    with pytest.raises(SsinferError, match=r"placebo_threshold"):
        ss.placebo_threshold(cf)

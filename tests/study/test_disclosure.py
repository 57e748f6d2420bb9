"""Small groups: a recovery attack on every output of a study on claims, protection of hidden cells, and the rule."""

import json
import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import ssinfer as ss
from ssinfer.errors import StudyError
from ssinfer.report import write_report
from ssinfer.report.console import design_table
from ssinfer.report.look import look_text
from ssinfer.study import plan_study, run_study, write_study
from ssinfer.study.config import read_study
from ssinfer.study.disclosure import _fit, _group, disclosed
from ssinfer.study.hidden import MIN_HIDDEN, HiddenGroups, find_hidden
from ssinfer.study.look import look_at
from ssinfer.study.protection import LEAST_DISTANCE, feasible_interval, protect

YEARS = range(2016, 2022)
SMALL = {"p-three": 3, "p-seven": 7, "p-nine": 9}  # insured
STUDY = """
title = "small groups"
question = "what can be recovered?"
data = { source = "claims", file = "claims", periods = { first = 2016, last = 2021 } }
windows = { baseline = { first = 2018, last = 2019 }, performance = [2020, 2021] }
backtest = { injected = [0.0, 0.03] }

[case]
treated = ["case"]
size_edges = [20, 100]

[[population]]
name = "adults of A"
insurers = ["A"]
ages = [18, 120]

[[spending]]
name = "all"
own_costs = ["programme"]

[[spending]]
name = "truncated"
own_costs = ["programme"]
truncation = { amount = 20000 }

[[comparison]]
name = "others"

[grid]

[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 200 }

"""


def write_claims(folder):
    """26 practices of 40 insured, a contract group of 150, practices of 3, 7 and 9, and 3 persons of insurer B."""
    rng = np.random.default_rng(4)
    sizes = {f"p{i:02d}": 40 for i in range(26)} | {"case": 150} | SMALL
    practice = np.repeat([*sizes], [*sizes.values()])
    n = len(practice)
    person = np.arange(n + 3 + 25)
    practice = np.concatenate([practice, ["p00"] * 3, rng.choice([*sizes][:26], 25)])
    insured = pd.DataFrame({"person": person, "birth_year": 1960, "sex": "V"})
    insured.loc[n + 3 :, "birth_year"] = 2012  # 25 minors
    enrolment = insured[["person"]].assign(practice=practice, insurer="A", start=pd.Timestamp("2016-01-01"))
    enrolment = enrolment.assign(end=pd.Timestamp("2021-12-31"))
    enrolment.loc[n : n + 2, "insurer"] = "B"
    lines = pd.DataFrame([(p, pd.Timestamp(y, 3, 5)) for p in person for y in YEARS], columns=["person", "date"])
    lines["amount"] = np.round(rng.gamma(2.0, 1200.0, len(lines)), 2)
    lines["category"] = "gp"
    lines.loc[lines["person"].between(n, n + 2), "amount"] = [37_037.01 / 18] * 17 + [
        37_037.01 - 17 * round(37_037.01 / 18, 2)
    ]
    lines.loc[(lines["person"] < 2) & (lines["date"].dt.year == 2020), "amount"] = [
        90_001.13,
        80_002.29,
    ]  # above the cap
    of_case = person[practice == "case"]
    paid = [(p, year) for year, number in ((2019, 4), (2020, 60), (2021, 70)) for p in of_case[:number]]
    own = pd.DataFrame(
        [(p, pd.Timestamp(y, 6, 1), 30.0 + p % 7, "programme") for p, y in paid], columns=lines.columns[[0, 1, 2, 3]]
    )
    folder.mkdir()
    frames = {"insured": insured, "enrolment": enrolment, "claims": pd.concat([lines.round({"amount": 2}), own])}
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    write_claims(folder / "claims")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return plan_study(folder / "study.toml")


@pytest.fixture(scope="module")
def result(plan):
    return run_study(plan, n_jobs=1)


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    return write_study(result, tmp_path_factory.mktemp("out") / "out", report=write_report)


@pytest.fixture(scope="module")
def secrets(plan, result):
    """Exact values that no output may hold: results of small practices, and sums of few persons."""
    rows = result.tables["placebos.parquet"]
    rows = rows[rows["unit"].isin(SMALL)]
    values = rows[["benchmark", "spending", "saving", "savings_rate"]].to_numpy().ravel().tolist()
    for name in SMALL:
        panel = plan.panel
        values += panel.spending[panel.row_of[name]].tolist()
        values += (panel.spending * panel.insured_years)[panel.row_of[name]].tolist()
    return np.array([*values, 37_037.01, 3_703_701.0, 135.0, 130_003.42])  # excluded persons, own costs, cut


def texts_and_numbers(folder):
    """Yield the name, the text and the numbers of each file of a folder."""
    for path in sorted(folder.rglob("*.*")):
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
            yield path.name, frame.to_csv(), frame.select_dtypes("number").to_numpy(dtype=float).ravel()
        elif path.suffix == ".nc":
            nodes = [node.to_dataset() for node in xr.open_datatree(path, engine="h5netcdf").subtree]
            arrays = [array.values for node in nodes for array in {**node.data_vars, **node.coords}.values()]
            yield path.name, str(nodes), np.concatenate([a.ravel() for a in arrays if a.dtype.kind in "fi"])
        else:
            text = unescape(path.read_text(encoding="utf-8"))
            yield path.name, text, numbers_in(text) if path.suffix != ".svg" else np.array([])


def numbers_in(text):
    return np.array([float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\.?\d*(?:e-?\d+)?", text)])


def holds(numbers, secret):
    """Whether a number is the secret itself, to nine digits, or as printed with two decimals."""
    near = np.abs(np.abs(numbers) - abs(secret)) <= 1e-9 * abs(secret)
    return bool(near.any() or (abs(secret) > 1000 and np.isin(round(abs(secret), 2), np.abs(numbers))))


def test_no_output_holds_a_hidden_value(plan, result, folder, secrets):
    """Faults R24 and R25: console, CSV, Parquet, netCDF, JSON, HTML and SVG; the search itself finds what is there."""
    console = f"{look_text(look_at(plan))}\n{design_table(result)}"
    outputs = [("console", console, numbers_in(console)), *texts_and_numbers(folder)]
    assert {name.rsplit(".", 1)[-1] for name, *_ in outputs} == {
        "console",
        "csv",
        "parquet",
        "nc",
        "json",
        "html",
        "svg",
        "toml",
    }
    for name, text, numbers in outputs:
        assert not [unit for unit in SMALL if unit in text], name
        assert not [secret for secret in secrets if holds(numbers, secret)], name
    known = result.tables["placebos.parquet"]
    assert all(holds(known["saving"].to_numpy(), value) for value in known[known["unit"].isin(SMALL)]["saving"])


def test_no_sum_gives_a_hidden_value_back(plan, result, folder):
    """Differences of all published sums, in closed form: a hidden value lies between 0 and the sum of hidden ones."""
    read = {path.name: pd.read_csv(path) for path in folder.glob("*.csv")}
    attrition = read["attrition.csv"]
    assert list(attrition["step"]) == ["in the tables", "several", "kept apart", "counted"]
    for column, secret in {"persons": 3, "lines": 18, "insured_days": 6576, "cents": 3_703_701}.items():
        came, *rest = attrition[column]
        assert came == sum(rest)  # totals stay consistent
        assert rest[0] >= (1 + LEAST_DISTANCE) * secret
    own = read["own_costs.csv"]
    assert own["spending"].sum() == attrition["euros"][2]
    assert own["spending"][0] >= (1 + LEAST_DISTANCE) * 135.0
    every, shown = result.tables["placebos.parquet"], pd.read_parquet(folder / "placebos.parquet")
    for name in ("scores.csv", "stop_loss.csv"):  # mean and SD over all: at least as many unknowns as three units
        by = ["design", "method", "size_class"] if name == "scores.csv" else ["design", "origin"]
        assert len(read[name]) == len(result.tables[name].drop_duplicates(by))
    keys = ["design", "method", "origin"]
    assert (every.groupby(keys).size() - shown.groupby(keys).size()).tolist() == [MIN_HIDDEN] * (2 * 2 + 2 * 1)
    panel = plan.panel
    for totals in (panel.insured_years.sum(axis=1), (panel.spending * panel.insured_years).sum(axis=1)):
        of_hidden = totals[~plan.hidden.visible(panel.units)]
        assert of_hidden.max() * (1 + LEAST_DISTANCE) <= of_hidden.sum()
    assert read["truncation.csv"]["year"].tolist() == [
        2016,
        2017,
        2018,
        2019,
        2021,
    ]  # two persons above the cap in 2020


def test_a_confidential_folder_is_complete_and_marked(result, folder, tmp_path):
    few = replace(result, backtest=None)  # fewer figures
    out = write_study(few, tmp_path / "out", report=write_report, confidential=True)
    assert {path.name for path in out.iterdir()} == {path.name for path in folder.iterdir()}
    assert set(SMALL) <= set(pd.read_parquet(out / "placebos.parquet")["unit"])
    assert 3 in pd.read_csv(out / "attrition.csv")["persons"].tolist()
    assert out.stat().st_mode & 0o777 == 0o700
    for where, confidential in ((out, True), (folder, False)):
        assert json.loads((where / "manifest.json").read_text())["confidential"] is confidential
        page = (where / "report.html").read_text(encoding="utf-8")
        assert (page.find("CONFIDENTIAL") in range(page.find("<h1>"))) is confidential


def test_nothing_of_a_small_contract_group_is_written(result, tmp_path):
    hidden = replace(result.hidden, case=True, units=result.hidden.units | {"case"})
    shown = disclosed(replace(result, hidden=hidden))
    out = write_study(shown, tmp_path / "out", report=None)
    assert not {"savings.nc", "own_costs.csv"} & {path.name for path in out.iterdir()}
    savings = pd.read_csv(out / "savings.csv")
    assert set(savings["status"]) == {"hidden"}
    assert savings[["benchmark", "spending", "saving", "insured_years"]].isna().all(axis=None)
    assert not len(pd.read_csv(out / "case_thresholds.csv"))
    assert pd.read_csv(out / "scores.csv")["bias_case"].isna().all()
    assert pd.read_csv(out / "scenarios.csv").filter(like="case_").isna().all(axis=None)
    assert "kept apart" not in pd.read_csv(out / "attrition.csv")["step"].tolist()
    assert not {"case", "placebos"} & set(pd.read_parquet(out / "placebos.parquet").query("role == 'case'")["role"])


cells = st.lists(st.integers(1, 400), min_size=2, max_size=7)


@settings(max_examples=8, deadline=None)
@given(values=cells, sensitive=st.integers(0, 2**7 - 1), parts=st.integers(0, 2**7 - 1))
def test_hidden_cells_cannot_be_derived(values, sensitive, parts):
    """Two published sums: of all cells, and of a part. The closed form of their intervals is that of two groups."""
    v = np.array(values, dtype=float)
    bits = np.arange(len(v))
    few, part = (sensitive >> bits) & 1 == 1, (parts >> bits) & 1 == 1
    sums = np.array([np.ones(len(v), dtype=bool), part])
    hidden = protect(v[:, None], sums, few, v)
    if hidden is None:  # even all cells of the sums protect nothing
        alone = [
            v[group].sum() < (1 + LEAST_DISTANCE) * v[i] for i in np.flatnonzero(few) for group in [part == part[i]]
        ]
        assert any(alone)
        return
    assert (hidden | ~few).all()
    for i in np.flatnonzero(few):
        low, high = feasible_interval(v, sums, hidden, i)
        total = v[hidden & (part == part[i])].sum()
        assert [low, high] == pytest.approx([0.0 if total > v[i] else v[i], total], abs=1e-6)
        assert low <= (1 - LEAST_DISTANCE) * v[i] + 1e-6
        assert high >= (1 + LEAST_DISTANCE) * v[i] - 1e-3


def panel_of(insured):
    rows = [(f"u{i}", year, 100.0 + i + year % 7, n) for i, n in enumerate(insured) for year in range(2015, 2019)]
    return ss.Panel.from_frame(pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"]))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from([3, 7, 9, 10, 40, 500]), min_size=6, max_size=9))
def test_small_units_are_hidden_with_at_least_two_others(insured):
    panel = panel_of([100, *insured])
    design = ss.Design(treated=["u0"], baseline=[2015, 2016], performance=[2018])
    hidden = find_hidden([(panel, None)], {"a": design}, 10)
    small = {f"u{i}" for i, n in enumerate(insured, 1) if n < 10}
    assert small <= hidden.units
    assert (len(hidden.units) >= MIN_HIDDEN) == bool(small)
    assert not hidden.case
    assert hidden.units == small or len(hidden.units) == MIN_HIDDEN


def test_a_contract_of_small_practices_is_shown_as_one():
    """Fault R24: a contract of practices of 7 and 9 gave the spending of each in savings.nc."""
    panel = panel_of([7, 9, *[200 + i for i in range(12)]])
    design = ss.Design(treated=["u0", "u1"], baseline=[2015, 2016], performance=[2017, 2018])
    hidden = find_hidden([(panel, None)], {"a": design}, 10)
    assert (hidden.case, hidden.pooled, hidden.units) == (False, True, {"u0", "u1"})
    cf = ss.AdministrativeBenchmark(n_draws=100, history=0).fit(panel, design, seed=1)
    shown = _fit(cf, hidden)
    assert shown.benchmark["unit"].values.tolist() == ["the contract group"]
    np.testing.assert_allclose(shown.pooled(), cf.pooled())
    assert shown.pooled_spending == pytest.approx(cf.pooled_spending)
    assert shown.assigned == cf.assigned
    alone = find_hidden([(panel_of([7, *[200] * 8]), None)], {"a": design.replace(treated=["u0"])}, 10)
    assert alone.case
    assert len(alone.units) == MIN_HIDDEN  # with two others, or the total of all units would give it


def test_groups_of_netcdf_hold_no_hidden_unit_and_no_person():
    """Observed cells and log-likelihoods of hidden units, and pairs of persons."""
    cf = SimpleNamespace(
        inference={
            "log_likelihood": xr.Dataset({"fitted": ("fitted_unit", [1.0, 2.0])}, coords={"fitted_unit": ["a", "b"]}),
            "constant_data": xr.Dataset({"fitted_cell_unit": ("fitted_cell", ["a", "b", "b"])}),
            "observed_data": xr.Dataset({"fitted": ("fitted_cell", [1.0, 2.0, 3.0])}),
        }
    )
    hidden = HiddenGroups(10, frozenset({"b"}))
    for name, group in cf.inference.items():
        shown = _group(group, cf.inference["constant_data"], hidden)
        assert len(next(iter(shown.data_vars.values()))) == 1, name
    counts = xr.Dataset({"persons": ("group", [100, 50, 20]), "matched": ("group", [93, 50, 4])})
    counts = counts.assign(share_matched=counts["matched"] / counts["persons"])
    shown = _group(counts, {}, hidden)
    assert shown["matched"].values.tolist() == pytest.approx([np.nan, 50, np.nan], nan_ok=True)
    assert np.isnan(shown["share_matched"].values).tolist() == [True, False, True]


def test_one_person_with_most_of_the_spending_hides_a_unit():
    persons = [(f"{u}{i}", u, year, 1.0, 100.0) for u in "abcdef" for i in range(20) for year in (2017, 2018)]
    frame = pd.DataFrame(persons, columns=["person", "unit", "period", "insured_years", "spending"])
    design = ss.Design(treated=["f"], baseline=[2017], performance=[2018])
    for share, hides in ((0.84, False), (0.86, True)):
        frame.loc[frame["person"].eq("a0") & frame["period"].eq(2018), "spending"] = 1900 * share / (1 - share)
        cohort = ss.Cohort.from_frame(frame)
        found = find_hidden([(cohort.to_panel(), cohort)], {"a": design}, 10)
        assert ("a" in found.units) is hides


@pytest.mark.parametrize("limit", [0, 1, -3, 2.5, "ten"])
def test_a_limit_that_hides_nothing_is_refused(tmp_path, limit):
    path = tmp_path / "study.toml"
    path.write_text(f"suppress_below = {limit!r}\n{STUDY}", encoding="utf-8")
    with pytest.raises(StudyError, match=r"suppress_below.*(equal to 2|a whole number), got"):
        read_study(path)


def test_paths_of_placebos_are_those_that_are_shown(folder):
    """Numbers of 32 bits, which the search for exact values does not find: no row of a hidden placebo is there."""
    keys = ["design", "method", "unit", "origin"]
    paths, rows = (pd.read_parquet(folder / f"{name}.parquet") for name in ("placebo_paths", "placebos"))
    assert not set(SMALL) & set(paths["unit"])
    assert set(paths[keys].astype(str).itertuples(index=False, name=None)) <= set(
        rows[keys].astype(str).itertuples(index=False, name=None)
    )

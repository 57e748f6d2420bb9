"""Small groups: a recovery attack on every output of a study on claims, protection of hidden cells, and the rule."""

import json
import re
import shutil
from dataclasses import replace
from html import unescape
from itertools import combinations
from types import SimpleNamespace
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pseudo import from_no_catalogue
from python_calamine import CalamineWorkbook
from small_study import without_pictures

import ssinfer as ss
from ssinfer.console.design_table import design_table
from ssinfer.console.look import look_text
from ssinfer.errors import StudyError
from ssinfer.report import write_report
from ssinfer.report.formats import writer_of
from ssinfer.structure import STRUCTURE
from ssinfer.study import plan_study, run_study, write_study
from ssinfer.study.config import read_study
from ssinfer.study.data import View
from ssinfer.study.disclosure import _fit, _group, disclosed, disclosed_tables
from ssinfer.study.hidden import CONTRACT_GROUP, MIN_HIDDEN, HiddenGroups, find_hidden
from ssinfer.study.look import look_at
from ssinfer.study.pair_outcome import outcomes
from ssinfer.study.protection import LEAST_DISTANCE, feasible_interval, protect
from ssinfer.study.rewrite import rewrite_report

YEARS = range(2016, 2022)
SMALL = {"p-three": 3, "p-seven": 7, "p-nine": 9}  # insured
CUT, OLD = 90_001.13 + 80_002.29 - 2 * 20_000, "p08"  # money of two persons of p05 above the cap; 4 old persons of p08
APART = {("truncated", "p05"), ("younger", OLD)}  # what another design shows
STUDY = """
title = "small groups"
question = "what can be recovered?"
data = { source = "claims", file = "claims", periods = { first = 2016, last = 2021 } }
windows = { baseline = { first = 2018, last = 2019 }, performance = [2020, 2021] }
backtest = { injected = [0.0], levels = [0.9] }

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

[[design]]
name = "all"

[[design]]
name = "truncated"
spending = "truncated"

[[design]]
name = "younger"
origins = [2019]

[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 100 }

"""


def write_claims(folder):
    """18 practices of 30 insured, a contract group of 80, practices of 3, 7 and 9, and 3 persons of insurer B."""
    rng = np.random.default_rng(4)
    sizes = {f"p{i:02d}": 30 for i in range(18)} | {"case": 80} | SMALL
    practice = np.repeat([*sizes], [*sizes.values()])
    n = len(practice)
    person = np.arange(n + 3 + 25)
    practice = np.concatenate([practice, ["p00"] * 3, rng.choice([*sizes][:18], 25)])
    insured = pd.DataFrame({"person": person, "birth_year": 1960, "sex": "V"})
    insured.loc[n + 3 :, "birth_year"] = 2012  # 25 minors
    first = {unit: int(np.argmax(practice == unit)) for unit in sizes}  # person
    for unit, old in {OLD: 4, "p09": 12, "p10": 12, "case": 12}.items():
        insured.loc[first[unit] : first[unit] + old - 1, "birth_year"] = 1920
    enrolment = insured[["person"]].assign(practice=practice, insurer="A", start=pd.Timestamp("2016-01-01"))
    enrolment = enrolment.assign(end=pd.Timestamp("2021-12-31"))
    enrolment.loc[n : n + 2, "insurer"] = "B"
    lines = pd.DataFrame([(p, pd.Timestamp(y, 3, 5)) for p in person for y in YEARS], columns=["person", "date"])
    lines["amount"] = np.round(rng.gamma(2.0, 1200.0, len(lines)), 2)
    lines["category"] = "gp"
    of_b = np.full(18, 37_037.01 // 18)
    lines.loc[lines["person"].between(n, n + 2), "amount"] = [*of_b[1:], 37_037.01 - of_b[1:].sum()]
    for unit in ("p01", "case"):  # above the cap in all years
        lines.loc[lines["person"].between(first[unit], first[unit] + 11), "amount"] = 24_000.0
    costly = lines["person"].between(first["p05"], first["p05"] + 1) & (lines["date"].dt.year == 2020)
    lines.loc[costly, "amount"] = [90_001.13, 80_002.29]
    of_case = person[practice == "case"]
    paid = [(p, year) for year, number in ((2018, 12), (2019, 4), (2020, 60), (2021, 70)) for p in of_case[:number]]
    own = pd.DataFrame([(p, pd.Timestamp(y, 6, 1), 30.0 + p % 7, "programme") for p, y in paid], columns=lines.columns)
    own.loc[0, "amount"] = 4_321.09  # of 12 persons, one has most
    folder.mkdir()
    frames = {"insured": insured, "enrolment": enrolment, "claims": pd.concat([lines.round({"amount": 2}), own])}
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    write_claims(folder / "claims")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    planned = plan_study(folder / "study.toml")
    persons = planned.data.views["all"].cohort
    younger = persons.select(persons=persons.covariates["age"] < 90)  # a nested population, without its extraction
    views = {**planned.data.views, "younger": View(younger.to_panel(), younger, younger)}
    return replace(planned, data=replace(planned.data, views=views))


@pytest.fixture(scope="module")
def result(plan):
    return run_study(plan, n_jobs=1)


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    return write_study(result, tmp_path_factory.mktemp("out") / "out", report=write_report)


@pytest.fixture(scope="module")
def secrets(plan, result):
    """Exact values that no output may hold: results of hidden practices, and sums of few persons."""
    rows = result.tables["placebos.parquet"]
    names = ["benchmark", "spending", "saving", "savings_rate"]
    values = rows.loc[rows["unit"].isin(SMALL), names].to_numpy().ravel().tolist()
    values += rows[(rows["design"] == "younger") & (rows["unit"] == OLD)][names].to_numpy().ravel().tolist()
    of_cut = (rows["design"] == "truncated") & (rows["unit"] == "p05") & (rows["origin"] == 2020)
    values += rows.loc[of_cut, names[1:]].to_numpy().ravel().tolist()
    views = {name: plan.data.panel_of(name) for name in plan.designs}
    cells = [("all", unit, slice(None)) for unit in SMALL]
    cells += [("truncated", "p05", YEARS.index(2020)), ("younger", OLD, slice(None))]
    for name, unit, columns in cells:
        row = views[name].row_of[unit]
        means, years = (np.atleast_1d(part[row, columns]) for part in (views[name].spending, views[name].insured_years))
        values += [*means, *(means * years)]
    return np.array([*values, *few_persons(plan), 37_037.01, 3_703_701.0, 135.0, 4_321.09])


def few_persons(plan):
    """Money that two designs of one unit differ by: of two persons above the cap, and of four old persons per year."""
    every, younger = (plan.data.panel_of(name) for name in ("all", "younger"))
    old = [p.spending[p.row_of[OLD]] * p.insured_years[p.row_of[OLD]] for p in (every, younger)]
    yearly = old[0] - old[1]
    return np.array([CUT, *yearly, *(yearly[t : t + 2].sum() for t in range(len(yearly) - 1))])


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
        elif path.suffix == ".png":  # pixels of the SVG file beside it
            assert b"tEXt" not in path.read_bytes()
        elif path.suffix == ".xlsx":
            book = CalamineWorkbook.from_path(path)
            cells = [
                cell for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row
            ]
            numbers = [cell for cell in cells if not isinstance(cell, str)]
            text = "\n".join(cell for cell in cells if isinstance(cell, str))
            yield path.name, text, np.concatenate([numbers_in(text), np.array(numbers, dtype=float)])
        elif path.suffix == ".zip":
            with ZipFile(path) as archive:
                text = re.sub(r'"object": \d+|"\d+\.npy"', "", archive.read(STRUCTURE).decode())  # numbers of parts
                arrays = [np.load(archive.open(name)) for name in archive.namelist() if name != STRUCTURE]
            yield (
                path.name,
                text,
                np.concatenate([numbers_in(text), *(a.ravel() for a in arrays if a.dtype.kind in "fi")]),
            )
        else:
            text = unescape(path.read_text(encoding="utf-8"))
            yield path.name, text, numbers_in(text) if path.suffix != ".svg" else np.array([])


def numbers_in(text):
    return np.array([float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\.?\d*(?:e-?\d+)?", text)])


def holds(numbers, secret):
    """Whether a number is the secret itself, to nine digits, or as printed with two decimals."""
    near = np.abs(np.abs(numbers) - abs(secret)) <= 1e-9 * abs(secret)
    return bool(near.any() or (abs(secret) > 1000 and np.isin(round(abs(secret), 2), np.abs(numbers))))


def test_the_report_is_written_again_with_the_same_bytes(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    rewrite_report(copy, write_report)
    files = [path.relative_to(folder) for path in folder.rglob("*.*")]
    assert [name for name in files if (folder / name).read_bytes() != (copy / name).read_bytes()] == []
    assert not copy.stat().st_mode & 0o077
    assert not (copy / "report.html").stat().st_mode & 0o077


def test_no_output_holds_a_hidden_value(plan, result, folder, secrets, tmp_path):
    """Faults R24 and R25: console, CSV, Parquet, netCDF, JSON, HTML, SVG and Excel; the search finds what is there."""
    console = f"{look_text(look_at(plan))}\n{design_table(result)}"
    rewrite_report(folder, writer_of("xlsx"), out=tmp_path / "report.xlsx", form="xlsx")
    outputs = [("console", console, numbers_in(console)), *texts_and_numbers(folder), *texts_and_numbers(tmp_path)]
    assert {name.rsplit(".", 1)[-1] for name, *_ in outputs} == {
        "console",
        "csv",
        "parquet",
        "nc",
        "json",
        "html",
        "svg",
        "toml",
        "xlsx",
        "zip",
    }
    for name, text, numbers in outputs:
        assert not [unit for unit in SMALL if unit in text], name
        assert not [secret for secret in secrets if holds(numbers, secret)], name
    known = result.tables["placebos.parquet"]
    assert all(holds(known["saving"].to_numpy(), value) for value in known[known["unit"].isin(SMALL)]["saving"])


def differences(plan, tables):
    """Money of a unit in a window or a period under one design less that under another, for all pairs of designs."""
    years = {
        name: plan.data.panel_of(name).to_frame().set_index(["unit", "period"])["insured_years"]
        for name in plan.designs
    }
    paths = tables("placebo_paths.parquet").drop_duplicates(["design", "unit", "period"]).astype({"period": int})
    of_cell = [
        years[name][unit, period] for name, unit, period in paths[["design", "unit", "period"]].itertuples(index=False)
    ]
    windows = tables("placebos.parquet").query("status == 'ok'")
    windows = windows.assign(money=windows["spending"] * windows["insured_years"])
    for rows, key in ((windows, "origin"), (paths.assign(money=paths["observed"] * of_cell), "period")):
        wide = rows.pivot_table("money", ["unit", key], "design", observed=True)
        for first, second in combinations(wide, 2):
            yield (wide[first] - wide[second]).dropna()


def test_no_difference_of_two_designs_is_of_few_persons(plan, result, folder):
    """The same attack on what is not disclosed finds all of them."""
    wanted, shown = (
        few_persons(plan),
        pd.concat(differences(plan, lambda name: pd.read_parquet(folder / name))).to_numpy(),
    )
    every = pd.concat(differences(plan, result.tables.__getitem__)).to_numpy()
    near = {
        name: np.isclose(np.abs(d)[:, None], wanted, rtol=1e-4) for name, d in {"every": every, "shown": shown}.items()
    }
    assert near["every"][:, 0].any()
    assert near["every"][:, 1:].any()
    assert not near["shown"].any()
    assert plan.hidden.apart >= APART
    assert {name for name, _ in plan.hidden.apart} == {"truncated", "younger"}  # never the first, which settles
    assert not plan.hidden.designs
    assert {"all", "truncated", "younger"} == set(pd.read_csv(folder / "savings.csv").query("status == 'ok'")["design"])
    every = plan.panel.spending * plan.panel.insured_years
    for name in ("truncated", "younger"):  # all units together are published, and those that are shown
        panel = plan.data.panel_of(name)
        few = np.abs(every - panel.spending * panel.insured_years).sum(axis=1)[~plan.hidden.visible(panel.units, name)]
        assert few.max() * (1 + LEAST_DISTANCE) <= few.sum()


def test_percentiles_leave_hidden_units_out(plan, result):
    pair = outcomes(plan, result.backtest, plan.config.savings)[1]
    visible = plan.hidden.visible(pair.rows["unit"], pair.design.name)
    table = result.tables["scenarios.csv"].query("design == @pair.design.name and saving == 0.03")
    insurer = pair.columns[f"insurer {table['scenario'].iloc[0]} 0.03"]
    assert table["insurer_5"].iloc[0] == pytest.approx(insurer[visible].quantile(0.05))
    assert table["insurer_5"].iloc[0] != pytest.approx(insurer.quantile(0.05))


def test_a_design_that_differs_from_another_by_few_persons_in_all_is_not_shown():
    frame = pd.DataFrame([(f"{u}{i}", u, y, 1.0, 100.0 + i) for u in "abcdef" for i in range(20) for y in (2017, 2018)])
    every = ss.Cohort.from_frame(frame.set_axis(["person", "unit", "period", "insured_years", "spending"], axis=1))
    design, fewer = (
        ss.Design(treated=["f"], baseline=[2017], performance=[2018]),
        every.select(persons=every.person != "a0"),
    )
    views = {name: (persons.to_panel(), persons) for name, persons in {"all": every, "fewer": fewer}.items()}
    hidden = find_hidden(views, dict.fromkeys(views, design), 10)
    assert (hidden.units, hidden.designs) == (set(), {"fewer"})
    of_panels = find_hidden({name: (panel, None) for name, (panel, _) in views.items()}, {"all": design}, 10)
    assert of_panels.designs == {"fewer"}
    table = pd.DataFrame({"design": ["all", "fewer"], "method": "m", "deviation": 1.0})
    assert disclosed_tables({"designs.csv": table}, hidden)["designs.csv"]["design"].tolist() == ["all"]


def test_an_exclusion_or_own_costs_of_one_person_are_joined():
    """Fault R25: 85% of one person in money that does not count; few persons with many lines."""
    rows = [
        ("in the tables", "", 0.0),
        ("claims", "a", 0.0),
        ("spending", "b", 0.9),
        ("spending", "c", 0.1),
        ("counted", "", 0),
    ]
    table = pd.DataFrame(rows, columns=["step", "reason", "largest"]).assign(definition="d", persons=0, insured_days=0)
    table = table.assign(insured_years=0.0, lines=[900, 100, 90, 80, 630], claimants=[0, 60, 50, 9, 0])
    table = table.assign(cents=table["lines"] * 100, euros=table["lines"] * 1.0)
    shown = disclosed_tables({"attrition.csv": table}, HiddenGroups(10))["attrition.csv"]
    assert shown["lines"].tolist() == [900, 100, 170, 630]
    own = pd.DataFrame({"definition": "d", "unit": "u", "period": range(4), "lines": [50, 40, 45, 60]})
    own = own.assign(spending=own["lines"] * 9.0, claimants=[9, 40, 40, 40], largest=[0.2, 0.86, 0.1, 0.1])
    assert disclosed_tables({"own_costs.csv": own}, HiddenGroups(10))["own_costs.csv"]["lines"].tolist() == [90, 45, 60]


def test_no_sum_gives_a_hidden_value_back(plan, result, folder):
    """Differences of all published sums, in closed form: a hidden value lies between 0 and the sum of hidden ones."""
    read = {path.name: pd.read_csv(path) for path in folder.glob("*.csv")}
    attrition = read["attrition.csv"]
    assert list(attrition["step"]) == ["in the tables", "several", "kept apart", "counted"]
    assert not {"claimants", "largest"} & {*attrition, *read["own_costs.csv"]}
    for column, secret in {"persons": 3, "lines": 18, "insured_days": 6576, "cents": 3_703_701}.items():
        came, *rest = attrition[column]
        assert came == sum(rest)  # totals stay consistent
        assert rest[0] >= (1 + LEAST_DISTANCE) * secret
    own = read["own_costs.csv"]
    assert own["spending"].sum() == attrition["euros"][2]
    assert own["spending"][0] >= (1 + LEAST_DISTANCE) * 4_321.09
    every, shown = result.tables["placebos.parquet"], pd.read_parquet(folder / "placebos.parquet")
    assert set(read["scores.csv"]["size_class"]) == {"all", "20 to 100"}  # of the others, some are hidden
    keys = ["design", "method", "origin"]
    assert (every.groupby(keys).size() - shown.groupby(keys).size()).min() >= MIN_HIDDEN
    panel = plan.panel
    for totals in (panel.insured_years.sum(axis=1), (panel.spending * panel.insured_years).sum(axis=1)):
        of_hidden = totals[~plan.hidden.visible(panel.units)]
        assert of_hidden.max() * (1 + LEAST_DISTANCE) <= of_hidden.sum()


def test_a_confidential_folder_is_complete_and_marked(result, folder, tmp_path):
    few = replace(result, backtest=None)  # fewer figures
    with without_pictures():
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
    hidden = replace(result.hidden, units=result.hidden.units | {"case", CONTRACT_GROUP})
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


@settings(max_examples=5, deadline=None)
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


@settings(max_examples=5, deadline=None)
@given(st.lists(st.sampled_from([3, 7, 9, 10, 40, 500]), min_size=6, max_size=9))
def test_small_units_are_hidden_with_at_least_two_others(insured):
    panel = panel_of([100, *insured])
    design = ss.Design(treated=["u0"], baseline=[2015, 2016], performance=[2018])
    hidden = find_hidden({"a": (panel, None)}, {"a": design}, 10)
    small = {f"u{i}" for i, n in enumerate(insured, 1) if n < 10}
    assert small <= hidden.units
    assert (len(hidden.units) >= MIN_HIDDEN) == bool(small)
    assert not hidden.case
    assert hidden.units == small or len(hidden.units) == MIN_HIDDEN


def test_a_contract_of_small_practices_is_shown_as_one():
    """Fault R24: a contract of practices of 7 and 9 gave the spending of each in savings.nc."""
    panel = panel_of([7, 9, *[200 + i for i in range(12)]])
    design = ss.Design(treated=["u0", "u1"], baseline=[2015, 2016], performance=[2017, 2018])
    hidden = find_hidden({"a": (panel, None)}, {"a": design}, 10)
    assert (hidden.case, hidden.pooled, hidden.units) == (False, True, {"u0", "u1"})
    cf = ss.AdministrativeBenchmark(n_draws=100, history=0).fit(panel, design, seed=1)
    shown = _fit(cf, hidden, "a")
    assert shown.benchmark["unit"].values.tolist() == ["the contract group"]
    np.testing.assert_allclose(shown.pooled(), cf.pooled())
    assert shown.pooled_spending == pytest.approx(cf.pooled_spending)
    assert shown.assigned == cf.assigned
    alone = find_hidden({"a": (panel_of([7, *[200] * 8]), None)}, {"a": design.replace(treated=["u0"])}, 10)
    assert alone.case
    assert len(alone.units - {CONTRACT_GROUP}) == MIN_HIDDEN  # with two others, or the total of all units would give it


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
        shown = _group(group, cf.inference["constant_data"], hidden, "a")
        assert len(next(iter(shown.data_vars.values()))) == 1, name
    counts = xr.Dataset({"persons": ("group", [100, 50, 20]), "matched": ("group", [93, 50, 4])})
    counts = counts.assign(share_matched=counts["matched"] / counts["persons"])
    shown = _group(counts, {}, hidden, "a")
    assert shown["matched"].values.tolist() == pytest.approx([np.nan, 50, np.nan], nan_ok=True)
    assert np.isnan(shown["share_matched"].values).tolist() == [True, False, True]


def test_one_person_with_most_of_the_spending_hides_a_unit():
    persons = [(f"{u}{i}", u, year, 1.0, 100.0) for u in "abcdef" for i in range(20) for year in (2017, 2018)]
    frame = pd.DataFrame(persons, columns=["person", "unit", "period", "insured_years", "spending"])
    design = ss.Design(treated=["f"], baseline=[2017], performance=[2018])
    for share, hides in ((0.84, False), (0.86, True)):
        frame.loc[frame["person"].eq("a0") & frame["period"].eq(2018), "spending"] = 1900 * share / (1 - share)
        cohort = ss.Cohort.from_frame(frame)
        found = find_hidden({"a": (cohort.to_panel(), cohort)}, {"a": design}, 10)
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


def test_the_words_of_a_hidden_contract_are_all_from_the_catalogue(result, tmp_path):
    with without_pictures():
        assert from_no_catalogue(disclosed(result), tmp_path, "claims") == []

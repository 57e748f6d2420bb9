"""Studies end to end on a small simulated panel: files, columns, equal numbers for any jobs, mistakes refused early."""

import datetime as dt
import hashlib
import html
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from small_study import without_pictures

import ssinfer as ss
from ssinfer.backtesting.placebos import placebo_units
from ssinfer.console.look import look_text
from ssinfer.errors import PluginError, SsinferError, StudyError
from ssinfer.report import write_report
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import plan_study, refuse_foreign_folder, run_study, write_study
from ssinfer.study.config import read_study
from ssinfer.study.frames import with_dictionary
from ssinfer.study.look import placebo_samples
from ssinfer.thresholds.placebo import placebo_threshold

STUDY = (Path(__file__).parent / "study.toml").read_text(encoding="utf-8")

# design.md, "Columns of scores.csv, at least", and of thresholds.csv
SCORES = [
    "design",
    "method",
    "injected",
    "n_units",
    "n_origins",
    "n_refused",
    "bias",
    "bias_mcse",
    "bias_case",
    "bias_sd_between",
    "rmse",
    "coverage_50",
    "coverage_80",
    "coverage_90",
    "coverage_95",
    "coverage_50_se",
    "coverage_80_se",
    "coverage_90_se",
    "coverage_95_se",
    "width_90",
    "interval_score_90",
    "crps",
]
THRESHOLDS = [
    "kind",
    "level",
    "side",
    "threshold",
    "threshold_less_bias",
    "false_payment_rate",
    "detection_rate_3",
    "expected_overpayment",
    "expected_underpayment",
    "threshold_se",
    "threshold_less_bias_se",
    "false_payment_rate_se",
    "detection_rate_3_se",
    "expected_overpayment_se",
    "expected_underpayment_se",
    "threshold_money",
    "expected_overpayment_money",
    "expected_underpayment_money",
]


@pytest.fixture(scope="module")
def frame():
    simulated = simulate_panel(24, tuple(range(2011, 2018)), start=2017, saving=0.03, seed=4, covid=False)
    return simulated.panel.to_frame().drop(columns="sampling_variance")


@pytest.fixture
def folder(tmp_path, frame):
    """A folder with a study and its panel; the columns carry the coordinates."""
    frame.to_csv(tmp_path / "panel.csv", index=False)
    columns = 'file = "panel.csv"\ncolumns = { covariates = ["latitude", "longitude"] }'
    (tmp_path / "study.toml").write_text(STUDY.replace('file = "panel.csv"', columns), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def result(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    frame.to_csv(folder / "panel.csv", index=False)
    text = STUDY.replace(
        'file = "panel.csv"', 'file = "panel.csv"\ncolumns = { covariates = ["latitude", "longitude"] }'
    )
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return run_study(plan_study(folder / "study.toml"), n_jobs=1)


def change(folder, *changes):
    text = (folder / "study.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "study.toml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def plain(result, tmp_path_factory):
    """The folder of the study without its report."""
    return write_study(result, tmp_path_factory.mktemp("plain") / "out", report=None)


def test_the_files_and_their_columns(plain):
    out = plain
    names = {path.name for path in out.iterdir()}
    # design.md: DIR/ without the report, which is another test's
    wanted = {"scores.csv", "placebos.parquet", "thresholds.csv", "savings.nc", "settlement.csv", "manifest.json"}
    wanted |= {"study.toml", "SHA256SUMS", "ro-crate-metadata.json", "dictionary.csv", "report_data.zip"}
    wanted |= {"placebo_paths.parquet", "paths.csv", "weights.csv", "diagnostics.csv"}
    assert names == wanted | {"detection.csv", "savings.csv", "case_thresholds.csv", "finding.json"}
    detection = pd.read_csv(out / "detection.csv")
    assert set(detection["injected"]) == {0.0, 0.03}
    scores, thresholds = pd.read_csv(out / "scores.csv"), pd.read_csv(out / "thresholds.csv")
    assert set(SCORES) <= set(scores.columns)
    assert set(THRESHOLDS) <= set(thresholds.columns)
    assert set(scores["design"]) == {"all", "near"}
    assert set(scores["injected"]) == {0.0}
    assert set(thresholds["kind"]) >= {"confidence", "placebo", "schedule"}
    placebos = pd.read_parquet(out / "placebos.parquet")
    assert len(placebos) == 2 * (23 * 4 + 3)  # two designs; placebos at four origins, the case at three before its own
    with xr.open_datatree(out / "savings.nc", engine="h5netcdf") as tree:
        assert set(tree.children) == {"all", "near"}
        benchmark = tree["all/equal/posterior_predictive"]["benchmark"]
        assert benchmark.dims == ("chain", "draw", "unit", "period")
        mean = float(benchmark.mean())
    savings = pd.read_csv(out / "savings.csv").set_index("design")
    assert savings.loc["all", "benchmark"] == pytest.approx(mean)
    manifest = json.loads((out / "manifest.json").read_text())
    assert len(manifest["study_hash"]) == len(manifest["data_hash"]) == 64
    assert manifest["seed"] == 5
    assert manifest["parts"] == ["backtest", "evaluate"]
    settlement = pd.read_csv(out / "settlement.csv")
    assert settlement.groupby("design")["amount"].sum().abs().max() < 0.01  # parties' lines sum to zero


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


def test_order_of_rows_columns_and_jobs_change_no_byte_but_the_manifests(plain, folder, frame, tmp_path):
    """Fault R29, R30: seeds by place in the file; seconds and dates in tables."""
    frame.sample(frac=1, random_state=1)[sorted(frame.columns)].to_csv(folder / "panel.csv", index=False)
    other = run_study(plan_study(folder / "study.toml"), n_jobs=2)
    second = write_study(other, tmp_path / "out", report=None)
    assert files(plain) == files(second)
    times, dates = (json.loads((second / "manifest.json").read_text())[key] for key in ("times", "created"))
    assert [row["design"] for row in times] == ["all", "near"]
    assert dates.startswith("20")


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    """A folder with its report, and its manifest."""
    with without_pictures():
        out = write_study(result, tmp_path_factory.mktemp("written") / "out", report=write_report)
    return out, json.loads((out / "manifest.json").read_text(encoding="utf-8"))


def test_sha256sum_accepts_the_sums_of_every_file_and_the_manifest_has_them_and_those_of_the_inputs(
    result, written, frame, tmp_path
):
    """Authority: sha256sum of GNU coreutils on the folder, and hashlib on the input file."""
    out, manifest = written
    held = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    lines = [line.split("  ") for line in (out / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    assert {name for _, name in lines} == held - {"manifest.json", "SHA256SUMS"}
    digests = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in held - {"manifest.json"}}
    assert manifest["files"] == digests
    frame.to_csv(tmp_path / "panel.csv", index=False)
    assert manifest["inputs"] == {"panel.csv": hashlib.sha256((tmp_path / "panel.csv").read_bytes()).hexdigest()}
    assert b"treated" in (out / "study.toml").read_bytes() == result.study_file
    if program := shutil.which("sha256sum"):
        command = [program, "-c", "--strict", "SHA256SUMS"]
        assert subprocess.run(command, cwd=out, capture_output=True, check=False).returncode == 0


def test_the_dictionary_has_every_column_of_every_table_and_no_other(written):
    out, _ = written
    dictionary = pd.read_csv(out / "dictionary.csv", keep_default_na=False)
    tables = {path.name: pd.read_csv(path) for path in out.glob("*.csv")}
    tables |= {path.name: pd.read_parquet(path) for path in out.glob("*.parquet")}
    columns = {(name, column) for name, table in tables.items() for column in table.columns}
    assert {(row.file, row.column) for row in dictionary.itertuples()} == columns
    assert len(dictionary) == len(columns)
    assert dictionary["meaning"].str.endswith(".").all()
    by_column = dictionary.set_index(["file", "column"])
    assert by_column.loc[("scores.csv", "coverage_90"), "meaning"].startswith("Share of central intervals")
    assert by_column.loc[("savings.csv", "total"), "unit"] == "EUR"


def test_units_of_the_dictionary_have_the_currency_of_the_study():
    tables = with_dictionary({"savings.csv": pd.DataFrame()}, "USD")
    units = tables["dictionary.csv"].set_index("column")["unit"]
    assert (units["saving"], units["total"], units["savings_rate"]) == (
        "USD per insured-year",
        "USD",
        "fraction of the benchmark",
    )


def test_the_study_file_is_kept_byte_by_byte_and_settings_changed_in_python_as_toml(folder):
    """Also with a byte order mark and line ends of Windows."""
    path = folder / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"# the end")
    plan = plan_study(path)
    assert plan.study_file == path.read_bytes()
    changed = replace(plan, config=plan.config.model_copy(update={"seed": 6, "date": dt.date(2024, 1, 2)}))
    (folder / "again.toml").write_bytes(changed.study_file)
    again = read_study(folder / "again.toml")
    assert again.model_dump(mode="json") == changed.config.model_dump(mode="json")
    assert again.seed == 6


def test_a_contract_file_is_an_input(folder):
    contract = folder / "mine.toml"
    contract.write_bytes((Path(ss.__file__).parent / "contracts" / "kerngezond-vlissingen.toml").read_bytes())
    change(folder, ('contract = "kerngezond-vlissingen"', f'contract = "{contract.as_posix()}"'))
    assert plan_study(folder / "study.toml").inputs == {
        "panel.csv": folder / "panel.csv",
        contract.as_posix(): contract,
    }


def test_the_date_is_printed_and_changes_no_hash_of_the_study(folder, result, written):
    out, manifest = written
    assert manifest["date"] == "2017-12-31"  # the last day of the last year of the data
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"Date: December 31, 2017 (last day of the data). Version: ssinfer {ss.__version__}." in page
    before = read_study(folder / "study.toml").fingerprint()
    change(folder, ("title =", "date = 2018-03-01\ntitle ="))
    study = read_study(folder / "study.toml")
    assert (study.date, study.fingerprint()) == (dt.date(2018, 3, 1), before)
    stated = replace(result, manifest={**result.manifest, "date": study.date, "study": study.model_dump(mode="json")})
    with without_pictures():
        other = write_report(stated, folder / "stated").read_text(encoding="utf-8")
    assert other == page.replace("December 31, 2017 (last day of the data)", "March 1, 2018 (stated in the study)")


@pytest.mark.parametrize(
    "date", ["'30-06-2024'", "20240630", "2024-06-30T12:00:00", "'2024-02-30'", "'2024Q2'", "true"]
)
def test_a_date_is_refused_with_what_is_allowed(folder, date):
    change(folder, ("title =", f"date = {date}\ntitle ="))
    with pytest.raises(StudyError, match=r"key 'date' \(line 1\): .*(such as 2024-06-30|day value is outside).*, got "):
        read_study(folder / "study.toml")


def test_nothing_is_left_when_the_report_fails(result, tmp_path):
    def report(_, folder):
        (folder / "report.html").write_text("half a rep")
        raise RuntimeError("the template is broken")

    with pytest.raises(RuntimeError, match="template is broken"):
        write_study(result, tmp_path / "out", report=report)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_result_stays_when_the_report_fails(result, plain, tmp_path):
    out = shutil.copytree(plain, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def report(*_):
        raise RuntimeError("the template is broken")

    with pytest.raises(RuntimeError):
        write_study(result, tmp_path / "out", report=report)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_same_study_may_be_written_again(result, plain, tmp_path):
    out = shutil.copytree(plain, tmp_path / "out")
    write_study(result, out, report=None)
    assert files(out) == files(plain)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


FOLDERS = {
    "another study": ({"manifest.json": '{"study_hash": "0123456789ab"}'}, r"another study \(hash 0123456789ab"),
    "a damaged manifest": ({"manifest.json": "{"}, r"another study \(hash None"),
    "not ours": ({"thesis.docx": "years of work"}, r"is not empty and holds no manifest.json of ssinfer"),
    "more parts": ({"manifest.json": '{"study_hash": "abc", "parts": ["backtest", "evaluate"]}'}, r"backtest part"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, kind):
    files, words = FOLDERS[kind]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(StudyError, match=words):
        refuse_foreign_folder(tmp_path, "abc", parts=["evaluate"])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == files


def test_an_output_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(StudyError, match="is a file; name a folder"):
        refuse_foreign_folder(tmp_path / "out", "abc")


PLAN_MISTAKES = {
    "overlap": (("performance = [2017]", "performance = [2016, 2017]"), r"design 'all': baseline and performance"),
    "treated": (('treated = ["treated"]', 'treated = ["treatd"]'), r"no treated unit 'treatd'. Did you mean 'treated'"),
    "period": (("last = 2016", "last = 2026"), r"windows.baseline \(line 14\): The panel has no baseline period 2026"),
    "performance": (("performance = [2017]", "performance = [2019]"), r"no performance period 2019"),
    "contracted": (
        ('treated = ["treated"]', 'treated = ["treated"]\nunder_contract = ["Group 3"]'),
        r"no under_contract",
    ),
    "accept": (('file = "panel.csv"', 'file = "panel.csv"\naccept = ["similar"]'), r"accept names 'similar'. Did you"),
    "donors": (("within_km = 100", "within_km = 0.001"), r"design 'near'.*No donors are left"),
    "radius": (("within_km = 100", "within_km = -3"), r"Within: km is -3.0; allowed: a number more than 0"),
    "standard": (("within_km = 100", 'standard = "expected"'), r"no covariate 'expected'"),
    "method": (('method = "AdministrativeBenchmark"', 'method = "Administrative"'), r"no method 'Administrative'"),
    "parameter": (("n_draws = 400", "n_drws = 400"), r"no parameter 'n_drws'. Did you mean 'n_draws'\?"),
    "value": (("history = 0", 'year_weights = "equl"'), r"year_weights is 'equl'"),
    "columns": (("covariates =", "covariate ="), r"data.columns names 'covariate'. Did you mean 'covariates'"),
    "coordinates": (('covariates = ["latitude", "longitude"]', "covariates = []"), r"no covariate 'latitude'"),
    "absent column": (('covariates = ["latitude"', 'covariates = ["latitud"'), r"no column 'latitud'. Did you mean"),
    "absent file": (('file = "panel.csv"', 'file = "panels.csv"'), r"Cannot read .*panels.csv: No such file"),
    "contract": (("kerngezond-vlissingen", "kerngezond"), r"kerngezond"),
    "share": (("[sharing]", "[sharing]\nshare = 0.4"), r"share is 0.4, but contract .* pays 0.5 of"),
    "share by quality": (
        ("kerngezond-vlissingen", "alternative-quality-contract"),
        r"depend on its quality score. Give sharing.quality",
    ),
    "sharing without a contract": (
        ('contract = "kerngezond-vlissingen"', "quality = 2"),
        r"'sharing.contract' is missing \(line \d+\). Write contract = \"kerngezond-vlissingen\"",
    ),
    "reversed": (
        ("performance = [2017]", "performance = [2017]\nmasked = { first = 2013, last = 2011 }"),
        r"is after last 2011",
    ),
    "origin": (("performance = [2017]", "performance = [2017]\norigins = [2012]"), r"No window of the design starts"),
}


@pytest.mark.parametrize("mistake", PLAN_MISTAKES)
def test_a_mistake_is_refused_before_anything_is_fitted(folder, mistake):
    edit, words = PLAN_MISTAKES[mistake]
    change(folder, edit)
    with pytest.raises(SsinferError, match=words):
        plan_study(folder / "study.toml")


def test_year_weights_that_do_not_fit_the_baseline(folder):
    """Fault R45: the refusal's own sentence before anything is fitted, not a KeyError after the backtest."""
    change(folder, ("history = 0", "history = 0, year_weights = [1, 1]"))
    with pytest.raises(StudyError, match="year_weights has 2 numbers, but the design has 3 baseline periods"):
        plan_study(folder / "study.toml")


def test_a_truncated_panel(folder):
    text = (folder / "panel.csv").read_text()
    (folder / "panel.csv").write_text(text[: len(text) // 2].rsplit(",", 1)[0])
    with pytest.raises(
        SsinferError, match=r"panel\.csv, line \d+: \d fields, the header has \d: the file is truncated"
    ):
        plan_study(folder / "study.toml")


def test_similar_names_are_accepted_by_a_word(folder, frame):
    """Fault W10: the treated unit a second time, under a name in capitals."""
    twin = frame[frame["unit"] == "treated"].assign(unit="Treated")
    twin["spending"] *= 1.1
    pd.concat([frame, twin]).to_csv(folder / "panel.csv", index=False)
    with pytest.raises(SsinferError, match=r"'Treated' and 'treated' differ only.*accept = ..similar_names.. in .data"):
        plan_study(folder / "study.toml")
    change(folder, ('file = "panel.csv"', 'file = "panel.csv"\naccept = ["similar_names"]'))
    assert "Treated" in plan_study(folder / "study.toml").panel.units


def test_a_panel_cut_between_rows(folder):
    lines = (folder / "panel.csv").read_text().splitlines()
    (folder / "panel.csv").write_text("\n".join(lines[:-3]) + "\n")
    with pytest.raises(SsinferError, match=r"group 23.* has no spending in period 2015"):
        plan_study(folder / "study.toml")


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_panel_with_decimal_commas(folder, frame, separator):
    text = frame.assign(spending=[f"{value:.2f}".replace(".", ",") for value in frame["spending"]])
    before = plan_study(folder / "study.toml").panel.spending
    text.to_csv(folder / "panel.csv", index=False, sep=separator)
    np.testing.assert_allclose(plan_study(folder / "study.toml").panel.spending, before, atol=0.005)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("insured_years", 0, "positive number"),
        ("insured_years", -5, "positive number"),
        ("spending", np.nan, "no spending"),
    ],
)
def test_impossible_cells(folder, frame, column, value, words):
    damaged = frame.copy()
    damaged.loc[(damaged["unit"] == "group 05") & (damaged["period"] == 2015), column] = value
    damaged.to_csv(folder / "panel.csv", index=False)
    with pytest.raises(SsinferError, match=words):
        plan_study(folder / "study.toml")


def test_spending_of_the_contracts_own_year_may_be_unknown(folder, frame):
    sealed = frame.copy()
    sealed.loc[(sealed["unit"] == "treated") & (sealed["period"] == 2017), "spending"] = np.nan
    sealed.to_csv(folder / "panel.csv", index=False)
    evaluated = run_study(plan_study(folder / "study.toml"), parts=("evaluate",), n_jobs=1)
    assert set(evaluated.savings["status"]) == {"sealed"}
    assert evaluated.backtest is None
    rows = evaluated.case_thresholds.query("kind == 'confidence'")
    assert np.isfinite(rows["rate"]).sum() == 6  # the two-sided 95% threshold needs 800 draws, and there are 400
    assert rows["reason"][rows["rate"].isna()].str.contains("needs 800 draws").all()


def test_the_schedule_counts_persons_not_the_insured_years_of_all_years(folder):
    # two performance years of n persons are 2 n insured-years; Medicare's rate is read at n
    change(
        folder,
        ("seed = 5", 'seed = 5\ncurrency = "USD"'),
        ("performance = [2017]", "performance = [2016, 2017]"),
        ("baseline = { first = 2014, last = 2016 }", "baseline = { first = 2013, last = 2015 }"),
        ("[threshold]", '[threshold]\nkind = "schedule"'),
        ('"kerngezond-vlissingen"', '"mssp-basic-e"\nquality = 100.0'),
    )
    evaluated = run_study(plan_study(folder / "study.toml"), parts=("evaluate",), n_jobs=1)
    cf = evaluated.counterfactuals["all", "equal"]
    assert cf.assigned == pytest.approx(float(cf.insured_years.values.mean()))
    settled = evaluated.settlement.query("design == 'all'")["threshold"].iloc[0]
    rate = evaluated.case_thresholds.query("kind == 'schedule' and design == 'all'")["rate"].iloc[0]
    assert settled == pytest.approx(rate)


def test_the_gates_level_is_derived_though_no_level_names_it(folder):
    # the study's levels are [0.90], its gate is the default of 95%
    change(folder, ("levels = [0.90]", 'levels = [0.90]\nkind = "confidence"'))
    evaluated = run_study(plan_study(folder / "study.toml"), parts=("evaluate",), n_jobs=1)
    assert evaluated.settlement["amount"].notna().all()


@pytest.mark.parametrize(
    ("sharing", "share"),
    [
        ('contract = "kerngezond-vlissingen"', 0.5),
        ('contract = "mssp-enhanced"', 0.75),
        ('contract = "kerngezond-vlissingen"\nshare = 0.5', 0.5),
        ('contract = "alternative-quality-contract"\nquality = 3.5', 0.5),  # the gate from 3.0
        ('contract = "alternative-quality-contract"\nshare = 0.35', 0.35),
    ],
)
def test_the_share_is_the_contracts_own(folder, sharing, share):
    change(folder, ('contract = "kerngezond-vlissingen"', sharing))
    plan = plan_study(folder / "study.toml")
    assert plan.share_of(plan.config.main_design) == share


def test_a_study_that_says_nothing_on_sharing_settles_nothing(folder, result):
    change(folder, ('[sharing]\ncontract = "kerngezond-vlissingen"', ""))
    plan = plan_study(folder / "study.toml")
    main = plan.config.main_design
    assert (plan.contract_of(main), plan.share_of(main)) == (None, 0.5)
    evaluated = run_study(plan, parts=("evaluate",), n_jobs=1)
    assert len(evaluated.settlement) == 0
    assert (evaluated.manifest["contract"], evaluated.manifest["share"]) == (None, 0.5)
    assert result.manifest["contract"] == "kerngezond-vlissingen"
    pd.testing.assert_frame_equal(evaluated.savings, result.savings)
    with without_pictures():
        out = write_study(evaluated, folder / "out", report=write_report)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "the study says nothing on sharing" in page
    assert "computed at a neutral sharing rate of 50%" in page


def test_a_stacked_benchmark_is_named_with_its_members(folder):
    members = '["AdministrativeBenchmark", { method = "SyntheticControl", parameters = { intercept = true } }]'
    change(
        folder, ("AdministrativeBenchmark", "StackedBenchmark"), ("n_draws = 400, history = 0", f"methods = {members}")
    )
    (method,) = plan_study(folder / "study.toml").methods.values()
    assert isinstance(method, ss.StackedBenchmark)
    assert [repr(member) for member in method.methods] == [
        "AdministrativeBenchmark()",
        "SyntheticControl(intercept=True)",
    ]
    change(folder, ('{ method = "SyntheticControl", parameters', '{ name = "SyntheticControl", parameters'))
    with pytest.raises(PluginError, match=r"methods has a member with keys \['name', 'parameters'\]. Write the name"):
        plan_study(folder / "study.toml")


def test_placebos_by_name_and_by_rule_together(folder):
    change(folder, ('treated = ["treated"]', 'treated = ["treated"]\nplacebos = ["unit 1"]\nat_least = 5000.0'))
    with pytest.raises(StudyError, match="would be ignored; keep one of them"):
        plan_study(folder / "study.toml")


def sampled(folder, most):
    change(folder, ('treated = ["treated"]', f'treated = ["treated"]\nplacebos_at_most = {most}'))
    return folder / "study.toml"


def test_a_sample_as_large_as_the_placebos_is_all_of_them_in_the_same_order(folder):
    plan = plan_study(sampled(folder, 23))
    assert placebo_samples(plan) == []
    for name, design in plan.designs.items():
        panel = plan.data.panel_of(name)
        assert placebo_units(panel, design, plan.placebos_of(name)) == placebo_units(panel, design, None)


def test_a_sample_of_placebos_is_stated_in_the_look_the_manifest_and_the_report(folder, result, tmp_path):
    looks = []
    plan = plan_study(sampled(folder, 20), tell=looks.append)
    found = run_study(plan, parts=("backtest",), n_jobs=1)
    said = (
        "The placebos of 'all', 'near' are 20 of 23 units (population.placebos_at_most), drawn with seed 5 in "
        "proportion from each size class: 5 of 6, 5 of 5, 5 of 6, 5 of 6. All units stay donors."
    )
    assert said in " ".join(look_text(looks[0]).split())
    classes = ((5, 6), (5, 5), (5, 6), (5, 6))
    assert found.manifest["placebo_samples"] == [{"designs": ["all", "near"], "classes": classes, "seed": 5}]
    placebos = found.backtest.placebos.query("role == 'placebo'")
    assert placebos.groupby("design")["unit"].nunique().tolist() == [20, 20]
    with without_pictures():
        out = write_study(found, tmp_path / "out", report=write_report)
    assert html.escape(said) in (out / "report.html").read_text(encoding="utf-8").replace("&#39;", "&#x27;")
    # A placebo has the same donors and numbers, whoever else is a placebo.
    whole = result.backtest.placebos.query("role == 'placebo'").set_index(["design", "unit", "origin"])["savings_rate"]
    rates = placebos.set_index(["design", "unit", "origin"])["savings_rate"]
    pd.testing.assert_series_equal(rates, whole.loc[rates.index])


@pytest.mark.parametrize("most", ["19", "20.5", '"many"', "true", "-1"])
def test_a_sample_of_placebos_has_bounds(folder, most):
    with pytest.raises(StudyError, match=r"'population.placebos_at_most' \(line \d+\): .*(20|allowed: a whole number)"):
        plan_study(sampled(folder, most))


def test_the_cases_gate_leaves_out_its_neighbours_and_its_own_years(result):
    # docs/method/thresholds.md: cross-fitted by region and origin, as the false payments were
    rows = result.backtest.placebos.query("design == 'all' and role == 'placebo'")
    block = result.backtest.placebos.query("role == 'case'")["block"].iloc[0]
    cf = result.counterfactuals["all", "equal"]
    apart = rows[(rows["block"] != block) & (rows["origin"] != 2017)]
    assert len(apart) < len(rows)
    expected = placebo_threshold(apart, 0.90, standard_error=cf.null_error().std() / cf.level).rate
    table = result.case_thresholds.query("design == 'all' and kind == 'placebo' and level == 0.9")
    assert table[table["side"] == "one-sided"]["rate"].item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "method", "lacks"),
    [
        ("credible", "AdministrativeBenchmark", "posterior"),
        ("credible", "SyntheticControl", "posterior"),
        ("confidence", "SyntheticControl', parameters = { inference = 'none' }, name = 'point", "sampling"),
    ],
)
def test_a_threshold_that_a_method_cannot_give_is_refused_before_the_data_are_read(tmp_path, kind, method, lacks):
    """Fault A14: a credible threshold of a method without posterior ended in one row of settlement, at exit 0."""
    head, rest = STUDY.split("[[method]]")
    text = head.replace("title =", f"method = [{{ method = '{method}' }}]\ntitle =", 1)
    text += "[threshold]\n" + f"kind = '{kind}'\n" + rest.split("[threshold]")[1]
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")  # there is no panel.csv
    with pytest.raises(StudyError, match=f"threshold.kind is '{kind}', but no method gives a {lacks}"):
        plan_study(tmp_path / "study.toml")

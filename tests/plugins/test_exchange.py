"""`ssinfer benchmark`: the three forms hold the same numbers; a mistake a test, each with exit code 2 and one line."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

import ssinfer as ss
from ssinfer.cli import main
from ssinfer.errors import DesignError, ParameterError, PluginError, SsinferError
from ssinfer.plugins import exchange
from ssinfer.plugins.exchange import benchmark_files, read_design, read_panel
from ssinfer.plugins.schema import load_schema, violation

DESIGN = {"schema_version": 1, "treated": ["u000"], "baseline": [2012, 2013, 2014], "performance": [2015, 2016]}
SMALL = '{"n_draws": 800, "chains": 2}'


@pytest.fixture(scope="module")
def panel(null_panel):
    return null_panel(25, 5)


@pytest.fixture
def files(tmp_path, panel):
    panel.to_frame().to_csv(tmp_path / "panel.csv", index=False)
    panel.to_frame().to_parquet(tmp_path / "panel.parquet", index=False)
    (tmp_path / "design.json").write_text(json.dumps(DESIGN))
    return tmp_path


def run(folder, out="out.json", panel="panel.csv", design=None, method="AdministrativeBenchmark", **options):
    if design is not None:
        text = design if isinstance(design, str) else json.dumps({**DESIGN, **design})
        (folder / "design.json").write_text(text)
    options = {"parameters": SMALL, **options}
    return benchmark_files(folder / panel, folder / "design.json", method, folder / out, **options)


def command(monkeypatch, capsys, *arguments):
    """Exit code, standard output and standard error of the command line, in this process."""
    monkeypatch.setattr(sys, "argv", ["ssinfer", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code or 0, *capsys.readouterr()


@pytest.mark.parametrize(
    "text", ['{"intercept": "false"}', '{"intercept": [false]}', '{"n_draws": "500"}', '{"n_draws": null}']
)
def test_parameters_of_a_wrong_type_are_one_line(files, monkeypatch, capsys, text):
    """Fault W8: Fault C3: text and lists for booleans and numbers, exit code 2."""
    arguments = ["--panel", files / "panel.csv", "--design", files / "design.json", "--out", files / "out.csv"]
    code, _, said = command(
        monkeypatch, capsys, "benchmark", *arguments, "--method", "SyntheticControl", "--parameters", text
    )
    name = next(iter(json.loads(text)))
    assert (code, said.count("\n")) == (2, 1)
    assert f"SyntheticControl: {name} is" in said


@pytest.mark.parametrize("kind", ["design", "result"])
def test_the_schemas_are_valid_schemas(kind):
    Draft202012Validator.check_schema(load_schema(kind))


def test_json_holds_what_python_gives(files, panel):
    (path,) = run(files, seed=7)
    document = json.loads(path.read_text())
    assert violation(document, "result") is None  # the whole document, every draw
    design = ss.Design(treated=["u000"], baseline=[2012, 2013, 2014], performance=[2015, 2016])
    cf = ss.AdministrativeBenchmark(n_draws=800, chains=2).fit(panel, design, seed=7)
    # a CSV file holds shortest round-trip decimals, so the draws are the same to the last bits
    np.testing.assert_allclose(document["draws"]["benchmark"], cf.benchmark.values.ravel(), rtol=1e-12)
    assert document["summary"]["benchmark"][-1] == pytest.approx(cf.level)
    pooled = cf.savings().pooled()
    assert document["summary"]["savings_rate"][-1] == pytest.approx(pooled.measured_rate.item())
    lower, upper = np.quantile(cf.pooled(), [0.025, 0.975])
    assert document["summary"]["lower_95"][-1] == pytest.approx(lower)
    assert document["summary"]["upper_95"][-1] == pytest.approx(upper)
    threshold = ss.confidence_threshold(cf, 0.95, "one-sided").rate
    rows = pd.DataFrame(document["thresholds"])
    one_sided = rows[(rows["kind"] == "confidence") & (rows["level"] == 0.95) & (rows["side"] == "one-sided")]
    assert one_sided["rate"].item() == pytest.approx(threshold)
    assert document["method"]["package"] == "ssinfer"
    assert document["seed"] == 7


@pytest.mark.parametrize("source", ["panel.csv", "panel.parquet"])
def test_csv_and_parquet_hold_the_same_as_json(files, source):
    document = json.loads(run(files, "out.json", source)[0].read_text())
    tables = run(files, "out.csv", source)
    assert [path.name for path in tables] == [
        f"out{part}" for part in (".csv", ".summary.csv", ".thresholds.csv", ".baseline.csv", ".about.json")
    ]
    columnar = run(files, "out.parquet", source)
    for table, csv, parquet in zip(("draws", "summary", "thresholds"), tables, columnar, strict=False):
        numbers = "benchmark" if table != "thresholds" else "rate"
        wanted = np.array(document[table][numbers], dtype=float)
        np.testing.assert_allclose(pd.read_csv(csv)[numbers], wanted, rtol=1e-12)
        np.testing.assert_array_equal(pd.read_parquet(parquet)[numbers], wanted)
    about = json.loads(tables[-1].read_text())
    assert about == {key: document[key] for key in about}
    assert not list(files.glob(".*")), "a temporary folder was left"


def test_a_point_and_staggered_rows_are_left_out_of_draws(panel):
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.plugins.result_document import draws_table, result_document, summary_table

    cf = Counterfactual.from_draws(np.array([100.0]), "none", spending=95.0)
    assert np.isnan(summary_table(cf)["lower_95"]).all()
    document = result_document(cf, "point", ss.AdministrativeBenchmark(), seed=1, panel_sha256="0" * 64)
    assert document["thresholds"]["rate"] == [None] * len(document["thresholds"]["rate"])
    assert any("not supported" in reason for reason in document["thresholds"]["reason"])
    assert len(draws_table(cf)) == 1
    del panel


def test_rules_labels_and_columns_of_other_tools(files, panel):
    # R writes scalars for lists of one, Stata writes whole numbers as 2012.0, codes keep their zeros, dates are text
    frame = panel.to_frame().drop(columns=["sampling_variance"])
    frame["period"] = frame["period"].astype(float)
    frame["unit"] = [f"0{unit[1:]}" for unit in frame["unit"]]
    frame = frame.rename(columns={"unit": "code", "spending": "cost", "insured_years": "n"})
    frame["latitude"], frame["longitude"], frame["note"] = 51.0 + frame.index % 7 / 10, 4.0, "text"
    frame.to_csv(files / "panel.csv", index=False)
    columns = {"unit": "code", "spending": "cost", "insured_years": "n"}
    design = {"treated": "0000", "performance": 2016, "columns": columns, "donors": {"within_km": 500, "at_least": 1}}
    (path,) = run(files, design=design)
    assert json.loads(path.read_text())["draws"]["unit"][0] == "0000"
    request = read_design(files / "design.json")
    read = read_panel(files / "panel.csv", request)
    assert set(read.covariates) == {"latitude", "longitude"}
    assert read.periods == tuple(range(2012, 2017))


def test_unknown_sizes(files, panel):
    frame = panel.to_frame().drop(columns=["sampling_variance", "insured_years"])
    frame.to_csv(files / "panel.csv", index=False)
    with pytest.raises(SsinferError, match=r"\"columns\": \{\"insured_years\": null\}"):
        run(files)
    (files / "design.json").write_text(json.dumps({**DESIGN, "columns": {"insured_years": None}}))
    assert read_panel(files / "panel.csv", read_design(files / "design.json")).insured_years is None


DESIGN_MISTAKES = {
    "version": ({"schema_version": 3}, r"schema_version is 3; this version of ssinfer reads 1 and 2"),
    "no version": ('{"treated": "u000", "baseline": [2012], "performance": [2015]}', r"'schema_version' is missing"),
    "no treated": ('{"schema_version": 1, "baseline": [2012], "performance": [2015]}', r"'treated' is missing"),
    "unknown key": ({"maskd": [2014]}, r"unknown key 'maskd'. Did you mean 'masked'\?"),
    "unknown rule": ({"donors": {"within": 5}}, r"unknown key 'donors.within'. Did you mean 'within_km'\?"),
    "unknown column": ({"columns": {"insured": "n"}}, r"unknown key 'columns.insured'"),
    "empty donors": ({"donors": []}, r"donors"),
    "text in a rule": ({"donors": {"within_km": "far"}}, r"donors.within_km.*far"),
    "text in levels": ({"levels": ["95%"]}, r"levels"),
    "percentage": ({"levels": [95]}, r"levels.*95"),
    "not an object": ("[1, 2]", r"the document"),
    "no json": ("{treated: u000}", r"not valid JSON"),
    "overlap": ({"performance": [2014, 2015]}, r"baseline and performance overlap in \[2014\]"),
    "mixed labels": ({"performance": [2015, "2016"]}, r"Use one type"),
    "own donor": ({"donors": ["u000", "u001"]}, r"both treated and donors"),
    "unknown unit": ({"treated": ["u00"]}, r"no treated unit 'u00'. Did you mean"),
    "unknown contract": ({"under_contract": ["U001"]}, r"no under_contract unit 'U001'. Did you mean 'u001'"),
    "unknown word": ({"accept": ["similar"]}, r"accept names 'similar'. Did you mean 'similar_names'"),
    "unknown period": ({"performance": [2025]}, r"no performance period 2025: it has 5 years, 2012 to 2016"),
    "unknown standard": ({"standard": "expected"}, r"no covariate 'expected'"),
}


@pytest.mark.parametrize("mistake", DESIGN_MISTAKES)
def test_a_wrong_design_is_one_line_and_writes_nothing(files, mistake):
    design, words = DESIGN_MISTAKES[mistake]
    with pytest.raises(SsinferError, match=words) as raised:
        run(files, design=design)
    assert "\n" not in str(raised.value)
    assert sorted(path.name for path in files.iterdir()) == ["design.json", "panel.csv", "panel.parquet"]


def damaged(files, mistake):
    """Damage the panel file and return its name."""
    text, raw = (files / "panel.csv").read_text(), (files / "panel.parquet").read_bytes()
    frame = pd.read_csv(files / "panel.csv").drop(columns="sampling_variance")
    if mistake == "truncated parquet":
        (files / "panel.parquet").write_bytes(raw[: len(raw) // 2])
        return "panel.parquet"
    if mistake == "missing column":
        frame = frame.rename(columns={"spending": "spendings"})
    elif mistake == "text in numbers":
        frame["spending"] = frame["spending"].astype(object)
        frame.loc[3, "spending"] = "unknown"
    elif mistake == "thousands marks":
        frame["spending"] = [f"{value:,.0f}" for value in frame["spending"]]
        frame["insured_years"] = frame["insured_years"].round().astype(int)
    elif mistake == "duplicate row":
        frame = pd.concat([frame, frame.iloc[[0]]])
    elif mistake == "zero insured-years":
        frame.loc[3, "insured_years"] = 0
    elif mistake == "hole":
        frame = frame.drop(index=2)
    changed = {
        "truncated csv": text[: len(text) // 2].rsplit(",", 2)[0],
        "decimal comma, unquoted": frame.to_csv(index=False).replace(".", ","),
        "empty": "",
    }.get(mistake, frame.to_csv(index=False))
    (files / "panel.csv").write_text(changed)
    return "panel.csv"


PANEL_MISTAKES = {
    "truncated parquet": r"panel.parquet is truncated or not a Parquet file",
    "truncated csv": r"panel.csv, line \d+: \d fields, the header has 5: the file is truncated",
    "missing column": r"no column 'spending'. Did you mean 'spendings'\?",
    "text in numbers": r"'spending' holds text in 1 rows, first 'unknown'",
    "thousands marks": r"with a decimal point and 2\.\d+ with a decimal comma\. No other number of the file decides",
    "decimal comma, unquoted": "fields, the header has 4: unquoted decimal commas",
    "empty": r"panel.csv is empty",
    "duplicate row": r"more than one row for period 2012",
    "zero insured-years": r"insured_years of unit 'u000' in period 2015 is 0.0",
    "hole": r"no row for period 2014, in the middle of its history",
}


@pytest.mark.parametrize("mistake", PANEL_MISTAKES)
def test_a_wrong_panel_is_one_line_and_writes_nothing(files, monkeypatch, capsys, mistake):
    name = damaged(files, mistake)
    arguments = ["--panel", files / name, "--design", files / "design.json", "--out", files / "out.csv"]
    code, printed, said = command(monkeypatch, capsys, "benchmark", *arguments, "--method", "AdministrativeBenchmark")
    assert code == 2
    assert printed == ""
    assert said.startswith("ssinfer: ")
    assert said.count("\n") == 1
    assert pd.Series([said]).str.contains(PANEL_MISTAKES[mistake]).item(), said
    assert sorted(path.name for path in files.iterdir()) == ["design.json", "panel.csv", "panel.parquet"]


OTHER_MISTAKES = {
    "method": ({"method": "AdministrativBenchmark"}, r"no method 'AdministrativBenchmark'. Did you mean"),
    "suffix": ({"out": "out.xlsx"}, r"must end in .json, .csv, .parquet"),
    "folder": ({"out": "nowhere/out.json"}, r"its folder does not exist"),
    "panel": ({"panel": "absent.csv"}, r"Cannot read .*absent.csv: No such file"),
    "kind of panel": ({"panel": "design.json"}, r"must end in .csv, .xlsx or .parquet"),
    "parameter": ({"parameters": '{"n_drwas": 5}'}, r"no parameter 'n_drwas'. Did you mean 'n_draws'\?"),
    "parameters": ({"parameters": "draws=5"}, r"--parameters is not valid JSON"),
    "list": ({"parameters": "[5]"}, r"a JSON object is needed"),
    "value": ({"parameters": '{"year_weights": "equl"}'}, r"year_weights is 'equl'"),
}


@pytest.mark.parametrize("mistake", OTHER_MISTAKES)
def test_other_mistakes(files, mistake):
    options, words = OTHER_MISTAKES[mistake]
    with pytest.raises(SsinferError, match=words):
        run(files, **options)
    assert not list(files.glob("out*"))


@pytest.mark.parametrize(
    ("parameters", "advice"), [(None, "Report"), ('{"size": 3}', "Check --parameters; if they are")]
)
def test_whose_mistake_a_failing_method_may_be(files, monkeypatch, parameters, advice):
    """Fault R44: "Report it to its author" where a parameter or a seed of the user's is wrong."""

    class Failing:
        def fit(self, *_, **__):
            raise TypeError("x" * 20_000)

    monkeypatch.setattr(exchange, "_method", lambda *_: Failing())
    with pytest.raises(PluginError, match=rf"failed: TypeError: x+\.\.\.x*. {advice}.* to its author") as info:
        run(files, method="Failing", parameters=parameters)
    assert len(str(info.value)) < 500
    with pytest.raises(ParameterError, match="seed is 'x'; allowed: a whole number of at least 0"):
        run(files, seed="x")


def test_absent_design_file(files):
    with pytest.raises(DesignError, match="Cannot read the design file"):
        benchmark_files(files / "panel.csv", files / "absent.json", "AdministrativeBenchmark", files / "o.json")


def test_parameters_from_a_file(files):
    (files / "parameters.json").write_text(SMALL)
    (path,) = run(files, parameters=f"@{files / 'parameters.json'}")
    assert len(json.loads(path.read_text())["draws"]["benchmark"]) == 2 * 400 * 2


def test_nothing_is_left_when_writing_fails(files, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    with pytest.raises(OSError, match="No space"):
        run(files, "out.parquet")
    assert sorted(path.name for path in files.iterdir()) == ["design.json", "panel.csv", "panel.parquet"]


def test_the_command_prints_the_files_and_writes_the_same_bytes_again(files, monkeypatch, capsys):
    arguments = ["--panel", files / "panel.csv", "--design", files / "design.json", "--out", files / "again.json"]
    method = ["--method", "AdministrativeBenchmark", "--seed", "3", "--parameters", SMALL]
    code, printed, said = command(monkeypatch, capsys, "benchmark", *arguments, *method)
    assert (code, printed, said) == (0, f"{files / 'again.json'}\n", "")
    run(files, seed=3)
    assert (files / "again.json").read_bytes() == (files / "out.json").read_bytes()


@pytest.mark.evidence
def test_a_fresh_process_gives_the_same_bytes(files):
    code = "from ssinfer.cli import main; main()"
    arguments = ["benchmark", "--panel", "panel.csv", "--design", "design.json", "--method", "AdministrativeBenchmark"]
    arguments += ["--out", "fresh.json", "--seed", "3", "--parameters", SMALL]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "fresh.json\n"
    run(files, seed=3)
    assert (files / "fresh.json").read_bytes() == (files / "out.json").read_bytes()

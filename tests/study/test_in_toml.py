"""Messages in the language of a study file: every argument that any message of the package names has a key in TOML."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import ssinfer
from ssinfer import Panel
from ssinfer.plugins.discovery import find_method, providers
from ssinfer.study.config import StudyConfig, read_study
from ssinfer.study.config_blocks import MethodConfig
from ssinfer.study.in_toml import ARGUMENT, PYTHON_ONLY, TABLES, in_toml, place_of
from ssinfer.study.source import SOURCES

PACKAGE = Path(ssinfer.__file__).parent
TEXT = (Path(__file__).parent / "study.toml").read_text(encoding="utf-8").replace("[population]", "[case]")
NAMED = re.compile(r"(?<![\w.{\-])[a-z_]+=(?=[^\s=>])")  # an argument as Python writes it
IN_TEXT = re.compile(r"""["'][^"'\n]*[a-z_]+=[^\s=>]""")  # perhaps, in a line of code
ROOMS = ("report", "figures", "console", "plugins", "guard", "precompile.py", "cli.py", "_version.py")
NEVER_FROM_A_STUDY = {  # what a message names that only calls in Python can raise
    "arguments.py": "classes of Python objects that a function takes",
    "foreign.py": "HTML",
    "deprecation.py": "an old name of an argument; a study file warns by the name of its key",
    "contracts/checks.py": "terms of a settlement made in Python",
    "contracts/text.py": "ids of sentences",
    "thresholds/planning/scenario.py": "a scenario of `ssinfer power`",
    "thresholds/calibrated_posterior.py": "a posterior calibrated in Python",
}


def messages():
    """Return each text of the package that names an argument as Python does, with values in place of its fields."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(ROOMS) or name in NEVER_FROM_A_STUDY:
            continue
        code = path.read_text(encoding="utf-8")
        if not IN_TEXT.search(code):
            continue
        tree = ast.parse(code)
        held = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(
                    part.value if isinstance(part, ast.Constant) else _shown(part, name) for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in held | documents:
                text = node.value
            else:
                continue
            if text.startswith("<"):  # HTML
                continue
            if NAMED.search(text) and ("=" in text and (" " in text or ARGUMENT.search(text))):
                yield f"{name}:{node.lineno}", text


def _shown(part, file):
    """Return what a field of a text may hold: a list where the code says so, a name, or a text in quotes."""
    code = ast.unparse(part.value)
    if part.conversion == ord("r"):
        return "['x']" if code.startswith(("list(", "absent", "[")) else "'x'"
    return {"panel.py": "insured_years", "claims/population.py": "practices"}.get(file, "7") if code == "name" else "7"


def settings(methods=("AdministrativeBenchmark",)):
    config = StudyConfig.model_validate(tomllib.loads(TEXT.replace("[threshold]", "[backtest]").split("[sharing]")[0]))
    return config.model_copy(update={"method": [MethodConfig(method=name) for name in methods]})


def test_every_argument_of_a_message_has_a_key_of_the_study_file():
    """Authority: the fields of the tables of StudyConfig, the arguments of Panel.from_frame and those of methods."""
    arguments = {each.name: set(inspect.signature(find_method(each.name)).parameters) for each in providers()}
    config, seen = settings(arguments), set()
    for where, text in messages():
        told = in_toml(text, config)
        left = {name.rstrip("=") for name in NAMED.findall(told)}
        assert left <= set(PYTHON_ONLY), (where, text, told)
        for found in ARGUMENT.finditer(text):
            owner, name = found["owner"], found["name"]
            seen.add(name)
            if name in PYTHON_ONLY:
                continue
            table, part = place_of(owner, name)
            if table == "method":
                assert name in (arguments[owner] if owner else set().union(*arguments.values())), (where, found[0])
            elif name == "periods_per_year":
                assert name in SOURCES.find("panel").config.model_fields
            elif part == "columns":
                assert name in inspect.signature(Panel.from_frame).parameters, (where, found[0])
            else:
                assert name in TABLES[table, part].model_fields, (where, found[0])
            if ast.literal_eval(found["value"]) is not None:
                line = re.search(rf"{name} = (?:\"[^\"]*\"|\[[^\]]*\]|[\w.]+)", told)
                assert tomllib.loads(line[0]).keys() == {name}, (where, told)
    assert {"incomplete", "masked", "insured_years", "covariates", "donors", "inference", "accept"} <= seen


def test_the_tables_are_those_of_the_study_file():
    for table, part in TABLES:
        assert table in StudyConfig.model_fields
        assert not part or part in TABLES[table, ""].model_fields
    assert "columns" in SOURCES.find("panel").config.model_fields


@pytest.mark.parametrize(
    ("python", "toml"),
    [
        (
            "Drop them with Design(incomplete='drop').",
            'Drop them with incomplete = "drop" in [[comparison]] (line 16).',
        ),
        ("name Design(masked=['2020Q3', '2020Q4']),", 'name masked = ["2020Q3", "2020Q4"] in [windows] (line 12),'),
        ("pass Panel.from_frame(insured_years=None)", "pass insured_years = false in columns of [data] (line 5)"),
        ("pass Design(donors=None) for all", "pass no donors in [[comparison]] (line 16) for all"),
        ("use n_draws=4.", "use n_draws = 4 in parameters of [[method]] (line 26)."),
        (
            "use SyntheticControl(intercept=True)",
            "use SyntheticControl with intercept = true in parameters of [[method]]",
        ),
        ("use verify=False", "use verify=False (in Python)"),
        ("windows.performance: no", "windows.performance (line 14): no"),
        ("unit 'a=1' of Design: x == 2, |x|=3", "unit 'a=1' of Design: x == 2, |x|=3"),
    ],
)
def test_a_message_names_the_key_its_table_and_its_line(python, toml, tmp_path):
    (tmp_path / "study.toml").write_text(TEXT.replace("[threshold]", "[backtest]").replace("[sharing]", "[[sharing]]"))
    config = read_study(tmp_path / "study.toml")
    assert toml in in_toml(python, config, (tmp_path / "study.toml").read_text())


def test_the_comparison_and_the_method_of_a_fit_are_named():
    config = settings()
    near = config.fits["near"]
    told = in_toml("Design(incomplete='drop') or n_draws=7", config, TEXT, design=near, method="equal")
    assert (
        told == 'incomplete = "drop" in [[comparison]] (line 19) or n_draws = 7 in parameters of [[method]] (line 26)'
    )

"""What an import pulls in, asked of a fresh interpreter: `import ssinfer` and the small commands stay light."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    "pymc",
    "pytensor",
    "arviz",
    "xarray",
    "pandas",
    "scipy",
    "sklearn",
    "statsmodels",
    "numba",
    "matplotlib",
    "ibis",
)
# README: `ssinfer --help` and `ssinfer settle` start in well under a second, so they import none of these
NOT_FOR_SMALL_COMMANDS = ("pymc", "arviz", "xarray", "pandas", "scipy", "matplotlib")

SETTLE = ["settle", "--contract", "kerngezond-vlissingen", "--benchmark", "100", "--spending", "95"]
SETTLE += ["--insured-years", "20000"]


def modules_after(*parts):
    """Names of modules loaded after each part of a program in one fresh interpreter."""
    report = "\nimport json, sys\nsys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))\n"
    program = "".join(part + report for part in parts)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [set(json.loads(line)) for line in done.stderr.splitlines()[-len(parts) :]]


FITTING = {"pymc", "pytensor", "arviz", "sklearn", "statsmodels", "ibis"}
NOT_FOR_THE_MAIN_JOB = {"pymc", "pytensor", "arviz", "matplotlib", "ibis"}
REGISTRIES = "ssinfer.drawing.FIGURES, ssinfer.report.table.TABLES, ssinfer.thresholds.kind.KINDS"
#: What is imported, the lightest first, and what is not loaded after it and all before.
PARTS = {
    "import ssinfer": {*HEAVY, "numpy"},
    "dir(ssinfer)": {*HEAVY, "numpy"},
    "import ssinfer.errors, ssinfer.level, ssinfer.thresholds.schedule, ssinfer.contracts": {*HEAVY},
    "import ssinfer.panel, ssinfer.design, ssinfer.windows": FITTING | {"scipy", "matplotlib", "numba"},
    "from ssinfer import AdministrativeBenchmark, backtest, placebo_threshold, Counterfactual": NOT_FOR_THE_MAIN_JOB,
}


@pytest.fixture(scope="module")
def loaded():
    return dict(zip(PARTS, modules_after(*PARTS), strict=True))


@pytest.mark.parametrize("part", PARTS)
def test_imports_are_light(loaded, part):
    assert not loaded[part] & PARTS[part]


def test_the_report_needs_no_library_that_fits():
    code = f"import ssinfer.report, ssinfer.study.rewrite\nfor each in ({REGISTRIES}):\n    each.names()"
    assert not modules_after(code)[0] & (FITTING | {"scipy.stats", "scipy.optimize"})


@pytest.mark.parametrize("arguments", [["--help"], SETTLE], ids=["help", "settle"])
def test_small_commands_are_light(arguments):
    code = f"import sys; sys.argv = ['ssinfer', *{arguments!r}]\nfrom ssinfer.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as leave:\n    assert not leave.code, leave.code"
    assert not modules_after(code)[0].intersection(NOT_FOR_SMALL_COMMANDS)

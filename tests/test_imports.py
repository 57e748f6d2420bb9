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


def loaded_after(code):
    """Names of modules loaded after `code` in a fresh interpreter."""
    report = "\nimport json, sys\nsys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_import_of_the_package_is_light():
    assert not loaded_after("import ssinfer").intersection({*HEAVY, "numpy"})


def test_listing_the_public_names_is_light():
    assert not loaded_after("import ssinfer; dir(ssinfer)").intersection({*HEAVY, "numpy"})


def test_modules_below_the_containers_are_light():
    modules = "ssinfer.errors, ssinfer.level, ssinfer.thresholds.schedule, ssinfer.contracts"
    assert not loaded_after(f"import {modules}").intersection(HEAVY)


def test_data_containers_need_no_statistics_library():
    unwanted = {"pymc", "arviz", "scipy", "sklearn", "statsmodels", "matplotlib", "ibis", "numba"}
    assert not loaded_after("import ssinfer.panel, ssinfer.design, ssinfer.windows").intersection(unwanted)


def test_no_public_name_of_the_main_job_pulls_in_pymc():
    unwanted = {"pymc", "pytensor", "arviz", "matplotlib", "ibis"}
    names = "AdministrativeBenchmark, backtest, placebo_threshold, Counterfactual"
    assert not loaded_after(f"from ssinfer import {names}").intersection(unwanted)


def test_the_report_needs_no_library_that_fits():
    registries = "ssinfer.drawing.FIGURES, ssinfer.report.table.TABLES, ssinfer.thresholds.kind.KINDS"
    code = f"import ssinfer.report, ssinfer.study.rewrite\nfor each in ({registries}):\n    each.names()"
    unwanted = {"pymc", "pytensor", "arviz", "sklearn", "statsmodels", "ibis", "scipy.stats", "scipy.optimize"}
    assert not loaded_after(code).intersection(unwanted)


@pytest.mark.parametrize("arguments", [["--help"], SETTLE], ids=["help", "settle"])
def test_small_commands_are_light(arguments):
    code = f"import sys; sys.argv = ['ssinfer', *{arguments!r}]\nfrom ssinfer.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as leave:\n    assert not leave.code, leave.code"
    assert not loaded_after(code).intersection(NOT_FOR_SMALL_COMMANDS)

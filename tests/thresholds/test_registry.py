"""Threshold kinds are declared once: no other code branches on their names, and kinds of other packages are used."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

import ssinfer
from ssinfer.backtesting.advice import Specification, advise
from ssinfer.backtesting.backtest import backtest
from ssinfer.backtesting.pareto import pareto_set
from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.design import Design
from ssinfer.registry import _scan
from ssinfer.thresholds.compare import compare_thresholds
from ssinfer.thresholds.kind import KINDS, ThresholdKey

ROOT = Path(ssinfer.__file__).parent
#: Columns and arguments whose values share a name with a kind: the role of a row, and names of draws.
OTHER_MEANINGS = ("role", "uncertainty", "inference")


def strings(node):
    """Yield the string constants of an expression, those inside tuples, lists and sets included."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value


def branches(tree):
    """Yield (line, strings, source) of comparisons, match cases, dictionary keys, subscripts, and calls of isin."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield node, [text for part in (node.left, *node.comparators) for text in strings(part)]
        elif isinstance(node, ast.MatchValue):
            yield node, list(strings(node.value))
        elif isinstance(node, ast.Dict):
            yield node, [text for key in node.keys if key is not None for text in strings(key)]
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            yield node, list(strings(node.slice))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "isin":
            yield node, [text for part in node.args for text in strings(part)]


def branches_on_a_kind(package):
    """Return where the modules of a package branch on the name of a threshold kind, outside the kind's own file."""
    lines = []
    for path in sorted((ROOT / package).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        module = ".".join(("ssinfer", *path.relative_to(ROOT).with_suffix("").parts))
        declared_here = {kind.name for kind in KINDS.entries() if kind.for_case.__module__ == module}
        for node, texts in branches(ast.parse(source)):
            names = set(texts) & set(KINDS.names()) - declared_here
            text = (ast.get_source_segment(source, node) or "") if names else ""  # slow, and seldom needed
            if names and not any(other in text for other in OTHER_MEANINGS):
                lines.append(f"{module}:{node.lineno} {sorted(names)}")
    return lines


@pytest.mark.parametrize("package", ["thresholds", "backtesting", "study", "report", "figures"])
def test_no_code_outside_its_file_branches_on_the_name_of_a_kind(package):
    assert branches_on_a_kind(package) == []


MODULE = '''
"""A threshold kind of another package: twice the standard error of the group's own fit."""

import numpy as np

from ssinfer.thresholds.kind import ThresholdKey, ThresholdKind
from ssinfer.thresholds.threshold import Threshold


def for_case(cf, placebos, seed):
    rate = 2 * float(cf.null_error().std()) / cf.level
    return lambda key: Threshold(rate=rate, kind=key.kind, level=key.level, side=key.side)


def for_fits(fits, keys):
    draws = [fit.sampling if fit.posterior is None else fit.posterior for fit in fits]
    return np.array([[2 * float(errors.std())] * len(keys) for errors in draws])


KIND = ThresholdKind(
    name="two standard errors", label="Two standard errors", words="the threshold of two standard errors", order=90,
    learns_from="fit", sides=("one-sided",), for_case=for_case, for_fits=for_fits,
)
'''


@pytest.fixture
def foreign_kind(tmp_path, monkeypatch):
    """A distribution with a threshold kind, as pip would install it."""
    (tmp_path / "foreign_thresholds.py").write_text(MODULE, encoding="utf-8")
    metadata = tmp_path / "foreign_thresholds-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-thresholds\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[ssinfer.thresholds]\ntwo = foreign_thresholds:KIND\n")
    monkeypatch.syspath_prepend(tmp_path)
    _scan.cache_clear()
    yield "two standard errors"
    _scan.cache_clear()
    sys.modules.pop("foreign_thresholds", None)


@pytest.mark.usefixtures("few_replicates")
def test_a_kind_of_another_package_is_compared_and_backtested(foreign_kind, null_panel):
    panel, design = null_panel(30, 6, seed=1), Design(treated=["u000"], baseline=[2013, 2014, 2015], performance=[2016])
    method = AdministrativeBenchmark(n_draws=200)
    cf = method.fit(panel, design, seed=1)
    table = compare_thresholds(cf, (0.95,))
    row = table[table["kind"] == foreign_kind].iloc[0]
    assert row["rate"] == pytest.approx(2 * cf.null_error().std() / cf.level)
    result = backtest(panel, design, method, n_jobs=1, levels=(0.95,))
    rows = result.placebos.query("role == 'placebo'")
    np.testing.assert_allclose(
        rows["threshold_two_standard_errors_95_one-sided"], 2 * rows["standard_error"], rtol=0.01
    )
    backtested = result.thresholds.query("kind == @foreign_kind").iloc[0]
    assert backtested["threshold"] == pytest.approx(2 * rows["standard_error"].mean(), rel=0.01)
    assert len(result.detection.query("kind == @foreign_kind")) == 3
    design, method = rows[["design", "method"]].iloc[0]
    own = Specification(design, method, ThresholdKey(foreign_kind, 0.95))
    assert advise(result, specifications=[own]).table["kind"].iloc[0] == foreign_kind
    assert foreign_kind in set(pareto_set(result)["kind"])

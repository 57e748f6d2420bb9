"""Tables and figures are found by registries: a temporary package adds one of each, and the report shows them."""

import ast
import re
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas

import ssinfer
from ssinfer.drawing import FIGURES
from ssinfer.errors import PluginError
from ssinfer.figures.figure import Figure
from ssinfer.language import language, speak
from ssinfer.registry import _scan
from ssinfer.report.sections import SECTIONS
from ssinfer.report.summarise import assemble
from ssinfer.report.table import FRAMES, TABLES, columns_of
from ssinfer.report.tables.comparison import with_sizes
from ssinfer.study.frames import OUTPUT
from ssinfer.thresholds.kind import KINDS

MODULE = """
import pandas as pd
from matplotlib.figure import Figure as Canvas

from ssinfer.figures.figure import Figure
from ssinfer.study.frames import OUTPUT
from ssinfer.report.table import ReportFigure, ReportTable, TableColumn
from ssinfer.schema import Column, FrameSchema


def plot(frame):
    picture = Canvas()
    picture.subplots().bar(frame["design"], frame["fits"])
    return picture


def fits(analysis):
    return analysis.result.backtest.placebos.groupby("design").size().rename("fits").reset_index()


COLUMNS = (Column("design", "text", "", "Name."), Column("fits", "int", "", "Number of fits."))
SCHEMA = FrameSchema("fits", "one row per design", *COLUMNS)
FIGURE = Figure("fits", 99, SCHEMA, plot, "Fits by design", "First design: {design}.")
FRAME = ReportFigure("fits", SECTION, 99, fits)
COLUMNS = (TableColumn("label"), TableColumn("fits", "number", head="Fits"))
WORDS = {"caption": "Fits by design", "note": "From another package."}
TABLE = ReportTable("fits", SECTION, 98, lambda analysis: fits(analysis).assign(label="a"), COLUMNS, **WORDS)
"""
ENTRY_POINTS = """\
[ssinfer.figures]
fits = report_addition:FIGURE
[ssinfer.report_figures]
fits = report_addition:FRAME
[ssinfer.report_tables]
fits = report_addition:TABLE
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a distribution with a table and a figure for a section of the report."""

    def installed(section):
        (tmp_path / "report_addition.py").write_text(f"SECTION = {section!r}\n{MODULE}")
        metadata = tmp_path / "report_addition-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: report-addition\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
        monkeypatch.syspath_prepend(tmp_path)
        _scan.cache_clear()

    yield installed
    _scan.cache_clear()
    sys.modules.pop("report_addition", None)


def test_a_table_and_a_figure_of_another_package_are_in_the_report(analysis, write, install, tmp_path, monkeypatch):
    install("comparison")
    others = [figure.name for figure in FIGURES.entries() if figure.name != "fits"]
    draw = Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda own, part: Canvas() if own.name in others else draw(own, part))
    page = write(analysis, tmp_path / "out").read_text(encoding="utf-8")
    assert '<table id="fits">' in page
    assert "From another package." in page
    assert '<th scope="col" class="number-head">Fits</th>' in page
    assert "First design: a." in page
    assert ">a<" in (tmp_path / "out" / "figures" / "fits.svg").read_text(encoding="utf-8")


def test_a_table_for_a_section_that_does_not_exist_is_refused(analysis, install):
    install("comparisons")
    with pytest.raises(PluginError, match=r"'comparisons' of the report, which does not exist. Did you mean 'compar"):
        assemble(analysis)


def test_every_declared_figure_and_table_is_usable():
    assert not TABLES.broken() | FRAMES.broken() | FIGURES.broken()
    of_objects = {"checks", "detection", "saving", "windows"}  # drawn by methods of objects only
    assert set(FRAMES.names()) | of_objects == set(FIGURES.names())
    assert {entry.section for entry in (*TABLES.entries(), *FRAMES.entries())} <= {part.name for part in SECTIONS}


def test_every_word_of_a_declared_table_is_in_the_catalogue_and_no_other():
    table_words = {key for key in language("en").texts if key.startswith(("table.", "column."))}
    declared = set()
    for table in TABLES.entries():
        own = [f"table.{table.name}.{column.name}" for column in columns_of(table.columns)]
        shared = [f"column.{column.name}" for column in columns_of(table.columns)]
        assert {f"table.{table.name}.caption"} <= table_words
        assert all({*pair} & table_words for pair in zip(own, shared, strict=True)), table.name
        declared |= {*own, *shared, f"table.{table.name}.caption", f"table.{table.name}.note"}
    code = "".join(
        path.read_text(encoding="utf-8") for path in Path(ssinfer.__file__).parent.glob("report/tables/*.py")
    )
    sentences = re.compile(r"table\.(scores\.(saving|loss)|thresholds\.systematic_total)")
    assert {key for key in table_words - declared if key not in code and not sentences.fullmatch(key)} == set()


def test_size_classes_yes_and_the_words_of_a_user_in_another_language(analysis):
    manifest = {**analysis.result.manifest, "study": {"case": {"size_edges": [20_000]}}}
    sized = replace(analysis, result=replace(analysis.result, manifest=manifest))
    with speak("nl"):
        classes = with_sizes(sized, pd.DataFrame({"size_class": ["below 20,000", "20,000 and above", "x"]}))
        cells = TABLES.find("specifications").build(analysis)
        made = analysis.entry("size", "insured needed"), analysis.entry("windows", "baseline 2019Q1 to 2019Q4")
    assert classes["size_class"].tolist() == ["minder dan 20.000", "20.000 en meer", "x"]
    assert set(cells.column("advised")) == {"ja", "nee"}
    assert made == ("de verzekerden die nodig zijn", "basisperiode 2019Q1 tot en met 2019Q4")
    assert cells.column("label")[0].__html__() == '<span lang="en">b</span>'


def test_no_code_of_report_and_figures_names_a_threshold_kind():
    kinds, root = set(KINDS.names()), Path(ssinfer.__file__).parent
    for path in [*root.glob("report/**/*.py"), *root.glob("figures/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = []
            if isinstance(node, ast.Compare) and "role" not in ast.unparse(node):  # the role of a row of a backtest
                parts = [node.left, *node.comparators]
            elif isinstance(node, ast.Dict):
                parts = [key for key in node.keys if key is not None]
            elif isinstance(node, ast.MatchValue):
                parts = [node.value]
            named = {leaf.value for part in parts for leaf in ast.walk(part) if isinstance(leaf, ast.Constant)} & kinds
            assert not named, (path.name, named)


def test_every_figure_links_a_file_of_the_folder():
    assert {entry.data for entry in FRAMES.entries()} <= {*OUTPUT, "savings.nc"}

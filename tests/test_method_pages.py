"""The pages of docs/methods: one per method and kind of threshold, the same headings, and authorities that exist."""

import re
from pathlib import Path

import pytest

from ssinfer.plugins.discovery import providers
from ssinfer.thresholds.kind import KINDS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "methods"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
OTHERS = ("index", "comparison")
HEADINGS = (
    "Question", "Estimand", "Assumptions", "Model", "What the draws contain", "When it fails", "Diagnostics",
    "Coverage: our own evidence", "Deviations from the paper", "Authorities", "References",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted({*PAGES} - {*OTHERS}))
def test_every_page_has_the_same_headings_and_names_tests_that_exist(name):
    page = PAGES[name]
    assert tuple(re.findall(r"^## (.*)$", page, re.MULTILINE)) == HEADINGS
    named = re.findall(r"`(tests/[\w/]+\.py)`", page)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert f"\n{name}\n" in PAGES["index"]


def test_every_method_and_kind_of_threshold_has_a_page():
    methods = {p.name.lower() for p in providers() if p.package == "ssinfer"}
    kinds = {kind.name.removesuffix(" whole") for kind in KINDS.entries()}  # one page for both calibrations
    thresholds = {"power_and_planning" if kind == "power" else f"threshold_{kind.replace(' ', '_')}" for kind in kinds}
    of_methods = {name.replace("_", "") for name in {*PAGES} - thresholds - {*OTHERS}}
    assert (of_methods, thresholds - {*PAGES}) == (methods, set())

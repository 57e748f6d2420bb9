"""`ssinfer cite`: what a result used, from DOIs in docstrings, and nothing else."""

import inspect
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from ssinfer.cli import app
from ssinfer.console.cite import DOI, cite_text
from ssinfer.errors import StudyError
from ssinfer.plugins.discovery import providers
from ssinfer.thresholds.kind import KINDS

ROOT = Path(__file__).parents[2]
STUDY = {"data": {"source": "dartmouth"}, "method": [{"method": "SyntheticDiD"}], "threshold": []}
MANIFEST = {
    "ssinfer": "0.1.0",
    "study": STUDY,
    "versions": {"numpy": "2.0", "pymc": "6.0"},
    "contract": "mssp-basic-e",
    "data": "Dartmouth Atlas, 10 counties",
}
DID = "10.1257/aer.20190159"


def written(folder, manifest, kinds=()):
    (folder / "manifest.json").write_text(json.dumps(manifest))
    if kinds:
        pd.DataFrame({"kind": list(kinds), "rate": 0.1}).to_csv(folder / "case_thresholds.csv")
    return folder


def dois(text):
    return set(re.findall(r"doi\.org/(\S+)|doi = \{(.*)\}", text))


def test_what_was_used_is_cited_and_nothing_else(tmp_path):
    text = cite_text(written(tmp_path, MANIFEST), "text")
    assert {first for first, _ in dois(text)} == {DID, "10.1038/s41586-020-2649-2"}
    assert "Arkhangelsky, Dmitry" in text
    assert "Synthetic Difference-in-Differences. American Economic Review 111, 4088-4118. https://doi.org/" in text
    assert "Version 0.1.0" in text
    assert "425" in text.split("Dartmouth")[0]  # the regulation of the contract
    assert "dartmouth" in text.lower().split("10 counties")[1]  # the publisher of the data
    with_kind = cite_text(written(tmp_path, MANIFEST, ["placebo"]), "bibtex")
    assert {second for _, second in dois(with_kind)} == {DID, "10.1038/s41586-020-2649-2", "10.1007/b106715"}
    assert with_kind.count("{") == with_kind.count("}")
    assert len(re.findall(r"^@\w+\{\w+,$", with_kind, re.MULTILINE)) == 6


def test_a_result_of_benchmark_is_cited(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"ssinfer": "0.1.0", "method": {"name": "SyntheticDiD"}, "thresholds": {}}))
    assert {first for first, _ in dois(cite_text(path, "text"))} == {DID}


def test_every_doi_of_a_method_or_threshold_has_author_title_and_year():
    """Authority: the docstrings."""
    known = (ROOT / "ssinfer" / "references.bib").read_text(encoding="utf-8")
    entries = {re.search(r"doi = \{(.*)\}", each)[1]: each for each in known.split("\n\n") if "doi = " in each}
    texts = [inspect.getdoc(each.method) or "" for each in providers() if each.package == "ssinfer"]
    for kind in KINDS.entries():
        module = inspect.getmodule(kind.for_case)
        texts += [inspect.getdoc(each) or "" for _, each in inspect.getmembers(module, inspect.isfunction)]
    wanted = {doi for text in texts for doi in DOI.findall(" ".join(text.split()))}
    assert len(wanted) >= 15
    assert wanted - entries.keys() == set()
    assert all(all(f"  {name} = {{" in entry for name in ("author", "title", "year")) for entry in entries.values())


def test_the_software_is_that_of_the_citation_file(tmp_path):
    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    text = cite_text(written(tmp_path, MANIFEST), "text").split("\n\n")[0]
    assert facts["title"] in text
    assert facts["authors"][0]["name"] in text
    assert f"({facts['date-released'].year})" in text


@pytest.mark.parametrize("content", ["[]", "{", '{"ssinfer": "0.1.0"}'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(StudyError, match=r"ssinfer run.*ssinfer benchmark"):
        cite_text(path, "text")
    with pytest.raises(StudyError, match=r"Cannot read.*ssinfer run"):
        cite_text(tmp_path / "absent", "text")
    with pytest.raises(StudyError, match="text and bibtex"):
        cite_text(path, "ris")


def test_the_command_prints_both_forms(tmp_path):
    folder = str(written(tmp_path, MANIFEST))
    said = CliRunner().invoke(app, ["cite", folder])
    assert (said.exit_code, said.output.rstrip("\n")) == (0, cite_text(tmp_path, "text"))
    said = CliRunner().invoke(app, ["cite", folder, "--format", "bibtex"])
    assert (said.exit_code, said.output.rstrip("\n")) == (0, cite_text(tmp_path, "bibtex"))

"""Agreements of several contracts: signed together, settled together or alone to the same cent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import ssinfer.console.agreement as console
from ssinfer.agreement.agreement import FILE, Agreement, read_agreement
from ssinfer.errors import StudyError
from ssinfer.language import tags
from ssinfer.study import run, run_study, write_study
from ssinfer.study.config import StudyConfig

pytestmark = pytest.mark.usefixtures("few_replicates")
GOLDEN = Path(__file__).parents[1] / "golden_agreements" / "panel"
NAMES = ("North", "South")
GROUPS = """
[[group]]
name = "North"
treated = ["unit 00"]
[[group]]
name = "South"
treated = ["unit 01", "unit 02"]
share = 0.3
"""


@pytest.fixture(scope="module", autouse=True)
def no_other_designs():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "outcomes", lambda *_: [])
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of two groups, and their agreements as the command writes them."""
    folder = tmp_path_factory.mktemp("groups")
    study = (GOLDEN / "study.toml").read_text(encoding="utf-8")
    method = 'method = "SyntheticControl"\nparameters = { inference = "none" }'
    study = study.replace('[case]\ntreated = ["unit 00"]\n', "").replace("[agreement]", f"{GROUPS}[agreement]")
    study = study.replace(method, 'method = "AdministrativeBenchmark"\nparameters = { history = 0, n_draws = 200 }')
    (folder / "study.toml").write_text(study, encoding="utf-8")
    panel = pd.read_csv(GOLDEN / "panel.csv")
    panel[panel["period"] > 2017].to_csv(folder / "panel.csv", index=False)  # two windows
    said = console.sign_text(folder / "study.toml", folder / "signed", 1, None, lambda _: None)
    assert all(read_agreement(folder / "signed" / name).hash in said for name in NAMES)
    return folder


def settled(folder, agreement, out, study=None):
    """Settle on an agreement, and return the folder of the result."""
    settling = console.settling(folder / agreement, [str(folder / "panel.csv")], study, None)
    plan = settling.plan()
    return write_study(settling.finish(plan, run_study(plan, n_jobs=1)), folder / out, report=None)


@pytest.fixture(scope="module")
def together(folder):
    return settled(folder, "signed", "together")


def test_each_group_has_its_agreement(folder):
    for name in NAMES:
        held = {path.name for path in (folder / "signed" / name).iterdir()}
        assert held == {FILE, *(f"agreement.{tag}.html" for tag in tags())}
    north, south = (read_agreement(folder / "signed" / name).document for name in NAMES)
    assert north["title"].endswith(": North")
    assert (north["settles"]["treated"], south["settles"]["treated"]) == (["unit 00"], ["unit 01", "unit 02"])
    assert [part["contract"]["sharing"]["share"] for part in (north, south)] == [0.4, 0.3]
    assert "0.3" not in {str(value) for part in north["study"]["group"] for value in part.values()}
    studies = [{**part["study"], "only_group": ""} for part in (north, south)]
    assert studies[0] == studies[1]
    assert north["threshold"]["judged"] != 0
    placebos = StudyConfig.model_validate({**north["study"], "data": {"source": "panel", "file": "panel.csv"}})
    assert placebos.other_contracts == [["unit 01", "unit 02"]]


def test_a_group_settles_alone_as_with_the_others(folder, together):
    alone, group = settled(folder, "signed/South", "alone"), together / "groups" / "South"
    assert {path.name for path in alone.iterdir()} == {path.name for path in group.iterdir()}
    for path in [*alone.glob("*.csv"), alone / "agreement.toml", alone / "study.toml"]:
        assert path.read_bytes() == (group / path.name).read_bytes(), path
    for name in NAMES:
        assert (together / "groups" / name / FILE).read_text() == (folder / "signed" / name / FILE).read_text()
    portfolio = pd.read_csv(together / "portfolio.csv").set_index("group")
    paid = [pd.read_csv(together / "groups" / name / "settlement.csv")["payment"].iloc[0] for name in NAMES]
    assert portfolio.loc[[*NAMES], "paid"].to_list() == paid


def changed(folder, tmp_path, key, value):
    """Return a copy of the agreements in which South was signed with another setting."""
    shutil.copytree(folder / "signed", tmp_path / "signed")
    path = tmp_path / "signed" / "South" / FILE
    document = read_agreement(path).document
    document = {name: part for name, part in document.items() if name not in ("hash", "format")}
    document["study"] = {**document["study"], key: value}
    path.write_text(Agreement.of(document).text, encoding="utf-8")
    return tmp_path / "signed"


@pytest.mark.parametrize(
    ("key", "value"), [("seed", 4), ("windows", {"baseline": {"first": 2018, "last": 2021}, "performance": [2022]})]
)
def test_agreements_of_different_studies_are_refused(folder, tmp_path, key, value):
    place = changed(folder, tmp_path, key, value)
    with pytest.raises(StudyError, match=f"'North' and 'South' in .* are not of one study: {key}.* differ. Put back"):
        console.settling(place, ["panel.csv"], None, None)


def test_incomplete_folders_and_amendments_are_refused(folder, tmp_path):
    shutil.copytree(folder / "signed" / "North", tmp_path / "North")
    with pytest.raises(StudyError, match=r"Missing, or of another group: South\. Put back"):
        console.settling(tmp_path, ["panel.csv"], None, None)
    shutil.copytree(folder / "signed" / "South", tmp_path / "South")
    shutil.copytree(folder / "signed" / "North", tmp_path / "North copy")
    with pytest.raises(StudyError, match=r"Missing, or of another group: North copy\."):
        console.settling(tmp_path, ["panel.csv"], None, None)
    with pytest.raises(StudyError, match=r"--amend is of one agreement, .*NAME --amend REASON"):
        console.settling(folder / "signed", ["panel.csv"], None, "the share changed")
    study = folder / "other.toml"
    text = (folder / "study.toml").read_text(encoding="utf-8")
    study.write_text(text.replace("share = 0.3", "share = 0.2"), encoding="utf-8")
    with pytest.raises(StudyError, match=r"of 'South'\): contract: sharing\.share was signed as 0\.3 and is 0\.2"):
        console.settling(folder / "signed", ["absent.csv"], study, None).plan()


def test_no_half_written_folder(folder, tmp_path, monkeypatch):
    def fail(agreement, _folder):
        if agreement.document["study"]["only_group"] == "South":
            raise StudyError("no page")

    monkeypatch.setattr(console, "write_agreement_pages", fail)
    agreements = {name: read_agreement(folder / "signed" / name) for name in NAMES}
    monkeypatch.setattr(console, "sign_study", lambda *_, **__: agreements)
    with pytest.raises(StudyError, match="no page"):
        console.sign_text(folder / "study.toml", tmp_path / "new", 1, None, lambda _: None)
    assert [*tmp_path.iterdir()] == []


def test_an_unknown_group_is_refused(folder, tmp_path):
    text = (folder / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(f'only_group = "East"\n{text}', encoding="utf-8")
    with pytest.raises(StudyError, match="only_group names group 'East'"):
        console.sign_study(tmp_path / "study.toml")

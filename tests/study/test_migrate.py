"""`ssinfer migrate`: a study of the first edition has the same settings, tables and numbers in the second."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from ssinfer.errors import StudyError
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import plan_study, run_study, write_study
from ssinfer.study.config import read_study
from ssinfer.study.migrate import migrate_study
from tests.study.test_study_claims import STUDY as CLAIMS

STUDY = Path(__file__).parent / "study.toml"
CASES = Path(__file__).parents[2] / "case_studies"
FIRST = [path for path in CASES.glob("*/*.toml") if "[population]" in path.read_text(encoding="utf-8").splitlines()]


def test_the_tables_are_the_same_byte_for_byte_and_the_numbers_are_those_before_designs(tmp_path):
    panel = simulate_panel(24, tuple(range(2011, 2018)), start=2017, saving=0.03, seed=4, covid=False).panel
    panel.to_frame().drop(columns="sampling_variance").to_csv(tmp_path / "panel.csv", index=False)
    study = tmp_path / "study.toml"
    columns = 'file = "panel.csv"\ncolumns = { covariates = ["latitude", "longitude"] }'
    study.write_text(STUDY.read_text(encoding="utf-8").replace('file = "panel.csv"', columns), encoding="utf-8")
    outs = [write_study(run_study(plan_study(study), n_jobs=1), tmp_path / "old", report=None)]
    written = migrate_study(study)
    assert written == (study, tmp_path / "study.first-edition.toml")
    outs.append(write_study(run_study(plan_study(study), n_jobs=1), tmp_path / "new", report=None))
    names = {path.name for path in outs[0].iterdir()}
    names -= {"manifest.json", "study.toml", "SHA256SUMS", "ro-crate-metadata.json"}
    assert len(names) >= 7
    for name in names - {"savings.nc"}:
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes(), name
    # Authority: the version before the second edition (c49f0d4), on the same panel.
    savings, scores = (pd.read_csv(outs[1] / f"{name}.csv") for name in ("savings", "scores"))
    assert savings["saving"].tolist() == pytest.approx([110.990290956855, 213.03516372202284], rel=1e-9)
    assert savings["lower"].tolist() == pytest.approx([-83.50187764399134, 24.777007218680076], rel=1e-9)
    assert scores["bias"].tolist() == pytest.approx([0.001257253838153634, 0.0014961750200120662], rel=1e-9)


@pytest.mark.parametrize("text", [CLAIMS, *(path.read_text(encoding="utf-8") for path in FIRST)])
def test_a_migrated_study_has_the_same_settings(tmp_path, text):
    old = tmp_path / "old.toml"
    old.write_text(text, encoding="utf-8")
    before = read_study(old)
    (new,) = migrate_study(old, tmp_path / "new.toml")
    after = read_study(new)
    assert after == before
    assert after.designs is not before.designs
    assert [vars(design) for design in after.designs] == [vars(design) for design in before.designs]
    with pytest.raises(StudyError, match=r"new\.toml is of the second edition\. It needs no change"):
        migrate_study(new)


def test_no_file_is_replaced(tmp_path):
    shutil.copy(STUDY, tmp_path)
    (tmp_path / "study.first-edition.toml").write_text("kept", encoding="utf-8")
    with pytest.raises(StudyError, match=r"study\.first-edition\.toml exists\. Move it, or name a new file with --out"):
        migrate_study(tmp_path / "study.toml")


# what a file of the second edition says -> a key of the first edition, and the words of the refusal
MOVED = {
    "threshold as a table": ("[[threshold]]", "[threshold]", r"'threshold'.*second edition has .*ssinfer migrate"),
    "levels": ('name = "90%"', 'name = "90%"\nlevels = [0.9]', r"threshold\.0\.levels'.*has moved to \[backtest\]"),
    "baseline": (
        'name = "others"',
        'name = "others"\nbaseline = ["2021Q1"]',
        r"comparison\.0\.baseline'.*has moved to \[\[design\]\] or \[windows\]",
    ),
    "insured": ("ages = [40, 120]", "[population.insured]", r"insured'.*has moved to \[\[population\]\]"),
    "truncated": ('name = "others"', 'name = "others"\ntruncated = true', r"moved to \[\[spending\]\], as truncation"),
}


@pytest.mark.parametrize("key", MOVED)
def test_a_key_that_changed_its_place_is_refused_with_its_new_place(tmp_path, key):
    old, new, words = MOVED[key]
    text = (Path(__file__).parent / "designs.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "study.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(StudyError, match=words):
        read_study(tmp_path / "study.toml")

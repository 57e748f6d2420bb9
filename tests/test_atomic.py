"""Folders and files appear complete or not at all."""

import pandas as pd
import pytest

from ssinfer.atomic import atomic_files, atomic_folder, owner_only, write_csv


def fail_after_writing(folder, name):
    (folder / name).write_text("half")
    raise RuntimeError


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_appears_when_the_block_ends_and_replaces_an_older_one(tmp_path):
    for text in ("first", "second"):
        with atomic_folder(tmp_path / "a" / "out") as temporary:
            (temporary / f"{text}.txt").write_text(text)
            assert not (tmp_path / "a" / "out" / f"{text}.txt").exists()
        assert contents(tmp_path) == {f"a/out/{text}.txt": text}


def test_after_an_error_the_older_folder_is_as_it_was(tmp_path):
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "kept.txt").write_text("kept")
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "out") as temporary:
        fail_after_writing(temporary, "half.txt")
    assert contents(tmp_path) == {"out/kept.txt": "kept"}


def test_files_and_folders_of_the_same_name_are_replaced_and_others_stay(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("figures/old.svg", "report.html", "thesis.docx", "table"):
        (tmp_path / name).write_text("old")
    with atomic_files(tmp_path, last="report.html") as temporary:
        for folder in ("figures", "table"):
            (temporary / folder).mkdir()
            (temporary / folder / "new.svg").write_text("new")
        (temporary / "report.html").write_text("new")
    new = {"figures/new.svg": "new", "table/new.svg": "new", "report.html": "new"}
    assert contents(tmp_path) == {**new, "thesis.docx": "old"}


def test_after_an_error_no_file_is_moved(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(RuntimeError), atomic_files(tmp_path) as temporary:
        fail_after_writing(temporary, "a.csv")
    assert contents(tmp_path) == {"a.csv": "old"}


def test_text_cells_of_csv_are_no_formulas(tmp_path):
    """Fault R27: a method named "=cmd|calc" was a formula of a spreadsheet."""
    frame = pd.DataFrame({"method": ["=cmd|calc", "+1", "-x", "@a", "plain"], "saving": [-1.0, 2.0, 3.0, 4.0, 5.0]})
    write_csv(frame, tmp_path / "t.csv")
    rows = (tmp_path / "t.csv").read_text().splitlines()
    assert rows == ["method,saving", "'=cmd|calc,-1.0", "'+1,2.0", "'-x,3.0", "'@a,4.0", "plain,5.0"]


def test_a_folder_on_persons_is_its_owners_only(tmp_path):
    """Fault R26: the mode of a result on claims does not follow umask."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a.svg").touch(0o644)
    owner_only(tmp_path)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path, *sorted(tmp_path.rglob("*")))]
    assert modes == [0o700, 0o700, 0o600]

"""Folders and files appear complete or not at all."""

import pytest

from ssinfer.atomic import atomic_files, atomic_folder


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

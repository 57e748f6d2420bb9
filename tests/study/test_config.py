"""Study files: one test per mistake in TOML, with the key, its line, and the nearest key."""

from pathlib import Path

import pytest

from ssinfer.errors import StudyError
from ssinfer.study.config import line_of, read_study

STUDY = (Path(__file__).parent / "study.toml").read_text(encoding="utf-8")


def read(folder, text):
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return read_study(folder / "study.toml")


def test_a_study_reads_and_has_defaults(tmp_path):
    study = read(tmp_path, STUDY)
    assert study.windows.baseline.first == 2014
    assert [part.name for part in study.comparison] == ["all", "near"]
    assert (study.currency, study.threshold[0].kind, study.sharing[0].year) == ("EUR", "placebo", None)


def test_the_hash_depends_on_settings_not_on_layout(tmp_path):
    one = read(tmp_path, STUDY).fingerprint()
    assert read(tmp_path, STUDY.replace("[windows]", "# a comment\n\n[windows]")).fingerprint() == one
    assert read(tmp_path, STUDY.replace("seed = 5", "seed = 6")).fingerprint() != one
    assert len(one) == 64


def test_texts_by_language_are_read_and_a_plain_text_has_the_hash_of_a_text(tmp_path):
    both = STUDY.replace('title = "A small study"', 'title = { nl = "Klein", en = "Small" }', 1)
    both = both.replace('name = "near"', 'name = "near"\nlabel = { en = "near", nl = "dichtbij" }')
    plain, both = read(tmp_path, STUDY), read(tmp_path, both)
    assert (both.title, both.designs[1].label) == ({"nl": "Klein", "en": "Small"}, {"en": "near", "nl": "dichtbij"})
    assert plain.model_dump(mode="json")["title"] == "A small study"
    assert plain.fingerprint() == "12bffbb85a11edbd51df57d4e57525a19f8edf7cfc3d073e4e23ddc722ac5bd7"  # before
    assert plain.fingerprint() != both.fingerprint()


MISTAKES = {
    "language": (
        'name = "near"',
        'name = "near"\nlabel = { en = "near", fry = "x" }',
        r"'comparison\.1\.label' \(line 21\): no catalogue is in the language 'fry'\. Allowed: 'en', 'nl'",
    ),
    "no text": ('title = "A small study"', "title = { en = 3 }", r"'title' \(line 1\): allowed: a text, or texts by"),
    "top": ("seed = 5", "sede = 5", r"unknown key 'sede' \(line 3\)\. Did you mean 'seed'\?"),
    "table": ("file =", "fil =", r"unknown key 'data\.fil' \(line 7\)\. Did you mean 'file'\?"),
    "second of a list": (
        "within_km = 100",
        "within_k = 100",
        r"'comparison\.1\.within_k' \(line 21\)\. Did you .*within_km",
    ),
    "span": ("last = 2016", "lst = 2016", r"lst.*\(line 13\)"),
    "unknown table": ("[threshold]", "[treshold]", r"unknown key 'treshold' \(line 28\)\. Did you mean 'threshold'\?"),
    "missing": ('name = "all"\n', 'label = "x"\n', r"key 'comparison\.0\.name' is missing"),
    "missing table": ("[windows]", "[threshold2]", r"key 'windows' is missing"),
    "percentage": ("levels = [0.90]", "levels = [90]", r"'threshold\.levels\.0' \(line 29\).*less than 1, got 90"),
    "kind": (
        "levels = [0.90]",
        'kind = "expected loss"',
        r"kind' \(line 29\): a study settles by .*'placebo'.*got",
    ),
    "text": ("within_km = 100", 'within_km = "far"', r"within_km' \(line 21\).*allowed: a number.*got 'far'"),
    "C10: seed": ("seed = 5", "seed = -5", r"seed' \(line 3\): allowed: a whole number of at least 0, got -5"),
    "number as text": ("seed = 5", 'seed = "5"', r"seed' \(line 3\): allowed: a whole number.*got '5'"),
    "W8: text for a boolean": ("levels = [0.90]", 'calibrate = "false"', r"calibrate' .*: allowed: True or False"),
    "empty": ('treated = ["treated"]', "treated = []", r"population\.treated' \(line 10\).*at least 1 item"),
    "source": ('source = "panel"', 'source = "excel"', r"data\.source' \(line 6\): got 'excel'\. Allowed: 'vektis' "),
    "no file": ('file = "panel.csv"', "", r"key 'data\.file' is missing \(line 5\)\. Write file = \"panel\.csv\""),
    "no years": (
        'source = "panel"',
        'source = "vektis"',
        r"'data\.years' is missing \(line 5\)\. Write years = { first = 2011",
    ),
    "key of another source": (
        "file =",
        'basket = "core"\nfile =',
        r"'data\.basket' \(line 7\) is for data source 'vektis'",
    ),
    "no source": ('source = "panel"', "", r"'data\.source' is missing\. Allowed: 'vektis', .*'claims'"),
    "no size": (
        'source = "panel"\nfile = "panel.csv"',
        'source = "simulated_claims"\nsimulation = { seed = 1 }',
        r"number of insured is missing\. Write simulation = { n_insured = 150000 }",
    ),
    "same name": ('name = "near"', 'name = "all"', r"comparisons \['all'\] share a name"),
    "unknown comparison": ('name = "equal"', 'comparisons = ["al"]', r"names comparison 'al'\. Did you mean 'all'\?"),
    "no toml": ("[windows]", "[windows", r"is not valid TOML: .*line 12"),
    "duplicate key": ("seed = 5", "seed = 5\nseed = 6", r"is not valid TOML: .*"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_the_key_its_line_and_the_cure(tmp_path, mistake):
    old, new, words = MISTAKES[mistake]
    assert old in STUDY
    with pytest.raises(StudyError, match=words) as raised:
        read(tmp_path, STUDY.replace(old, new, 1))
    assert "\n" not in str(raised.value)
    assert "study.toml" in str(raised.value)


OLD = {
    "kind": (
        "levels = [0.90]",
        'levels = [0.90]\ngate = "schedule"',
        'Line 30: gate is now called kind. Write kind = "schedule".',
    ),
    "spending": (
        "within_km = 100",
        "level_within = 0.15",
        "Line 21: level_within is now called spending_within. Write spending_within = 0.15.",
    ),
}


def test_old_names_of_keys_work_with_one_warning_that_gives_the_new_lines(tmp_path):
    text = STUDY
    for old, new, _ in OLD.values():
        text = text.replace(old, new, 1)
    with pytest.warns(FutureWarning) as warned:
        study = read(tmp_path, text)
    assert (study.threshold[0].kind, study.comparison[1].spending_within) == ("schedule", 0.15)
    (message,) = [str(warning.message) for warning in warned]
    assert "study.toml uses old names of keys." in message
    assert all(words in message for _, _, words in OLD.values())
    new = text.replace("gate", "kind").replace("level_within", "spending_within")
    assert read(tmp_path, new).fingerprint() == study.fingerprint()


def test_the_old_and_the_new_name_together_are_refused(tmp_path):
    text = STUDY.replace("levels = [0.90]", 'levels = [0.90]\ngate = "placebo"\nkind = "placebo"')
    with pytest.raises(StudyError, match=r"'gate' \(line 30\) is the old name of 'kind'\. Give one of them"):
        read(tmp_path, text)


def test_several_mistakes_are_named_together(tmp_path):
    with pytest.raises(StudyError, match=r"'data\.fil'.*; .*'sede'"):
        read(tmp_path, STUDY.replace("seed = 5", "sede = 5").replace("file =", "fil ="))


def test_an_absent_file(tmp_path):
    with pytest.raises(StudyError, match=r"Cannot read the study file .*absent\.toml: No such file"):
        read_study(tmp_path / "absent.toml")


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "study.toml").write_bytes(STUDY.replace("small", "kl\u00e9in").encode("latin-1"))
    with pytest.raises(StudyError, match="UTF-8"):
        read_study(tmp_path / "study.toml")


@pytest.mark.parametrize(
    ("where", "line"),
    [(("title",), 1), (("data", "file"), 7), (("comparison", "1", "within_km"), 21), (("comparison", "1"), 19)],
)
def test_line_of(where, line):
    assert line_of(STUDY, where) == line


def test_dates_of_toml_are_periods(tmp_path):
    """Fault R9: a date without quotes was refused with a sentence per element."""
    text = STUDY.replace("{ first = 2014, last = 2016 }", "[2014-01-01, 2015-01-01, 2016-01-01]")
    assert [date.year for date in read(tmp_path, text).windows.baseline] == [2014, 2015, 2016]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("injected = [0.0, 0.03]", 'injected = [0.0, "0.5"]', r"threshold.injected.1' \(line 30\).*valid number"),
        ("injected = [0.0, 0.03]", "injected = [true]", "threshold.injected.0.*valid number, got True"),
        ('treated = ["treated"]', 'treated = ["treated"]\nsize_edges = [-1]', "size_edges.0.*greater than 0"),
        ('treated = ["treated"]', 'treated = ["treated"]\nratio = 0', "population.ratio.*greater than 1, got 0"),
        ('treated = ["treated"]', 'treated = ["treated"]\nat_least = -1', "population.at_least.*got -1"),
        ("seed = 5", "suppress_below = 1", "suppress_below.*greater than or equal to 2, got 1"),
        ('name = "near"', 'name = " "', "comparison.1.name.*got ' '"),
        ('file = "panel.csv"', 'file = "panel.csv"\nplausible = [500]', "key 'data.plausible.1' is missing"),
        ('source = "panel"', "source = { x = 1 }", r"data.source' \(line 6\): got {'x': 1}\. Allowed"),
    ],
)
def test_values_that_were_taken_or_ended_inside(tmp_path, old, new, message):
    """Fault FZ3: text and booleans in lists of numbers, impossible sizes, and two raw errors."""
    assert old in STUDY
    with pytest.raises(StudyError, match=message):
        read(tmp_path, STUDY.replace(old, new))

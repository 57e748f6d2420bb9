"""Dutch: no English word is left in the report, its figures and the console, outside of parts with a ``lang``."""

import re
from dataclasses import replace

import pytest
from babel.messages.pofile import read_po
from pseudo import Visible, from_no_catalogue, pseudo_language, without_accents
from typer.testing import CliRunner

from ssinfer.claims.enrolment import DAY_REASONS
from ssinfer.claims.lines import CATEGORY, LATE, NO_KEY, OUTSIDE, OWN_COSTS, PRODUCT_GROUP, UNKNOWN_CATEGORY, name_of
from ssinfer.cli import app
from ssinfer.console.design_table import design_table
from ssinfer.contracts.contract import load_contract
from ssinfer.contracts.settle import settle
from ssinfer.errors import StudyError
from ssinfer.foreign import Foreign
from ssinfer.language import FOLDER, speak
from ssinfer.report import write_report
from ssinfer.sentences import word
from ssinfer.study import plan_study
from ssinfer.study.claims_data import ALL_SPENDING, ONE_OPEN_UNIT
from ssinfer.study.disclosure import JOINED, NOT_SHOWN

#: Frequent English words that are no Dutch words.
ENGLISH = re.compile(
    r"\b(the|and|with|which|not|are|from|that|this|than|has|have|been|to|for|by|no|without|each|its|their|under|"
    r"would|savings?|spending|threshold|contracts? group|payments?|insured|years?|design|method|unit|none|yes)\b",
    re.IGNORECASE,
)
CODES = (OUTSIDE, NO_KEY, OWN_COSTS, CATEGORY, PRODUCT_GROUP, UNKNOWN_CATEGORY, LATE)  # of lines that do not count


def english(texts):
    """The texts with an English word; names that code gives, such as CamelCase(a=1), are no words."""
    return [text for text in texts if ENGLISH.search(re.sub(r"\w+\(.*?\)|\w+\.\w+", "", text))]


@pytest.fixture(scope="module")
def dutch(study):
    words = {"a": "alle andere", "b": {"en": "a group by name", "nl": "een groep met namen"}}
    texts = {
        "title": {"en": "The study", "nl": "Een studie"},
        "question": "Welk ontwerp?",
        "note": "gesimuleerd",
        "data_label": "40 eenheden",
    }
    return replace(study, design_labels=words, manifest={**study.manifest, "language": "nl"}, **texts)


@pytest.fixture(scope="module")
def folder(dutch, tmp_path_factory):
    return write_report(dutch, tmp_path_factory.mktemp("nl")).parent


def test_no_english_sentence_is_left_in_the_page(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert '<html lang="nl">' in page
    assert english(Visible(page).texts) == []


@pytest.mark.usefixtures("no_pictures")
def test_texts_by_language_are_in_the_language_in_use_or_else_their_first(dutch, folder, tmp_path):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert '<title lang="nl">Een studie</title>' in page
    assert "een groep met namen" in page
    assert "a group by name" not in page
    english = write_report(replace(dutch, question={"nl": "Wat?"}), tmp_path, "en").read_text(encoding="utf-8")
    assert "<h1>The study</h1>" in english
    assert '<span lang="nl">Wat?</span>' in english


def test_no_english_word_is_left_in_the_figures(folder):
    texts = [re.findall(r"<text[^>]*>([^<]*)", path.read_text()) for path in (folder / "figures").glob("*.svg")]
    assert len(texts) >= 5
    assert english([text for of_figure in texts for text in of_figure]) == []


def test_no_english_word_is_left_on_the_console(dutch):
    assert english(design_table(dutch).splitlines()) == []


def test_no_english_word_is_left_in_the_catalogue_nor_in_reasons_that_code_gives():
    with FOLDER.joinpath("nl.po").open("rb") as stream:
        texts = [text for message in read_po(stream, locale="nl") if message.id for text in _texts(message)]
    assert english(re.sub(r"\{[^}]*\}|`[^`]*`|--\w+|\(#[^)]*\)", "", text) for text in texts) == []
    reasons = [
        *DAY_REASONS[1:],
        *(name_of(code, "x") for code in CODES),
        NOT_SHOWN,
        JOINED,
        ONE_OPEN_UNIT,
        ALL_SPENDING,
    ]
    with speak("nl"):
        words = [word("reason", reason) for reason in reasons]
    assert [text for text in words if isinstance(text, Foreign)] == []


def _texts(message):
    return [message.string] if isinstance(message.string, str) else message.string


def test_a_third_language_needs_one_catalogue_and_no_code(compared, tmp_path):
    assert from_no_catalogue(compared.result, tmp_path, "aler", "ipt") == []


COMMANDS = (
    "thresholds",
    "contracts",
    "data list",
    "power --insured 20000 --looks 2",
    *(
        f"settle --contract {name} --benchmark 100 --spending {spent} --insured-years 20000 {more}"
        for name, spent, more in (
            ("kerngezond-vlissingen", 95, "--threshold 0.02 --true-saving 3"),
            ("arts-en-zorg-menzis", 104, ""),
            ("alternative-quality-contract", 90, "--quality 3"),
            ("mssp-basic-e", 99, "--low-revenue"),
            ("mijnzorg", 98, ""),
        )
    ),
)
#: Names of methods, contracts, parties and packages.
NAMES = (
    "SyntheticDiD ssinfer alternative quality contract arts en zorg menzis gesundes kinzigtal kerngezond "
    "vlissingen basic enhanced track physician group practice pioneer virtual budget Blue Cross Shield of "
    "Massachusetts Medicare Shared Savings Program ACO Model demonstration vektis cbs dartmouth control "
    "calibrated whole expected loss power schedule confidence credible placebo synthetic level mijnzorg "
)


def test_lists_and_settlements_are_all_from_the_catalogue(tmp_path):
    with pseudo_language(tmp_path) as tag:
        for command in COMMANDS:
            said = CliRunner().invoke(app, [*command.split(), "--language", tag])
            assert said.exit_code == 0, (command, said.output)
            assert without_accents(said.output.splitlines(), NAMES.split()) == [], command


def test_a_language_without_a_catalogue_is_refused(study, tmp_path):
    with pytest.raises(StudyError, match=r"'xx', which has no catalogue\. Allowed: 'en', 'nl'"):
        write_report(study, tmp_path, "xx")
    assert not any(tmp_path.iterdir())


def test_a_study_in_a_language_without_a_catalogue_is_refused_before_its_data_are_read(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text('title = "t"\nquestion = "q"\n[report]\nlanguage = "xx"\n')
    with pytest.raises(StudyError, match=r"'report.language' \(line 4\): allowed: 'en', 'nl'"):
        plan_study(study)
    with pytest.raises(StudyError, match=r"language is 'fry', which has no catalogue"):
        plan_study(study, language="fry")


def test_a_settlement_is_explained_in_the_language_in_use():
    given = {"benchmark": 100.0, "spending": 95.5, "insured_years": 20_000}
    settlement = settle(load_contract("mssp-basic-e"), **given, quality=None)
    with speak("nl"):
        texts = [*settlement.steps, settlement.reason]
    assert english(texts) == []
    assert any("4,5%" in text for text in texts)
    assert "Measured" in settlement.steps[0]

"""Checklists: every item of CHEERS 2022 and RECORD with an answer in each language; unknown is said to be unknown.

Authorities: the numbers of the items in doi.org/10.1186/s12916-021-02204-0 (Table 1) and, with the items of STROBE,
doi.org/10.1371/journal.pmed.1001885 (Table 1).
"""

from dataclasses import replace

import pytest
from small_study import small_analysis, small_study

from ssinfer.language import speak
from ssinfer.report.analysis import analyse
from ssinfer.report.table import TABLES
from ssinfer.report.tables.checklists import LISTS
from ssinfer.sentences import say

EXTENSIONS = {1: 3, 6: 3, 7: 1, 12: 3, 13: 1, 19: 1, 22: 1}
NUMBERS = {
    "cheers": [str(n) for n in range(1, 29)],
    "record": [
        text for n in range(1, 23) for text in (str(n), *(f"{n}.{k}" for k in range(1, EXTENSIONS.get(n, 0) + 1)))
    ],
}
NEVER_KNOWN = {"cheers": {"21", "25", "27", "28"}, "record": {"2", "6.2", "12.1", "14", "19.1", "20", "22"}}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("tag", ["en", "nl"])
def test_every_item_has_its_number_a_topic_and_an_answer(name, tag):
    with speak(tag, "EUR"):
        table = TABLES.find(name).build(small_analysis())
        to_do = say("checklist.answer.to_do")
    assert table.column("item") == NUMBERS[name]
    assert table.folded
    assert len(set(table.column("topic"))) == len(table.rows)
    open_items = {row[0] for row in table.rows if row[2] == to_do}
    of_claims = set() if name == "cheers" else {"1.3", "6.1", "6.3", "7.1", "12.2", "12.3", "13.1"}
    assert open_items == NEVER_KNOWN[name] | of_claims
    assert all(len(answer) > 5 and "{" not in answer for answer in table.column("answer"))


def test_an_answer_follows_from_the_study():
    study = small_study()
    cells = {row[0]: row[2] for row in TABLES.find("cheers").build(small_analysis()).rows}
    assert "Which design?" in cells["3"]
    assert "2015 to 2017" in cells["6"]
    assert "2018" in cells["9"]
    assert cells["15"].startswith("EUR")
    assert "s1" in cells["4"]
    assert "to be completed" in cells["4"]
    signed = replace(study, agreement="signed", manifest={**study.manifest, "agreement": {}})
    cells = {row[0]: row[2] for row in TABLES.find("cheers").build(analyse(signed)).rows}
    assert "agreement.toml" in cells["4"]

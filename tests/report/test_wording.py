"""The wording of one report: other tests match ids and numbers."""

from pathlib import Path

from small_study import assert_snapshot

from ssinfer.report.summarise import assemble


def test_the_wording_is_that_of_the_snapshot(analysis):
    data = assemble(analysis)
    lines = [*data.finding]
    for section in data.sections:
        lines += ["", section.title, *section.sentences, *filter(None, dict.fromkeys(section.reasons.values()))]
    assert_snapshot("\n".join(lines), Path(__file__).parent / "snapshots" / "report.txt")

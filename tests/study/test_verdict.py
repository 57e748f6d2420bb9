"""One verdict: over random studies all outputs judge the case alike, with the same numbers."""

import json
from importlib.resources import files
from itertools import product

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from small_study import tables_of

from ssinfer.backtesting.payments_at import payments_at
from ssinfer.console.design_table import design_table
from ssinfer.errors import StudyError
from ssinfer.printed import percent
from ssinfer.report.analysis import Analysis, analyse
from ssinfer.report.first_page import first_page
from ssinfer.report.summarise import assemble
from ssinfer.study import run_study, write_study
from ssinfer.study.verdict import verdict_of

THRESHOLDS = {
    "none stated": "",
    "placebo": "[[threshold]]\nlevel = 0.90\n",
    "too few placebos": "[[threshold]]\nlevel = 0.99\n",
    "confidence": '[[threshold]]\nkind = "confidence"\nlevel = 0.90\n',
    "power": '[[threshold]]\nkind = "power"\nlevel = 0.90\n',
    "schedule": '[[threshold]]\nkind = "schedule"\n',
}
SHARING = {
    "none stated": "",
    "computed": '[[sharing]]\ncontract = "kerngezond-vlissingen"\n',
    "excess": '[[sharing]]\ncontract = "kerngezond-vlissingen"\nshared = "excess"\nlosses = 0.5\n',
    "own": '[[sharing]]\ncontract = "mssp-basic-e"\nquality = 100.0\n',
}
SEVERAL = """
[[comparison]]
name = "large"
at_least = 5000
[[design]]
name = "d"
comparison = "large"
settles = true
[[design]]
name = "e"
"""
SCHEMA = json.loads(files("ssinfer.plugins").joinpath("schemas", "finding.v1.json").read_text(encoding="utf-8"))


@pytest.fixture
def study(small_study):
    """Return a function that runs a study with a threshold, a sharing rule, and a case that saved a fraction."""

    def study_of(threshold, sharing, saved, *, several=False, limit=10):
        blocks = (SEVERAL if several else "") + THRESHOLDS[threshold] + SHARING[sharing]
        return small_study(blocks, saved, limit=limit, currency="USD" if sharing == "own" else "EUR")

    return study_of


def everything(result):
    """Return all text that the console and the page print."""
    analysis = Analysis(result, {}, {})
    data = assemble(analysis)
    cells = [cell for table in tables_of(data).values() for row in table.rows for cell in row]
    sections = [sentence for section in data.sections for sentence in (*section.sentences, *section.reasons.values())]
    return " ".join(design_table(result).split()), " ".join(data.finding), data, "\n".join([*cells, *sections])


def check(study, threshold, sharing, saved, *, several=False, limit=10):
    """Compare all outputs of one study; return the verdict and what is paid."""
    result = study(threshold, sharing, saved, several=several, limit=limit)
    document, case = verdict_of(result).document(), (threshold, sharing, saved, several, limit)
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(document, allow_nan=False)))
    verdict, paid, stated = document["verdict"], document["paid"], document["threshold"]
    console, finding, data, rest = everything(result)
    assert (verdict is None) == (stated is None or document["measured"] is None), case
    for text in (console, finding):
        assert ("reaches the threshold" in text) == (verdict == "reached"), case
        assert ("not reach the threshold" in text) == (verdict == "not reached"), case
        assert ("pays to the providers" in text or "The contract pays" in text) == ((paid or 0) > 0), case
        if stated is not None and limit == 10:
            assert percent(stated["rate"]) in text, case
    if (paid or 0) > 0:
        assert verdict == "reached", case
        assert "not reached" not in rest, case
    if verdict == "reached" and paid is not None:
        assert paid > 0, case
    if sharing == "none stated":
        assert paid is None, case
        assert "nothing is settled" in finding or limit > 10, case
    if document["measured"] is None or stated is None:
        assert document["reasons"], case
    if limit > 10:
        assert {reason["id"] for reason in document["reasons"]} >= {"hidden"}, case
        assert document["measured"] is document["threshold"] is document["paid"] is None, case
        return verdict, paid
    rows = result.case_thresholds[result.case_thresholds["decides"].astype(bool)]
    if stated is not None:
        ((_, row),) = rows.iterrows()
        assert bool(row["passed"]) == (verdict == "reached") or verdict is None, case
        assert row["false_payment_rate"] == document["false_payment_rate"]["value"], case
        assert row["detection_rate_3"] == document["detection"]["0.03"]["value"], case
        own = tables_of(data)["thresholds"].column("decides").index("yes")
        rate = tables_of(data)["thresholds"].column("rate")[own]
        assert rate == f"{100 * stated['rate']:.1f}", case
    settles = result.settlement[result.settlement["settles"].astype(bool)] if len(result.settlement) else rows[:0]
    if paid is not None:
        assert paid == -settles["amount"].iloc[0] == settles["amount"].iloc[1:].sum(), case
        assert settles["threshold"].iloc[0] == pytest.approx(max(stated["rate"], 0)), case
    if document["measured"] is not None:
        saving = result.savings[result.savings["design"] == result.manifest["settles"]["fit"]].iloc[0]
        assert saving["savings_rate"] == document["measured"]["rate"], case
    return verdict, paid


def test_no_output_contradicts_another(study):
    seen = {
        check(study, "placebo", "computed", 0.12)[0],
        check(study, "placebo", "excess", np.nan)[0],
    }
    assert seen == {"reached", None}
    verdict, paid = check(study, "placebo", "own", -0.12)
    assert verdict == "not reached"
    assert paid < 0, "the providers owe"


@pytest.mark.evidence
def test_no_output_contradicts_another_over_random_studies(study, evidence_share):
    """Every threshold with every sharing rule; the case saves, loses, is sealed or small, in one design or two."""
    rng = np.random.default_rng(21)
    for _ in range(max(1, round(5 * evidence_share))):
        for threshold, sharing in product(THRESHOLDS, SHARING):
            saved = float(rng.choice([np.nan, -0.08, 0.0, 0.02, 0.05, 0.12], p=[0.1, 0.15, 0.15, 0.2, 0.2, 0.2]))
            limit = 10 if rng.random() < 0.9 else 10**7
            check(study, threshold, sharing, saved, several=bool(rng.integers(2)), limit=limit)


def test_finding_json_is_written_beside_the_tables(study, tmp_path):
    result = study("placebo", "computed", 0.12)
    out = write_study(result, tmp_path / "out", report=None)
    document = json.loads((out / "finding.json").read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA).validate(document)
    assert document == verdict_of(result).document()
    assert document["paid"] == pytest.approx(0.5 * document["measured"]["total"], abs=0.01)  # half, from the first euro
    assert verdict_of(result).n_judged + verdict_of(result).n_left_out > 0


def test_false_payments_and_detection_at_the_cases_own_threshold():
    """By hand: errors of placebos times the ratio of predictive errors, at one threshold; refused ones left out."""
    rates = np.array([-0.02, 0.01, 0.03, 0.05, np.nan])
    frame = pd.DataFrame({"savings_rate": rates, "spending": 90.0, "benchmark": 100.0, "block": range(5)})
    frame["status"] = ["ok"] * 4 + ["refused"]
    row = payments_at(frame, 0.05, np.array([2.0, 2.0, 2.0, 0.5, 2.0]), 1)
    # scaled: -0.04, 0.02, 0.06, 0.025; with a saving of 3% of spending 0.9: -0.013, 0.047, 0.087, 0.052
    assert (row["n_rows"], row["n_left_out"]) == (4, 1)
    assert (row["false_payment_rate"], row["false_payment_rate_refused_unpaid"]) == (0.25, 0.2)
    assert (row["detection_rate_3"], row["detection_rate_3_refused_unpaid"]) == (0.5, 0.4)
    assert payments_at(frame, -0.05, np.ones(5), 1)["false_payment_rate"] == 0.75  # nothing is paid for a loss
    assert payments_at(frame, np.inf, np.ones(5), 1)["detection_rate_10"] == 0.0


def test_a_threshold_outside_those_of_the_placebos_is_named(study):
    """The case alone is of another size: its predictive error is larger than that of every placebo."""
    result = study("placebo", "computed", 0.12)
    rows = result.case_thresholds.copy()
    rows.loc[rows["decides"].astype(bool), "rate"] = 0.9
    reasons = {reason.id: reason.numbers for reason in verdict_of(run_with(result, case_thresholds=rows)).reasons}
    assert reasons["case_threshold_outside_placebos"]["rate"] == 0.9
    assert reasons["case_threshold_outside_placebos"]["highest"] < 0.9
    assert "case_threshold_outside_placebos" not in {reason.id for reason in verdict_of(result).reasons}


def run_with(result, **changes):
    """Return a result with other tables."""
    return type(result)(**{**vars(result), **changes})


def test_every_specification_refused(study):
    """A study whose every fit is refused has no verdict, pays nothing that is known, and says why."""
    result = study("placebo", "computed", 0.12)
    empty = result.case_thresholds[:0]
    refused = result.savings[["design", "method"]].assign(status="refused", reason="No donor is left.")
    result = run_with(result, savings=refused, case_thresholds=empty, settlement=result.settlement[:0])
    verdict = verdict_of(result)
    assert (verdict.verdict, verdict.paid, verdict.threshold) == (None, None, None)
    assert [reason.id for reason in verdict.reasons] == ["refused", "no_threshold_learned", "not_settled"]
    assert "No donor is left." in " ".join(design_table(result).split())


def test_an_evaluation_says_that_a_placebo_threshold_needs_a_run(small_plan):
    """Without a backtest no placebo threshold is learned: the finding and settlement.csv give the next step."""
    result = run_study(small_plan(THRESHOLDS["placebo"] + SHARING["computed"]), parts=("evaluate",), n_jobs=1)
    assert verdict_of(result).reasons[0].id == "no_threshold_learned"
    assert "use `ssinfer run`" in result.settlement["reason"].iloc[0]


def test_a_level_of_one_is_refused(small_plan):
    with pytest.raises(StudyError, match=r"threshold.*level.*less than 1"):
        small_plan("[[threshold]]\nlevel = 1.0\n")


def test_one_placebo_gives_no_verdict_and_the_reason(small_study):
    result = small_study(THRESHOLDS["placebo"] + SHARING["computed"], case='placebos = ["group 05"]')
    verdict = verdict_of(result)
    assert (verdict.verdict, verdict.paid) == (None, None)
    assert [reason.id for reason in verdict.reasons] == ["no_threshold", "not_settled"]
    assert "at least 9 are needed" in verdict.reasons[0].numbers["reason"]
    assert "There is no verdict" in " ".join(design_table(result).split())


def test_a_threshold_that_the_settling_method_cannot_give_is_refused_before_the_data_are_read(small_plan):
    """Another method of the same design has a posterior, but the one that settles has not."""
    other = '[[method]]\nmethod = "HierarchicalBenchmark"\nname = "bayes"\n'
    with pytest.raises(StudyError, match=r"'credible', but no method gives a posterior .*: 'equal'"):
        small_plan(f'{other}[[threshold]]\nkind = "credible"\n')


def test_units_that_share_providers_are_declared_and_said_on_the_first_page(small_plan):
    """`spillover` of a population: no donors, and a limit with their number; a name that is no unit is refused."""
    plan = small_plan('[[population]]\nname = "insured"\nspillover = ["group 05", "group 02"]\n')
    assert all(plan.panel.row_of["group 05"] not in design.donor_rows(plan.panel) for design in plan.designs.values())
    result = run_study(plan, parts=("evaluate",), n_jobs=1)
    limits = {limit.id: limit.numbers for limit in first_page(analyse(result)).limits}
    assert limits["limit_spillover_named"]["n"] == 2
    assert "limit_spillover" not in limits
    with pytest.raises(StudyError, match="no spillover unit 'elsewhere'"):
        small_plan('[[population]]\nname = "insured"\nspillover = ["elsewhere"]\n')

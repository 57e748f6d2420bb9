"""Agreements: signed without performance data, settled on exactly these terms, and kept by later versions."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssinfer.agreement.agreement as agreements
import ssinfer.agreement.settle as settling_module
from ssinfer.agreement.agreement import Agreement, read_agreement
from ssinfer.agreement.settle import Settling
from ssinfer.agreement.sign import settings_of, sign_study
from ssinfer.agreement.signed_threshold import threshold_of
from ssinfer.claims import ClaimsTables
from ssinfer.claims.before import tables_before
from ssinfer.cli import main
from ssinfer.contracts.contract import Contract, load_contract, shipped_contracts
from ssinfer.contracts.settle import settle
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import StudyError
from ssinfer.language import tags
from ssinfer.periods import parse_period
from ssinfer.report.agreement_page import write_agreement_pages
from ssinfer.report.first_page import _meta
from ssinfer.sentences import sentence
from ssinfer.study import run_study
from ssinfer.study.case import evaluate_case
from ssinfer.study.config import read_study
from ssinfer.study.plan import make_methods, make_plan
from ssinfer.study.seal import Seal, Signed
from ssinfer.thresholds.placebo import placebo_threshold

pytestmark = pytest.mark.usefixtures("few_replicates")
GOLDEN = Path(__file__).parents[1] / "golden_agreements"
STUDY = (GOLDEN / "panel" / "study.toml").read_text(encoding="utf-8")
RULE = STUDY.replace('method = "SyntheticControl"\nparameters = { inference = "none" }', "{method}").replace(
    "{method}", 'method = "AdministrativeBenchmark"\nparameters = { history = 0, n_draws = 200 }'
)
DATA = pd.read_csv(GOLDEN / "panel" / "panel.csv")
TODAY = dt.date(2021, 12, 1)
SIGNS = st.one_of(st.integers(0, 0x2FF), st.integers(0x300, 0xD7FF), st.integers(0xE000, 0x10FFFF)).map(chr)  # of UTF-8
PERIODS = [f"{year}Q{quarter}" for year in (2020, 2021, 2022) for quarter in (1, 2, 3, 4)]


def write(folder, frame=DATA, text=RULE):
    """Write a study with its panel, and return the path of the study."""
    frame.to_csv(folder / "panel.csv", index=False)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder / "study.toml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("agreement")


@pytest.fixture(scope="module")
def signed(folder):
    """The agreement on a learned threshold: a rule with a range."""
    return sign_study(write(folder))[""]


@pytest.fixture(scope="module")
def settled(signed, folder):
    """The run on it, its plan and its result before and after it was compared with the range."""
    settling = Settling(signed, delivery(folder))
    plan = settling.plan()
    result = run_study(plan, n_jobs=1)
    return SimpleNamespace(settling=settling, plan=plan, result=result, finished=settling.finish(plan, result))


def delivery(folder):
    return {"file": str(folder / "panel.csv")}


def changed(frame, rng):
    """The panel with every number of the performance period changed."""
    late = frame["period"] == 2022
    return frame.assign(
        spending=frame["spending"].where(~late, 5_000 * rng.random(len(frame)) + 1),
        insured_years=frame["insured_years"].where(~late, 9_000 * rng.random(len(frame)) + 1),
    )


def test_signing_reads_nothing_of_the_performance_period(signed, tmp_path):
    told = []
    other = write(tmp_path, changed(DATA, np.random.default_rng(1)))
    assert sign_study(other, tell=told.append)[""].text == signed.text
    assert [finding.id for finding in told] == ["performance_not_read"]
    before = []
    assert sign_study(write(tmp_path, DATA[DATA["period"] < 2022]), tell=before.append)[""].text == signed.text
    assert before == []


def test_claims_are_read_as_they_were_known_before_the_start():
    day, folder = dt.date(2022, 1, 1), GOLDEN / "claims" / "tables"
    frames = {name: pd.read_csv(folder / f"{name}.csv") for name in ("insured", "enrolment", "claims")}
    for table, columns in (("enrolment", ("start", "end")), ("claims", ("date", "paid"))):
        frames[table] = frames[table].assign(**{name: pd.to_datetime(frames[table][name]) for name in columns})
    frames["enrolment"].loc[0, "start"] = pd.Timestamp("2022-03-01")
    frames["enrolment"].loc[1, "end"] = pd.NaT
    dead = pd.DataFrame({"person": [5, 6], "date": pd.to_datetime(["2021-05-01", "2022-05-01"])})
    programmes = pd.DataFrame(
        {"unit": ["practice 03", "practice 04"], "start": pd.to_datetime(["2020-01-01", "2022-01-01"])}
    )
    programmes["end"] = pd.Timestamp("2023-01-01")
    tables = ClaimsTables.from_frames(**frames, deaths=dead, programmes=programmes)
    known, present = tables_before(tables, day, dt.date(2021, 11, 30))
    lines, spans = known.claims.to_pandas(), known.enrolment.to_pandas()
    assert present
    assert (pd.to_datetime(lines["date"]).max(), len(lines)) < (pd.Timestamp(day), len(frames["claims"]))
    assert pd.to_datetime(lines["paid"]).max() <= pd.Timestamp("2021-11-30")
    assert set(pd.to_datetime(spans["end"])) == {pd.Timestamp("2021-12-31")}
    assert 0 not in set(spans["person"]) | set(known.insured.to_pandas()["person"])
    assert [*known.deaths.to_pandas()["person"]] == [5]
    assert [*known.programmes.to_pandas()["unit"]] == ["practice 03"]
    assert not tables_before(known, day, dt.date(2021, 11, 30))[1]


def test_the_terms_say_what_was_signed(signed, settled):
    table, placebos = signed.document["threshold"], settled.result.backtest.placebos
    assert (table["form"], table["kind"], table["level"]) == ("rule", "placebo", 0.9)
    assert (signed.document["start"], signed.document["as_of"]) == (dt.date(2022, 1, 1), TODAY)
    assert (signed.document["delivery"], signed.document["settlement"]) == (dt.date(2022, 12, 31), dt.date(2023, 3, 31))
    assert signed.document["origins"]["all"] == [2018, 2019, 2020, 2021] == sorted(placebos["origin"].unique())
    rows = settled.result.backtest.thresholds.query("kind == 'placebo' and side == 'one-sided' and size_class == 'all'")
    row = rows[rows["level"] == 0.9].iloc[0]
    assert table["false_payments"]["value"] == pytest.approx(row["false_payment_rate"])
    assert [table[f"found_{s}"]["value"] for s in (2, 3, 5)] == pytest.approx(
        [row[f"detection_rate_{s}"] for s in (2, 3, 5)]
    )
    assert 0 < table["lower"] < table["upper"] < 0.1
    for row in signed.document["example"]:
        terms = Contract(**signed.document["contract"]["sharing"]["terms"])
        names = ("benchmark", "spending", "insured_years", "assigned", "threshold")
        assert settle(terms, **{name: row[name] for name in names}).lines == row["lines"]


def test_settlement_is_on_the_signed_terms(signed, settled):
    saved, line = settled.finished.savings.iloc[0], settled.finished.settlement.iloc[0]
    assert saved["savings_rate"] > line["threshold"]
    assert line["payment"] == pytest.approx(0.4 * saved["saving"] * saved["insured_years"], abs=0.01)
    assert settled.finished.agreement == signed.text
    assert settled.finished.manifest["agreement"]["hash"] == signed.hash
    assert tomllib.loads(settled.finished.study_file.decode())["windows"]["performance"] == [2022]
    case = {"group": "unit 00", "main": ("all", ""), "hidden": True, "result": settled.finished}
    assert sentence([*_meta(SimpleNamespace(**case))][-1]).endswith("; nothing was decided after the start")


@pytest.mark.parametrize("name", shipped_contracts())
@settings(max_examples=3, deadline=None)
@given(st.floats(500, 9_000), st.floats(-0.2, 0.2), st.integers(6_000, 80_000), st.floats(0, 0.06))
def test_signed_terms_settle_as_the_contract_does(name, benchmark, saved, insured, threshold):
    contract = load_contract(name)
    again = Contract(**Agreement.of({"terms": asdict(contract)}).document["terms"])
    assert again == contract
    given = {"benchmark": benchmark, "spending": benchmark * (1 - saved), "insured_years": insured}
    given |= {"quality": 80.0 if contract.quality.kind in ("score", "standard") else 3.0, "currency": contract.currency}
    given |= {"threshold": threshold} if contract.threshold.kind == "computed" else {}
    assert settle(again, **given).lines == settle(contract, **given).lines


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 10**6), sign=SIGNS, how=st.sampled_from(["replace", "insert", "cut"]))
def test_a_change_of_any_character_is_found(signed, tmp_path_factory, place, sign, how):
    text = signed.text
    at = place % len(text)
    other = text[:at] + ("" if how == "cut" else sign) + text[at + (how != "insert") :]
    path = tmp_path_factory.getbasetemp() / "agreement.toml"
    path.write_bytes(other.encode())
    if other == text:
        assert read_agreement(path).hash == signed.hash
    else:
        with pytest.raises(StudyError):
            read_agreement(path)


def test_an_agreement_of_a_newer_version_names_the_command(signed, tmp_path, monkeypatch):
    (tmp_path / "agreement.toml").write_text(signed.text, encoding="utf-8")
    assert read_agreement(tmp_path).document == signed.document
    monkeypatch.setattr(agreements, "__version__", "0.0.9")
    with pytest.raises(StudyError, match=r"python -m pip install 'ssinfer==0\.1\.0'"):
        read_agreement(tmp_path)


REFUSED = {
    "a window": (("first = 2019", "first = 2018"), r"study: windows\.baseline\.first was signed as 2019 and is 2018"),
    "a level": (
        ("[[threshold]]\nlevel = 0.9", "[[threshold]]\nlevel = 0.8"),
        r"study: threshold\[1\]\.level was signed",
    ),
    "a parameter": (
        ("n_draws = 200", "n_draws = 300"),
        r"parameters: AdministrativeBenchmark\.n_draws was signed as '200'",
    ),
    "the share": (("share = 0.4", "share = 0.5"), r"contract: sharing\.share was signed as 0\.4 and is 0\.5"),
    "the seed": (("seed = 3", "seed = 4"), r"study: seed was signed as 3 and is 4"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_study_is_refused_before_its_data_are_read(signed, tmp_path, name):
    (old, new), said = REFUSED[name]
    study = write(tmp_path, text=RULE.replace(old, new))
    with pytest.raises(StudyError, match=said):
        Settling(signed, {"file": "absent.csv"}, study).plan()


def test_a_rule_of_another_version_is_refused(signed, folder, monkeypatch):
    contract = replace(load_contract("kerngezond-vlissingen"), rule_year=2025)
    monkeypatch.setattr(settling_module, "contract_of", lambda _: (contract, 0.4))
    monkeypatch.setattr(settling_module, "__version__", "0.2.0")
    with pytest.raises(StudyError, match=r"rule_year was signed as 2024 and is 2025.*'ssinfer==0\.1\.0'"):
        Settling(signed, {"file": "absent.csv"}, folder / "study.toml").plan()
    schedule = Settling(read_agreement(GOLDEN / "administrative"), {"file": "absent.csv"})
    monkeypatch.setattr(settling_module, "thresholds_by_size", lambda *_: [0.03] * 7)
    with pytest.raises(StudyError, match=r"at 8,000 insured it was signed as 0\.032 and is 0\.03.*'ssinfer==0\.1\.0'"):
        schedule.plan()


DELIVERIES = {
    "no performance period": (DATA["period"] < 2022, r"no performance period 2022"),
    "no earlier period": (DATA["period"] > 2016, r"No window of the design starts in \[2018"),
    "no practice": (DATA["unit"] != "unit 07", r"the delivery lacks 'unit 07', which was there at signing"),
}


@pytest.mark.parametrize("name", DELIVERIES)
def test_an_incomplete_delivery_is_refused(signed, tmp_path, name):
    rows, said = DELIVERIES[name]
    write(tmp_path, DATA[rows])
    with pytest.raises(StudyError, match=said):
        Settling(signed, {"file": str(tmp_path / "panel.csv")}).plan()


def test_a_learned_threshold_outside_the_range_needs_a_second_agreement(signed, settled, folder):
    rows = settled.result.case_thresholds
    far = replace(settled.result, case_thresholds=rows.assign(rate=rows["rate"].where(~rows["decides"], 0.2)))
    with pytest.raises(StudyError, match=r"the learned threshold is 20\.00%, and the signed range is .* insured-years"):
        settled.settling.finish(settled.plan, far)
    settled.settling.differences.clear()
    amending = Settling(signed, delivery(folder), reason="the insurer moved to another region")
    second = Agreement(amending.finish(settled.plan, far).agreement)
    amends = second.document["amends"]
    assert (amends["amends"], amends["reason"]) == (signed.hash, amending.reason)
    assert second.hash not in (signed.hash, "")
    assert second.late == "amended"
    assert Settling(second, delivery(folder)).finish(settled.plan, far).agreement == second.text
    with pytest.raises(StudyError, match="nothing differs from the agreement"):
        Settling(signed, delivery(folder), reason="none").finish(settled.plan, settled.result)
    with pytest.raises(StudyError, match="--amend is empty"):
        Settling(signed, {}, reason=" ")


def test_the_day_of_extraction_belongs_to_the_delivery():
    agreement = read_agreement(GOLDEN / "claims")
    settling = Settling(agreement, {"file": "absent", "extracted": "2023-09-30"})
    assert settling.config.fits["all"].spending.run_out.extracted == dt.date(2023, 9, 30)
    with pytest.raises(StudyError, match="Name the folder of the tables"):  # nothing differs from what was signed
        settling.plan()
    with pytest.raises(StudyError, match="--data extracted: Invalid isoformat string"):
        Settling(agreement, {"file": "absent", "extracted": "June"})


def test_a_provisional_run_out_is_signed_as_it_is_stated(tmp_path):
    shutil.copytree(GOLDEN / "claims", tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    study = read_study(tmp_path / "study.toml", text.replace("months = 6 }", "months = 6, provisional = true }"))
    assert study.sealed(TODAY).main_design.spending.run_out.provisional is False
    assert settings_of(study)["spending"][0]["run_out"]["provisional"] is True
    for day, months, first in ((31, 6, 7), (30, 6, 4), (30, 0, 1)):
        seal = Seal(*map(parse_period, (2022, 2022)), dt.date(2021, 12, day), months)
        assert seal.end_of_claims(PERIODS) == dt.date(2021 + (months == 0), first, 1)
    seal = Seal(*map(parse_period, (2022, 2022)), dt.date(2021, 12, 30), 6)
    seal.check_baseline(PERIODS, ["2021Q1", "2021Q4"])
    said = r"agreement\.as_of is 2021-12-30.*2021Q2 to 2021Q4.*run-out of 6 months.*Give a later as_of"
    with pytest.raises(StudyError, match=said):
        seal.check_baseline(PERIODS, ["2021Q2", "2021Q4"])


def test_a_method_that_needs_no_performance_data_signs_a_number(settled, folder):
    plan = make_plan(read_study(folder / "study.toml").sealed(TODAY), "", folder)
    draws = 2_900.0 + 60.0 * np.random.default_rng(1).standard_normal(2_000)
    fits = []

    def fit(data, _design, seed):
        fits.append((np.isfinite(data.spending).any(axis=0)[-1], seed))
        return Counterfactual.from_draws(draws, "sampling", insured_years=8_000.0)

    stub = SimpleNamespace(information="signing", needs="panel", fit=fit)
    plan = replace(plan, methods={"AdministrativeBenchmark": stub})
    table = threshold_of(plan, lambda _: settled.result.backtest, ("all", "AdministrativeBenchmark"))
    placebos = settled.result.backtest.placebos
    expected = placebo_threshold(placebos[placebos["unit"] != "unit 00"], 0.9, "one-sided", draws.std() / draws.mean())
    assert (table["form"], table["rate"]) == ("number", pytest.approx(expected.rate))
    assert [hidden for hidden, _ in fits] == [False]


def test_a_changed_study_can_be_amended(signed, settled, tmp_path):
    study = write(tmp_path, text=RULE.replace("share = 0.4", "share = 0.5"))
    amending = Settling(signed, {}, study, "the parties agreed on half")
    plan = amending.plan()
    assert plan.share_of(plan.config.main_design) == 0.5
    second = Agreement(amending.finish(plan, settled.result).agreement).document
    assert second["contract"]["sharing"]["share"] == 0.5
    assert "contract: sharing.share was signed as 0.4 and is 0.5" in second["amends"]["differences"]


@pytest.mark.parametrize("name", ["panel", "administrative", pytest.param("claims", marks=pytest.mark.evidence)])
def test_golden_agreements_settle_to_the_same_cent(name):
    agreement = read_agreement(GOLDEN / name)
    data = GOLDEN / name / ("tables" if name == "claims" else "panel.csv")
    settling = Settling(agreement, {"file": str(data)})
    plan = settling.plan()
    result = settling.finish(plan, run_study(plan, n_jobs=1))
    amounts = json.loads((GOLDEN / name / "amounts.json").read_text(encoding="utf-8"))
    assert result.settlement.set_index("party")["amount"].to_dict() == amounts


def test_an_agreement_from_before_unit_effect_keeps_pooled_levels_and_its_baseline(signed, folder):
    """Its method was signed without these parameters: they are read as what they were, not as today's defaults."""
    hierarchical = {"method": "HierarchicalBenchmark", "settles": True}
    stack = {"method": "StackedBenchmark", "parameters": {"methods": ["HierarchicalBenchmark", "SyntheticDiD"]}}
    document = {**signed.document, "study": {**signed.document["study"], "method": [hierarchical, stack]}}
    before = Agreement.of({key: part for key, part in document.items() if key not in ("hash", "format", "defaults")})
    methods = make_methods(Settling(before, delivery(folder)).config)
    for method in (methods["HierarchicalBenchmark"], methods["StackedBenchmark"].methods[0]):
        assert (method.unit_effect, method.history) == ("pooled", "baseline")
    now = Agreement.of({key: part for key, part in document.items() if key not in ("hash", "format")})
    assert make_methods(Settling(now, delivery(folder)).config)["HierarchicalBenchmark"].unit_effect == "auto"


def test_a_signed_number_does_not_move_with_later_data(settled):
    other = replace(settled.plan, signed=Signed({}, settled.plan.origins, rate=0.031))
    case = evaluate_case(other, settled.result.backtest, other.pairs)
    assert case["settlement"]["threshold"].iloc[0] == 0.031
    assert case["case_thresholds"].query("decides")["rate"].item() == 0.031


MISTAKES = {
    "nothing is shared": (('[[sharing]]\ncontract = "kerngezond-vlissingen"\nshare = 0.4', ""), "settles nothing"),
    "no threshold": (("[[threshold]]\nlevel = 0.9", ""), r"Add a table \[\[threshold\]\]"),
    "no earlier window": (("first = 2019, last = 2021", "first = 2015, last = 2021"), "No placebo window of"),
    "read after the start": (("[agreement]", "[agreement]\nas_of = 2022-02-01"), "allowed: a day before the start"),
    "another currency": (("[data]", 'currency = "USD"\n[data]'), "Mixed currency"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_signed_is_refused(tmp_path, name):
    (old, new), said = MISTAKES[name]
    with pytest.raises(Exception, match=said):
        sign_study(write(tmp_path, text=RULE.replace(old, new)))


def test_the_command_writes_the_agreement_and_its_pages_once(folder, signed, monkeypatch, capsys):
    out = folder / "agreement"
    monkeypatch.setattr("sys.argv", ["ssinfer", "sign", str(folder / "study.toml"), "--out", str(out), "--jobs", "1"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert signed.hash in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"agreement.toml", *(f"agreement.{tag}.html" for tag in tags())}
    page = (out / "agreement.nl.html").read_text(encoding="utf-8")
    assert signed.hash in page
    assert "40% van de hele gemeten besparing" in page
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "a signed agreement is never replaced" in capsys.readouterr().err


def test_pages_of_numbers_tables_and_amendments(tmp_path):
    for name, said in (("panel", "This threshold does not change"), ("administrative", "at 8,000 insured")):
        write_agreement_pages(read_agreement(GOLDEN / name), tmp_path)
        assert said in (tmp_path / "agreement.en.html").read_text(encoding="utf-8")
    document = read_agreement(GOLDEN / "panel").document
    quality = asdict(load_contract("alternative-quality-contract"))
    shared = {key: part for key, part in document.items() if key not in ("hash", "format")}
    shared["contract"] = {"sharing": {"share": 0.4, "terms": quality}}
    write_agreement_pages(Agreement.of(shared), tmp_path)
    assert "Losses are shared too" in (tmp_path / "agreement.en.html").read_text(encoding="utf-8")
    second = {
        **document,
        "amends": {"amends": "a" * 64, "reason": "it moved", "date": TODAY},
        "signed": dt.date(2022, 5, 1),
    }
    del second["hash"], second["format"]
    write_agreement_pages(Agreement.of(second), tmp_path)
    page = (tmp_path / "agreement.en.html").read_text(encoding="utf-8")
    assert "amends agreement aaaaaaaaaaaa. Reason: it moved" in page
    assert "after its first day" in page


def test_the_agreement_is_not_in_the_hash_of_the_study(tmp_path):
    path = write(tmp_path, text=RULE.replace("signed = 2021-12-01", "delivery = 2023-02-01"))
    assert read_study(path).fingerprint() == read_study(write(tmp_path)).fingerprint()

"""A contract of three years in a study: its years by hand, placebo contracts, the report, and refusals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from term_study import ROLLING, STUDY

from ssinfer.agreement.settle import Settling
from ssinfer.agreement.sign import sign_study
from ssinfer.contracts.contract import Contract
from ssinfer.errors import StudyError
from ssinfer.language import speak
from ssinfer.periods import span
from ssinfer.report.analysis import analyse
from ssinfer.report.table import TABLES
from ssinfer.report.tables.methods import found
from ssinfer.report.tables.term import term_total
from ssinfer.sentences import sentence
from ssinfer.simulation.panel import simulate_panel
from ssinfer.streams import stream_of
from ssinfer.study import plan_study, run, run_study
from ssinfer.study.config_base import Span
from ssinfer.study.config_blocks import TermConfig
from ssinfer.study.config_claims import RunOutConfig
from ssinfer.study.contract_years import settled_so_far
from ssinfer.study.term import TermHistory

SAVED = {2014: 0.05, 2015: 0.10, 2016: 0.15}
METHOD = "AdministrativeBenchmark"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("term")
    simulated = simulate_panel(24, tuple(range(2009, 2017)), start=2014, saving=0.0, seed=4, covid=False)
    frame = simulated.panel.to_frame().drop(columns="sampling_variance")
    case = frame["unit"] == "treated"
    frame.loc[case, "spending"] *= 1 - frame["period"].map(SAVED).fillna(0.0)
    frame.to_csv(path / "panel.csv", index=False)
    frame[frame["period"] < 2015].to_csv(path / "first.csv", index=False)
    return path


@pytest.fixture(scope="module")
def plan_of(folder):
    def plan(contract=ROLLING, performance="{ first = 2014, last = 2016 }", years=3, **changes):
        (folder / "contract.toml").write_text(contract, encoding="utf-8")
        text = STUDY.replace("PERFORMANCE", performance).replace("YEARS", str(years))
        text = text.replace("contract.toml", (folder / "contract.toml").as_posix())
        for old, new in changes.values():
            text = text.replace(old, new)
        (folder / "study.toml").write_text(text, encoding="utf-8")
        return plan_study(folder / "study.toml")

    return plan


@pytest.fixture(scope="module")
def run_of(plan_of):
    """Return a function that runs the study with a contract; a backtest of the same data and years serves them all."""
    backtest, known = run.backtest, {}

    def run_once(data, designs, *args, **kwargs):
        key = data.fingerprint(), repr(designs), repr(args)
        if key not in known:
            known[key] = backtest(data, designs, *args, **kwargs)
        return known[key]

    def run_study_of(contract=ROLLING, **changes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "backtest", run_once)
            return run_study(plan_of(contract, **changes), n_jobs=1)

    return run_study_of


@pytest.fixture(scope="module")
def result(run_of):
    return run_of()


def test_each_year_is_settled_on_the_benchmark_of_the_years_before(result, plan_of):
    term, plan = result.tables["term.csv"], plan_of()
    assert term["year"].tolist() == ["1", "2", "3", "total"]
    assert set(term["state"]) == {"final"}
    seed, method = stream_of(plan.config.seed, "all", METHOD, "case"), plan.methods[METHOD]
    design = plan.designs["all"]
    paths = [  # each year by the fit that ends with it
        method.fit(plan.panel, design.replace(performance=design.performance[:years]), seed=seed).path()[:, 0]
        for years in (1, 2, 3)
    ]
    benchmark = [*paths[0][1, :3], *(path[1, -1] for path in paths)]  # years 2011 to 2016: baseline, and contract
    observed = paths[-1][0]
    ratio = observed / benchmark
    for number in range(3):
        rebased = benchmark[3 + number] * (ratio[number : 3 + number].mean() if number else 1.0)
        row = term.iloc[number]
        assert row["benchmark"] == pytest.approx(rebased)
        assert row["first_benchmark"] == pytest.approx(benchmark[3 + number])
        assert row["savings_rate"] == pytest.approx(1 - observed[3 + number] / rebased)
        paid = 0.5 * row["saving"] * row["insured_years"] if row["savings_rate"] >= row["threshold"] else 0.0
        assert row["payment"] == pytest.approx(paid, abs=0.01)
    total = term.iloc[3]
    assert total["payment"] == pytest.approx(term["payment"][:3].sum())
    assert total["payment"] > 0
    lines = result.settlement.set_index("party")["amount"]
    assert lines["providers"] == pytest.approx(total["payment"])
    assert lines.sum() == pytest.approx(0, abs=1e-9)
    assert term["saving"][1] < term["first_benchmark"][1] - term["spending"][1]  # the ratchet


def test_a_settled_year_does_not_depend_on_later_years(result, run_of):
    first = run_of(delivery=("panel.csv", "first.csv"))
    (finding,) = [part for part in first.manifest["findings"] if part["id"] == "years_not_due"]
    assert (finding["settled"], finding["years"]) == (1, 3)
    assert first.manifest["study"]["windows"] == result.manifest["study"]["windows"]
    known = ["year", "threshold", "first_benchmark", "benchmark", "spending", "savings_rate", "payment"]
    now, then = result.tables["term.csv"][known], first.tables["term.csv"][known]
    assert then["year"].tolist() == ["1", "total"]
    assert then.iloc[0].tolist() == now.iloc[0].tolist()
    assert any("1 of 3 contract years" in sentence(part) for part in found(analyse(first), first_page=True))


QUARTERS = {"first": "2021Q1", "last": "2022Q4"}


@pytest.mark.parametrize(
    ("last", "run_out", "settled"),
    [
        ("2022Q4", None, 2),
        ("2021Q4", None, 1),
        ("2022Q2", None, "the data lack 2022Q3, 2022Q4 of contract years 1 to 2"),
        ("2020Q4", None, "no contract year can be settled. The first is 2021Q1 to 2021Q4"),
        ("2022Q4", {"extracted": "2022-12-31", "months": 3}, 1),  # of claims: the second year is over, without run-out
        ("2022Q4", {"extracted": "2022-12-31", "months": 3, "provisional": True}, 2),
        ("2022Q4", {"extracted": "2022-12-30", "months": 3, "provisional": True}, 1),
        ("2022Q4", {"extracted": "2022-03-30", "months": 3}, "and paid until 2022-03-30"),
    ],
)
def test_contract_years_that_are_there_are_settled(plan_of, last, run_out, settled):
    config = plan_of().config
    spending = [config.spending[0].model_copy(update={"run_out": run_out and RunOutConfig(**run_out)})]
    windows = config.windows.model_copy(update={"performance": Span(**QUARTERS)})
    config = config.model_copy(update={"spending": spending, "windows": windows, "term": TermConfig(years=2)})
    config = config.with_run()  # lists the designs again
    if isinstance(settled, str):
        with pytest.raises(StudyError, match=settled):
            settled_so_far(config, span("2019Q1", last))
        return
    found_years = settled_so_far(config, span("2019Q1", last))
    assert found_years.settled == settled
    assert found_years.main_design.performance == Span(first="2021Q1", last=f"{2020 + settled}Q4")
    assert found_years.fingerprint() == config.fingerprint()


def test_placebo_contracts_show_what_rebasing_takes_back(result):
    rows = result.tables["term_placebos.csv"].set_index("saving")
    assert rows.index.tolist() == ["none", "each", "growing"]
    assert (rows["n_rows"] > 20).all()
    assert (rows["fixed"] - rows["payment"]).to_numpy() == pytest.approx(rows["taken_back"].to_numpy())
    assert rows["taken_back"]["growing"] > 3 * rows["taken_back_se"]["growing"] > 0
    assert abs(rows["taken_back"]["none"]) < 0.002
    assert rows["payment"]["growing"] > rows["payment"]["each"] > rows["payment"]["none"]
    assert 0 < rows["paid"]["none"] < 0.5  # three chances of about 10%


def test_the_report_shows_the_years(result):
    analysis = analyse(result)
    for language, total, none in (("en", "in all", "none"), ("nl", "in totaal", "geen")):
        with speak(language):
            years, placebos = (TABLES.find(name).build(analysis) for name in ("term", "term_placebos"))
            assert years.column("year") == ["1", "2", "3", total]
            assert placebos.column("saving")[0] == none
            text = " ".join((*years.columns, *placebos.columns, *years.notes, *placebos.notes))
            assert "table." not in text
            assert "column." not in text
            first = sentence(term_total(analysis))
            lacking = pd.DataFrame([{"saving": "", "reason": "few units"}]).reindex(
                columns=["n_rows", "saving", "reason"]
            )
            without = replace(analysis, result=replace(result, tables={**result.tables, "term_placebos.csv": lacking}))
            assert "few units" in TABLES.find("term_placebos").build(without)
            assert ("paid" if language == "en" else "uitgekeerd") in first


def test_pooled_years_learn_the_threshold_of_the_whole_term(run_of):
    pooled = run_of(ROLLING.replace("every = 1\nyears = 3", "every = 0") + "[years]\npool = 3\n")
    term, thresholds = pooled.tables["term.csv"], pooled.case_thresholds
    assert term["year"].tolist() == ["1-3", "total"]
    assert term["threshold"][0] == pytest.approx(thresholds[thresholds["decides"]]["rate"].item())
    assert term["savings_rate"][0] == pytest.approx(pooled.savings["savings_rate"].item())
    rows = pooled.tables["term_placebos.csv"]
    assert rows["taken_back"].abs().max() == 0.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"performance": "[2016, 2015, 2014]"}, "wrong order"),
        ({"performance": "[2014, '2016', '2015']"}, "wrong order"),
        ({"years": 4}, r"years = 4 needs 4 performance periods, but design .* has 3"),
        (
            {"performance": "{ first = 2017, last = 2019 }"},
            "no contract year can be settled. The first is 2017 to 2017",
        ),
        ({"years": 1}, r"term\.years"),
        ({"contract": ROLLING + "[years]\npool = 2\n"}, "pools 2 years"),
        ({"kind": ('kind = "placebo"', 'kind = "confidence"')}, "give threshold.kind = 'placebo'"),
    ],
)
def test_terms_that_do_not_fit_are_refused(plan_of, given, message):
    with pytest.raises(StudyError, match=message):
        plan_of(**given)


def test_a_history_that_is_too_short_is_refused_with_its_reason(plan_of):
    short = ROLLING.replace("years = 3", "years = 5").replace('kind = "computed"', 'kind = "fixed"\nrate = 0.02')
    refused = run_study(plan_of(short), parts=("evaluate",), n_jobs=1)
    assert refused.settlement["party"].tolist() == [""]
    assert "Give 1 more baseline year" in refused.settlement["reason"].item()


def test_each_contract_year_is_signed_with_its_own_range(plan_of, folder, result):
    text = (folder / "study.toml").read_text(encoding="utf-8") if plan_of(ROLLING.replace("= 3", "= 1")) else ""
    windows = {"first = 2011, last = 2013": "first = 2013, last = 2014", "first = 2014, last": "first = 2015, last"}
    for old, new in {**windows, "years = 3": "years = 2"}.items():
        text = text.replace(old, new)
    (folder / "signed.toml").write_text(text, encoding="utf-8")
    signed = sign_study(folder / "signed.toml")[""]
    table, origins = signed.document["threshold"], signed.document["origins"]["all"]
    assert (table["form"], origins) == ("rule", [2011, 2012, 2013])  # two years that end before 2015
    first, second = table["by_year"]
    assert [part["year"] for part in table["by_year"]] == ["1", "2"]
    assert (table["lower"], table["upper"]) == (
        min(first["lower"], second["lower"]),
        max(first["upper"], second["upper"]),
    )
    assert second["insured_years"] == pytest.approx(2 * first["insured_years"])
    # a lasting saving is taken back by a baseline of the year before, and is found in the first year only
    assert first["found_5"]["value"] > 0.3 > second["found_5"]["value"]
    settling = Settling(signed, {"file": str(folder / "panel.csv")})
    plan = settling.plan()
    assert plan.origins["all"] == tuple(origins)
    years = {"threshold": [first["upper"], second["upper"]], "insured_years": [first["insured_years"]] * 2}
    frame = pd.DataFrame({**years, "settles": True})
    total = pd.DataFrame([{"threshold": np.nan, "insured_years": 0.0, "settles": True}])

    def finished(frame):
        known = {**result.tables, "term.csv": pd.concat([frame, total])}
        return settling.finish(plan, replace(result, tables=known))

    assert finished(frame).manifest["agreement"]["hash"] == signed.hash
    assert finished(frame[:1]).manifest["agreement"]["hash"] == signed.hash  # the second year is not due yet
    with pytest.raises(StudyError, match=r"the learned threshold of contract year 2 is .*, and the signed range is"):
        finished(frame.assign(threshold=[first["upper"], 1.1 * second["upper"]]))


def test_years_of_quarters_are_sums_over_insured_years(plan_of):
    panel = plan_of().data.panel
    units = list(panel.units[:2])
    cells = pd.MultiIndex.from_product([units, range(2012, 2015)], names=["unit", "period"]).to_frame(index=False)
    paths = cells.assign(origin=2013, observed=np.arange(1.0, 7.0), benchmark=10.0)
    history = TermHistory.of(paths, panel, 2)
    assert history.before == 1
    _, spending, _ = history.amounts
    assert spending.T.ravel().tolist() == pytest.approx(np.arange(1.0, 7.0))
    pooled = replace(
        Contract(name="c", rule_year=2024), years=replace(Contract(name="c", rule_year=2024).years, pool=2)
    )
    years = panel.insured_years[panel.rows(units)][:, panel.columns([2013, 2014])]
    saved = ((10 - spending[1:].T) * years).sum(axis=1) / (10 * years).sum(axis=1)
    assert history.rates(pooled)[0] == pytest.approx(saved)

"""Studies on claims: from TOML to report, persons for methods that need them, the known truth, mistakes."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tomlkit
from provisional_study import lines_of_contract
from pseudo import from_no_catalogue, names_of, pseudo_language, without_accents
from small_study import without_pictures

from ssinfer.backtesting.placebos import PlaceboSample, placebo_units
from ssinfer.benchmarks.administrative.year_weights import correlation_weights
from ssinfer.benchmarks.problem import Problem
from ssinfer.claims import ClaimsTables, Population, Spending, Truncation, extract
from ssinfer.claims.names import labels_of
from ssinfer.cohort.cohort import Cohort
from ssinfer.console.look import look_text
from ssinfer.console.plan import plan_text
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import SsinferError, StudyError, error_id
from ssinfer.finding import Finding
from ssinfer.language import speak
from ssinfer.report import write_report
from ssinfer.simulation.claims import simulate_claims
from ssinfer.simulation.dutch_spending import CATEGORY_MEANS
from ssinfer.study import claims_data, plan_study, run_study, write_study
from ssinfer.study.case import _savings_row
from ssinfer.study.claims_data import _group_persons
from ssinfer.study.claims_extracts import extract_claims
from ssinfer.study.config import read_study
from ssinfer.study.data import StudyData
from ssinfer.study.disclosure import disclosed
from ssinfer.study.failed import write_failed
from ssinfer.study.first_edition import second_edition
from ssinfer.study.look import look_at

STUDY = """
title = "claims"
question = "which design?"
seed = 5

[data]
source = "simulated_claims"
periods = { first = "2020Q1", last = "2022Q4" }

[data.simulation]
n_insured = 9000
insured_under_contract = 350
saving = 0.2
first = "2020Q1"
last = "2022Q4"
start = "2022Q1"
practice_size = 110
n_regions = 4
covid = false
seed = 3

[population]
treated = ["contract"]

[population.insured]
insurers = ["A"]
units = { contract = ["Vlissingen *"] }

[population.groups]
kind = "bundles"
seed = 2

[windows]
baseline = { first = "2021Q1", last = "2021Q4" }
performance = { first = "2022Q1", last = "2022Q4" }

[[spending]]
name = "all care"
truncation = { percentile = 0.97 }
duplicates = "keep"

[[comparison]]
name = "a"

[[comparison]]
name = "c"
standard = "expected"

[[comparison]]
name = "d"
truncated = true

[[method]]
method = "AdministrativeBenchmark"
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A folder with the claims of the study, which all tests read."""
    folder = tmp_path_factory.mktemp("simulated") / "claims"
    simulate_claims(folder, **tomllib.loads(STUDY)["data"]["simulation"])
    return folder


@pytest.fixture(scope="module")
def planned(simulated, tmp_path_factory):
    """The plan of the study, and what was extracted for it."""
    path, extracted = tmp_path_factory.mktemp("claims") / "study.toml", []
    path.write_text(kept(simulated), encoding="utf-8")

    def extract_once(*args):
        extracted.append(extract_claims(*args))
        return extracted[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims_data, "extract_claims", extract_once)
        return plan_study(path), extracted[0]


@pytest.fixture(scope="module")
def plan(planned):
    return planned[0]


@pytest.fixture
def extracted_before(planned, monkeypatch):
    """Plan studies that extract the same as the study of this module without extracting it again."""
    monkeypatch.setattr(claims_data, "extract_claims", lambda *_: planned[1])


@pytest.fixture(scope="module")
def result(plan):
    return run_study(plan, n_jobs=1)


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    with without_pictures():
        return write_study(result, tmp_path_factory.mktemp("out") / "out", report=write_report)


def test_a_sample_of_placebo_groups_is_the_same_for_every_definition_of_spending(plan):
    sampled = replace(plan, placebos=PlaceboSample(15, plan.placebos, [], plan.config.seed))
    units = {
        tuple(placebo_units(plan.data.panel_of(name), design, sampled.placebos))
        for name, design in plan.designs.items()
    }
    (drawn,) = units
    assert len(drawn) == 15
    (note,) = [finding for finding in look_at(sampled).findings if finding.id == "placebo_sample"]
    assert note.numbers["designs"] == list(plan.designs)
    assert set(look_at(sampled).placebos["a"].values()) == {15}


def test_units_are_bundles_of_the_contracts_size_and_every_person_is_in_one(plan):
    claims = plan.data.claims
    cohort = plan.data.views["a"].cohort
    assert plan.panel.units[0] == "contract"
    n_insured = int((cohort.unit == "contract").sum())
    sizes = pd.Series(cohort.unit).value_counts().drop("contract")
    assert claims.groups.size == n_insured
    assert sizes.mean() == pytest.approx(n_insured, rel=0.15)
    before = pd.unique(claims.practices.person)
    assert len(before) == len(pd.unique(cohort.person)) + claims.left_over
    # The panel is the cohort's: what came out of the claims for these persons, to the cent.
    inside = np.isin(claims.practices.person, cohort.person)
    assert cohort.spending.sum() <= claims.practices.spending[inside].sum() + 1e-6


def kept(simulated, text=STUDY):
    """The study with the folder of its simulated claims."""
    return text.replace("[data.simulation]", f'file = "{simulated.as_posix()}"\n[data.simulation]')


@pytest.mark.usefixtures("extracted_before")
def test_a_method_that_needs_persons_gets_them_and_others_the_panel(plan, simulated, tmp_path):
    assert isinstance(plan.data.data_for("d", "cohort"), Cohort)
    assert plan.data.data_for("d", "panel") is plan.data.views["d"].panel
    assert plan.data.data_for("d", "panel") is not plan.data.data_for("a", "panel")
    matching = '[[method]]\nmethod = "PropensityMatching"\nparameters = { covariates = ["age", "sex"] }\n'
    matching += 'comparisons = ["a", "d"]\n'
    both = tmp_path / "both.toml"
    both.write_text(kept(simulated) + matching, encoding="utf-8")
    planned = plan_study(both)
    assert isinstance(planned.data_for("d", "PropensityMatching"), Cohort)
    assert planned.data_for("c", "AdministrativeBenchmark") is planned.data.views["c"].panel
    panel_only = StudyData(plan.panel, "a panel", "a note")
    with pytest.raises(StudyError, match="needs persons"):
        panel_only.data_for("a", "cohort")


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """The same claims without a saving: a second simulation from the same seed."""
    setting = {**tomllib.loads(STUDY)["data"]["simulation"], "saving": 0.0}
    return simulate_claims(tmp_path_factory.mktemp("without") / "claims", **setting)


def test_panels_have_the_correlation_of_persons_outside_the_contract_before_its_performance(plan):
    for name, view in plan.data.views.items():
        known, before = view.panel.person_correlation, view.panel.columns(["2022Q1"])[0]
        assert np.isnan(known[before:]).all()
        others = view.cohort.take(np.flatnonzero(view.cohort.unit != "contract"))
        expected = others.correlation(same_persons=False).to_numpy()[:before, :before]
        np.testing.assert_allclose(known[:before, :before], expected, atol=1e-6)
        weights = correlation_weights(Problem.of(view.panel.ordered, plan.designs[name]))
        assert weights.sum() == pytest.approx(1)


def test_the_known_truth_is_that_of_the_same_claims_without_the_contract(plan, without):
    # Authority: the claims without a saving, extracted under the same caps.
    table = plan.data.claims.extracts["all care"].truncation
    caps = dict(zip(table["year"].astype(int), table["cap"], strict=True))
    population = Population(insurers=["A"], units=dict.fromkeys(without.treated, "contract"))
    definition = Spending(truncation=Truncation(amount=caps), duplicates="keep")
    none = extract(ClaimsTables.open(without.folder), population, definition, periods=plan.panel.periods)
    for name, panel in (("a", none.panel), ("d", none.truncated)):
        seen = plan.data.views[name].panel
        row, columns = panel.rows(["contract"])[0], panel.columns(plan.designs[name].performance)
        weights = panel.insured_years[row, columns]
        spent = seen.spending[seen.rows(["contract"])[0], columns] @ weights
        saved = panel.spending[row, columns] @ weights - spent
        truth = plan.data.claims.truth[name]
        assert truth.total == pytest.approx(saved, abs=0.005)  # to the cent
        assert truth.rate == pytest.approx(saved / (saved + spent), rel=1e-9)
        assert truth.per_insured_year == pytest.approx(saved / weights.sum(), rel=1e-9)
    assert plan.data.claims.truth["a"].rate == pytest.approx(0.2, abs=1e-4)
    assert plan.data.claims.truth["d"].rate < plan.data.claims.truth["a"].rate  # what is cut carried savings too


def test_the_standard_of_each_design_learns_from_its_own_baseline_without_masked_quarters(simulated, without, tmp_path):
    text = tomlkit.dumps(second_edition(tomllib.loads(STUDY)))
    document = tomllib.loads(text)
    document["data"] |= {"file": str(simulated)}
    document["windows"]["masked"] = ["2021Q2"]
    document["comparison"][1]["standard"] = "expected_ses"
    document["spending"] = [{"name": "zvw", "exclude": ["dental", "mental health"], "duplicates": "keep"}]
    own = {"baseline": ["2020Q1", "2020Q2", "2020Q3"], "masked": ["2020Q2"]}
    document["design"] = [{"name": "c", "comparison": "c"}, {"name": "early", "comparison": "c", **own}]
    document["comparison"] = document["comparison"][:2]
    (tmp_path / "study.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
    both = plan_study(tmp_path / "study.toml")
    # The truth of some categories: all lines save the same fraction, each rounded to a cent.
    truth, lines = both.data.claims.truth["c"], [lines_of_contract(part, 2022) for part in (simulated, without.folder)]
    spent, unsaved = (part[~part["category"].isin(["dental", "mental health"])]["cents"].sum() for part in lines)
    assert truth.total == pytest.approx((unsaved - spent) / 100, rel=1e-3)
    assert truth.rate == pytest.approx(0.2, abs=1e-6)
    names = {"c": "expected_ses", "early": "expected_ses, 2020Q1, 2020Q3"}
    learned = {"c": ["2021Q1", "2021Q3", "2021Q4"], "early": ["2020Q1", "2020Q3"]}
    rows = both.data.claims.practices
    for fit, name in names.items():
        assert both.designs[fit].standard == name
        cohort = both.data.views[fit].cohort
        other = rows.unit != "contract"
        person = (rows.covariate("sex") == "V") & (rows.covariate("ses") == "low") & (rows.covariate("age") // 10 == 4)
        columns = rows.columns(learned[fit])
        money, years = (x[other & person][:, columns].sum() for x in (rows.spending, rows.insured_years))
        low = (cohort.covariate("sex") == "V") & (cohort.covariate("ses") == "low") & (cohort.covariate("age") == 44)
        assert cohort.covariate(name)[low] == pytest.approx(money / years)


def test_expected_spending_by_hand(plan):
    cohort = plan.data.views["a"].cohort
    practices = plan.data.claims.practices
    columns = practices.columns(plan.designs["a"].baseline)
    frame = pd.DataFrame({"sex": practices.covariate("sex"), "age": practices.covariate("age")})
    frame["money"], frame["years"] = practices.spending[:, columns].sum(1), practices.insured_years[:, columns].sum(1)
    women = frame[(frame["sex"] == "V") & frame["age"].between(40, 49) & (practices.unit != "contract")]
    expected = cohort.covariate("expected")[(cohort.covariate("sex") == "V") & (cohort.covariate("age") == 44)]
    assert expected == pytest.approx(women["money"].sum() / women["years"].sum())


def test_the_report_says_first_that_the_data_are_simulated_and_shows_the_truth(result, written):
    html = (written / "report.html").read_text(encoding="utf-8")
    body = html.split("<body>")[1].lstrip()
    assert '<p class="kind" id="data-note">Simulated data with a known true saving' in body[:120]
    for part in ('id="truth"', 'id="attrition"', 'id="truncation"', 'id="intact-groups"'):
        assert part in html, part
    assert "The input equals the counted population plus the exclusions" in html
    assert set(pd.read_csv(written / "truth.csv")["design"]) == {"a", "c"}  # d differs by 7 persons above the cap
    attrition = pd.read_csv(written / "attrition.csv")
    money = attrition.set_index("step")["cents"]
    assert money["in the tables"] == money.drop(["in the tables", "counted"]).sum() + money["counted"]
    kinds = pd.read_csv(written / "intact_groups.csv")["kind"]
    assert list(kinds) == ["practices", "random, as practices", "bundles", "regional bundles", "random"]
    assert json.loads((written / "manifest.json").read_text())["note"].startswith("simulated data")
    # d has its own spending: less than a, in the case's table as well.
    spending = result.savings.set_index("design")["spending"]
    assert spending["d"] < spending["a"] == spending["c"]


def test_every_design_was_backtested_on_its_own_spending(result):
    rows = result.backtest.placebos
    assert set(rows["design"]) == {"a", "c", "d"}
    spending = rows[(rows["role"] == "placebo") & (rows["origin"] == "2022Q1")].pivot_table(
        index="unit", columns="design", values="spending"
    )
    assert (spending["d"] < spending["a"]).all()
    assert result.backtest.errors.shape[0] == len(rows)
    scores = result.backtest.scores
    assert len(scores[scores["injected"] == 0]) == 3


def test_the_completion_factors_error_is_in_the_saving_in_money_only():
    # Saving 10 known without error, factor known to 4%: interval 10 (1 -+ 1.96 x 0.04).
    cf = Counterfactual.from_draws(np.full(4000, 100.0), "sampling", spending=90.0)
    plan = SimpleNamespace(
        data=SimpleNamespace(claims=SimpleNamespace(completion_error=lambda _: 0.04)),
        run_out={},
        config=SimpleNamespace(seed=1),
    )
    row = _savings_row(plan, cf, "a", "m")
    assert [row["lower"], row["upper"]] == pytest.approx([10 - 0.784, 10 + 0.784], abs=0.05)
    assert row["saving"] == 10.0
    assert row["savings_rate"] == pytest.approx(0.1)
    point = Counterfactual.from_draws(np.array([100.0]), "none", spending=90.0)
    alone = _savings_row(plan, point, "a", "m")
    assert np.isnan([alone["lower"], alone["upper"]]).all()


def test_claims_of_the_studys_own(plan, simulated, tmp_path):
    (tmp_path / "copy").symlink_to(simulated)
    text = STUDY.replace('source = "simulated_claims"', 'source = "claims"\nfile = "copy"')
    start = text.index("[data.simulation]")
    text = text[:start] + text[text.index("[population]") :]
    text = text.replace(
        'duplicates = "keep"', 'duplicates = "keep"\nrun_out = { extracted = 2023-12-31, months = 6, complete = true }'
    )
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    of_tables = plan_study(path)
    assert of_tables.data.claims.truth == {}
    assert of_tables.data.note == Finding("data_note.claims", {"file": "copy"})
    assert of_tables.panel.units == plan.panel.units
    assert 0 < of_tables.data.claims.completion_error("a") < 0.05
    # One factor for all periods, estimated: late lines come back on average, not in every cell.
    assert of_tables.panel.spending.mean() == pytest.approx(plan.panel.spending.mean(), rel=0.02)


# what the study says -> what a mistaken user writes, and the words of the refusal
def test_what_a_failed_run_on_claims_leaves_has_no_small_group(plan, result, tmp_path):
    """Fault A8: DIR.failed of claims has mode 700 and obeys the small-cell limit."""
    stricter = replace(plan, config=plan.config.model_copy(update={"suppress_below": 1500}))  # 1,097 were left over
    held = {}
    for name, limited in (("some", plan), ("few", stricter)):
        failed = write_failed(tmp_path / name, KeyError("kind"), limited, ("backtest", "evaluate"), result.tables)
        assert failed.stat().st_mode & 0o777 == 0o700
        held[name] = {path.name for path in failed.iterdir()}
    assert held["some"] == {*result.tables, "error.txt"}
    assert held["few"] < held["some"]
    first, line, *_ = (failed / "error.txt").read_text().splitlines()
    assert first.startswith(
        "Missing: savings.nc, report.html, figures, finding.json, report_data.zip, study.toml, dictionary.csv, "
        "ro-crate-metadata.json, SHA256SUMS, "
        "manifest.json. Left out, as groups are too small: "
    )
    assert set(pd.read_csv(failed / "savings.csv")["status"]) == {"hidden"}
    assert not len(pd.read_parquet(failed / "placebos.parquet"))
    assert not len(pd.read_csv(failed / "settlement.csv"))
    assert line.endswith(f"KeyError, error id {error_id(KeyError())}:")


MISTAKES = {
    'units = { contract = ["Vlisingen *"] }': (
        'units = { contract = ["Vlissingen *"] }',
        "no practice is called 'Vlisingen \\*'. Did you mean",
    ),
    "n_insured = 400": ("n_insured = 9000", "others must be left as donors"),
    'start = "2029Q1"': (
        'start = "2022Q1"',
        r"data.simulation \(line \d+\): start is '2029Q1'; allowed: a quarter from",
    ),
    "practice_sise = 110": (
        "practice_size = 110",
        "data.simulation names 'practice_sise'. Did you mean 'practice_size'",
    ),
    'kind = "intact"\nsize = 50': ('kind = "bundles"', "intact' have their own size"),
    'kind = "heaps"': ('kind = "bundles"', "population.groups.kind"),
    "sise = 8000\n": ("seed = 2\n", "unknown key 'population.groups.sise' \\(line 32\\). Did you mean 'size'"),
    "truncation = { percentile = 97 }": (
        "truncation = { percentile = 0.97 }",
        "spending 'all care, truncated': Truncation: percentile is 97.0",
    ),
    "truncation = { amount = 1e5, percentile = 0.97 }": ("truncation = { percentile = 0.97 }", "exactly one of amount"),
    'spending = "al care"\ntruncated = true': ("truncated = true", "names spending 'al care'. Did you mean 'all care'"),
    'kind = "closed"\ninsurers = ["A"]': ('insurers = ["A"]', "closed population needs baseline periods"),
    'kind = "closed"\nbaseline = ["2019Q1"]': ('insurers = ["A"]', "The panel has no baseline period '2019Q1'"),
    'ages = [60, 50]\ninsurers = ["A"]': ('insurers = ["A"]', "lowest and the highest age"),
    'insurers = ["Z"]': (
        'insurers = ["A"]',
        "population 'insured': insurers: table 'enrolment' has no insurer 'Z'. Allowed: 'A', 'B'",
    ),
    'exclude = ["GGZ"]': (
        'duplicates = "keep"',
        "spending 'all care': exclude: table 'claims' has no category 'GGZ'. Allowed: '",
    ),
    'exclude = ["hospital"]\ninclude = ["hospital"]': ('duplicates = "keep"', "named in include and in exclude"),
    'baseline = { first = "2019Q1", last = "2021Q4" }': (
        'baseline = { first = "2021Q1", last = "2021Q4" }',
        "'2019Q1'",
    ),
    'method = "AdministrativeBenchmrk"': ('method = "AdministrativeBenchmark"', "Did you mean"),
}


GROUPS = {  # refused after the extraction, which is that of the study
    'treated = ["contrakt"]': (
        'treated = ["contract"]',
        "no unit of the claims is called 'contrakt'. Did you mean 'contract'",
    ),
    "size = 8000\n": ("seed = 2\n", "make 0 groups of 8,000"),
}


@pytest.mark.parametrize("mistake", GROUPS)
@pytest.mark.usefixtures("extracted_before")
def test_groups_that_cannot_be_made_are_refused(mistake, simulated, tmp_path):
    refuse_mistake(mistake, *GROUPS[mistake], simulated, tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_before_anything_is_fitted(mistake, simulated, tmp_path):
    refuse_mistake(mistake, *MISTAKES[mistake], simulated, tmp_path)


def refuse_mistake(mistake, old, words, simulated, tmp_path):
    assert old in STUDY
    path = tmp_path / "study.toml"
    path.write_text(kept(simulated).replace(old, mistake, 1), encoding="utf-8")
    with pytest.raises(SsinferError, match=words):
        plan_study(path)


def two_populations(simulated, tmp_path, second, **tables):
    """Design `a` of the study in the second edition, the same of a second population, and other tables."""
    document = second_edition(tomllib.loads(kept(simulated)))
    document["population"].append({"name": "second", "insurers": ["A"], **second})
    document["design"] = [document["design"][0] | {"settles": True}]
    document["design"].append({"name": "of the second", "population": "second", "comparison": "a"})
    path = tmp_path / "study.toml"
    path.write_text(tomlkit.dumps(document | tables), encoding="utf-8")
    return path


NEXT = {
    "category": (
        {},
        {"scenario": [{"name": "s", "categories": ["hospitl"]}]},
        "scenario.categories 'hospitl': .*'hospital",
    ),
    "lines": ({}, {"spending": "every category left out"}, "spending .*: No claim line is counted. Reasons"),
    "year": (
        {"earlier_spending": {"highest": 0.2}, "start": "2021Q3"},
        {},
        "population 'second': earlier_spending .* Give start the first performance period",
    ),
}


@pytest.mark.parametrize("mistake", NEXT)
def test_a_population_spending_or_programme_without_rows_is_refused(simulated, tmp_path, mistake):
    second, tables, words = NEXT[mistake]
    claims = ClaimsTables.open(simulated)
    if mistake == "lines":
        tables = {"spending": [{"name": "nothing", "exclude": list(labels_of(claims.claims, "category"))}]}
    alone = {"design": [{"name": "d", "population": "second", "comparison": "a"}]}
    with pytest.raises(StudyError, match=words):
        plan_study(two_populations(simulated, tmp_path, second, **alone, **tables))


def test_a_population_without_the_treated_unit_is_refused(plan, simulated, tmp_path):
    """The extracts are those of practices, of which the second population has none of the contract."""
    practices = plan.data.claims.practices
    elsewhere = practices.take(np.flatnonzero(practices.unit != "contract"))
    config = read_study(two_populations(simulated, tmp_path, {"ages": [0, 120]}))
    uses = {fit: (f"{design.population.name}: all care", False) for fit, design in config.fits.items()}
    cohorts = dict(zip(uses.values(), (practices, elsewhere), strict=True))
    extracted = SimpleNamespace(uses=uses, cohorts=cohorts, extracts={"first": SimpleNamespace(under_contract=())})
    with pytest.raises(StudyError, match="population 'second: all care' has no insured of contract"):
        _group_persons(config, SimpleNamespace(), extracted)


def test_what_only_claims_have_is_refused_for_a_panel(tmp_path):
    text = STUDY.replace('source = "simulated_claims"', 'source = "dartmouth"')
    start = text.index("[data.simulation]")
    path = tmp_path / "study.toml"
    text = (text[:start] + text[text.index("[population]") :]).replace(
        STUDY[STUDY.index("periods = ") :].splitlines()[0], ""
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=r"is for .*simulated_claims.*, but data\.source is 'dartmouth'"):
        plan_study(path)


def test_periods_beyond_the_claims_are_refused(simulated, tmp_path):
    """Fault A4 (110): quarters without a claim counted as zero spending."""
    text = kept(simulated).replace("{ percentile = 0.97 }", "{ amount = 50_000 }")
    text = text.replace(
        'periods = { first = "2020Q1", last = "2022Q4" }', 'periods = { first = "2020Q1", last = "2023Q2" }'
    )
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    looks = []
    with pytest.raises(StudyError, match=r"2023Q1, 2023Q2 have insured persons and no counted claim line.*\["):
        plan_study(tmp_path / "study.toml", tell=looks.append)
    printed = look_text(looks[0]).splitlines()
    assert len(printed) <= 22
    assert any(line.startswith("categories  hospital ") for line in printed)


def test_the_words_of_claims_are_all_from_the_catalogue(plan, result, tmp_path):
    assert from_no_catalogue(disclosed(result), tmp_path, "expected") == []
    (tmp_path / "console").mkdir()
    with pseudo_language(tmp_path / "console") as tag:
        spoken = replace(plan, language=tag)
        said = [look_text(look_at(spoken)), plan_text(spoken)]
        with speak(tag):
            failed = write_failed(tmp_path / "out", KeyError("kind"), spoken, ("backtest",), result.tables)
        said.append((failed / "error.txt").read_text().split("Traceback")[0].splitlines()[0])
    names = {"contract", "claims", "html", "figures", "zip", "csv", "manifest", "report", "study", "dictionary"}
    names |= {"ro", "crate", "metadata"}
    own = {*names_of(result), *names, *re.findall(r"\w+", " ".join(CATEGORY_MEANS))}
    assert without_accents("\n".join(said).splitlines(), own) == []


def test_simulated_claims_without_a_place_are_deleted_after_use(plan, tmp_path):
    few = {**plan.config.data.simulation, "n_insured": 500, "insured_under_contract": 50, "practice_size": 50}
    data = plan.config.data.model_copy(update={"file": None, "simulation": few})
    with data.open_source(tmp_path, 1) as opened:
        assert opened.simulated.lines > 0
    assert not opened.simulated.folder.exists()

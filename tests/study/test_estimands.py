"""Estimands beside the main one: a slow computation from raw lines, a bootstrap of persons, reasons, small groups."""

from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ssinfer.report.tables.counting import counting_lead
from ssinfer.study import plan_study
from ssinfer.study.case import evaluate_case
from ssinfer.study.disclosure import disclosed_tables
from ssinfer.study.estimands import _strata, estimands, trend_rows
from ssinfer.study.hidden import CONTRACT_GROUP, HiddenGroups

STUDY = """
title = "who leaves"
question = "what does the main estimand leave out?"
data = { source = "claims", file = "claims", periods = { first = 2018, last = 2020 } }
windows = { baseline = [2018, 2019], performance = [2020] }
[case]
treated = ["contract"]
[[population]]
ages = [30, 120]
[[spending]]
name = "all"
own_costs = ["programme"]
[[spending]]
name = "tariffs"
own_costs = ["programme"]
reference_tariffs = [{ category = "gp", tariff = 30.0 }, { category = "hospital", tariff = 900.0 }]
[[design]]
name = "all"
spending = "all"
[[comparison]]
name = "others"
[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 100, history = 0 }
"""
TARIFFS = {"gp": 30.0, "hospital": 900.0}
UNITS = ["contract", *(f"d{i:02d}" for i in range(11))]
YEARS = 2018, 2019, 2020


def raw_claims():
    """Of the contract group 50 old persons leave, and 50 young ones come from d00; its prices fall by 5%."""
    rng = np.random.default_rng(3)
    unit = np.repeat(UNITS, [240, 240, *[80] * 10])
    n = len(unit)
    born = rng.choice([*range(1942, 1959), *range(1972, 1988)], n)
    insured = pd.DataFrame({"person": np.arange(n), "birth_year": born, "sex": rng.choice(["M", "V"], n)})
    moves = dict.fromkeys(np.flatnonzero((unit == "contract") & (born < 1954))[:50], "d00")
    moves |= dict.fromkeys(np.flatnonzero((unit == "d00") & (born > 1976))[:50], "contract")
    spans, lines = [], []
    for p in range(n):
        ends = ["2019-12-31", "2020-12-31"] if p in moves else ["2020-12-31"]
        if p % 17 == 0 and p not in moves:
            ends = ["2020-05-31"]  # dies or leaves
        first = "2020-02-01" if p % 19 == 0 and p not in moves else "2018-01-01"
        spans += [(p, unit[p], max(first, "2018-01-01"), ends[0])]
        spans += [(p, moves[p], "2020-01-01", ends[1])] if p in moves else []
        for year in YEARS:
            there = moves.get(p, unit[p]) if year == 2020 else unit[p]
            for category, mean in (("gp", 4), ("hospital", 0.2 + 0.02 * (2020 - born[p]))):
                price = (
                    TARIFFS[category]
                    * (1 + 0.03 * (year - 2018))
                    * (0.95 if there == "contract" and year == 2020 else 1)
                )
                for _ in range(rng.poisson(mean)):
                    volume = 1.0 + rng.integers(3)
                    day = f"{year}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
                    lines.append((p, day, category, round(price * volume, 2), volume))
        if moves.get(p, unit[p]) == "contract" and p % 2:
            lines.append((p, "2020-03-03", "programme", 25.0, 1.0))
    return insured, spans, lines


@pytest.fixture(scope="module")
def raw():
    return raw_claims()


@pytest.fixture(scope="module")
def plan(raw, tmp_path_factory):
    folder, (insured, spans, lines) = tmp_path_factory.mktemp("who"), raw
    (folder / "claims").mkdir()
    enrolment = pd.DataFrame(spans, columns=["person", "practice", "start", "end"]).assign(insurer="A")
    claims = pd.DataFrame(lines, columns=["person", "date", "category", "amount", "volume"])
    dates = {"enrolment": enrolment.astype(dict.fromkeys(("start", "end"), "datetime64[ns]"))}
    tables = {"insured": insured, **dates, "claims": claims.astype({"date": "datetime64[ns]"})}
    for name, frame in tables.items():
        frame.to_parquet(folder / "claims" / f"{name}.parquet", index=False)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return plan_study(folder / "study.toml")


@pytest.fixture(scope="module")
def table(plan):
    case = evaluate_case(plan, None, plan.pairs)
    return estimands(plan, case["savings"], case["counterfactuals"]).set_index("estimand"), case


def by_line(raw):
    """Money and insured-years of each person by definition: arrays (money or years, person, arm, stratum, window)."""
    insured, spans, lines = raw
    bands = [(sex, band) for sex in "MV" for band in (3, 4, 6)]  # of the contract, 70 and older have too few
    cells = defaultdict(float)  # definition, person, arm, stratum, window, money or years
    days = defaultdict(int)  # person, unit, of the baseline
    for p, unit, start, end in spans:
        for year in (2018, 2019):
            stop = min(end, f"{year}-12-31")
            days[p, unit] += max(0, (pd.Timestamp(stop) - pd.Timestamp(max(start, f"{year}-01-01"))).days + 1)
    home = {}
    for (p, unit), n in sorted(days.items()):
        if n > days.get((p, home.get(p)), 0):
            home[p] = unit
    born, sex = dict(insured[["person", "birth_year"]].values), dict(insured[["person", "sex"]].values)

    def add(p, unit, year, values):
        arm, window = int(unit != "contract"), int(year == 2020)
        stratum = bands.index((sex[p], min((year - born[p]) // 10, 6)))
        for name, (money, years) in values.items():
            where = (arm, 0) if name != "standardised" else (arm, stratum)
            if name == "closed":
                if p not in home:
                    continue
                where = (int(home[p] != "contract"), 0)
            cells[name, p, *where, window, 0] += money
            cells[name, p, *where, window, 1] += years

    names = ("population", "standardised", "closed", "volume")
    for p, unit, start, end in spans:
        for year in YEARS:
            low, high = max(start, f"{year}-01-01"), min(end, f"{year}-12-31")
            if low <= high:
                n = (pd.Timestamp(high) - pd.Timestamp(low)).days + 1
                add(p, unit, year, dict.fromkeys(names, (0.0, n / (366 if year == 2020 else 365))))
    of_person = defaultdict(list)
    for p, unit, start, end in spans:
        of_person[p].append((unit, start, end))
    for p, day, category, amount, volume in lines:
        for unit, start, end in of_person[p]:
            if start <= day <= end and category != "programme":
                values = dict.fromkeys(names[:3], (amount, 0.0)) | {"volume": (volume * TARIFFS[category], 0.0)}
                add(p, unit, int(day[:4]), values)
    arrays = {name: np.zeros((2, len(insured), 2, len(bands), 2)) for name in names}
    for (name, p, arm, stratum, window, kind), value in cells.items():
        arrays[name][kind, p, arm, stratum, window] += value
    return arrays


def rates(arrays, weights):
    out = {}
    for name, values in arrays.items():
        money, years = np.einsum("kpasw,p->kasw", values, weights)
        seen = years[0, :, 1] > 0
        share = years[0, seen, 1] / years[0, seen, 1].sum()
        mean = np.einsum("s,asw->aw", share, money[:, seen] / years[:, seen])
        out[name] = 1 - mean[0, 1] / (mean[0, 0] * mean[1, 1] / mean[1, 0])
    out["composition"] = out["standardised"] - out["closed"]
    out["price"] = out["population"] - out["volume"]
    return pd.Series(out)


def test_estimands_are_those_of_a_slow_count_and_their_errors_those_of_a_bootstrap(raw, table):
    found, _ = table
    arrays = by_line(raw)
    n = len(raw[0])
    slow = rates(arrays, np.ones(n))
    np.testing.assert_allclose(found.loc[slow.index, "rate"].astype(float), slow, atol=1e-9)
    rng = np.random.default_rng(1)
    again = pd.DataFrame([rates(arrays, rng.multinomial(n, np.full(n, 1 / n))) for _ in range(150)])
    np.testing.assert_allclose(found.loc[slow.index, "rate_se"].astype(float), again.std(), rtol=0.25)
    prices = found.loc["price"]
    assert abs(prices["rate"] - 0.05) < 3 * prices["rate_se"] + 0.01  # what was put in
    assert slow["population"] > slow["closed"] + 0.03  # young persons came, old ones went: no saving


def test_own_costs_are_what_net_is_less_than_gross(raw, table):
    found, case = table
    paid = sum(amount for *_, category, amount, _ in raw[2] if category == "programme")
    gross, own, net = (found.loc[name] for name in ("gross", "own_costs", "net"))
    row = case["savings"].iloc[0]
    assert gross["saving"] == pytest.approx(row["saving"])
    assert gross["rate"] == pytest.approx(row["savings_rate"])
    counted = 25.0 * sum(1 for p, day, c, *_ in raw[2] if c == "programme" and p % 17)  # or after leaving in May
    assert own["spending"] * own["insured_years"] <= paid
    assert own["spending"] * own["insured_years"] == pytest.approx(paid, rel=0.1)
    assert counted <= paid
    assert net["saving"] == pytest.approx(gross["saving"] - own["spending"])


def test_the_difference_of_two_populations_is_a_cell(plan, table):
    """With four movers, money of the population less that of the closed cohort is that of persons who moved."""
    whole, claims = plan.data.claims.practices, plan.data.claims
    moved = pd.Series(whole.person).duplicated(keep=False).to_numpy()
    late = (whole.unit == "contract") & (whole.insured_years[:, 0] == 0) & ~moved
    chosen = (~moved | np.isin(whole.person, np.unique(whole.person[moved])[:4])) & ~late
    few = whole.select(persons=chosen)
    view = replace(plan.data.view_of("all"), cohort=few, untruncated=few)
    claims = replace(claims, practices=few, repriced=None, born=claims.born[chosen])
    rows = trend_rows(replace(plan, data=replace(plan.data, views={"all": view}, claims=claims)))
    money = {name: rows[name]["spending"] * rows[name]["insured_years"] for name in ("population", "closed")}
    movers = np.isin(few.person, whole.person[moved])
    went, came = (few.spending[movers & at, 2].sum() for at in (few.unit == "d00", few.unit == "contract"))
    assert money["closed"] - money["population"] == pytest.approx(went - came)  # the attack finds it
    assert rows["closed"]["persons"] == 4
    found = pd.DataFrame([{"design": "all", "reason": "", "estimand": name, **row} for name, row in rows.items()])
    shown = disclosed_tables({"estimands.csv": found}, HiddenGroups(10))["estimands.csv"].set_index("estimand")
    assert shown.loc["closed", "reason"] == "few_persons"
    assert shown.loc["closed"].drop(["design", "reason"]).isna().all()
    assert np.isfinite(shown.loc["population", "rate"])
    assert not {"persons", "largest"} & {*shown}
    hidden = HiddenGroups(10, frozenset({CONTRACT_GROUP}))
    assert not len(disclosed_tables({"estimands.csv": found}, hidden)["estimands.csv"])
    for parts in (["closed", "composition"], ["volume", "price"]):  # one without the other would give it back
        assert table[0].loc[parts[0], "persons"] == table[0].loc[parts[1], "persons"] > 0


def test_joined_own_costs_hide_the_net_saving():
    own = pd.DataFrame({"definition": "d", "unit": "u", "period": range(4), "lines": [50, 40, 45, 60]})
    own = own.assign(spending=own["lines"] * 9.0, claimants=[9, 40, 40, 40], largest=0.1)
    rows = [{"estimand": name, "saving": 3.0, "persons": np.nan, "largest": np.nan} for name in ("gross", "net")]
    table = pd.DataFrame(rows).assign(design="d", reason="")
    for lines, kept in ((9, False), (40, True)):
        tables = {"own_costs.csv": own.assign(claimants=[lines, 40, 40, 40]), "estimands.csv": table}
        shown = disclosed_tables(tables, HiddenGroups(10))["estimands.csv"]
        assert shown["saving"].notna().tolist() == [True, kept]


def test_what_the_data_do_not_allow_has_a_reason(plan):
    config, part = plan.config, plan.config.main_design
    claims = replace(plan.data.claims, repriced=(plan.data.claims.practices,) * 2)
    assert trend_rows(replace(plan, data=replace(plan.data, claims=claims)))["price"] == {"reason": "nothing_repriced"}
    claims = replace(plan.data.claims, practices=replace(claims.practices, spending=0 * claims.practices.spending))
    rows = trend_rows(replace(plan, data=replace(plan.data, claims=claims)))
    assert {rows[name]["reason"] for name in ("population", "standardised", "closed", "composition")} == {"no_growth"}
    assert {part.population.kind, config.settling[1]} == {"open", "AdministrativeBenchmark"}


def test_old_bands_are_joined_until_they_are_large_enough():
    age = np.repeat([45, 65, 95], 30)[:, None] + np.zeros((90, 2))
    arm, phase = np.tile([0, 1, 1], 30), np.array([0, 1])
    years = np.ones((90, 2))
    sex = np.zeros(90, dtype=int)
    assert _strata(sex, age, arm, years, phase) is None  # ten of the contract per band
    assert set(_strata(sex, age, arm, 2 * years, phase)[:, 0]) == {0, 1, 2}
    years[60:] = 0.5  # of 95
    assert _strata(sex, age, arm, 2.5 * years, phase)[:, 0].tolist() == [0] * 30 + [1] * 60


def test_the_section_begins_with_what_is_known(table):
    shown = disclosed_tables({"estimands.csv": table[0].reset_index()}, HiddenGroups(10))["estimands.csv"]
    for hidden, wanted in (((), ["composition", "price"]), (("price",), ["composition"])):
        rows = shown.assign(reason=shown["reason"].mask(shown["estimand"].isin(hidden), "few_persons"))
        tables = {"estimands.csv": rows}
        [findings] = counting_lead(SimpleNamespace(result=SimpleNamespace(tables=tables)))
        assert [finding.id for finding in findings] == [f"lead_{name}" for name in wanted]
    assert list(counting_lead(SimpleNamespace(result=SimpleNamespace(tables={})))) == []

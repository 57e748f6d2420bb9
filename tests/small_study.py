"""A small study, backtested and evaluated with the package's own path, for the tests of report and console."""

import os
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.backtesting.kernels.block_bootstrap import block_weights
from ssinfer.backtesting.payments_at import payments_at
from ssinfer.report.analysis import Analysis, analyse
from ssinfer.report.table import Table
from ssinfer.study.frames import DESIGNS, EFFECTS, SCENARIOS
from ssinfer.study.result import StudyResult
from ssinfer.thresholds.compare import compare_thresholds
from ssinfer.thresholds.placebo import COMPARISON_KEY

HOSTILE = '<script>alert("x")</script> & A$B$'


def simulate() -> ss.Panel:
    """Forty units, nine years, k = 3 and a shock of 1%; the case is the first unit, without a saving."""
    rng = np.random.default_rng(11)
    grid = [(HOSTILE if i == 0 else f"u{i:02d}", t) for i in range(40) for t in range(2010, 2019)]
    frame = pd.DataFrame(grid, columns=["unit", "period"])
    size = np.repeat(np.exp(rng.uniform(np.log(5_000), np.log(100_000), 40)), 9)
    size[:9] = 20_000.0
    noise = np.sqrt(3.0**2 / size + 0.01**2) * rng.standard_normal(len(frame))
    frame["insured_years"] = size
    frame["spending"] = 2_500 * 1.02 ** (frame["period"] - 2010) * (1 + noise)
    return ss.Panel.from_frame(frame)


def study_of(panel: ss.Panel) -> StudyResult:
    """What ssinfer.study.run makes of a panel, with two designs and one method."""
    case = panel.units[0]
    base = {"treated": [case], "baseline": range(2015, 2018), "performance": [2018]}
    designs = {
        "a": ss.Design(**base),
        "b": ss.Design(**base, donors=[f"u{i:02d}" for i in range(1, 30)]),
    }
    method = ss.AdministrativeBenchmark(n_draws=500)
    result = ss.backtest(panel, designs, {"admin": method}, n_jobs=1, seed=3)
    fits, savings, thresholds, settlement = {}, [], [], []
    for name, design in designs.items():
        labels = {"design": name, "method": "admin"}
        cf = method.fit(panel, design, seed=5)
        fits[name, "admin"] = cf
        row = cf.savings().summary().iloc[-1]
        years = float(cf.insured_years.sum())
        amounts = ("benchmark", "spending", "saving", "savings_rate", "lower", "upper")
        savings.append(
            {**labels, "status": "ok", "reason": "", **{key: row[key] for key in amounts}, "insured_years": years}
            | {"total": row["saving"] * years}
        )
        placebos = result.placebos[(result.placebos["design"] == name) & (result.placebos["role"] == "placebo")]
        table = compare_thresholds(cf, (0.95, 0.90), placebos)
        decides = COMPARISON_KEY.rows(table) & (name == "a")
        passed = pd.Series(row["savings_rate"] >= table["rate"]).where(decides, None)
        table = table.assign(**labels, measured=row["savings_rate"], decides=decides, passed=passed)
        paid = [payments_at(placebos, rate, np.ones(len(placebos)), 3) for rate in table["rate"]]
        thresholds.append(table.assign(**pd.DataFrame(paid, index=table.index), insured_needed=np.nan))
        due = 1234.0 * bool(passed[decides].any())
        numbers = {"benchmark": row["benchmark"], "spending": row["spending"], "insured_years": years}
        settled = ss.settle(ss.load_contract("kerngezond-vlissingen"), **numbers, threshold=0.05)
        for party, amount in (("insurer", -due), ("providers", due)):
            line = {"contract": "test", "party": party, "amount": amount, "payment": due}
            settlement.append({**labels, "settles": name == "a", **line, **settled.outcome})
    return StudyResult(
        title="Title <b>",
        question="Which design?",
        currency="EUR",
        data_label="simulated, 40 units",
        note="simulated data: not a finding",
        panel=panel,
        designs=designs,
        design_labels={"a": "all others", "b": "a named group"},
        methods={"admin": method},
        backtest=result,
        counterfactuals=fits,
        savings=pd.DataFrame(savings),
        case_thresholds=pd.concat(thresholds),
        settlement=pd.DataFrame(settlement),
        manifest={
            "settles": {
                "design": "a",
                "method": "admin",
                "fit": "a",
                "threshold": vars(COMPARISON_KEY),
                "shares": True,
            },
            "ssinfer": "0.0",
            "seed": 3,
            "data_hash": "d1",
            "study_hash": "s1",
            "versions": {"numpy": "2"},
        },
        suppress_below=10,
        advice=ss.advise(result),
    )


@cache
def small_study() -> StudyResult:
    """The study, which all tests share; its standard errors come from few replicates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_weights, "__defaults__", (50,))
        return study_of(simulate())


@cache
def small_analysis() -> Analysis:
    """What its report needs."""
    return analyse(small_study())


POPULATIONS, SPENDINGS, THRESHOLDS = ("everybody", "low SES"), ("all", "no GGZ", "capped"), ("95%", "90%")
MANIFEST = {"study": {"spending": [{"name": "no GGZ", "label": "all care but mental health care"}]}}


def grid():
    """Twelve designs by hand: the threshold of number i is 300 - 10 i; only the last one and the first are no worse."""
    rows = []
    for i, (population, spending, threshold) in enumerate(product(POPULATIONS, SPENDINGS, THRESHOLDS)):
        row = {"design": f"d{i}", "method": "m", "label": f"{population}; {spending}; {threshold}"}
        row |= {"population": population, "spending": spending, "comparison": "c", "threshold": threshold}
        row |= {
            "sharing": "half",
            "windows": "",
            "settles": i == 3,
            "sensitivity": i == 11,
            "n_rows": 40,
            "n_without_threshold": 0,
        }
        row |= dict.fromkeys(("share_of_spending", "share_of_persons"), 1.0 - i / 20)
        row |= dict.fromkeys(("deviation", "deviation_all", "threshold_rate", "threshold_all"), 0.1)
        row |= {"threshold_money": 300.0 - 10 * i, "deviation_money": 4.0, "misallocation": 50.0 + i}
        row |= {"deviation_difference": 0.0, "false_payment_rate": 0.05, "dominated_by": "d0, m" if 0 < i < 10 else ""}
        row |= {
            "threshold_difference": 10.0 * i,
            "deviation_size_difference": 1.0,
            "deviation_size_difference_se": 0.5,
            "misallocation_difference": 2.0 * i,
            "misallocation_difference_se": 2.0,
            **{f"{name}_se": 2.0 for name in ("threshold_money", "misallocation")},
        }
        rows.append(row)
    return DESIGNS.frame(rows)


def payments():
    rows = []
    for i, saving in product(range(12), (0.0, 0.02, 0.05)):
        row = {"design": f"d{i}", "method": "m", "scenario": "evenly", "saving": saving, "paid": 600 * saving + i}
        row |= {"insurer": 900 * saving - i, "earned_of_100": 80.0, "paid_without_threshold": 70.0}
        rows.append(dict.fromkeys(SCENARIOS.header(), np.nan) | row)
    return SCENARIOS.frame(rows)


def effects():
    names = ("measure", "block", "entry", "other_block", "other_entry", "effect", "effect_se")
    rows = [("threshold_money", "spending", "all", "", "", 30.0, 5.0)]
    rows += [("threshold_money", "spending", "no GGZ", "", "", -30.0, 5.0)]
    rows += [
        ("threshold_money", "threshold", "95%", "", "", 8.0, 2.0),
        ("deviation_money", "threshold", "95%", "", "", 0, 1),
    ]
    rows += [("threshold_money", "spending", "all", "threshold", "95%", 9.0, 3.0)]
    return EFFECTS.frame([dict(zip(names, row, strict=True)) for row in rows])


@pytest.fixture(scope="session")
def study() -> StudyResult:
    return small_study()


@pytest.fixture(scope="session")
def analysis() -> Analysis:
    return small_analysis()


@pytest.fixture
def compared() -> Analysis:
    """The study with the twelve designs by hand."""
    analysis = small_analysis()
    tables = {"designs.csv": grid(), "scenarios.csv": payments(), "effects.csv": effects()}
    result = replace(analysis.result, tables=tables, manifest={**analysis.result.manifest, **MANIFEST})
    return Analysis(result, analysis.noise)


@contextmanager
def without_pictures():
    """Leave the figures of reports empty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssinfer.figures.figure.Figure.draw", lambda *_: None)
        patch.setattr("ssinfer.report.pictures.svg_of", lambda _: "<svg></svg>")
        patch.setattr("ssinfer.report.pictures.png_of", lambda _: b"")
        yield patch


def tables_of(data) -> dict[str, Table]:
    """Return the tables of a report by name."""
    return {item.name: item for section in data.sections for item in section.items if isinstance(item, Table)}


def assert_snapshot(text: str, path: Path) -> None:
    """Assert that a text is that of a snapshot, which SSINFER_SNAPSHOTS=write writes again after a wanted change."""
    if os.environ.get("SSINFER_SNAPSHOTS") == "write":
        path.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == path.read_text(encoding="utf-8")

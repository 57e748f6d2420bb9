"""A small study, backtested and evaluated with the package's own path, for the report's tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.backtesting.payments_at import payments_at
from ssinfer.report import write_report
from ssinfer.report.analysis import Analysis, analyse
from ssinfer.report.summarise import assemble
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


@pytest.fixture(scope="session")
def study() -> StudyResult:
    return study_of(simulate())


@pytest.fixture(scope="session")
def analysis(study) -> Analysis:
    return analyse(study)


@pytest.fixture
def write(monkeypatch):
    """Return a function that writes the report of an analysis, which is not computed again."""

    def written(analysis, folder):
        monkeypatch.setattr("ssinfer.report.write.summarise", lambda _: assemble(analysis))
        return write_report(analysis.result, folder)

    return written


@pytest.fixture
def without():
    """Return a study without some of its parts."""
    return replace

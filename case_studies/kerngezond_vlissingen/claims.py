"""Kerngezond Vlissingen from person-level claims: simulated, with a known saving, in four designs.

    python case_studies/kerngezond_vlissingen/claims.py --out out/claims [--insured 150000] [--saving 0.05] [--seed 1]

The population is open: insured of insurer A while enrolled with a practice. The practices of Vlissingen form one unit,
every other practice is a unit of its own. Baseline 2018Q2 to 2020Q1, the quarters of the pandemic masked, performance
the four quarters of 2022. Designs:

a  all other practices as reference group
b  practices with a level of baseline spending like Vlissingen's (within 15%)
c  as a, corrected for age and sex: spending over the spending expected from the person's age and sex
d  as a, spending per person and year truncated at the 99th percentile of all insured in the tables

d measures another estimand: the saving on truncated spending. All is simulated; nothing here is a result on the
real contract.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.benchmarks.administrative import AdministrativeBenchmark
from ssinfer.claims import ClaimsTables, Extract, Population, Spending, Truncation, extract, intact_group_ratio
from ssinfer.datasets.simulated_claims import SimulatedClaims, simulate_claims
from ssinfer.periods import span

if TYPE_CHECKING:
    from ssinfer.cohort import Cohort

CONTRACT = "Kerngezond Vlissingen"
PERIODS = span("2018Q2", "2022Q4")
BASELINE, MASKED, PERFORMANCE = span("2018Q2", "2020Q1"), span("2020Q2", "2021Q4"), span("2022Q1", "2022Q4")


def extract_contract(simulated: SimulatedClaims) -> Extract:
    """Return the extract of the contract's population: all categories, with the truncation of design d beside it."""
    population = Population(insurers=["A"], units=dict.fromkeys(simulated.treated, CONTRACT))
    definition = Spending(truncation=Truncation(percentile=0.99))
    return extract(ClaimsTables.open(simulated.folder), population, definition, periods=PERIODS)


def with_expected_spending(cohort: Cohort) -> Cohort:
    """Return the cohort with the baseline spending per insured-year of donors of the same sex and ten-year age band."""
    donor = cohort.unit != CONTRACT
    columns = cohort.columns(BASELINE)
    cells = pd.DataFrame(
        {
            "sex": cohort.covariate("sex"),
            "band": np.minimum(cohort.covariate("age") // 10, 9),
            "money": cohort.spending[:, columns].sum(axis=1),
            "years": cohort.insured_years[:, columns].sum(axis=1),
        }
    )
    sums = cells[donor].groupby(["sex", "band"])[["money", "years"]].sum()
    rates = (sums["money"] / sums["years"]).rename("expected")
    expected = cells.join(rates, on=["sex", "band"])["expected"].to_numpy()
    return dataclasses.replace(cohort, covariates={**cohort.covariates, "expected": expected})


def similar_practices(panel: ss.Panel, within: float = 0.15) -> list[str]:
    """Return the practices whose baseline spending per insured-year is within a share of the contract's."""
    columns = panel.columns(BASELINE)
    level = np.average(panel.spending[:, columns], axis=1, weights=panel.insured_years[:, columns])
    own = level[panel.rows([CONTRACT])[0]]
    return [
        unit
        for unit, value in zip(panel.units, level, strict=True)
        if unit != CONTRACT and abs(value / own - 1) < within
    ]


def true_rate(simulated: SimulatedClaims) -> float:
    """Return the true savings rate of the performance periods (all designs but d)."""
    rows = simulated.truth[
        simulated.truth["practice"].isin(simulated.treated)
        & (simulated.truth["insurer"] == "A")
        & simulated.truth["period"].isin(PERFORMANCE)
    ]
    return float(1 - rows["cents"].sum() / rows["cents_without"].sum())


def evaluate(simulated: SimulatedClaims, seed: int) -> tuple[pd.DataFrame, Extract, Cohort]:
    """Return measured saving, 95% interval and truth per design, the extract and the cohort."""
    result = extract_contract(simulated)
    cohort = with_expected_spending(result.cohort())
    panel = cohort.to_panel()
    # The programme table names the contract itself; every other unit may be a donor.
    base = {"treated": [CONTRACT], "baseline": BASELINE, "performance": PERFORMANCE, "masked": MASKED}
    designs = {
        "a": (panel, ss.Design(**base, incomplete="drop")),
        "b": (panel, ss.Design(**base, donors=similar_practices(panel), incomplete="drop")),
        "c": (panel, ss.Design(**base, standard="expected", incomplete="drop")),
        "d": (result.cohort(truncated=True).to_panel(), ss.Design(**base, incomplete="drop")),
    }
    rows = []
    for name, (data, design) in designs.items():
        counterfactual = AdministrativeBenchmark(history=0).fit(data, design, seed=seed)
        savings = counterfactual.savings().pooled()
        draws = np.asarray(savings.rate).ravel()
        low, high = np.quantile(draws, [0.025, 0.975])
        donors = len(design.donor_rows(data))
        rate = float(savings.measured_rate.item())
        rows.append({"design": name, "donors": donors, "rate": rate, "lower": low, "upper": high})
    frame = pd.DataFrame(rows)
    frame["truth"] = np.where(frame["design"] == "d", np.nan, true_rate(simulated))
    return frame, result, cohort


def main() -> None:
    """Simulate (or load), evaluate the four designs, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--insured", type=int, default=150_000)
    parser.add_argument("--saving", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    folder = arguments.out / "simulated"
    if (folder / "parameters.json").exists():
        simulated = SimulatedClaims.load(folder)
    else:
        arguments.out.mkdir(parents=True, exist_ok=True)
        simulated = simulate_claims(
            folder,
            arguments.insured,
            saving=arguments.saving,
            seed=arguments.seed,
            n_jobs=arguments.jobs,
            last="2022Q4",
        )
    print(simulated)
    frame, result, cohort = evaluate(simulated, arguments.seed)
    print(result)
    print(result.attrition.drop(columns=["cents", "insured_days"]).to_string(index=False))
    print(result.truncation.to_string(index=False))
    print(frame.round(4).to_string(index=False))
    try:
        ratio = intact_group_ratio(
            cohort,
            size=min(8_000, len(cohort.person) // 15),
            baseline=BASELINE,
            performance=PERFORMANCE,
            exclude=[CONTRACT],
            seed=arguments.seed,
        )
        print(ratio.round(4).to_string(index=False))
        ratio.to_csv(arguments.out / "intact_groups.csv", index=False)
    except ss.errors.CohortError as error:
        print(f"No comparison of intact and random groups: {error}")
    frame.to_csv(arguments.out / "designs.csv", index=False)
    result.attrition.to_csv(arguments.out / "attrition.csv", index=False)
    result.truncation.to_csv(arguments.out / "truncation.csv", index=False)


if __name__ == "__main__":
    main()

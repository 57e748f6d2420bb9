"""Writes the sample panel of the package, ssinfer/new/sample.csv: simulated practices, one of which saves 5% from 2023.

    python .ci/sample.py

Numbers are simulated (`ssinfer.simulation.panel`): no practice and no person exists. Expected spending is that of the
first year of each practice, with the growth of all practices: what a case-mix model of age and sex would know.
"""

from __future__ import annotations

import numpy as np

from ssinfer.new.panel import SAMPLE, SAMPLE_TREATED
from ssinfer.simulation.panel import simulate_panel

STREETS = (
    "Beek Berg Bos Brink Burcht Delta Dorp Duin Eiken Haven Heide Hof Kade Kerk Linden Maas Markt Molen Park Plein"
)
PARTS = ("huisartsen", "gezondheidscentrum")


def main() -> None:
    """Write the sample."""
    periods = [f"{year}Q{quarter}" for year in range(2019, 2024) for quarter in range(1, 5)]
    options = {"treated_insured": 14_000, "insured": (4_000, 16_000), "treated": ("treated",), "covid": False}
    simulated = simulate_panel(40, periods, start="2023Q1", saving=0.05, seed=20261127, **options)
    frame = simulated.panel.to_frame()
    names = [f"{street}straat {part}" for part in PARTS for street in STREETS.split()]
    units = ["treated", *(unit for unit in simulated.panel.units if unit != "treated")]
    named = dict(zip(units, [SAMPLE_TREATED, *(name for name in names if name != SAMPLE_TREATED)], strict=True))
    first = simulated.expected[:, :4].mean(axis=1)
    growth = simulated.expected.mean(axis=0) / simulated.expected[:, :4].mean()
    frame["expected"] = np.outer(first, growth).ravel()
    frame["unit"] = frame["unit"].map(named)
    frame["insured_years"] = (frame["insured_years"] / 4).round(1)
    columns = {"unit": "practice", "period": "quarter"}
    kept = frame.rename(columns=columns).sort_values(["practice", "quarter"])
    kept = kept[["practice", "quarter", "spending", "insured_years", "expected"]]
    kept.round({"spending": 2, "expected": 2}).to_csv(SAMPLE, index=False)


if __name__ == "__main__":
    main()

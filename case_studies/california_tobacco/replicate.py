"""Proposition 99: the published tables, reproduced side by side with the reason for each difference.

Run ``python case_studies/california_tobacco/replicate.py`` with SSINFER_DATA_DIR set. It writes ``tables.md`` into the
folder of the script, or into the folder given as argument. "Saving" is benchmark less observed, so a published effect
of -15.6 packs per head is a saving of 15.6.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer import AugmentedSyntheticControl, SyntheticControl, SyntheticDiD, leave_two_out_test, placebo_test
from ssinfer.check import tabulate
from ssinfer.diagnostics import convex_hull, effective_donors, held_out_fit, leave_one_donor_out, placebo_in_time
from ssinfer.errors import SsinferError

DESIGN = ss.Design(treated=["California"], baseline=range(1970, 1989), performance=range(1989, 2001))
EIGHTIES = range(1980, 1989)
PREDICTORS = [
    ("lnincome", EIGHTIES),
    ("retprice", EIGHTIES),
    ("age15to24", EIGHTIES),
    ("beer", range(1984, 1989)),
    ("spending", [1975]),
    ("spending", [1980]),
    ("spending", [1988]),
]
FRANK_WOLFE = "published from a Frank-Wolfe solver that stops short of the optimum"


def estimators(panel: ss.Panel) -> pd.DataFrame:
    """Return table 1 of Arkhangelsky et al. (2021), doi:10.1257/aer.20190159, with our numbers."""
    rows = [
        ("difference in differences", SyntheticDiD(unit_ridge=1e7, time_ridge=1e7), -27.3, "none: closed form"),
        ("synthetic control", SyntheticControl(), -19.6, FRANK_WOLFE + " (1% excess squared error)"),
        ("synthetic DiD", SyntheticDiD(), -15.6, "effect agrees to the printed digit"),
        ("demeaned synthetic control", SyntheticControl(intercept=True), -11.1, "agrees to the printed digit"),
        ("augmented synthetic control", AugmentedSyntheticControl(), np.nan, "not in the published table"),
    ]
    out = []
    for name, method, effect, reason in rows:
        test = placebo_test(method, panel, DESIGN, "saving")
        placebos = test.frame["saving"].iloc[1:]
        out.append(
            {
                "estimator": name,
                "published effect": effect,
                "ours": -test.frame["saving"].iloc[0],
                "placebo SE, all 38": placebos.std(ddof=0),
                "p (two-sided)": f"{round(39 * test.p_value)}/39",
                "difference": reason,
            }
        )
    return pd.DataFrame(out)


def donor_weights(panel: ss.Panel, wide: ss.Panel) -> pd.DataFrame:
    """Return table 2 of Abadie, Diamond and Hainmueller (2010), doi:10.1198/jasa.2009.ap08746, with our numbers."""
    published = {"Utah": 0.334, "Nevada": 0.234, "Montana": 0.199, "Colorado": 0.164, "Connecticut": 0.069}
    nested = (
        SyntheticControl(predictors=PREDICTORS, inference="none").fit(wide, DESIGN, seed=1).weights.loc["California"]
    )
    outcome = SyntheticControl(inference="none").fit(panel, DESIGN, seed=1).weights.loc["California"]
    names = sorted(set(published) | set(nested.index[nested > 5e-4]) | set(outcome.index[outcome > 5e-4]))
    return pd.DataFrame(
        {
            "state": names,
            "published": [published.get(name, 0.0) for name in names],
            "predictors, nested V": [nested[name] for name in names],
            "outcome only": [outcome[name] for name in names],
        }
    )


def inference(panel: ss.Panel, wide: ss.Panel) -> pd.DataFrame:
    """Return ranks, p-values and intervals."""
    plain = SyntheticControl()
    ratio = placebo_test(plain, panel, DESIGN)
    pairs = leave_two_out_test(plain, panel, DESIGN)
    nested = placebo_test(SyntheticControl(predictors=PREDICTORS), wide, DESIGN)
    conformal = ss.conformal_p_value(plain, panel, DESIGN)
    rows = [
        ("RMSPE ratio, predictors with nested V", f"p = {round(39 * nested.p_value)}/39 (published 1/39)"),
        ("RMSPE ratio, outcome only", f"{ratio.frame['rmspe_ratio'].iloc[0]:.3f}, p = {round(39 * ratio.p_value)}/39"),
        ("leave two out, outcome only", f"p = {round(703 * pairs.p_value)}/703"),
        ("moving-block conformal p, no saving", f"{conformal:.3f} (a multiple of 1/31)"),
    ]
    for method in (
        plain,
        SyntheticDiD(),
        AugmentedSyntheticControl(),
        AugmentedSyntheticControl(inference="jackknife+"),
    ):
        cf = method.fit(panel, DESIGN, seed=1)
        spent = cf.savings().pooled().spending.item()
        for level in (0.95, 0.90):
            lower, upper = np.quantile(cf.pooled("confidence"), [(1 - level) / 2, (1 + level) / 2]) - spent
            rows.append((f"{level:.0%} interval of the pooled saving, {method!r}", f"{lower:.1f} to {upper:.1f}"))
    try:
        interval = ss.conformal_interval(plain, panel, DESIGN, 0.90)
        rows.append(("90% conformal interval, outcome only", f"{interval.lower:.1f} to {interval.upper:.1f}"))
    except SsinferError as error:
        rows.append(("90% conformal interval, outcome only", f"refused: {error}"))
    return pd.DataFrame(rows, columns=["quantity", "value"])


def credible(panel: ss.Panel) -> pd.DataFrame:
    """Return the posterior of the pooled saving, and the placebo distribution of the same fit."""
    rows = []
    for form, intercept in (("level", False), ("demeaned", True)):
        cf = SyntheticControl(inference="bayes", intercept=intercept, n_draws=6000).fit(panel, DESIGN, seed=1)
        tree, checks = cf.to_datatree(), cf.diagnostics.set_index("check")["figure"]
        before, after = (float(tree[group]["effective_donors"].median()) for group in ("prior", "posterior"))
        moved = max(checks["prior_sensitivity_weights"], checks["prior_sensitivity_shocks"])
        notes = (f"{before:.1f} to {after:.1f}", f"{moved:.2f} SD"), ("", "")
        distributions = ("credible", "benchmark"), ("confidence (placebo)", "confidence")
        for (label, name), (donors, sensitivity) in zip(distributions, notes, strict=True):
            saving = cf.pooled(name) - cf.pooled_spending
            ends = {level: np.quantile(saving, [(1 - level) / 2, (1 + level) / 2]) for level in (0.90, 0.95)}
            rows.append(
                {
                    "form": form,
                    "distribution": label,
                    "mean saving": f"{saving.mean():.1f}",
                    **{f"{level:.0%} interval": f"{low:.1f} to {high:.1f}" for level, (low, high) in ends.items()},
                    "effective donors, prior to posterior": donors,
                    "moved by the prior to the powers 1/2 and 2": sensitivity,
                }
            )
    return pd.DataFrame(rows)


def main(folder: Path) -> None:
    """Write tables.md into `folder`."""
    data = Path(os.environ["SSINFER_DATA_DIR"]) / "synthetic_control"
    panel = ss.Panel.from_frame(
        pd.read_csv(data / "prop99_synthdid.csv", sep=";"),
        unit="State", period="Year", spending="PacksPerCapita", insured_years=None,
    )  # fmt: skip
    wide = ss.Panel.from_frame(
        pd.read_csv(data / "prop99_covariates_mlsynth.csv"),
        unit="state", period="year", spending="cigsale", insured_years=None,
        covariates=["lnincome", "beer", "age15to24", "retprice"],
    )  # fmt: skip
    method = SyntheticControl()
    checks = tabulate(
        [
            held_out_fit(method, panel, DESIGN),
            convex_hull(panel, DESIGN),
            effective_donors(method.fit(panel, DESIGN, seed=1)),
            leave_one_donor_out(method, panel, DESIGN),
            placebo_in_time(method, panel, DESIGN),
        ]
    )
    parts = [
        "# Proposition 99, published and reproduced",
        "Regenerate: `python case_studies/california_tobacco/replicate.py`.",
        "## Estimators (Arkhangelsky et al. 2021, table 1)",
        markdown(estimators(panel)),
        "## Donor weights (Abadie, Diamond and Hainmueller 2010, table 2)",
        markdown(donor_weights(panel, wide)),
        "V is not identified, and the published search stopped at another V: differences up to .01 are expected.",
        "Matching every baseline year instead of the seven predictors gives other weights.",
        "## Inference",
        markdown(inference(panel, wide)),
        '## Posterior and placebo distribution (`inference="bayes"`, docs/bayesian_synthetic_control.md)',
        markdown(credible(panel)),
        "With 38 donors and one treated state the coverage of neither can be shown.",
        "## Diagnostics of the outcome-only synthetic control",
        markdown(checks),
    ]
    target = folder / "tables.md"
    temporary = target.with_suffix(".part")
    temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    temporary.replace(target)


def markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a Markdown table with three decimals."""
    cells = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row] for row in frame.to_numpy()]
    lines = [list(frame.columns), ["---"] * frame.shape[1], *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

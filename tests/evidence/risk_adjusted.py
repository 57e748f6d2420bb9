"""Errors of `RiskAdjustedBenchmark` where the true saving is zero, beside the administrative rule: figures of its page.

Usage: python tests/evidence/risk_adjusted.py [COMMAND ...]
  (none)                                       writes the page's tables and figure from docs/evidence/risk_adjusted*
  measure simple|realistic SEED [SEED ...]     simulated worlds; 10 processor minutes each (realistic: 5)
  randhie FOLDER                               persons of the RAND experiment; 5 processor minutes
  signing                                      both forms on small simulated cohorts; 6 processor minutes
  speed [PERSONS [PLACEBOS]]                   prints time and memory, by default of a million persons
A part of a world that is in build/risk_adjusted is not measured again, so that `measure` can be stopped at any time.
The first command adds sums of what is there to the files of docs/evidence; they tell no placebo from others.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.benchmarks.risk_adjusted.method import RiskAdjustedBenchmark
from ssinfer.claims import ClaimsTables, Population, Spending, Truncation, extract
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.pseudo_practices import pseudo_practices
from ssinfer.design import Design
from ssinfer.errors import SsinferError
from ssinfer.simulation.claims import simulate_claims
from ssinfer.simulation.cohort import simulate_cohort
from ssinfer.typing import Floats

ROOT = Path(__file__).parents[2]
BUILD, EVIDENCE, PAGE = ROOT / "build" / "risk_adjusted", ROOT / "docs" / "evidence", ROOT / "docs" / "risk_adjusted.md"
STARTS = (13, 17, 21)  # first quarters of performance years; quarter 0 is 2018Q2
YEAR = 4
RULES = {"one year": (1, "equal"), "three years": (3, "equal"), "all history": (None, "correlation")}
INSURED = {870: None, 3600: 5_100}  # persons ever insured per group; None: practices as they are
JOINT = 5  # groups of about 3,600 in one region make one of about 19,200
FEW = 30  # practices in turn per window
LEVELS = ((21, 1.15),)  # quarter, and factor on all lines of one group per region
SAVING = 0.03  # spread over all lines: what truncated spending falls by is the elasticity
Z95 = 1.645
REPLICATES = 2_000
COVERAGE, COVERED = (80, 90, 95), ("persons", "three years")


def world(persons: str, seed: int, n_insured: int = 250_000) -> tuple[dict[str, Cohort], pd.Series, list[str]]:
    """Return the cohorts of a world by spending, its caps per year, and the units under contract."""
    spending = Spending(duplicates="keep", truncation=Truncation(percentile=0.99))
    with tempfile.TemporaryDirectory() as folder:
        options = {"insured_under_contract": n_insured * 18 // 250, "practice_size": 1_200, "persons": persons}
        claims = simulate_claims(Path(folder) / "claims", n_insured, saving=0.0, seed=seed, **options)
        tables, periods = ClaimsTables.open(claims.folder), claims.setting.periods
        extracted = extract(tables, Population(insurers=["A"]), spending, periods=periods)
        cohorts = {"all": extracted.cohort(), "truncated": extracted.cohort(truncated=True)}
    treated = [unit for unit in cohorts["all"].units if unit in claims.treated]
    return cohorts, extracted.truncation.set_index("year")["cap"], treated


def truncated(cohort: Cohort, caps: pd.Series, money: Floats) -> Floats:
    """Return money (n, T) truncated per person and calendar year, as the extraction does."""
    person, kept = pd.factorize(cohort.person)[0], money.copy()
    years = np.array([int(str(period)[:4]) for period in cohort.periods])
    for year in np.unique(years):
        columns = years == year
        total, insured = (np.bincount(person, part[:, columns].sum(axis=1)) for part in (money, cohort.insured_years))
        limit = caps[year] * insured
        share = np.divide(limit, total, out=np.ones_like(total), where=total > limit)
        kept[:, columns] *= share[person][:, None]
    return kept


def errors(method: Any, data: Any, designs: Sequence[Design], seed: int) -> pd.DataFrame:
    """Return, per design, the relative error in percent, its predicted SD, and the rank of spending in the draws."""
    rows = []
    for cf in method.fit_many(data, designs, np.random.SeedSequence(seed).spawn(len(designs))):
        if isinstance(cf, SsinferError):
            print(f"refused: {cf}", flush=True)  # noqa: T201
            rows.append((np.nan,) * 4)
            continue
        draws, spent = cf.pooled(), cf.pooled_spending
        error = 100 * (1 - spent / draws.mean())
        rows.append((error, 100 * draws.std() / draws.mean(), (draws < spent).mean(), cf.values("insured_years").sum()))
    return pd.DataFrame(rows, columns=["error", "sd", "rank", "insured_years"])


def designs_of(
    units: Iterable[Any], periods: Sequence[Any], start: int, ahead: int, back: int | None, others: Iterable[str] = ()
) -> list[Design]:
    """Return one design per unit (or tuple of units): `back` years before `start` (None: all), `ahead` years after."""
    baseline = periods[start - YEAR * (start // YEAR if back is None else back) : start]
    performance, treated = (
        periods[start : start + YEAR * ahead],
        [[u] if isinstance(u, str) else list(u) for u in units],
    )
    return [Design(u, baseline, performance, under_contract=[o for o in others if o not in u]) for u in treated]


def compared(
    cohort: Cohort, units: Sequence[Any], start: int, ahead: int = 1, others: Iterable[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Return errors of all rules, one row per unit (or tuple of units) treated in turn."""
    window = (units, cohort.periods, start, ahead)
    rows = errors(RiskAdjustedBenchmark(), cohort, designs_of(*window, 3, others), seed)
    rows = rows.rename(columns={"error": "persons"}).assign(start=start, years=ahead)
    rows.insert(0, "unit", [unit if isinstance(unit, str) else unit[0] for unit in units])
    if not others:
        panel = cohort.to_panel(before=cohort.periods[start])
        for name, (back, weights) in RULES.items():
            rule = AdministrativeBenchmark(year_weights=weights, history=0)
            part = errors(rule, panel, designs_of(*window, back), seed)
            rows[name] = part["error"]
            if name == "three years":
                rows["rule sd"], rows["rule rank"] = part["sd"], part["rank"]
    return rows


def by_region(cohort: Cohort) -> pd.Series:
    """Return the units of each region, in the order of their names."""
    units = pd.Series(cohort.units)
    return units.groupby(np.asarray(cohort.unit_regions())).agg(list)


def parts_of(persons: str, seed: int) -> dict[tuple[str, int, str], Callable[[], pd.DataFrame]]:
    """Return the parts of a world that can be measured by themselves: by spending, size, and name."""
    made: dict[Any, Any] = {}

    def cohort_of(spending: str, size: int) -> Cohort:
        if "world" not in made:
            made["world"] = world(persons, seed)
        cohorts, _, treated = made["world"]
        kind = {"kind": "intact"} if INSURED[size] is None else {"kind": "regional bundles", "size": INSURED[size]}
        if size not in made:
            made[size] = pseudo_practices(cohorts["all"], **kind, exclude=treated, seed=seed)
        if (spending, size) not in made:
            groups = pseudo_practices(cohorts[spending], **kind, exclude=treated, seed=seed, like=cohorts["all"])
            made[spending, size] = groups
        return made[spending, size]

    def elasticities(spending: str, size: int) -> dict[int, float]:
        if spending == "all":
            return dict.fromkeys(STARTS, 1.0)
        money, kept = cohort_of("all", size), cohort_of(spending, size)
        less = truncated(money, made["world"][1], money.spending * (1 - SAVING)).sum(axis=0)
        ends = {start: slice(start, start + YEAR) for start in STARTS}
        return {s: (1 - less[e].sum() / kept.spending[:, e].sum()) / SAVING for s, e in ends.items()}

    def placebos(spending: str, size: int, starts: Sequence[int], ahead: int, joint: bool) -> pd.DataFrame:
        cohort = cohort_of(spending, min(size, 3600))
        rng = np.random.default_rng([seed, size])
        units: list[Any] = list(cohort.units)
        if joint:
            lists = [rng.permutation(names).tolist() for names in by_region(cohort)]
            units = [tuple(names[i : i + JOINT]) for names in lists for i in range(0, len(names) - JOINT + 1, JOINT)]
        elif size == 870:
            units = sorted(rng.permutation(units)[:FEW].tolist())
        rows = pd.concat([compared(cohort, units, start, ahead, seed=seed) for start in starts])
        return rows.assign(elasticity=rows["start"].map(elasticities(spending, min(size, 3600))))

    def levels(spending: str) -> pd.DataFrame:
        cohort, base = cohort_of(spending, 3600), cohort_of("all", 3600)
        chosen = [str(names[seed % len(names)]) for names in by_region(cohort)]
        inside, rows = np.isin(cohort.unit, chosen), []
        for start, factor in LEVELS:
            money = base.spending * np.where(inside, factor, 1.0)[:, None]
            if spending == "truncated":
                money = np.where(inside[:, None], truncated(base, made["world"][1], money), cohort.spending)
            dearer, plain = (
                compared(data, chosen, start, others=chosen, seed=seed)
                for data in (replace(cohort, spending=money), cohort)
            )
            rows.append(dearer.assign(level=factor, shift=dearer["persons"] - plain["persons"]))
        return pd.concat(rows)

    whole = {"870": (870, STARTS, 1, False), "3600": (3600, STARTS, 1, False), "19200": (19200, STARTS, 1, True)}
    two = {"3600": (3600, STARTS[1:2], 2, False), "19200": (19200, STARTS[1:2], 2, True)}
    kinds = ("all", "truncated")
    wanted: list[tuple[tuple[str, int, str], Callable[[], pd.DataFrame]]] = []

    def want(name: str, case_: str = "one") -> None:
        given = {"one": whole, "two": two}[case_][name]
        for kind in kinds if case_ == "one" else kinds[1:]:
            wanted.append(((kind, given[0], case_), lambda k=kind: placebos(k, *given)))

    want("3600")
    if persons == "simple":
        want("19200")
        wanted += [((kind, 3600, "levels"), lambda k=kind: levels(k)) for kind in kinds]
        want("19200", "two")
        want("3600", "two")
        want("870")
    return dict(wanted)


def measure(persons: str, seed: int) -> None:
    """Measure the parts of a world that are not in the build folder."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for (spending, size, name), part in parts_of(persons, seed).items():
        file = BUILD / f"{persons}_{size}_{spending}_{name}_{seed}.csv"
        if not file.exists():
            begun = time.perf_counter()
            rows = part().assign(seed=seed, spending=spending)
            rows = rows.assign(level=rows.get("level", 1.0), insured_years=rows["insured_years"] / rows["years"])
            rows.round(3).round({"insured_years": 0}).to_csv(file.with_suffix(".part"), index=False)
            file.with_suffix(".part").rename(file)
            print(f"{file.name}: {time.perf_counter() - begun:.0f} s", flush=True)  # noqa: T201


def sums(rows: pd.DataFrame) -> pd.DataFrame:
    """Return sums of errors, their squares and coverage per world, region and case: no placebo is told from others."""
    scaled = [f"{level - 1:+.0%}, quarter {start}" for level, start in zip(rows["level"], rows["start"], strict=True)]
    plain = np.where(rows["years"] == 1, "one year", "two years")
    keys = {"region": rows["unit"].str[: len("region 01")], "case": np.where(rows["level"] == 1, plain, scaled)}
    given = {"n": rows["persons"].notna(), "refused": rows["persons"].isna(), "insured_years": rows["insured_years"]}
    given |= {"elasticity": rows["elasticity"], "shift": rows["shift"]}
    given |= {name: rows[name] for name in (*RULES, "persons")}
    squares = {f"{name}, squares": given[name] ** 2 for name in ("shift", *RULES, "persons")}
    squares |= {"sd, squares": rows["sd"] ** 2}
    covered = {
        f"{name}, {level}%": (rows[rank] - 0.5).abs() < level / 200
        for name, rank in (("persons", "rank"), ("three years", "rule rank"))
        for level in COVERAGE
    }
    frame = rows[["size", "spending"]].assign(**keys, **given, **squares, **covered)
    return frame.groupby(["size", "spending", "case", "region"]).sum().astype(float).round(3).reset_index()


def gather() -> pd.DataFrame:
    """Add what the build folder has to the committed sums, and return them all."""
    file, parts = EVIDENCE / "risk_adjusted.csv", []
    for persons, seed in sorted({(f.stem.split("_")[0], f.stem.split("_")[-1]) for f in BUILD.glob("*_*_*_*_*.csv")}):
        found = sorted(BUILD.glob(f"{persons}_*_{seed}.csv"))
        rows = pd.concat([pd.read_csv(f).assign(size=int(f.stem.split("_")[1])) for f in found], ignore_index=True)
        rows = rows.reindex(columns=[*rows.columns, *({"elasticity", "shift", *RULES} - set(rows))])
        parts.append(sums(rows).assign(persons_of=persons, seed=int(seed)))
    keys = ["persons_of", "seed", "size", "spending", "case", "region"]
    table = pd.concat(([pd.read_csv(file)] if file.exists() else []) + parts).drop_duplicates(keys, keep="last")
    table = table[[*keys, *(name for name in table if name not in keys)]].sort_values(keys)
    real, parts = EVIDENCE / "risk_adjusted_randhie.csv", [*BUILD.glob("randhie-*.csv")]
    rows = pd.concat(
        [pd.read_csv(part, keep_default_na=False, dtype={"response": str}) for part in [real] * real.exists() + parts]
    )
    keys = ["spending", "response", "baseline_years"]
    rows.drop_duplicates(keys, keep="last").sort_values(keys).to_csv(real, index=False)
    table.to_csv(file, index=False)
    return table


def figures(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return figures of some sums, each with its standard error: a bootstrap over worlds and their regions."""
    regions = table.drop(columns=["persons_of", "size", "spending", "case"]).groupby(["seed", "region"]).sum()
    counts = np.random.default_rng(0).multinomial(len(regions), np.full(len(regions), 1 / len(regions)), REPLICATES)
    drawn = pd.DataFrame(np.vstack([np.ones(len(regions)), counts]) @ regions.to_numpy(float), columns=regions.columns)
    drawn["elasticity"] = drawn["elasticity"].where(drawn["elasticity"] > 0)  # of levels: not measured
    n, found = drawn["n"], {}
    for name in ("shift", *RULES, "persons"):
        found |= {f"mean {name}": drawn[name] / n}
        found |= {f"sd {name}": np.sqrt((drawn[f"{name}, squares"] / n - (drawn[name] / n) ** 2).clip(lower=0))}
    found |= {f"ratio {name}": found["sd persons"] / found[f"sd {name}"] for name in RULES}
    found |= {name: 100 * drawn[name] / n for name in drawn if name.endswith("%")}
    found |= {name: drawn[name] / n for name in ("insured_years", "elasticity")}
    found |= {"predicted": np.sqrt(drawn["sd, squares"] / n), "n": n, "refused": drawn["refused"]}
    found |= {f"T {name}": Z95 * found[f"sd {name}"] for name in (*RULES, "persons")}
    found |= {f"T/e {name}": found[f"T {name}"] / found["elasticity"] for name in (*RULES, "persons")}
    return {name: (float(values[0]), float(np.std(values[1:]))) for name, values in found.items()}


def markdown(head: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a table of the page."""
    columns = head.split(" | ")
    rows = list(rows)
    if not rows:
        return "Not measured."
    lines = ["| " + " | ".join(cells) + " |" for cells in (columns, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(columns), *lines[1:]])


def case(table: pd.DataFrame, persons: str, size: int, spending: str, name: str = "one year") -> pd.DataFrame:
    """Return the sums of a case."""
    wanted = [persons, size, spending, name]
    return table[(table[["persons_of", "size", "spending", "case"]] == wanted).all(axis=1)]


def scores(table: pd.DataFrame, persons: str) -> str:
    """Return the table of errors and coverage in a kind of worlds."""
    rows = []
    for size in (870, 3600, 19200):
        for spending in ("all", "truncated"):
            part = case(table, persons, size, spending)
            if part.empty:
                continue
            f = figures(part)
            covered = [" / ".join(f"{f[f'{rule}, {level}%'][0]:.0f}" for level in COVERAGE) for rule in COVERED]
            worst = max(f[f"persons, {level}%"][1] for level in COVERAGE)
            rows.append(
                [
                    f"{f['insured_years'][0]:,.0f}",
                    spending,
                    f"{f['n'][0]:.0f}" + (f" ({f['refused'][0]:.0f} refused)" if f["refused"][0] else ""),
                    *(f"{f[key][0]:.2f}" for key in ("sd three years", "sd persons", "predicted")),
                    f"{f['ratio three years'][0]:.3f} ({f['ratio three years'][1]:.3f})",
                    f"{f['T persons'][0]:.1f} ({f['T persons'][1]:.1f})",
                    f"{covered[0]} ({worst:.1f})",
                    covered[1],
                    f"{f['mean persons'][0]:+.2f} ({f['mean persons'][1]:.2f})",
                ]
            )
    head = "insured-years | spending | n | SD, rule | SD, persons | SD in the draws | ratio (SE) | T (SE) | "
    return markdown(head + "coverage 80 / 90 / 95% (SE) | of the rule | mean error (SE)", rows)


def level_table(table: pd.DataFrame) -> str:
    """Return the table of mean errors of groups whose lines are dearer in all periods."""
    rows = []
    for level, start in ((round(100 * (factor - 1)), start) for start, factor in LEVELS):
        parts = [case(table, "simple", 3600, kind, f"{level:+d}%, quarter {start}") for kind in ("all", "truncated")]
        if any(part.empty for part in parts):
            continue
        cells = []
        for f in map(figures, parts):
            se = f["sd shift"][0] / np.sqrt(f["n"][0])
            cells += [f"{f['mean shift'][0]:+.2f} ({se:.2f})", f"{f['n'][0]:.0f}"]
        rows.append([f"{level:+d}%", f"{start // YEAR} years", *cells])
    return markdown("level | history | all spending: change of the error (SE) | n | truncated | n", rows)


STEPS = (
    ("one baseline year", "all", "one year", "one year"),
    ("three baseline years", "all", "one year", "three years"),
    ("all history, weights by correlation", "all", "one year", "all history"),
    ("risk-adjusted", "all", "one year", "persons"),
    ("truncation at the 99th percentile", "truncated", "one year", "persons"),
    ("two performance years", "truncated", "two years", "persons"),
)


def ladder(table: pd.DataFrame) -> pd.DataFrame:
    """Return T of each step (rows) and size: as reported, over the elasticity, and standard errors."""
    rows = []
    for step, spending, name, rule in STEPS:
        for size in (3600, 19200):
            part = case(table, "simple", size, spending, name)
            if part.empty:
                continue
            f = figures(part)
            rows.append((step, size, f["insured_years"][0], *f[f"T {rule}"], *f[f"T/e {rule}"], f["n"][0]))
    return pd.DataFrame(rows, columns=["step", "size", "insured_years", "T", "se", "true", "true_se", "n"])


def ladder_table(steps: pd.DataFrame) -> str:
    """Return the ladder as a table of the page."""
    sizes = [f"{size:,.0f}" for size in steps.groupby("size")["insured_years"].first()]
    heads = [f"T at {size} (SE) | of a saving on all lines (SE) | n" for size in sizes]
    rows = []
    for step, part in steps.groupby("step", sort=False):
        ends = zip(*(part[name] for name in ("T", "se", "true", "true_se", "n")), strict=True)
        cells = [(f"{T:.2f} ({se:.2f})", f"{true:.2f} ({true_se:.2f})", f"{n:.0f}") for T, se, true, true_se, n in ends]
        rows.append([str(step), *(cell for part in cells for cell in part)])
    return markdown("each step on top of the one above | " + " | ".join(heads), rows)


def draw_ladder(steps: pd.DataFrame, file: Path) -> None:
    """Draw the ladder: thresholds for a saving that is spread over all lines, with two standard errors."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "risk_adjusted"
    import matplotlib.pyplot as plt

    names = [step for step, *_ in STEPS if (steps["step"] == step).any()]  # those measured
    figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for (_, part), colour in zip(steps.groupby("size"), ("#1b6ca8", "#d1751c"), strict=True):
        place = len(names) - 1 - part["step"].map(names.index).to_numpy()
        axis.errorbar(part["true"], place, xerr=2 * part["true_se"], fmt="o-", color=colour, capsize=3, linewidth=1)
        axis.plot(part["T"], place, "o", markerfacecolor="none", color=colour, zorder=3)
        label = f"{part['insured_years'].iloc[0]:,.0f} insured-years"
        axis.annotate(
            label, (part["true"].iloc[0], place[0]), (0, 9), textcoords="offset points", color=colour, ha="center"
        )
        for x, y in zip(part["true"], place, strict=True):
            axis.annotate(
                f"{x:.1f}", (x, y), (0, -13), textcoords="offset points", ha="center", fontsize=8, color=colour
            )
    axis.set_yticks(np.arange(len(names))[::-1], names)
    axis.set(xlim=(0, None), ylim=(-0.7, len(names) - 0.4))
    axis.set_xlabel("one-sided 95% threshold, % of spending (open: of truncated spending)\nbars: two standard errors")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


KINDS = {
    "all": lambda d: d["meddol"],
    "truncated": lambda d: d["meddol"].clip(upper=d.groupby("year")["meddol"].transform("quantile", 0.99)),
    "without inpatient care": lambda d: d["meddol"] - d["inpdol"],
    "drugs": lambda d: d["drugdol"],
}
PRACTICES, SPLITS, RESPONSES = 40, 3, (0.95, None)
WINDOWS = {1: (2, 3), 2: (3,), 3: (4, 5), 4: (5,)}  # performance years by number of baseline years


def randhie(folder: str) -> None:
    """Measure random practices of the RAND Health Insurance Experiment, by kind of spending and history."""
    BUILD.mkdir(parents=True, exist_ok=True)
    data = pd.read_csv(Path(folder) / "person" / "randhie_full_sampleSelection.csv.gz").sort_values(["zper", "year"])
    first = data.drop_duplicates("zper").set_index("zper")
    age, sex = (first["xage"] - first["year"] + 1).clip(lower=0), first["female"].map({0: "M", 1: "V"})
    for response, (kind, spending) in product(RESPONSES, KINDS.items()):
        file = BUILD / f"randhie-{kind}-{response}.csv"
        if file.exists():
            continue
        table = data.assign(money=spending(data).clip(lower=0))
        grid = table.pivot_table(index="zper", columns="year", values=["money", "time"])
        traits = {"age": age.loc[grid.index].to_numpy(), "sex": sex.loc[grid.index].to_numpy()}
        rows = []
        for back, ends in WINDOWS.items():
            parts = [of_split(grid, traits, back, *which, response) for which in product(range(SPLITS), ends)]
            row = {"spending": kind, "response": str(response), "baseline_years": back}
            rows.append(row | of_splits(pd.concat(parts)))
        pd.DataFrame(rows).round(4).to_csv(file, index=False)
        print(file.name, flush=True)  # noqa: T201


def of_split(
    grid: pd.DataFrame, traits: dict[str, Any], back: int, split: int, end: int, response: Any
) -> pd.DataFrame:
    """Return the errors of random practices in the year `end`, after `back` years of history."""
    years = list(range(end - back, end + 1))
    use = grid["time"][end].fillna(0).to_numpy() > 0
    money, insured = (grid[name].loc[use, years].fillna(0).to_numpy() for name in ("money", "time"))
    order = np.random.default_rng([split, end]).permutation(use.sum()) % PRACTICES
    unit = np.array([f"practice {number:02d}" for number in order])
    periods, labels = tuple(2000 + year for year in years), {name: values[use] for name, values in traits.items()}
    cohort = Cohort(grid.index.to_numpy()[use], unit, periods, money, insured, covariates=labels)
    designs = [Design([u], periods[:-1], periods[-1:]) for u in cohort.units]
    part = errors(RiskAdjustedBenchmark(level_response=response), cohort, designs, split)
    part["rule"] = errors(AdministrativeBenchmark(history=0), cohort.to_panel(), designs, split)["error"]
    return part.assign(split=split, end=end)


def of_splits(table: pd.DataFrame) -> dict[str, float]:
    """Return SDs, their ratio and coverage; standard errors are those of one split, as splits share their persons."""
    rng, errors_ = np.random.default_rng(0), []
    for _, part in table.groupby("split"):
        pair = part[["error", "rule"]].to_numpy()
        draws = np.array([pair[rng.integers(0, len(pair), len(pair))].std(axis=0) for _ in range(REPLICATES)])
        errors_.append((draws[:, 0].std(), (draws[:, 0] / draws[:, 1]).std()))
    sd, rule = (np.sqrt(table.groupby(["split", "end"])[name].var(ddof=0).mean()) for name in ("error", "rule"))
    covered = {f"covered_{level}": 100 * ((table["rank"] - 0.5).abs() < level / 200).mean() for level in COVERAGE}
    sd_se, ratio_se = np.sqrt(np.mean(np.square(errors_), axis=0))
    size = {"insured_years": table["insured_years"].mean(), "n": len(table), "sd_rule": rule, "sd": sd, "sd_se": sd_se}
    return size | {"ratio": sd / rule, "ratio_se": ratio_se, "mean": table["error"].mean(), **covered}


def randhie_table(table: pd.DataFrame) -> str:
    """Return the table of real persons."""
    rows = [
        [
            r.spending,
            str(r.response),
            str(r.baseline_years),
            f"{r.insured_years:.0f}",
            f"{r.n}",
            f"{r.sd_rule:.1f}",
            f"{r.sd:.1f} ({r.sd_se:.1f})",
            f"{r.ratio:.2f} ({r.ratio_se:.2f})",
            f"{r.sd / 100 * np.sqrt(r.insured_years):.1f}",
            f"{r.covered_80:.0f} / {r.covered_90:.0f} / {r.covered_95:.0f}",
        ]
        for r in table.itertuples()
    ]
    head = (
        "spending | `level_response` | baseline years | insured-years | n | SD, rule | SD, persons (SE) | ratio (SE) | "
    )
    return markdown(head + "SD times root insured-years | coverage 80 / 90 / 95%", rows)


#: Cohorts of 26 practices: persons of each, SD of log spending, placebos per cohort, first seed, number of cohorts.
SIGNED = {"small practices": ((40, 60), 1.0, 3, 9001, 36), "growth dominates": ((200, 300), 0.4, 2, 9101, 60)}
SIGNED_YEARS, GROWTH_SD = tuple(range(2010, 2019)), 0.03  # of the growth that all persons of a year share
FORMS = {"settlement": {}, "signing": {"information": "signing"}}


def signing() -> None:
    """Measure errors of both forms where growth is a shock to everybody; stopped, it goes on at the next cohort."""
    BUILD.mkdir(parents=True, exist_ok=True)
    wanted = [(name, *given, k) for name, (*given, cohorts) in SIGNED.items() for k in range(cohorts)]
    for world_, persons, sigma, units, first, k in sorted(wanted, key=lambda one: one[-1]):
        file, seed = BUILD / f"signing-{world_.split()[0]}-{k}.csv", first + k
        if file.exists():
            continue
        cohort = simulate_cohort(26, persons=persons, periods=SIGNED_YEARS, sigma=sigma, seed=seed)
        shocks = np.random.default_rng([seed, k]).normal(0.0, GROWTH_SD, len(SIGNED_YEARS)).cumsum()
        cohort = replace(cohort, spending=cohort.spending * np.exp(shocks))
        designs = [Design([u], SIGNED_YEARS[:-1], SIGNED_YEARS[-1:]) for u in cohort.units[1 : 1 + units]]
        rows = []
        for form, options in FORMS.items():
            part = errors(RiskAdjustedBenchmark(confidence=None, **options), cohort, designs, seed)
            found = {"n": part["error"].notna().sum(), "error": part["error"].sum()}
            found |= {"squares": (part["error"] ** 2).sum(), "sd, squares": (part["sd"] ** 2).sum()}
            found |= {f"{level}%": ((part["rank"] - 0.5).abs() < level / 200).sum() for level in COVERAGE}
            known = {"world": world_, "form": form, "seed": seed}
            rows.append(known | found | {"insured_years": part["insured_years"].sum()})
        pd.DataFrame(rows).round(3).to_csv(file, index=False)
    every = pd.concat([pd.read_csv(file) for file in BUILD.glob("signing-*.csv")])
    every.sort_values(["world", "seed", "form"]).to_csv(EVIDENCE / "risk_adjusted_signing.csv", index=False)


def signing_table(table: pd.DataFrame) -> str:
    """Return the table of both forms; standard errors are a bootstrap over cohorts."""
    rows, names = [], ["n", "error", "squares", "sd, squares", "insured_years", *(f"{level}%" for level in COVERAGE)]
    for world_, part in table.groupby("world"):
        found = {}
        for form in FORMS:
            values = part[part["form"] == form].sort_values("seed")[names].to_numpy(float)
            counts = np.random.default_rng(0).multinomial(
                len(values), np.full(len(values), 1 / len(values)), REPLICATES
            )
            drawn = pd.DataFrame(np.vstack([np.ones(len(values)), counts]) @ values, columns=names)
            mean = drawn.div(drawn["n"], axis=0)
            sd = np.sqrt(mean["squares"] - mean["error"] ** 2)
            found[form] = drawn["n"], mean, sd, sd if form == "settlement" else sd / found["settlement"][2]
        for form, (n, mean, sd, ratio) in found.items():
            rows.append(
                [
                    f"{world_}, {mean['insured_years'][0]:.0f} insured-years",
                    form,
                    f"{n[0]:.0f} in {(part['form'] == form).sum()}",
                    f"{sd[0]:.2f} ({sd[1:].std():.2f})",
                    "" if form == "settlement" else f"{ratio[0]:.2f} ({ratio[1:].std():.2f})",
                    f"{np.sqrt(mean['sd, squares'][0]):.2f}",
                    " / ".join(f"{100 * mean[f'{c}%'][0]:.0f} ({100 * mean[f'{c}%'][1:].std():.0f})" for c in COVERAGE),
                    f"{mean['error'][0]:+.2f} ({mean['error'][1:].std():.2f})",
                ]
            )
    head = "cohorts | form | placebos in cohorts | SD of the errors (SE) | over settlement (SE) | SD in the draws | "
    return markdown(head + "coverage 80 / 90 / 95% (SE) | mean error (SE)", rows)


def write_page() -> None:
    """Write the tables between their marks in the page, and the figure."""
    table, page = gather(), PAGE.read_text(encoding="utf-8")
    steps = ladder(table)
    draw_ladder(steps, EVIDENCE / "risk_adjusted_ladder.svg")
    for name, text in tables(table, steps).items():
        head, rest = page.split(f"<!-- table: {name} -->\n", 1)
        page = f"{head}<!-- table: {name} -->\n{text}\n" + rest[rest.index("<!-- end -->") :]
    PAGE.write_text(page, encoding="utf-8")


def tables(table: pd.DataFrame, steps: pd.DataFrame) -> dict[str, str]:
    """Return the tables of the page by name."""
    real = pd.read_csv(EVIDENCE / "risk_adjusted_randhie.csv", keep_default_na=False, dtype={"response": str})
    found = {"scores": scores(table, "simple"), "levels": level_table(table), "ladder": ladder_table(steps)}
    found |= {"realistic": scores(table, "realistic"), "randhie": randhie_table(real)}
    return found | {"signing": signing_table(pd.read_csv(EVIDENCE / "risk_adjusted_signing.csv"))}


def speed(n_persons: int = 1_000_000, n_placebos: int = 100) -> None:
    """Print seconds and memory of a fit, and of placebo groups in three windows, on persons over 12 quarters."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"practice_size": 1_200, "first": "2021Q3", "last": "2024Q2", "start": "2023Q3"}
        n = round(n_persons / 0.95)  # of whom about this share is with insurer A at some time
        claims = simulate_claims(Path(folder) / "claims", n, insured_under_contract=n // 14, seed=1, **options)
        tables_, periods = ClaimsTables.open(claims.folder), claims.setting.periods
        cohort = extract(tables_, Population(insurers=["A"]), Spending(duplicates="keep"), periods=periods).cohort()
    cohort = pseudo_practices(cohort, "regional bundles", size=max(500, n_persons // 110), seed=1)
    print(f"{cohort}, {peak():.1f} GB before the first fit", flush=True)  # noqa: T201
    method, clock = RiskAdjustedBenchmark(n_draws=2_000), Clock()
    method.fit(cohort, Design([cohort.units[0]], periods[4:8], periods[8:]), seed=1)
    print(f"one fit: {clock}", flush=True)  # noqa: T201
    for start in (6, 7, 8):
        errors(method, cohort, designs_of(cohort.units[:n_placebos], periods, start, 1, 1), 1)
        print(f"{n_placebos} placebos from {periods[start]}: {clock}", flush=True)  # noqa: T201


class Clock:
    """Prints the time since it was printed last, and the most memory so far."""

    def __init__(self) -> None:
        self.last = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        before, self.last = self.last, (time.perf_counter(), time.process_time())
        wall, processor = (now - then for now, then in zip(self.last, before, strict=True))
        return f"{wall:.0f} s ({processor:.0f} s of a processor), peak {peak():.1f} GB"


def peak() -> float:
    """Return the most memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    command, *arguments = [*sys.argv[1:], ""]
    if command == "measure":
        for number in arguments[1:-1]:
            measure(arguments[0], int(number))
    elif command in {"randhie", "signing", "speed"}:
        {"randhie": randhie, "signing": signing, "speed": lambda *n: speed(*map(int, n))}[command](*arguments[:-1])
    else:
        write_page()

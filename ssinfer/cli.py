"""The command line: thin, every command imports what it needs when it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Self

import typer

from ssinfer._version import __version__
from ssinfer.errors import DatasetError, SsinferError

app = typer.Typer(
    name="ssinfer",
    help="Causal inference on shared-savings contracts: benchmarks, thresholds, backtests, settlement.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Published data sets: what is at hand, and fetching it.", no_args_is_help=True)
app.add_typer(data_app, name="data")

Study = Annotated[Path, typer.Argument(help="Study file (TOML).")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; complete or absent.")]
Jobs = Annotated[int, typer.Option("--jobs", help="Processes; results do not depend on it.")]


@app.command()
def run(study: Study, out: Out, jobs: Jobs = 2) -> None:
    """Backtest every design x method of the study, then evaluate and settle the case; writes a report."""
    _study(study, out, jobs, ("backtest", "evaluate"))


@app.command()
def backtest(study: Study, out: Out, jobs: Jobs = 2) -> None:
    """Backtest every design x method of the study, and nothing else."""
    _study(study, out, jobs, ("backtest",))


@app.command()
def evaluate(study: Study, out: Out, jobs: Jobs = 2) -> None:
    """Evaluate and settle the case, without a backtest."""
    _study(study, out, jobs, ("evaluate",))


@app.command()
def benchmark(
    panel: Annotated[Path, typer.Option(help="Panel: long table, CSV or Parquet, a row per unit and period.")],
    design: Annotated[Path, typer.Option(help="Design: JSON, see docs/providers.md.")],
    method: Annotated[str, typer.Option(help="Name of a method, see `ssinfer methods`.")],
    out: Annotated[Path, typer.Option(help="Result: .json, .csv or .parquet; complete or absent.")],
    seed: Annotated[int, typer.Option(help="Seed of every random number.")] = 1,
    parameters: Annotated[str | None, typer.Option(help="JSON object of the method's parameters, or @FILE.")] = None,
) -> None:
    """Fit a method for a tool in any language: panel and design in, draws, summary and thresholds out."""
    from ssinfer.plugins.exchange import benchmark_files  # noqa: PLC0415

    for path in benchmark_files(panel, design, method, out, seed=seed, parameters=parameters):
        typer.echo(str(path))


@app.command()
def precompile(jobs: Jobs = 2) -> None:
    """Compile the kernels of every method once, so that no first study waits for it; before an image is stored, say."""
    from ssinfer.precompile import precompile as compile_all  # noqa: PLC0415

    for compiled in compile_all(n_jobs=jobs):
        typer.echo(f"{compiled.method:<28}{compiled.seconds:6.1f} s")
        for kind, reason in compiled.failed.items():
            typer.echo(f"  not {kind or 'by default'}: {reason}")


@app.command()
def methods() -> None:
    """List benchmark methods: what they need and support, and which plug-ins cannot be used."""
    from ssinfer.plugins.discovery import CAPABILITIES, providers  # noqa: PLC0415

    marks = {True: "yes", False: "no", None: "?"}
    heads = ["method", "needs", "package", "version", *[name.replace("_", " ") for name in CAPABILITIES]]
    rows, broken = [], []
    for provider in providers():
        if provider.reason:
            broken.append(f"{provider.name} ({provider.package} {provider.version}): {provider.reason}")
            continue
        can = [marks[provider.capabilities[name]] for name in CAPABILITIES]
        rows.append([provider.name, provider.needs, provider.package, provider.version, *can])
    typer.echo(_table(heads, rows))
    for line in broken:
        typer.echo(f"not usable: {line}")


@app.command()
def contracts(json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False) -> None:
    """List the contracts shipped with the package."""
    from ssinfer.contracts.text import contracts_text  # noqa: PLC0415

    typer.echo(contracts_text(as_json=json))


@app.command()
def settle(
    contract: Annotated[str, typer.Option(help="Name of a shipped contract, or a TOML file.")],
    benchmark: Annotated[float, typer.Option(help="Benchmark per insured-year.")],
    spending: Annotated[float, typer.Option(help="Spending per insured-year.")],
    insured_years: Annotated[float, typer.Option(help="Insured-years.")],
    year: Annotated[int | None, typer.Option(help="Rule year; default: the latest.")] = None,
    assigned: Annotated[float | None, typer.Option(help="Head count for schedules.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Elected or computed gate, a fraction.")] = None,
    quality: Annotated[float | None, typer.Option(help="Quality score on the contract's scale.")] = None,
    standard_met: Annotated[
        bool, typer.Option("--standard-met/--standard-not-met", help="Whether the quality standard is met.")
    ] = True,
    revenue: Annotated[float | None, typer.Option(help="Revenue of the providers, where a cap depends on it.")] = None,
    low_revenue: Annotated[bool, typer.Option("--low-revenue", help="The lower rate below the gate is open.")] = False,
    currency: Annotated[str | None, typer.Option(help="Currency of the amounts; the contract's by default.")] = None,
    true_saving: Annotated[float | None, typer.Option(help="True saving per insured-year, if known.")] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Settle a contract on numbers: who pays whom, how much, and why."""
    from ssinfer.contracts.text import settle_text  # noqa: PLC0415

    text = settle_text(
        contract,
        benchmark=benchmark,
        spending=spending,
        insured_years=insured_years,
        year=year,
        assigned=assigned,
        threshold=threshold,
        quality=quality,
        standard_met=standard_met,
        revenue=revenue,
        low_revenue=low_revenue,
        currency=currency,
        true_saving=true_saving,
        as_json=json,
    )
    typer.echo(text)


@app.command()
def power(
    insured: Annotated[list[float] | None, typer.Option(help="Persons; repeat for several sizes.")] = None,
    years: Annotated[list[int] | None, typer.Option(help="Performance years; repeat for several.")] = None,
    k: Annotated[float, typer.Option(help="Person-level constant: SE = k / sqrt(n).")] = 2.135,
    shock_sd: Annotated[float, typer.Option(help="SD of a group's shock, a fraction.")] = 0.0,
    persistence: Annotated[float, typer.Option(help="Autocorrelation of the shock over a year.")] = 0.8,
    gate: Annotated[str, typer.Option(help="confidence, credible, schedule or fixed.")] = "confidence",
    level: Annotated[float, typer.Option(help="Level of a confidence or credible gate, a fraction.")] = 0.95,
    side: Annotated[str, typer.Option(help="one-sided or two-sided.")] = "one-sided",
    rate: Annotated[float, typer.Option(help="A fixed gate, a fraction.")] = 0.0,
    prior: Annotated[str, typer.Option(help="Of a credible gate: flat, sceptical or literature.")] = "flat",
    bias: Annotated[float, typer.Option(help="Bias of the benchmark, a fraction; positive if too high.")] = 0.0,
    share: Annotated[float, typer.Option(help="Sharing rate, a fraction.")] = 0.5,
    excess: Annotated[bool, typer.Option("--excess", help="Share only what exceeds the gate.")] = False,
    sampling_only: Annotated[bool, typer.Option("--sampling-only", help="The gate knows no group shock.")] = False,
    looks: Annotated[int, typer.Option(help="Looks a year, paid at the first that passes; 0 for one at the end.")] = 0,
    simulated: Annotated[int, typer.Option(help="Contracts simulated per cell; 0 for the formulas.")] = 0,
    seed: Annotated[int, typer.Option(help="Of simulations and looks.")] = 1,
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")] = False,
) -> None:
    """Print what a gate would pay, before any data: by size, performance years and group shock.

    With --looks 4 a quarterly look is taken during the contract, and the overall share of contracts that is paid
    although nothing was saved stands in a column of its own.
    """
    from ssinfer.thresholds.planning.power import overall_false_payments, power_table  # noqa: PLC0415
    from ssinfer.thresholds.planning.scenario import Scenario  # noqa: PLC0415

    scenario = Scenario(
        insured=1,
        k=k,
        shock_sd=shock_sd,
        persistence=persistence,
        gate=gate,
        level=level,
        side=side,
        rate=rate,
        prior=prior,
        bias=bias,
        share=share,
        sharing="excess" if excess else "first_dollar",
        believed_shock=not sampling_only,
    )
    sizes = {} if not insured else {"insured": insured}
    table = power_table(scenario, **sizes, years=years or (1, 3, 5), simulated=simulated, seed=seed)
    if looks:
        table = overall_false_payments(scenario, table, looks, seed=seed)
    if csv:
        typer.echo(table.to_csv(index=False))
        return
    heads = ["insured", "years", *(name.replace("_rate", "").replace("_", " ") + " %" for name in table.columns[2:])]
    rows = [[f"{row[0]:,.0f}", f"{row[1]:.0f}", *(f"{100 * cell:.2f}" for cell in row[2:])] for row in table.to_numpy()]
    typer.echo(_table(heads, rows))


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder for the Parquet files; complete or absent.")],
    insured: Annotated[int, typer.Option("--insured", help="Persons ever insured from 2018Q2 to 2024Q2.")] = 200_000,
    under_contract: Annotated[int, typer.Option("--under-contract", help="Insured under contract.")] = 20_000,
    saving: Annotated[float, typer.Option("--saving", help="True saving as a share of spending (0.03).")] = 0.0,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    jobs: Jobs = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier simulation.")] = False,
) -> None:
    """Simulate claims with a known saving: insured, enrolment, deaths, claims and the truth, as Parquet."""
    from ssinfer.simulation.claims import simulate_claims  # noqa: PLC0415

    simulated = simulate_claims(
        out, insured, insured_under_contract=under_contract, saving=saving, seed=seed, n_jobs=jobs, overwrite=overwrite
    )
    typer.echo(f"{simulated!r}, in {simulated.folder}")


@data_app.command("list")
def data_list() -> None:
    """List published data sets, their source, and where they were found."""
    from ssinfer.datasets.io.catalogue import entries  # noqa: PLC0415

    rows = [
        [entry.name, entry.years, f"{len(entry.found)} of {len(entry.files)} files", entry.description]
        for entry in entries()
    ]
    typer.echo(_table(["data set", "years", "found", "description"], rows))


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="Name of a data set, see `ssinfer data list`.")],
    first: Annotated[int | None, typer.Option(help="First year.")] = None,
    last: Annotated[int | None, typer.Option(help="Last year.")] = None,
) -> None:
    """Download a data set from its publisher into the cache, checking its SHA-256."""
    from ssinfer.datasets import fetch  # noqa: PLC0415

    if (first is None) != (last is None):
        raise DatasetError("Give both --first and --last, or neither for every year.")
    years = None if first is None or last is None else range(first, last + 1)
    for path in fetch(name, years):
        typer.echo(str(path))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line; an error of ours, or a file that cannot be read or written, is one line and exit code 2."""
    try:
        app()
    except (SsinferError, OSError) as error:
        typer.echo(f"ssinfer: {' '.join(str(error).split())}", err=True)
        sys.exit(2)


def _study(path: Path, out: Path, jobs: int, parts: tuple[str, ...]) -> None:
    from ssinfer.report import write_report  # noqa: PLC0415
    from ssinfer.report.console import design_table  # noqa: PLC0415
    from ssinfer.study import plan_study, refuse_foreign_folder, run_study, write_study  # noqa: PLC0415

    plan = plan_study(path, n_jobs=jobs)
    refuse_foreign_folder(out, plan.study_hash, parts)
    typer.echo(f"{plan.config.title}: {plan.data.note}")
    typer.echo(f"{plan.data.label}; study hash {plan.study_hash[:12]}, fixed before any result")
    with _Progress() as progress:
        result = run_study(plan, parts=parts, n_jobs=jobs, progress=progress.update)
    folder = write_study(result, out, report=write_report)
    typer.echo(design_table(result))
    typer.echo(f"Report: {folder / 'report.html'}")


class _Progress:
    """A bar with the remaining time on a terminal, silence elsewhere."""

    def __enter__(self) -> Self:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress  # noqa: PLC0415

        self._bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("Backtest", total=None)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)


def _table(heads: list[str], rows: list[list[Any]]) -> str:
    text = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[place]) for row in text) for place in range(len(heads))]

    def pad(row: list[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

    return "\n".join([pad(text[0]), "  ".join("-" * width for width in widths), *(pad(row) for row in text[1:])])

"""The command line. Every command imports its part of the package when it is called."""

import atexit
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from threading import Timer
from typing import Annotated, Any, NoReturn

from typer import Argument, BadParameter, Exit, Option, Typer, echo

from ssinfer._version import __version__
from ssinfer.errors import EXPECTED, DatasetError, ParameterError, error_id, shorten
from ssinfer.numerals import read_number

app = Typer(
    name="ssinfer",
    help="Causal inference on shared-savings contracts: benchmarks, thresholds, backtests, settlement.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
data_app = Typer(help="Published data sets: list and download them.", no_args_is_help=True)
app.add_typer(data_app, name="data")

Study = Annotated[Path, Argument(help="Study file (TOML).")]
Out = Annotated[Path, Option("--out", help="Folder for the results: complete or absent.")]


def _processes(jobs: int) -> int:
    if jobs == 0:
        raise BadParameter("0 processes compute nothing. Give 1 or more, or -1 for one per core.")
    return jobs


Jobs = Annotated[int, Option("--jobs", callback=_processes, help="Number of processes; results do not depend on it.")]
Confidential = Annotated[bool, Option("--confidential", help="Write small groups too, and mark the folder.")]
Language = Annotated[str | None, Option("--language", help="Language of all that is printed: en or nl.")]
Json = Annotated[bool, Option("--json", help="Print JSON in place of text.")]
Amount = partial(Option, parser=read_number)  # money or persons: 20.000 is refused
Seed = Annotated[int, Option("--seed", min=0, help="Random seed.")]
RESOURCES = {  # other errors that are no fault of the package, by the name of their class
    "MemoryError": "There is not enough memory. Use fewer --jobs, or a smaller study.",
    "TerminatedWorkerError": "A worker process was ended from outside, often for want of memory. Use fewer --jobs.",
}


@app.command()
def new(
    folder: Annotated[Path, Argument(help="New folder of the study.")],
    data: Annotated[str | None, Argument(help="As --panel, --claims or --database, by what it is.")] = None,
    panel: Annotated[Path | None, Option(help="CSV, Excel or Parquet file: spending by unit and period.")] = None,
    sample: Annotated[bool, Option("--sample", help="Try it on a file of the package (simulated practices).")] = False,
    claims: Annotated[Path | None, Option(help="Claims of persons: a folder of files, or a DuckDB file.")] = None,
    database: Annotated[str | None, Option(help="Claims of persons: postgres://USER@HOST/DATABASE, or spark.")] = None,
    treated: Annotated[list[str] | None, Option(help="Unit under the contract; repeat for several.")] = None,
    start: Annotated[str | None, Option(help="First period under the contract.")] = None,
    unit: Annotated[str | None, Option(help="Column of the units.")] = None,
    period: Annotated[str | None, Option(help="Column of the periods.")] = None,
    spending: Annotated[str | None, Option(help="Column of spending.")] = None,
    spending_is: Annotated[str | None, Option(help="per insured-year, per insured-period or total.")] = None,
    insured_years: Annotated[str | None, Option(help="Column of insured-years.")] = None,
    decimal: Annotated[str | None, Option(help="Decimal mark of the file, if its numbers do not tell.")] = None,
    yes: Annotated[bool, Option("--yes", help="Ask nothing: what is not given is assumed, and said.")] = False,
    language: Language = None,
) -> None:
    """Look at your data, ask what they cannot tell, and write a commented study file that runs as it is."""
    options = dict(locals())
    from ssinfer.console.new import new_study  # noqa: PLC0415

    new_study(**options)


def _version(wanted: bool) -> None:
    if wanted:
        echo(__version__)
        raise Exit


@app.callback()
def options(
    version: Annotated[bool, Option("--version", is_eager=True, callback=_version, help="Print the version.")] = False,
) -> None:
    """Options of the program itself; its help is that of `app`."""
    del version


@app.command()
def run(
    out: Out,
    study: Annotated[Path | None, Argument(help="Study file (TOML); with --agreement it may be left out.")] = None,
    jobs: Jobs = 2,
    confidential: Confidential = False,
    language: Language = None,
    agreement: Annotated[Path | None, Option(help="Folder of `ssinfer sign`: settle on exactly these terms.")] = None,
    data: Annotated[list[str] | None, Option(help="The delivery: PATH, KEY=PATH of [data], extracted=DATE.")] = None,
    amend: Annotated[str | None, Option(help="Reason of a second agreement, which allows differences.")] = None,
    previous: Annotated[
        Path | None, Option(help="Result of the previous delivery: what changed since, and why.")
    ] = None,
) -> None:
    """Backtest every design and method of the study, evaluate and settle the case, and write a report."""
    from ssinfer.console.agreement import settling  # noqa: PLC0415

    options = {"out": out, "jobs": jobs, "confidential": confidential, "language": language, "previous": previous}
    _study({"study": settling(agreement, data or [], study, amend), **options}, "backtest", "evaluate")


@app.command()
def sign(
    study: Study,
    out: Annotated[Path, Option("--out", help="New folder for the agreement: complete or absent.")],
    jobs: Jobs = 2,
    language: Language = None,
) -> None:
    """Write the terms of a study before its contract starts, from earlier data only: a TOML file and pages to sign."""
    from ssinfer.console.agreement import sign_text  # noqa: PLC0415

    echo(sign_text(study, out, jobs, language, tell=echo))


@app.command()
def backtest(
    study: Study, out: Out, jobs: Jobs = 2, confidential: Confidential = False, language: Language = None
) -> None:
    """Backtest every design and method of the study, and nothing else."""
    _study(locals(), "backtest")


@app.command()
def evaluate(
    study: Study, out: Out, jobs: Jobs = 2, confidential: Confidential = False, language: Language = None
) -> None:
    """Evaluate and settle the case, without a backtest."""
    _study(locals(), "evaluate")


@app.command()
def check(study: Study, jobs: Jobs = 2, language: Language = None) -> None:
    """Look at the data of a study and validate every step, without a fit."""
    _study(locals())


@app.command()
def plan(study: Study, jobs: Jobs = 2, language: Language = None) -> None:
    """List the designs of a study, their fits, and the expected time of the backtest, before anything is run."""
    from ssinfer.console.plan import plan_text  # noqa: PLC0415
    from ssinfer.study import plan_study  # noqa: PLC0415

    echo(plan_text(plan_study(study, n_jobs=jobs, language=language), n_jobs=jobs))


@app.command()
def report(
    folder: Annotated[Path, Argument(help="Folder that `ssinfer run` wrote.")],
    language: Language = None,
    form: Annotated[str, Option("--format", help="html, docx, xlsx, pdf or tex.")] = "html",
    out: Annotated[
        Path | None,
        Option("--out", help="File; by default HTML replaces the folder's report, and others stand beside the folder."),
    ] = None,
) -> None:
    """Write the report of a finished folder again, without a fit: in another language, or for Word, Excel or LaTeX."""
    gc.disable()  # the search for unused objects takes a seventh of the time, and finds little
    try:
        from ssinfer.report.formats import writer_of  # noqa: PLC0415
        from ssinfer.study.rewrite import rewrite_report  # noqa: PLC0415

        echo(str(rewrite_report(folder, writer_of(form), language=language, out=out, form=form)))
    finally:
        gc.enable()


@app.command()
def verify(
    folder: Annotated[Path, Argument(help="Folder that `ssinfer run` wrote.")],
    data: Annotated[Path | None, Option("--data", help="Folder of the study file, from which its paths start.")] = None,
    out: Annotated[Path | None, Option("--out", help="File that keeps the record.")] = None,
    tolerance: Annotated[float, Option(help="Allowed difference, a fraction of a column's largest number.")] = 0.0,
    any_version: Annotated[bool, Option("--any-version", help="Compare a folder of another version, too.")] = False,
    jobs: Jobs = 2,
    as_json: Json = False,
    language: Language = None,
) -> None:
    """Run the study of a finished folder again on the same data, and compare every number; exit code 1: one differs."""
    from ssinfer.console.verify import verify_study  # noqa: PLC0415

    options = {"data": data, "n_jobs": jobs, "tolerance": tolerance, "any_version": any_version, "as_json": as_json}
    record, verified = verify_study(folder, out, language, lambda line: echo(line, err=True), **options)  # type: ignore[arg-type]
    echo(record)
    raise Exit(0 if verified else 1)


@app.command()
def cite(
    result: Annotated[Path, Argument(help="Folder of `ssinfer run`, or JSON file of `ssinfer benchmark`.")],
    form: Annotated[str, Option("--format", help="text or bibtex.")] = "text",
) -> None:
    """Print references of the methods, thresholds, contract, data and software that a result used."""
    from ssinfer.console.cite import cite_text  # noqa: PLC0415

    echo(cite_text(result, form))


@app.command()
def migrate(
    study: Study,
    out: Annotated[Path | None, Option("--out", help="New file; by default the old one is kept beside it.")] = None,
) -> None:
    """Write a study file of the first edition in the second, with the same settings."""
    from ssinfer.study.migrate import migrate_study  # noqa: PLC0415

    for path in migrate_study(study, out):
        echo(str(path))


@app.command()
def benchmark(
    panel: Annotated[Path, Option(help="Panel file: CSV or Parquet with one row per unit and period.")],
    design: Annotated[Path, Option(help="Design file (JSON), see docs/providers.md.")],
    method: Annotated[str, Option(help="Name of a method; `ssinfer methods` lists all.")],
    out: Annotated[Path, Option(help="Result file: .json, .csv or .parquet; complete or absent.")],
    seed: Seed = 1,
    parameters: Annotated[str | None, Option(help="Parameters of the method: a JSON object, or @FILE.")] = None,
    time_limit: Annotated[float | None, Option(help="Seconds for a method of another package; default: 600.")] = None,
) -> None:
    """Fit a method on a panel and a design, and write draws, summary and thresholds for any other tool."""
    options = dict(locals())
    from ssinfer.plugins.exchange import benchmark_files  # noqa: PLC0415

    for path in benchmark_files(**options):
        echo(str(path))


@app.command()
def precompile(jobs: Jobs = 2) -> None:
    """Compile the kernels of every method once, for example while building a container image."""
    from ssinfer.precompile import precompile as compile_all  # noqa: PLC0415

    for compiled in compile_all(n_jobs=jobs):
        echo(f"{compiled.method:<28}{compiled.seconds:6.1f} s")
        for kind, reason in compiled.failed.items():
            echo(f"  not {kind or 'by default'}: {reason}")


@app.command()
def methods(language: Language = None) -> None:
    """List benchmark methods: the data that they need, what they support, and plug-ins that cannot be used."""
    from ssinfer.console.lists import print_methods  # noqa: PLC0415

    print_methods(language)


@app.command()
def thresholds(language: Language = None) -> None:
    """List kinds of threshold: what each learns from, whether it has levels, and whether a study may settle by it."""
    from ssinfer.console.lists import print_thresholds  # noqa: PLC0415

    print_thresholds(language)


@app.command()
def contracts(json: Json = False, language: Language = None) -> None:
    """List the contracts of the package."""
    from ssinfer.contracts.text import contracts_text  # noqa: PLC0415

    echo(contracts_text(as_json=json, language=language))


@app.command()
def settle(
    contract: Annotated[str, Option(help="Name of a contract of the package, or a TOML file.")],
    benchmark: Annotated[float, Amount(help="Benchmark, money per insured-year.")],
    spending: Annotated[float, Amount(help="Spending, money per insured-year.")],
    insured_years: Annotated[float, Amount(help="Insured-years.")],
    year: Annotated[int | None, Option(help="Rule year; by default the latest.")] = None,
    assigned: Annotated[float | None, Amount(help="Number of assigned persons, for schedules.")] = None,
    threshold: Annotated[float | None, Option(help="Minimum savings rate, as a fraction.")] = None,
    quality: Annotated[float | None, Option(help="Quality score, on the scale of the contract.")] = None,
    standard_met: Annotated[bool, Option("--standard-met/--standard-not-met", help="Quality standard is met.")] = True,
    revenue: Annotated[float | None, Amount(help="Revenue of the providers, if a cap depends on it.")] = None,
    low_revenue: Annotated[bool, Option("--low-revenue", help="Low-revenue ACO: lower rate below threshold.")] = False,
    currency: Annotated[str | None, Option(help="Currency; by default that of the contract.")] = None,
    true_saving: Annotated[float | None, Amount(help="True saving, money per insured-year, if known.")] = None,
    as_json: Json = False,
    language: Language = None,
) -> None:
    """Settle a contract on numbers: the amount of each party, and the reason."""
    inputs = dict(locals())  # every option is an argument
    from ssinfer.contracts.text import settle_text  # noqa: PLC0415

    echo(settle_text(**inputs))


@app.command()
def power(
    insured: Annotated[list[float] | None, Amount(help="Insured persons; repeat for several sizes.")] = None,
    years: Annotated[list[int] | None, Option(help="Performance years; repeat for several numbers.")] = None,
    saving: Annotated[list[float] | None, Option(help="True savings rate, a fraction; repeat for several.")] = None,
    k: Annotated[float, Option(help="Coefficient of variation of a person: SE = k / sqrt(n).")] = 2.135,
    shock_sd: Annotated[float, Option(help="SD of the group shock, a fraction; default: of municipalities.")] = 0.0125,
    persistence: Annotated[float, Option(help="Autocorrelation of the group shock over one year.")] = 0.8,
    baseline_years: Annotated[int, Option(min=1, help="Baseline years, of equal weight.")] = 3,
    kind: Annotated[str, Option("--kind", "--gate", help="Confidence, credible, schedule or fixed.")] = "confidence",
    level: Annotated[float, Option(help="Level of a confidence or credible threshold, as a fraction.")] = 0.95,
    side: Annotated[str, Option(help="Side of the threshold: one-sided or two-sided.")] = "one-sided",
    rate: Annotated[float, Option(help="Fixed threshold, as a fraction.")] = 0.0,
    prior: Annotated[str, Option(help="Prior for credible thresholds: flat, sceptical or literature.")] = "flat",
    bias: Annotated[float, Option(help="Bias of the benchmark, a fraction; positive if too high.")] = 0.0,
    share: Annotated[float, Option(help="Sharing rate, as a fraction.")] = 0.5,
    excess: Annotated[bool, Option("--excess", help="Share only savings above the threshold.")] = False,
    sampling_only: Annotated[bool, Option("--sampling-only", help="Set the threshold without group shocks.")] = False,
    looks: Annotated[int, Option(help="Interim analyses per year, paid at first crossing (0: final one only).")] = 0,
    simulated: Annotated[int, Option(help="Simulated contracts per row; 0 uses the formulas.")] = 0,
    seed: Seed = 1,
    csv: Annotated[bool, Option("--csv", help="Print CSV in place of a table.")] = False,
    as_json: Json = False,
    language: Language = None,
) -> None:
    """Print how often a threshold would pay, before any data: by size, performance years and group shock.

    With --looks 4 there is an interim analysis each quarter. A further column then gives the probability that a
    contract without savings is paid at any of them.
    """
    options = dict(locals())
    if csv and as_json:
        raise ParameterError("--csv and --json were both given. Give one of them.")
    from ssinfer.console.lists import print_power  # noqa: PLC0415
    from ssinfer.documents import to_json  # noqa: PLC0415
    from ssinfer.thresholds.planning.power import overall_false_payments, power_table  # noqa: PLC0415
    from ssinfer.thresholds.planning.scenario import Scenario  # noqa: PLC0415

    assumed = {name: options[name] for name in Scenario.__dataclass_fields__ if name in options}
    assumed |= {"insured": 1, "years": 1, "baseline_weights": (1.0,) * baseline_years}
    assumed |= {"sharing": "excess" if excess else "first_dollar"}
    scenario = Scenario(**assumed, believed_shock=not sampling_only)
    given: dict[str, Any] = {"insured": insured, "savings": saving}
    given = {name: values for name, values in given.items() if values}
    table = power_table(scenario, **given, years=years or (1, 3, 5), simulated=simulated, seed=seed)
    if looks:
        table = overall_false_payments(scenario, table, looks, seed=seed)
    if csv:  # no line but the table
        echo(table.to_csv(index=False))
    elif as_json:
        fixed = {name: value for name, value in vars(scenario).items() if name not in ("insured", "years")}
        echo(to_json({"scenario": fixed, "rows": table.to_dict("records")}))
    else:
        print_power(table, scenario, language)


@app.command()
def simulate(
    out: Annotated[Path, Option("--out", help="Folder for the Parquet files: complete or absent.")],
    insured: Annotated[int, Option("--insured", help="Persons ever insured from 2018Q2 to 2024Q2.")] = 200_000,
    under_contract: Annotated[int, Option("--under-contract", help="Insured under contract.")] = 20_000,
    saving: Annotated[float, Option("--saving", help="True savings rate, as a fraction, such as 0.03.")] = 0.0,
    persons: Annotated[str, Option("--persons", help="simple or realistic.")] = "simple",
    seed: Seed = 1,
    jobs: Jobs = 1,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace an earlier simulation.")] = False,
) -> None:
    """Simulate claims with a known saving, as Parquet: insured, enrolment, deaths, claims and the truth."""
    from ssinfer.simulation.claims import simulate_claims  # noqa: PLC0415

    options = {"insured_under_contract": under_contract, "saving": saving, "persons": persons, "overwrite": overwrite}
    simulated = simulate_claims(out, insured, seed=seed, n_jobs=jobs, **options)  # type: ignore[arg-type]
    echo(f"{simulated!r}, in {simulated.folder}")


@data_app.command("list")
def data_list(language: Language = None) -> None:
    """List published data sets, their years, the files found on this machine, and a description."""
    from ssinfer.console.lists import print_data_sets  # noqa: PLC0415

    print_data_sets(language)


@data_app.command("baskets")
def data_baskets(language: Language = None) -> None:
    """List the baskets of Vektis: which years can be compared, and the care types with their years."""
    from ssinfer.console.lists import print_baskets  # noqa: PLC0415

    print_baskets(language)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, Argument(help="Name of a data set; `ssinfer data list` lists all.")],
    first: Annotated[int | None, Option(help="First year.")] = None,
    last: Annotated[int | None, Option(help="Last year.")] = None,
) -> None:
    """Download a data set from its publisher into the cache, and check its SHA-256."""
    from ssinfer.datasets import fetch  # noqa: PLC0415

    if (first is None) != (last is None):
        raise DatasetError("Give both --first and --last, or neither for all years.")
    for path in fetch(name, None if first is None or last is None else range(first, last + 1)):
        echo(str(path))


@app.command()
def version() -> None:
    """Print the version."""
    echo(__version__)


def main() -> None:
    """Run the command line: an expected error is one line and exit code 2, any other one line and exit code 70."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    atexit.register(gc.freeze)  # no search for unused objects at the end, which takes half a second
    sys.unraisablehook = partial(_interrupt_again, sys.unraisablehook)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # signs that a console of another encoding cannot print
    try:
        with warnings.catch_warnings():
            show = warnings.showwarning
            warnings.showwarning = lambda message, category, *where: (
                echo(f"ssinfer: {_one_line(message)}", err=True)
                if issubclass(category, FutureWarning)
                else show(message, category, *where)
            )
            app()
    except Exception as error:  # noqa: BLE001
        _leave(error)


def _interrupt_again(otherwise: Callable[[Any], object], lost: "sys.UnraisableHookArgs") -> None:
    """Repeat an interrupt that Python loses, because it arrived while an object was deleted."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    else:
        otherwise(lost)


def _leave(error: Exception, what_now: str = "") -> NoReturn:
    """Print one line on an error and leave: with its message if it is expected, otherwise with its id."""
    if os.environ.get("SSINFER_TRACEBACK"):
        raise error
    name = type(error).__name__
    expected = isinstance(error, EXPECTED) or name in RESOURCES
    words = _one_line(RESOURCES.get(name, error)) if expected else f"unexpected {name}, error id {error_id(error)}."
    what_now = what_now or ("" if expected else " Report this id; SSINFER_TRACEBACK=1 shows where it happened.")
    echo(f"ssinfer: {words}{what_now}", err=True)
    sys.exit(2 if expected else 70)


def _study(options: dict[str, Any], *parts: str) -> None:
    """Run parts of a study with the options of a command."""
    from ssinfer.console.study_run import study_run  # noqa: PLC0415

    study_run(**options, parts=parts, leave=_leave)


def _one_line(message: object) -> str:
    return " ".join(shorten(message).split())

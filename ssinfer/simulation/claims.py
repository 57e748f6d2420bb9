"""Simulates claims of persons with a known true saving, as Parquet tables that `ssinfer.claims` reads."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ssinfer.arguments import checked
from ssinfer.atomic import atomic_folder
from ssinfer.documents import parse_json, read_text
from ssinfer.errors import DatasetError
from ssinfer.periods import parse_period
from ssinfer.simulation.claim_lines import simulate_persons
from ssinfer.simulation.claim_setting import ClaimSetting, Landscape
from ssinfer.typing import Integers
from ssinfer.workers import parallel

TABLES = ("insured", "enrolment", "deaths", "truth_persons", "truth", "programmes")  # beside the folder of claims
CHUNK = 20_000  # persons; fixed, so that the files do not depend on the number of jobs


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedClaims:
    """A folder of simulated claims and the true saving.

    Attributes
    ----------
    folder : Path, with the tables insured, enrolment, deaths, programmes, claims (``part-*``), truth and truth_persons
    setting, practices, lines : arguments; frame with practice, region and treated; number of claim lines
    truth : frame. One row per practice, insurer and period: insured_days, cents_without (the contract), cents.
    """

    folder: Path
    setting: ClaimSetting
    practices: pd.DataFrame
    truth: pd.DataFrame
    lines: int

    @property
    def treated(self) -> tuple[str, ...]:
        """Practices under contract."""
        return tuple(self.practices.loc[self.practices["treated"], "practice"])

    def true_rates(self, insurers: tuple[str, ...] = ("A",)) -> pd.Series:
        """Return the true savings rate of all treated practices together, per period (open population)."""
        rows = self.truth[self.truth["practice"].isin(self.treated) & self.truth["insurer"].isin(insurers)]
        sums = rows.groupby("period")[["cents_without", "cents"]].sum()
        return (1 - sums["cents"] / sums["cents_without"]).rename("saving_rate")

    def persons(self) -> pd.DataFrame:
        """Return true spending of persons under contract: person, practice, period, cents_without (it), cents."""
        return pd.read_parquet(self.folder / "truth_persons.parquet")

    @classmethod
    @checked(DatasetError)
    def load(cls, folder: str | Path) -> "SimulatedClaims":
        """Return the simulation that an earlier call wrote to `folder`."""
        folder = Path(folder)
        file = folder / "parameters.json"
        if not file.exists():
            raise DatasetError(f"{folder} holds no parameters.json. Run `ssinfer simulate --out {folder}` first.")
        advice = f"Run `ssinfer simulate --out {folder}` again."
        parts = parse_json(read_text(file, "the parameters", DatasetError, advice), file, DatasetError, advice)
        setting, practices = ClaimSetting(**parts["setting"]), pd.DataFrame(parts["practices"])
        return cls(folder, setting, practices, pd.read_parquet(folder / "truth.parquet"), parts["lines"])

    def __repr__(self) -> str:
        setting = self.setting
        return (
            f"SimulatedClaims: {self.lines:,} lines of {setting.n_insured:,} insured, {setting.first} to "
            f"{setting.last}, {len(self.practices)} practices, {len(self.treated)} under contract from {setting.start}"
        )


@checked(DatasetError)
def simulate_claims(
    folder: str | Path,
    n_insured: int = 200_000,
    *,
    insured_under_contract: int = 20_000,
    saving: float | Mapping[str, float] = 0.0,
    seed: int,
    n_jobs: int = 1,
    overwrite: bool = False,
    **options: Any,
) -> SimulatedClaims:
    """Simulate insured, enrolment, deaths and claims as Parquet files. DatasetError: bad argument, or folder exists.

    Spending of person i in quarter t is a sum of claim lines. Its expectation is the published Dutch mean for sex and
    age (Vektis 2018), times growth, season, dip of 2020-21, SES, region (level and trend), practice (level and an
    autocorrelated shock), a persistent lognormal frailty, and a factor in the last year of life. The last three have
    mean 1. The number of lines is Poisson; amounts are lognormal, with a Pareto tail for hospitals. See
    :class:`ClaimSetting` for all parameters.

    With ``persons="realistic"`` each kind of care has its own users, persistence, numbers of lines and tail;
    general health and chronic states join the kinds, and explain the share `by_persons` of lasting levels. Expected
    spending by sex and age class is the same as with "simple".

    The saving reduces every line (amount and volume) of persons insured with insurer A **while** they are enrolled with
    a practice of the region Vlissingen, from `start` on. Without a saving the same seed gives the same lines.

    Parameters
    ----------
    folder, overwrite : path, bool. Folder, written complete or not at all; whether an earlier simulation is replaced.
    n_insured, insured_under_contract : int. Persons insured at any time in the window (about 1.1 times the number on
        one day), and those insured with insurer A and enrolled with a practice under contract.
    saving : float or mapping of category to float. True saving, a share of spending without contract.
    seed, n_jobs : int. Seed, and the number of processes; the files do not depend on it.
    **options : Further fields of ClaimSetting.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "claims"
    >>> simulated = simulate_claims(folder, 2_000, insured_under_contract=400, saving=0.05, seed=1,
    ...                             first="2021Q1", last="2022Q4", start="2022Q1")
    >>> simulated.true_rates().round(3).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.05, 0.05, 0.05, 0.05]
    """
    folder = Path(folder)
    rates = float(saving) if isinstance(saving, int | float) else dict(saving)
    setting = ClaimSetting(
        n_insured=n_insured, insured_under_contract=insured_under_contract, saving=rates, seed=seed, **options
    )
    if folder.exists() and not (overwrite and (folder / "parameters.json").exists()):
        raise DatasetError(
            f"{folder} exists. Choose another folder, or pass overwrite=True (on the command line --overwrite) "
            "for an earlier simulation."
        )
    names = {"claims", *(f"{name}.parquet" for name in TABLES), "parameters.json"}
    held = [path for path in folder.iterdir() if path.name not in names] if folder.exists() else []
    if held:
        raise DatasetError(f"{min(held)} is not of the simulation and would be deleted. Move it.")
    landscape = Landscape.of(setting)
    practices = landscape.practices
    chunks = [np.arange(start, min(start + CHUNK, n_insured)) for start in range(0, n_insured, CHUNK)]
    seeds = np.random.SeedSequence([setting.seed, 1]).spawn(len(chunks))
    with atomic_folder(folder) as temporary:
        (temporary / "claims").mkdir()
        paths = [temporary / "claims" / f"part-{number:05d}.parquet" for number in range(len(chunks))]
        work = zip(paths, chunks, seeds, strict=True)
        pieces = parallel(n_jobs)(joblib.delayed(_write_chunk)(setting, landscape, *part) for part in work)
        for name in TABLES[:4]:
            pq.write_table(pa.concat_tables([tables[name] for tables, _, _ in pieces]), temporary / f"{name}.parquet")
        truth = pd.concat([truth for _, truth, _ in pieces])
        truth = truth.groupby(["practice", "insurer", "period"], as_index=False).sum()
        truth.to_parquet(temporary / "truth.parquet")
        start, end = parse_period(setting.start).first_day, parse_period(setting.last).end
        programmes = {"unit": ["Vlissingen"], "start": [start], "end": [end]}
        pq.write_table(pa.table(programmes), temporary / "programmes.parquet")
        lines = sum(count for _, _, count in pieces)
        parts = {"setting": dataclasses.asdict(setting), "practices": practices.to_dict("list"), "lines": lines}
        (temporary / "parameters.json").write_text(json.dumps(parts, indent=1))
    return SimulatedClaims(folder, setting, practices, truth, lines)


def _write_chunk(
    setting: ClaimSetting, landscape: Landscape, path: Path, persons: Integers, seed: np.random.SeedSequence
) -> tuple[dict[str, pa.Table], pd.DataFrame, int]:
    """Write the claims of one chunk of persons; return their other tables, the truth and the number of lines."""
    tables, truth = simulate_persons(setting, landscape, persons, np.random.default_rng(seed))
    claims = tables.pop("claims")
    pq.write_table(claims, path, store_decimal_as_integer=True, compression="snappy")
    return tables, truth, claims.num_rows

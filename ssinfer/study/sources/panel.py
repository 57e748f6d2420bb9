"""Panel: a file with one row per unit and period."""

import inspect
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ssinfer.cohort.panel_standard import expected_from_cells, expected_from_covariates
from ssinfer.datasets.io.layout import Layout
from ssinfer.datasets.io.panel_file import open_panel_file, read_panel_file
from ssinfer.errors import PanelError, StudyError, did_you_mean, raised_as, refuse_unknown
from ssinfer.finding import Finding
from ssinfer.names import match_names
from ssinfer.panel import Panel
from ssinfer.sentences import refuse
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Config, Names, Periods
from ssinfer.study.config_blocks import PopulationConfig
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.data import ProgrammeData, StudyData, categories_of, named_periods, public_data
from ssinfer.study.source import DataConfig, DataSource


class ExpectedConfig(Config):
    """How the covariate `expected`, a case-mix standard, is made: from cells, or from covariates of the panel."""

    cells: str | None = None  # file of :func:`ssinfer.expected_from_cells`
    by: tuple[str, ...] = ()  # its columns that make a cell
    rates: str | None = None  # file with the reference spending of each cell; default: learned from `cells`
    covariates: tuple[str, ...] = ()  # of :func:`ssinfer.expected_from_covariates`, in place of cells
    periods: Periods | None = None  # from which rates or slopes are learned; default: windows.baseline

    @model_validator(mode="after")
    def _cells_or_covariates(self) -> Self:
        if (self.cells is None) == (not self.covariates) or (self.cells is None) == bool(self.by):
            raise ValueError("give cells, a file, with by, its columns that make a cell; or give covariates")
        return self


class PanelConfig(DataConfig):
    """The file, and how :meth:`ssinfer.Panel.from_frame` reads its columns."""

    later = ("separator", "decimal", "encoding", "header", "sheet", "wide", "without", "expected")

    file: str = Field(examples=['"panel.csv" (or an .xlsx or .parquet file) in the folder of the study file'])
    separator: str | None = Field(default=None, min_length=1, max_length=1)  # these keys overrule what is guessed
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    header: int | None = Field(default=None, ge=1)  # line of the names of columns
    sheet: str | None = None  # of a spreadsheet
    wide: bool | None = None  # one column per period
    without: Names = Field(default_factory=list)  # units to leave out, such as totals
    all_spending: str | None = None  # column of all spending, the scale of all designs; by default the first spending
    region: str | None = None  # column of the region of each unit
    columns: dict[str, Any] = Field(default_factory=dict)
    periods_per_year: int | None = Field(default=None, gt=0)
    # of the spending column
    spending_is: Literal["per insured-year", "per insured-period", "total"] = "per insured-year"
    expected: ExpectedConfig | None = None

    def files(self, folder: Path) -> dict[str, Path]:
        """Return the panel file, and those of cells and rates."""
        more = [] if self.expected is None else [self.expected.cells, self.expected.rates]
        return super().files(folder) | {name: folder / name for name in more if name}

    def load(self, config: StudyConfig, folder: Path, _n_jobs: int) -> StudyData:
        """Return the panels of the file, one per column of spending."""
        allowed = list(inspect.signature(Panel.from_frame).parameters)[1:]
        refuse_unknown(self.columns, allowed, "data.columns names", StudyError)
        unit, period, default = (str(self.columns.get(role, role)) for role in ("unit", "period", "spending"))
        layout = Layout(*(getattr(self, part.name) for part in fields(Layout)))
        file = open_panel_file(folder / self.file, unit, period, default, layout, [self.region] if self.region else [])
        refuse(file.findings, (), StudyError)
        frame = file.frame
        if self.without:
            match_names(self.without, set(frame[unit]), "data.without: the file has no unit", StudyError)
            frame = frame[~frame[unit].isin(self.without)]
        if config.seal is not None and period in frame:
            frame = frame[frame[period].isin(config.seal.before(frame[period].dropna()))]
        of = {part.name: part.column or ("" if len(config.spending) > 1 else default) for part in config.spending}
        scale = self.all_spending or next(iter(of.values()))
        named = {**{f"column of spending {name!r}": of[name] for name in of}, "data.all_spending": scale}
        for key, name in (named | ({} if self.region is None else {"data.region": self.region})).items():
            if name not in (default, *frame.columns):
                raise StudyError(f"{key}: {self.place} has no column {name!r}. {did_you_mean(name, frame.columns)}")
        with raised_as(PanelError, f"{self.place}:", PanelError):
            panels = {name: self._panel(frame, name) for name in dict.fromkeys([scale, *of.values()])}
        if self.expected is not None:
            with raised_as(StudyError, "data.expected:", PanelError):
                panels = {n: self._with_expected(self.expected, panels[n], n, config, folder) for n in panels}
        saved = categories_of(config, panels)

        def make(_: PopulationConfig, spending: SpendingConfig) -> tuple[Panel, Mapping[str, Panel]]:
            column = of[spending.name]
            return panels[column], {name: panels[name] for name in saved if column in (name, scale)}

        regions = {} if self.region is None else dict(zip(frame[unit].astype(str), frame[self.region], strict=True))
        whole = ProgrammeData(panels[scale], {name: panels[name] for name in saved})
        plain = {"separator": ",", "decimal": ".", "encoding": "utf-8", "header": 1}
        said = tuple(finding for finding in file.findings if dict(finding.numbers) != plain)
        label, note = (Finding(f"data_{what}.panel", {"file": self.place}) for what in ("label", "note"))
        return replace(public_data(config, label, note, whole, make, regions), findings=said)

    def _with_expected(
        self, part: ExpectedConfig, panel: Panel, spending: str, config: StudyConfig, folder: Path
    ) -> Panel:
        """Return a panel with its case-mix standard, learned outside all contracts and before all performance."""
        if part.periods is None:
            learned = named_periods(config.windows.baseline, panel.periods, "windows.baseline")
        else:
            learned = named_periods(part.periods, panel.periods, "data.expected.periods")
        for design in () if config.seal else config.fits.values():
            start = named_periods(design.performance, panel.periods, "windows.performance")[0]
            if panel.columns(learned)[-1] >= panel.columns([start])[0]:
                raise StudyError(
                    f"data.expected learns from {learned[-1]!r}, and the contract starts in {start!r}. End it before."
                )
        under_contract = panel.rows((*config.case.treated, *config.case.under_contract))
        options: dict[str, Any] = {"periods": learned, "exclude": [panel.units[row] for row in under_contract]}
        if part.cells is None:
            return expected_from_covariates(panel, part.covariates, **options)
        long = Layout(wide=False)
        cells = read_panel_file(folder / part.cells, layout=long)
        options["rates"] = None if part.rates is None else read_panel_file(folder / part.rates, part.by[0], layout=long)
        options["spending"] = spending if spending in cells else "spending"
        if self.spending_is == "per insured-period" and options["spending"] in cells:
            cells[options["spending"]] *= panel.timeline.seasons()
        return expected_from_cells(panel, cells, part.by, **options)

    def _panel(self, frame: Any, spending: str) -> Panel:
        own: dict[str, Any] = {"periods_per_year": self.periods_per_year, "accept": self.accept}
        # insured_years = false: unknown
        columns = {role: None if name is False else name for role, name in self.columns.items()}
        panel = Panel.from_frame(frame, **{**own, **columns, "spending": spending})
        if self.spending_is == "per insured-year":
            return panel
        factor: Any = panel.timeline.seasons()
        if self.spending_is == "total":
            if panel.insured_years is None:
                raise StudyError('data.spending_is = "total" needs data.columns.insured_years.')
            factor = 1 / panel.insured_years
        variance = panel.sampling_variance
        variance = None if variance is None else variance * factor**2
        return replace(panel, spending=panel.spending * factor, sampling_variance=variance)


KEYS = ("regions", "at_least", "spillover", "column")
SOURCE = DataSource("panel", "A panel file: one row per unit and period", 40, PanelConfig, takes=KEYS)

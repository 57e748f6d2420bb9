"""Simulates panels with a known true saving: levels, trends, autocorrelated shocks, seasons and the dip of 2020."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import COUNT, POSITIVE, Number, Optional, Several, checked, random_generator
from ssinfer.design import Design
from ssinfer.errors import DataError, DatasetError, raised_as
from ssinfer.panel import Panel
from ssinfer.periods import PER_YEAR, consecutive, parse_period, span
from ssinfer.typing import Floats, Label

# Spending of 2020 and 2021 less the trend of 2015-2019 (3.1% per year) is -5.5% and -4.5% in the open data of Vektis.
# Its division over quarters is assumed and follows the waves of admissions.
COVID_DIP: dict[Any, float] = {
    **{f"2020Q{quarter}": dip for quarter, dip in enumerate((-0.01, -0.13, -0.03, -0.05), start=1)},
    **{f"2021Q{quarter}": dip for quarter, dip in enumerate((-0.07, -0.04, -0.03, -0.04), start=1)},
    2020: -0.055,
    2021: -0.045,
}
# Relative spending of the four quarters: assumed (winter high, summer holidays low), mean 1.
SEASON = (1.02, 1.005, 0.96, 1.015)
_SPREAD = Number(-10, 10)


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedPanel:
    """A panel and its true values. N units, T periods.

    Attributes
    ----------
    panel : Panel. The observed panel: with the saving and with sampling noise.
    treated, start : tuple of str, period. Treated units, and the first performance period.
    expected : array (N, T). Mean spending without contract of an infinitely large group, without shock and noise.
    counterfactual : array (N, T). Spending per insured-year that would have been observed without the contract.
    saving_rate : array (N, T). True saving as a share of `counterfactual`; 0 for donors and before the start.
    parameters : dict. The arguments of the simulation.
    """

    panel: Panel
    treated: tuple[str, ...]
    start: Any
    expected: Floats
    counterfactual: Floats
    saving_rate: Floats
    parameters: dict[str, Any]

    @property
    def saving(self) -> Floats:
        """True saving per insured-year (N, T): counterfactual - spending."""
        return self.counterfactual - self.panel.spending

    def design(self, *, masked: Sequence[Any] | None = None, **options: Any) -> Design:
        """Return the design of the simulation: baseline before `start`, performance from `start` on.

        `masked` are by default the periods of the dip that lie in the panel; `options` are other arguments of Design.
        """
        periods = self.panel.periods
        dip = tuple(period for period in periods if period in COVID_DIP) if self.parameters["covid"] else ()
        return Design(
            treated=self.treated,
            baseline=[period for period in periods if period < self.start],
            performance=[period for period in periods if period >= self.start],
            masked=dip if masked is None else masked,
            **options,
        )

    def true_rate(self, unit: str, periods: Sequence[Any]) -> float:
        """Return the true savings rate of a unit pooled over periods, weighted by insured-years."""
        row, columns = self.panel.rows([unit])[0], self.panel.columns(periods)
        assert self.panel.insured_years is not None  # noqa: S101  (for the type checker: always simulated)
        weights = self.panel.insured_years[row, columns]
        benchmark = self.counterfactual[row, columns] @ weights
        return float((self.saving[row, columns] @ weights) / benchmark)

    def to_frame(self) -> pd.DataFrame:
        """Return the panel's long frame with the columns expected, counterfactual, saving_rate and saving."""
        frame = self.panel.to_frame()
        for name in ("expected", "counterfactual", "saving_rate", "saving"):
            frame[name] = getattr(self, name).ravel()
        return frame

    def __repr__(self) -> str:
        rate = self.saving_rate.max()
        return f"SimulatedPanel: {self.panel!r}; treated {', '.join(self.treated)} from {self.start}, saving {rate:.1%}"


@checked(
    DatasetError,
    **dict.fromkeys(("n_units", "n_regions"), COUNT),
    n_factors=Number(0, 1000, whole=True),
    **dict.fromkeys(("treated_insured", "level"), POSITIVE),
    **dict.fromkeys(("level_sd", "ses_level", "growth", "trend_sd", "ses_trend", "factor_sd", "shock_sd"), _SPREAD),
    region_shock_sd=_SPREAD,
    treated_level=Optional(POSITIVE),
    shock_persistence=Number(-1, 1, open=True),
    person_correlation=Number(0, 1, open="high"),
    season=Optional(Several(POSITIVE, 4)),
)
def simulate_panel(
    n_units: int = 60,
    periods: Sequence[Any] | None = None,
    *,
    start: Label | None = None,
    saving: float | Sequence[float] = 0.0,
    treated: Sequence[str] = ("treated",),
    treated_insured: float = 20_000,
    insured: tuple[float, float] = (5_000, 60_000),
    level: float = 2_342.0,
    level_sd: float = 0.10,
    treated_level: float | None = None,
    ses_level: float = -0.04,
    growth: float = 0.031,
    trend_sd: float = 0.002,
    ses_trend: float = 0.0,
    n_factors: int = 1,
    factor_sd: float = 0.005,
    shock_sd: float = 0.0125,
    shock_persistence: float = 0.5,
    n_regions: int = 8,
    region_shock_sd: float = 0.005,
    cv: float = 2.7,
    person_correlation: float = 0.4,
    season: Sequence[float] | None = SEASON,
    covid: bool = True,
    seed: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> SimulatedPanel:
    r"""Simulate group means with a known true saving.

    For unit u in period t, at time :math:`\tau` in years since the first period, without contract

    .. math::

        \log E_{ut} &= \log \mathrm{level}_u + (\mathrm{growth} + b_u) \tau_t + s_{q(t)} + \log(1 + d_t)
            + \sum_f \lambda_{uf} F_{ft} \\
        Y_{ut}(0) &= E_{ut} (1 + g_{r(u)t} + h_{ut}) (1 + \mathrm{cv} \, z_{ut} / \sqrt{n_{ut}}) \\
        Y_{ut} &= Y_{ut}(0) (1 - \mathrm{saving}_{ut})

    with level and slope :math:`b_u` normal around a linear effect of SES, F, g and h stationary AR(1), and z standard
    normal with correlation `person_correlation` between any two periods, because most persons stay. The panel has
    `sampling_variance` and the covariates ses, latitude and longitude.

    Parameters
    ----------
    n_units : int. Number of units, the treated ones included.
    periods, start : sequence, period, optional
        Consecutive years (2015) or quarters (default: 2018Q2 to 2024Q2), and the first performance period (default:
        2022Q1, else the last 40% of the periods).
    saving : float or sequence. True saving, a share of spending without contract: one, or one per performance period.
    treated : sequence of str. Names of the treated units; the others are called "group 01", ...
    treated_insured, insured : float, (low, high). Insured of a treated unit, and range of the others (log-uniform).
    level, level_sd, treated_level : float. Spending per insured-year in the first period, its relative SD between
        units, and the level of the treated units (optional).
    ses_level, ses_trend : float. Relative level, and growth per year, per SD of `ses` (higher: better off).
    growth, trend_sd : float. Growth per year, and its SD between units.
    n_factors, factor_sd : int, float. Common factors (AR(1), loadings N(1, 1)), which a synthetic control can use.
    shock_sd, shock_persistence : float. SD of the group shock h, and its autocorrelation over one year.
    n_regions, region_shock_sd : int, float. Regions (nearest of n random centres), and the SD of their shock g.
    cv, person_correlation : float. Coefficient of variation of persons in one period (variance of a mean =
        (cv mean)² / insured-years), and correlation of a group's sampling error between periods.
    season, covid : four floats or None, bool. Relative spending of quarters, and whether 2020 and 2021 dip.
    seed : int, SeedSequence or Generator

    Raises
    ------
    DatasetError : a period is neither a year nor a quarter, or an argument is out of range

    Examples
    --------
    >>> simulated = simulate_panel(20, periods=range(2014, 2019), start=2017, saving=0.03, seed=1)
    >>> simulated.design()
    Design: treated against all other units, baseline 2014-2016, performance 2017-2018
    >>> round(simulated.true_rate("treated", [2017, 2018]), 6)
    0.03
    """
    labels = span("2018Q2", "2024Q2") if periods is None else tuple(periods)
    time = _times(labels)
    if start is None:
        start = "2022Q1" if "2022Q1" in labels[1:] else labels[min(max(1, round(0.6 * len(labels))), len(labels) - 1)]
    if start not in labels[1:]:
        raise DatasetError(f"start is {start!r}; allowed: a period from {labels[min(1, len(labels) - 1)]!r} on.")
    parameters = {name: value for name, value in locals().items() if name not in ("seed", "time", "labels")}
    if not 0 < insured[0] <= insured[1]:
        raise DatasetError(f"insured is {insured}; allowed: two positive numbers, the lower first.")
    if not 0 < len(treated) < n_units:
        raise DatasetError(f"{len(treated)} of {n_units} units are treated; at least one donor is needed.")
    rng = random_generator("simulate_panel", seed)
    n_periods, n_treated = len(labels), len(treated)
    units = (*treated, *(f"group {number:0{len(str(n_units))}d}" for number in range(1, n_units - n_treated + 1)))
    step = float(np.median(np.diff(time))) if n_periods > 1 else 1.0
    phi = np.sign(shock_persistence) * abs(shock_persistence) ** step

    ses = rng.standard_normal(n_units)
    other_sd = np.sqrt(max(level_sd**2 - ses_level**2, 0.0))
    levels = np.log(level) + ses_level * ses + other_sd * rng.standard_normal(n_units)
    slopes = growth + ses_trend * ses + trend_sd * rng.standard_normal(n_units)
    if treated_level is not None:
        levels[:n_treated] = np.log(treated_level)
    loadings = 1.0 + rng.standard_normal((n_units, n_factors))
    factors = factor_sd * ar1(rng, n_factors, n_periods, phi)
    seasons = season if season is not None and parse_period(labels[0]).frequency == "quarter" else (1.0,) * 4
    common = np.log([seasons[parse_period(label).number % 4] for label in labels])
    common += np.log1p([COVID_DIP.get(label, 0.0) if covid else 0.0 for label in labels])
    expected = np.exp(levels[:, None] + slopes[:, None] * (time - time[0]) + common + loadings @ factors)

    latitude, longitude = rng.uniform(51.0, 53.4, n_units), rng.uniform(3.6, 7.0, n_units)
    centres = rng.uniform((51.0, 3.6), (53.4, 7.0), (n_regions, 2))
    region = np.argmin((latitude[:, None] - centres[:, 0]) ** 2 + (longitude[:, None] - centres[:, 1]) ** 2, axis=1)
    shocks = region_shock_sd * ar1(rng, n_regions, n_periods, phi)[region]
    shocks = shocks + shock_sd * ar1(rng, n_units, n_periods, phi)

    sizes = np.exp(rng.uniform(np.log(insured[0]), np.log(insured[1]), n_units))
    sizes[:n_treated] = treated_insured
    persons = sizes[:, None] * np.exp(np.cumsum(0.002 * rng.standard_normal((n_units, n_periods)), axis=1))
    insured_years = persons * (step if step < 1 else 1.0)
    error = np.sqrt(person_correlation) * rng.standard_normal((n_units, 1))
    error = error + np.sqrt(1 - person_correlation) * rng.standard_normal((n_units, n_periods))
    counterfactual = expected * (1 + shocks) * (1 + cv * error / np.sqrt(insured_years))

    rates = np.zeros((n_units, n_periods))
    after = np.array([label >= start for label in labels])
    if np.size(saving) not in (1, after.sum()):
        raise DatasetError(f"saving has {np.size(saving)} rates; allowed: one, or one per performance period.")
    rates[:n_treated, after] = np.asarray(saving)
    spending = counterfactual * (1 - rates)
    covariates = {
        name: np.repeat(values[:, None], n_periods, axis=1)
        for name, values in {"ses": ses, "latitude": latitude, "longitude": longitude}.items()
    }
    panel = Panel(units, labels, spending, insured_years, (cv * spending) ** 2 / insured_years, None, covariates)
    return SimulatedPanel(panel, tuple(treated), start, expected, counterfactual, rates, parameters)


def simulate_kerngezond_vlissingen(
    n_groups: int = 60,
    *,
    saving: float | Sequence[float] = 0.0,
    start: str = "2022Q1",
    seed: int | np.random.SeedSequence | np.random.Generator | None = None,
    **options: Any,
) -> SimulatedPanel:
    """Simulate the setting of Kerngezond Vlissingen: 20,000 insured of one insurer, quarters 2018Q2 to 2024Q2.

    Published figures (Vektis open data): EUR 2,646 per insured-year in Vlissingen and EUR 2,342 in the Netherlands in
    2015, growth 3.1% per year to 2022, both extrapolated to 2018Q2, and the dip of 2020-21. **Assumed**, because no
    public figure exists: the season, the sizes and dispersion of the other groups of practices, the start of the
    contract (`start`), person-level cv 2.0 for a quarter with correlation 0.3 (annual cv 2.8), shock SD 1.25% with
    autocorrelation 0.5 over a year.

    Parameters
    ----------
    n_groups : int. Units in all: Vlissingen and the comparison groups of practices.
    saving, start, seed, **options : arguments of :func:`simulate_panel`; the options replace these settings

    Examples
    --------
    >>> simulated = simulate_kerngezond_vlissingen(30, saving=0.03, seed=1)
    >>> simulated.treated, simulated.panel.periods[0], simulated.panel.periods[-1]
    (('Kerngezond Vlissingen',), '2018Q2', '2024Q2')
    """
    years = 2.875  # from the middle of 2015 to the middle of 2018Q2
    setting: dict[str, Any] = {
        "treated": ("Kerngezond Vlissingen",),
        "level": 2_341.67 * 1.031**years,
        "treated_level": 2_646.03 * 1.031**years,
        "insured": (4_000, 40_000),
        "cv": 2.0,
        "person_correlation": 0.3,
    }
    return simulate_panel(n_groups, start=start, saving=saving, seed=seed, **{**setting, **options})


def _times(labels: tuple[Any, ...]) -> Floats:
    """Return the middle of each period in calendar years; labels must be consecutive."""
    with raised_as(DatasetError, of=DataError):
        timeline = consecutive(labels)
    numbers = [period.number for period in timeline.periods or ()]
    return (np.array(numbers) + 0.5) / PER_YEAR[str(timeline.frequency)]


def ar1(rng: np.random.Generator, rows: int, n_periods: int, phi: float, dtype: Any = np.float64) -> Floats:
    """Return stationary AR(1) series with variance 1 (rows, period)."""
    series: Floats = rng.standard_normal((rows, n_periods), dtype=dtype)
    for column in range(1, n_periods):
        series[:, column] = phi * series[:, column - 1] + float(np.sqrt(1 - phi**2)) * series[:, column]
    return series

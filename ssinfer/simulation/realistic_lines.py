"""Claim lines of realistic persons: each kind of care has its own users, persistence, numbers of lines and tail."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ssinfer.simulation import care_kinds as care
from ssinfer.simulation import dutch_spending as dutch
from ssinfer.simulation.claim_setting import ClaimSetting, Landscape, Persons
from ssinfer.simulation.panel import ar1
from ssinfer.typing import Booleans, Floats, Integers

LINES_RESPONSE = 0.4  # elasticity of the number of lines to expected spending; the amounts have the rest
DEAREST_LINE = 500_000.0  # EUR; the Pareto tail of acute admissions ends here, any other line is cut here
END_OF_LIFE = (0.025, 70)  # log of the last year's factor per year of age above 40; the factor is the setting's at 70


def realistic_lines(
    setting: ClaimSetting, landscape: Landscape, persons: Persons, rng: np.random.Generator
) -> tuple[Integers, NDArray[np.int8], Integers, Booleans]:
    """Draw lines: cell (person x T + quarter), category, cents without the saving, and whether acute."""
    ages = persons.ages
    band = np.minimum(ages // 5, len(care.AGES) - 1) + len(care.AGES) * (persons.sex == "V")[:, None]
    level = persons.ses_factor[:, None] * landscape.level[persons.practice, np.arange(ages.shape[1])]
    factor = setting.last_year_of_life * np.exp(END_OF_LIFE[0] * (END_OF_LIFE[1] - np.maximum(ages, 40)))
    at_end = level * np.where(persons.near_death, factor, 1.0) / (1 + (factor - 1) * persons.dying)
    health, days = _health(setting, landscape, persons, band, rng), persons.days
    categories = list(dutch.CATEGORY_MEANS)
    parts = []
    for kind, mean in zip(*care.care_kinds(), strict=True):
        cell, expected = _users(setting, kind, band, days > 0, health, rng)
        of, age, length = band.ravel()[cell], ages.ravel()[cell], days.ravel()[cell] / 91.3125
        expected *= (at_end if kind.category in care.END_OF_LIFE else level).ravel()[cell]
        if kind.category == "hospital":
            expected *= np.where(age == 0, care.FIRST_YEAR[0], np.where(age < 5, care.FIRST_YEAR[1], 1.0))
        if kind.name.endswith("fixed"):
            lines, counts = 1 / length, np.ones(len(cell), dtype=np.int64)
        else:  # Poisson-gamma: persons differ in the number of lines that carry the same spending
            own = rng.gamma(kind.count_sd**-2, kind.count_sd**2, len(ages))[cell // ages.shape[1]]
            lines = expected**LINES_RESPONSE * own * kind.lines * setting.lines_per_quarter / 4
            counts = rng.poisson(lines * length)
        amount = np.repeat((mean / np.maximum(4 * kind.users, 1e-9))[of] * expected / lines, counts)
        relative = np.exp(kind.line_sd * rng.standard_normal(len(amount)) - kind.line_sd**2 / 2)
        acute = np.full(len(amount), kind.name.endswith("acute"))
        if acute.any():
            setting.add_tail(relative, acute, rng, DEAREST_LINE / amount)
        category = np.full(len(amount), categories.index(kind.category), dtype=np.int8)
        cents = np.clip(np.rint(100 * amount * relative), 1, 100 * DEAREST_LINE).astype(np.int64)
        parts.append((np.repeat(cell, counts), category, cents, acute))
    cells, codes, amounts, admitted = (np.concatenate(column) for column in zip(*parts, strict=True))
    return cells, codes, amounts, admitted


def _health(
    setting: ClaimSetting, landscape: Landscape, persons: Persons, band: Integers, rng: np.random.Generator
) -> Floats:
    """Return general health (P, T), higher is dearer: permanent, AR(1), that of the practice, and the chronic state."""
    n, n_periods = band.shape
    permanent = np.sqrt(setting.frailty_permanent) * rng.standard_normal((n, 1))
    moving = np.sqrt(1 - setting.frailty_permanent) * ar1(rng, n, n_periods, setting.frailty_persistence)
    onset = np.log1p(rng.exponential(size=(n, 1)) / care.HAZARD_SUM) / care.ONSET[1]
    chronic = care.CHRONIC_SHIFT * ((persons.ages >= onset) - care.CHRONIC_SHARE[band])
    return np.asarray(permanent + moving + chronic + landscape.health[persons.practice[:, :1]], dtype=np.float32)


def _users(
    setting: ClaimSetting,
    kind: care.CareKind,
    band: Integers,
    insured: Booleans,
    health: Floats,
    rng: np.random.Generator,
) -> tuple[Integers, Floats]:
    """Return the quarters of users of a kind, and their expected spending relative to users of the same sex and age."""
    if kind.spread == 0:
        cell = np.flatnonzero(insured)
        return cell, np.ones(len(cell))
    n_periods, spread = band.shape[1], kind.spread * setting.frailty_sd / type(setting).frailty_sd
    rows = np.arange(len(band)) if kind.users.all() else np.flatnonzero((kind.users > 0)[band].any(axis=1))
    own = float(np.sqrt(1 - kind.permanent)) * ar1(rng, len(rows), n_periods, kind.persistence, np.float32)
    own += float(np.sqrt(kind.permanent)) * rng.standard_normal((len(rows), 1), dtype=np.float32)
    latent = kind.common * health[rows] + float(np.sqrt(1 - kind.common**2)) * own
    used = np.flatnonzero((latent > -ndtri(kind.users).astype(np.float32)[band[rows]]) & insured[rows])
    cell = rows[used // n_periods] * n_periods + used % n_periods
    scale = kind.users / np.maximum(kind.moment(spread), 1e-9)
    return cell, np.exp(spread * latent.ravel()[used]) * scale[band.ravel()[cell]]

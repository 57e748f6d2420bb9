"""Persons of a simulation: who they are, where they are enrolled, when they die, and their claim lines."""

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ssinfer.periods import parse_period
from ssinfer.simulation import dutch_spending as dutch
from ssinfer.simulation.claim_setting import SES_LEVELS, ClaimSetting, Landscape, Persons
from ssinfer.simulation.panel import ar1
from ssinfer.simulation.realistic_lines import realistic_lines
from ssinfer.typing import Booleans, Floats, Integers

INSURERS = ("A", "B")
# Relative spending by SES, before division by its mean: assumed gradient.
SES_SPENDING = np.array([1.15, 1.0, 0.9])
# Yearly hazard of death exp(a + b age): 0.1% at 35, 1% at 60, 6% at 80, 17% at 90.
MORTALITY = (-10.2, 0.093)
LINE_SHARES = dutch.LINE_SHARES / dutch.LINE_SHARES.sum()
AGE_GROUPS = (45, 65)  # limits between the age groups of practices' weights
PRODUCT_GROUPS = ("", "A10", "B01", "C09", "L04", "N06", "R03")


def simulate_persons(
    setting: ClaimSetting, landscape: Landscape, numbers: Integers, rng: np.random.Generator
) -> tuple[dict[str, pa.Table], pd.DataFrame]:
    """Return the tables of some persons, and the truth per practice, insurer and quarter."""
    persons = _draw(setting, landscape, numbers, rng)
    claims, without, cents = _lines(setting, landscape, persons, rng)
    days, periods = persons.days, np.array(setting.periods)
    columns = np.broadcast_to(np.arange(len(periods)), days.shape)
    names = landscape.practices["practice"].to_numpy()
    keys = {"practice": persons.practice, "insurer": persons.insurer, "period": columns}
    cells = keys | {"insured_days": days, "cents_without": without, "cents": cents}
    truth = pd.DataFrame({name: values[days > 0] for name, values in cells.items()})
    truth = truth.groupby(list(keys), as_index=False).sum()
    labels = {"practice": names, "insurer": np.array(INSURERS), "period": periods}
    truth = truth.assign(**{name: values[truth[name]] for name, values in labels.items()})
    under_contract = landscape.under_contract(setting, persons.practice, persons.insurer, columns)
    who, when = np.nonzero(under_contract & (days > 0))
    truth_persons = pa.table(
        {
            "person": persons.number[who],
            "practice": pa.array(names[persons.practice[who, when]].astype(str)),
            "period": pa.array(periods[when].astype(str)),
            "cents_without": without[who, when],
            "cents": cents[who, when],
        }
    )
    dead = np.flatnonzero(persons.death <= persons.high.max(axis=1))
    first_practice = persons.practice[np.arange(len(days)), np.argmax(persons.high >= persons.low, axis=1)]
    tables = {
        "insured": pa.table(
            {
                "person": persons.number,
                "birth_year": persons.birth_year.astype(np.int32),
                "sex": pa.array(persons.sex.astype(str)),
                "ses": pa.array(np.array(SES_LEVELS)[persons.ses].astype(str)),
                "region": pa.array(landscape.practices["region"].to_numpy()[first_practice].astype(str)),
            }
        ),
        "enrolment": _spans(setting, landscape, persons),
        "deaths": pa.table({"person": persons.number[dead], "date": _dates(persons.death[dead])}),
        "claims": claims,
        "truth_persons": truth_persons,
    }
    return tables, truth


def _quarters(setting: ClaimSetting) -> tuple[Integers, Integers, Integers]:
    """Return the first day, the last day and the calendar year of each quarter (T,)."""
    quarters = [parse_period(period) for period in setting.periods]
    days = np.array([(quarter.first_day, quarter.end) for quarter in quarters], dtype="datetime64[D]").astype(np.int64)
    return days[:, 0], days[:, 1] - 1, np.array([quarter.first_day.year for quarter in quarters])


def _draw(setting: ClaimSetting, landscape: Landscape, numbers: Integers, rng: np.random.Generator) -> Persons:
    n = len(numbers)
    first, last, calendar = _quarters(setting)

    # Who: region exact for the contract (the first persons), so that its size does not vary with the seed.
    in_contract_region = round(setting.insured_under_contract / setting.insurer_share)
    others = landscape.region_share[1:] / landscape.region_share[1:].sum()
    region = np.where(numbers < in_contract_region, 0, 1 + rng.choice(len(others), size=n, p=others))
    position = rng.random(n)
    weights = np.concatenate([dutch.INSURED["M"], dutch.INSURED["V"]])
    sex_and_age = rng.choice(len(weights), size=n, p=weights / weights.sum())
    sex = np.where(sex_and_age < len(dutch.AGE_CLASSES), "M", "V")
    age = np.array(dutch.AGE_CLASSES)[sex_and_age % len(dutch.AGE_CLASSES)] + rng.integers(0, 5, n)
    low_ses, high_ses = landscape.low_ses, landscape.high_ses
    u = rng.random(n)
    ses = np.where(u < low_ses[region], 0, np.where(u > 1 - high_ses[region], 2, 1))

    # Enrolment: most from before the first day, some enter (half of them newborn), some leave, some die.
    window = last[-1] - first[0] + 1
    enters = rng.random(n) < 1 - np.exp(-setting.enter * window / 365.25)
    entry = np.where(enters, first[0] + rng.integers(1, window, n), first[0])
    newborn = enters & (rng.random(n) < 0.5)
    entry_year = calendar[np.searchsorted(first, entry, side="right") - 1]
    adult_or_resident = np.where(enters, entry_year - rng.integers(18, 41, n), calendar[0] - age)
    birth_year = np.where(newborn, entry_year, adult_or_resident)
    exit_day = entry + np.floor(rng.exponential(365.25 / max(setting.leave, 1e-12), n)).clip(max=10**6).astype(np.int64)
    ages = np.maximum(calendar - birth_year[:, None], 0)
    death, hazard = _deaths(ages, entry, first, last, rng)
    low = np.maximum(first, entry[:, None])
    high = np.minimum(last, np.minimum(exit_day, death)[:, None])
    group = np.searchsorted(AGE_GROUPS[: len(landscape.weight) - 1], ages[:, 0], side="right")
    practice0 = _choose_practice(landscape, region, group, position)
    practice, insurer = _moves(setting, landscape, calendar, practice0, region, group, rng)

    gradient = (low_ses * SES_SPENDING[0] + high_ses * SES_SPENDING[2]) + (1 - low_ses - high_ses) * SES_SPENDING[1]
    ses_factor = SES_SPENDING[ses] / np.mean(gradient)
    near = (death[:, None] - last < 365) & (death[:, None] >= first)
    dying = 1 - np.exp(-hazard)
    return Persons(numbers, sex, birth_year, ses, practice, insurer, low, high, death, ages, dying, near, ses_factor)


def _choose_practice(landscape: Landscape, region: Integers, group: Integers, position: Floats) -> Integers:
    """Return a practice of each person's region, by the practices' weights in the age group; position: 0 to 1."""
    practice = np.empty(len(region), dtype=np.int64)
    for row, weight in enumerate(landscape.weight):
        cumulative = np.cumsum(weight) - landscape.region  # within region r: from 0 to 1
        of = group == row
        practice[of] = np.searchsorted(cumulative + landscape.region, region[of] + position[of], side="right")
    low = np.searchsorted(landscape.region, region, side="left")
    high = np.searchsorted(landscape.region, region, side="right") - 1
    return np.clip(practice, low, high)


def _deaths(
    ages: Integers, entry: Integers, first: Integers, last: Integers, rng: np.random.Generator
) -> tuple[Integers, Floats]:
    """Return the day of death (beyond the window: far away) and the yearly hazard (P, T)."""
    hazard = np.minimum(np.exp(MORTALITY[0] + MORTALITY[1] * ages), 1.0)
    at_risk = (np.maximum(last - np.maximum(first, entry[:, None]) + 1, 0)) / 365.25
    # Four more quarters, so that those who die soon after the window have their last year of life in it.
    steps = np.concatenate([hazard * at_risk, np.repeat(hazard[:, -1:] / 4, 4, axis=1)], axis=1)
    column = (np.cumsum(steps, axis=1) < rng.exponential(size=(len(entry), 1))).sum(axis=1)
    starts = np.concatenate([first, last[-1] + 1 + 91 * np.arange(5)])
    quarter = np.minimum(column, len(starts) - 2)
    begin = np.maximum(starts[quarter], entry)
    day = begin + np.floor(rng.random(len(entry)) * (starts[quarter + 1] - begin)).astype(np.int64)
    return np.where(column < len(starts) - 1, day, 10**6), hazard


def _moves(
    setting: ClaimSetting,
    landscape: Landscape,
    calendar: Integers,
    practice0: Integers,
    region: Integers,
    group: Integers,
    rng: np.random.Generator,
) -> tuple[Integers, Integers]:
    """Return practice and insurer per quarter (P, T); practices change with the quarter, insurers with the year."""
    n, share, rate = len(practice0), setting.insurer_share, setting.switch_insurer
    practice, insurer = np.empty((2, n, len(calendar)), dtype=np.int64)
    practice[:] = practice0[:, None]
    insurer[:] = (rng.random(n) > share)[:, None]
    quarterly = 1 - (1 - setting.switch_practice) ** 0.25
    leaves = np.minimum([rate, rate * share / max(1 - share, 1e-9)], 1.0) * (share < 1)
    for column in range(1, len(calendar)):
        goes = np.flatnonzero(rng.random(n) < quarterly)
        away = rng.random(len(goes)) < 0.2  # a move to another region; the others stay near
        to = np.where(away, rng.choice(len(landscape.region_share), len(goes), p=landscape.region_share), region[goes])
        practice[goes, column:] = _choose_practice(landscape, to, group[goes], rng.random(len(goes)))[:, None]
        if calendar[column] != calendar[column - 1]:
            insurer[:, column:] ^= (rng.random(n) < leaves[insurer[:, column]])[:, None]
    return practice, insurer


def _frailty(setting: ClaimSetting, n: int, n_periods: int, rng: np.random.Generator) -> Floats:
    """Return persons' relative risk (P, T), lognormal with mean 1: a permanent part and an AR(1) part."""
    phi, share = setting.frailty_persistence, setting.frailty_permanent
    permanent = rng.standard_normal((n, 1))
    moving = ar1(rng, n, n_periods, phi)
    log = setting.frailty_sd * (np.sqrt(share) * permanent + np.sqrt(1 - share) * moving)
    return np.asarray(np.exp(log - setting.frailty_sd**2 / 2))


def _mean_amounts(setting: ClaimSetting) -> Floats:
    """Return EUR of a mean line per category, such that lines x amount gives the published mean per insured-year."""
    return np.asarray(np.array(list(dutch.CATEGORY_MEANS.values())) / (4 * setting.lines_per_quarter * LINE_SHARES))


def _simple_lines(
    setting: ClaimSetting, landscape: Landscape, persons: Persons, rng: np.random.Generator
) -> tuple[Integers, NDArray[np.int8], Integers, Booleans]:
    """Draw lines of simple persons: one frailty for all care, and categories at random."""
    days = persons.days
    last_year = setting.last_year_of_life
    mean = dutch.spending_by_age(persons.sex[:, None], persons.ages)
    mean = mean * persons.ses_factor[:, None]
    mean = mean * landscape.level[persons.practice, np.arange(days.shape[1])]
    mean = mean * np.where(persons.near_death, last_year, 1.0) / (1 + (last_year - 1) * persons.dying)
    mean = mean * _frailty(setting, len(days), days.shape[1], rng)
    ratio = mean / dutch.NATIONAL_MEAN
    # Those who cost more have more lines and dearer ones: E[lines] x E[amount] is the mean, whatever the division.
    expected = setting.lines_per_quarter * ratio**0.6 * days / 91.3125
    counts = rng.poisson(expected)
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    n = len(cell)
    amounts = _mean_amounts(setting)
    category = np.searchsorted(np.cumsum(LINE_SHARES)[:-1], rng.random(n), side="right").astype(np.int8)
    sd = dutch.LINE_SD[category]
    relative = np.exp(sd * rng.standard_normal(n) - sd**2 / 2)
    setting.add_tail(relative, category == 0, rng)
    scale = (ratio**0.4).ravel()[cell]
    cents = np.maximum(np.rint(100 * amounts[category] * relative * scale), 1).astype(np.int64)
    return cell, category, cents, np.zeros(n, dtype=bool)


def _lines(
    setting: ClaimSetting, landscape: Landscape, persons: Persons, rng: np.random.Generator
) -> tuple[pa.Table, Integers, Integers]:
    """Return the claim lines, and cents per person and quarter without and with the saving (P, T)."""
    days = persons.days
    draw_lines = _simple_lines if setting.persons == "simple" else realistic_lines
    cell, category, cents, acute = draw_lines(setting, landscape, persons, rng)
    who, when = np.divmod(cell, days.shape[1])
    n, amounts = len(cell), _mean_amounts(setting)
    practice, insurer = persons.practice.ravel()[cell], persons.insurer.ravel()[cell]
    saves = landscape.under_contract(setting, practice, insurer, when)
    kept = 1 - np.where(saves, setting.saving_rates()[category], 0.0)
    with_saving = np.rint(cents * kept).astype(np.int64)
    date = persons.low.ravel()[cell] + np.floor(rng.random(n) * days.ravel()[cell]).astype(np.int64)
    lag = np.where(category == 0, 30 + rng.exponential(90.0, n), 10 + rng.exponential(25.0, n)).astype(np.int64)
    # Tariffs differ by category, year and region, so that repricing changes something.
    year = _quarters(setting)[2][when] - 2018
    tariff = np.round(amounts[category] / 4 * 1.02**year * (1 + 0.01 * (landscape.region[practice] % 3 - 1)), 2)
    group = np.where(category == 1, 1 + rng.integers(0, len(PRODUCT_GROUPS) - 1, n), 0).astype(np.int8)
    group[acute] = len(PRODUCT_GROUPS)

    sums = [np.bincount(cell, weights=values, minlength=days.size) for values in (cents, with_saving)]
    without, with_sum = np.array(sums).astype(np.int64).reshape(2, *days.shape)
    # Booked twice and reversed: two more lines that add up to zero, as the saving's truth requires.
    twice = np.flatnonzero(rng.random(n) < setting.corrections)
    order = np.concatenate([np.arange(n), twice, twice])
    sign = np.concatenate([np.ones(n + len(twice), dtype=np.int64), -np.ones(len(twice), dtype=np.int64)])
    amount = with_saving[order] * sign
    price = tariff[order]
    table = pa.table(
        {
            "person": persons.number[who[order]],
            "date": _dates(date[order]),
            "category": _dictionary(category[order], list(dutch.CATEGORY_MEANS)),
            "product_group": _dictionary(group[order], [*PRODUCT_GROUPS, *["acute"] * bool(acute.any())]),
            "amount": _euros(amount),
            "volume": (amount / (100 * price)).astype(np.float32),
            "tariff": _euros(np.rint(100 * price).astype(np.int64)),
            "paid": _dates((date + lag)[order]),
        }
    )
    return table, without, with_sum


def _spans(setting: ClaimSetting, landscape: Landscape, persons: Persons) -> pa.Table:
    """Return enrolment spans, a new one where practice or insurer changes; open for who is still enrolled."""
    who, when = np.nonzero(persons.high >= persons.low)
    practice, insurer = persons.practice[who, when], persons.insurer[who, when]
    changes = np.diff([who, practice, insurer]).any(axis=0)
    begin = np.flatnonzero(np.append(True, changes))
    end = np.append(begin[1:], len(who)) - 1
    low, high = persons.low[who[begin], when[begin]], persons.high[who[end], when[end]]
    last = _quarters(setting)[1][-1]
    names = landscape.practices["practice"].to_numpy()
    return pa.table(
        {
            "person": persons.number[who[begin]],
            "insurer": pa.array(np.array(INSURERS)[insurer[begin]].astype(str)),
            "practice": pa.array(names[practice[begin]].astype(str)),
            "start": _dates(low),
            "end": pa.array(high.astype(np.int32), mask=high == last).cast(pa.date32()),
        }
    )


def _dates(days: Integers) -> pa.Array:
    return pa.array(days.astype(np.int32)).cast(pa.date32())


def _dictionary(codes: NDArray[np.int8], labels: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(labels))


def _euros(cents: Integers) -> pa.Array:
    """Return whole cents as DECIMAL(12, 2) without passing through floats."""
    return pa.Array.from_buffers(pa.decimal64(12, 2), len(cents), [None, pa.py_buffer(np.ascontiguousarray(cents))])

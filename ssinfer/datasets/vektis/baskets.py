"""Baskets: named sets of care types, and the years between which each is comparable.

A **break** is care that entered or left the basket, as the national means per care type show: years on both sides are
refused. A **note** is timing or bookkeeping that changes the mean of one year, but not the insured care.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from ssinfer.datasets.vektis.columns import CARE_TYPES, GGZ, SPENDING_PREFIX, care_types
from ssinfer.errors import DatasetError
from ssinfer.names import match_names

_ENTERED = ("VERPLEGING_EN_VERZORGING", "LANGDURIGE_GGZ", "EERSTELIJNSVERBLIJF", "GZSP", "GERIATRISCHE_REVALIDATIEZORG")
_DRUGS_MOVED = {
    2012: "expensive drugs (TNF-alpha inhibitors) moved from pharmacy to hospital on 1 January 2012",
    2013: "oncology drugs and growth hormones moved from pharmacy to hospital on 1 January 2013",
}
_GERIATRIC = "geriatric rehabilitation entered the insured package (KOSTEN_GERIATRISCHE_REVALIDATIEZORG)"
_RESIDENCE = "primary-care residence entered (KOSTEN_OVERIG in 2017, KOSTEN_EERSTELIJNSVERBLIJF from 2018)"
_NOTE_2017 = "2017: primary-care residence (about EUR 16) entered and is booked under KOSTEN_OVERIG, so it is inside"
_NOTE_2015 = (
    "2015: hospital episodes were cut from 365 to 120 days; the mean of hospital care dips (1,256; 1,221; 1,314)"
)
_NOTE_YOUTH = "2015: mental health care under 18 left the insurance for the municipalities (Youth Act)"
_NOTE_GZSP = (
    "2020: medical care for specific groups of patients entered (KOSTEN_GZSP: EUR 0.4 per insured-year in 2020, 3.8 in "
    "2021, 4.3 in 2022): below EUR 5, so that it is no break"
)
_NOTE_2021 = "2021: mental health episodes were closed early for the new payment model; their mean dips (209 to 144)"
_NOTES: dict[int, tuple[str, ...]] = {2015: (_NOTE_2015,), 2017: (_NOTE_2017,)}  # of baskets without what entered
_NOTE_2022 = "2022: long-term mental health care (EUR 8 in 2021) has no column of its own any more, so it is inside"


@dataclass(frozen=True, slots=True)
class Basket:
    """A named set of care types."""

    name: str  # used in `load_vektis`
    description: str
    members: tuple[str, ...]  # care types (columns without ``KOSTEN_``) over all years; of a year: `columns(year)`
    breaks: dict[int, str] = field(default_factory=dict)  # first year that cannot be compared with the year before
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # by year

    def columns(self, year: int) -> tuple[str, ...]:
        """Return the care types of the basket that have a column in the file of `year`."""
        there = set(care_types(year))
        return tuple(name for name in self.members if name in there)

    def comparable_spans(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return the spans of years, within first..last, inside which the basket is comparable.

        >>> BASKETS["total"].comparable_spans(2011, 2018)
        [(2011, 2012), (2013, 2014), (2015, 2016), (2017, 2018)]
        """
        starts = [first, *(year for year in sorted(self.breaks) if first < year <= last), last + 1]
        return [(start, end - 1) for start, end in pairwise(starts)]

    def check_comparable(self, years: Iterable[int]) -> None:
        """Refuse years on both sides of a break, with the reasons and the comparable spans."""
        asked = sorted(set(years))
        crossed = {year: why for year, why in self.breaks.items() if asked[0] < year <= asked[-1]}
        if not crossed:
            return
        reasons = "; ".join(f"{year - 1}/{year}: {why}" for year, why in sorted(crossed.items()))
        spans = self.comparable_spans(asked[0], asked[-1])
        shown = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
        raise DatasetError(
            f"Basket {self.name!r} is not comparable over the years {asked[0]}-{asked[-1]}: {reasons}. "
            f"Allowed: years within one of {shown}. "
            "Next step: choose such years, or basket='core', which leaves out what entered after 2011."
        )


def _without(*dropped: str) -> tuple[str, ...]:
    return tuple(name for name in CARE_TYPES if name not in dropped)


_DENTAL_GGZ = ("MONDZORG", *GGZ)

BASKETS: dict[str, Basket] = {
    basket.name: basket
    for basket in (
        Basket(
            "total",
            "all spending in the publisher's file of the year",
            tuple(CARE_TYPES),
            breaks={
                2013: _GERIATRIC,
                2015: "district nursing and long-term mental health care entered (KOSTEN_VERPLEGING_EN_VERZORGING, "
                "KOSTEN_LANGDURIGE_GGZ)",
                2017: _RESIDENCE,
                2020: "medical care for specific groups of patients entered (KOSTEN_GZSP)",
            },
            notes={2015: (_NOTE_2015, _NOTE_YOUTH), 2021: (_NOTE_2021,)},
        ),
        Basket(
            "core",
            "total minus what entered after 2011: district nursing, long-term mental health care, primary-care "
            "residence, GZSP, geriatric rehabilitation",
            _without(*_ENTERED),
            notes=_NOTES
            | {2015: (_NOTE_2015, _NOTE_YOUTH), 2021: (_NOTE_2021,)}
            | dict.fromkeys((2022, 2023), (_NOTE_2022,)),
        ),
        Basket(
            "without_ggz",
            "core minus all mental health care (GGZ), in each of its three codings",
            _without(*_ENTERED, *GGZ),
            notes=_NOTES,
        ),
        Basket(
            "core_without_dental_ggz",
            "core minus dental care and all mental health care (GGZ)",
            _without(*_ENTERED, *_DENTAL_GGZ),
            notes=_NOTES,
        ),
        Basket(
            "zvw_without_dental_ggz",
            "all spending under the Health Insurance Act (Zvw) minus dental care and all mental health care (GGZ)",
            _without(*_DENTAL_GGZ),
            breaks={
                2013: _GERIATRIC,
                2015: "district nursing entered (KOSTEN_VERPLEGING_EN_VERZORGING)",
                2017: _RESIDENCE,
            },
            notes={2015: (_NOTE_2015,), 2020: (_NOTE_GZSP,)},
        ),
        Basket(
            "hospital",
            "medical specialist care",
            ("MEDISCH_SPECIALISTISCHE_ZORG",),
            breaks=_DRUGS_MOVED,
            notes={2015: (_NOTE_2015,)},
        ),
        Basket("pharmacy", "drugs dispensed outside the hospital", ("FARMACIE",), breaks=_DRUGS_MOVED),
        Basket(
            "gp",
            "general practice: registration, consultations, chain care, other, and support in primary care",
            (*(name for name in CARE_TYPES if name.startswith("HUISARTS_")), "EERSTELIJNS_ONDERSTEUNING"),
            breaks={
                2015: "multidisciplinary chain care got its own GP column; before it was spread over KOSTEN_OVERIG "
                "and others"
            },
        ),
    )
}


_SHORT_GGZ = {name for name in GGZ if name != "LANGDURIGE_GGZ"}
_BIRTH = {2021: "integrated birth care (KOSTEN_INTEGRALE_GEBOORTEZORG) got its own column"}
_MOVED = dict.fromkeys(BASKETS["hospital"].members + BASKETS["pharmacy"].members, _DRUGS_MOVED) | {
    **dict.fromkeys(("KRAAMZORG", "VERLOSKUNDIGE_ZORG"), _BIRTH),
    "OVERIG": BASKETS["gp"].breaks,
}


def basket_of(name: str, basket: str | None, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Basket:
    """Return a basket (None: an empty one) with the care types `include` and without `exclude`.

    It has the breaks of `basket`, and of the care types that are changed: years in which a column starts, ends, or gave
    care to another one. The columns of short mental health care (GGZ) have no breaks if all of them are changed.

    >>> basket_of("with rehabilitation", "core", ["GERIATRISCHE_REVALIDATIEZORG"]).comparable_spans(2011, 2022)
    [(2011, 2012), (2013, 2022)]
    """
    base = Basket(name, "", ()) if basket is None else find_basket(basket)
    match_names([*include, *exclude], CARE_TYPES, "There is no care type", DatasetError)
    members = [care for care in CARE_TYPES if care in {*base.members, *include} and care not in exclude]
    changed = {*members} ^ {*base.members}
    breaks = dict(base.breaks)
    for care in changed - (_SHORT_GGZ if changed >= _SHORT_GGZ else set()):
        first, last = CARE_TYPES[care]
        years = {year for year in (first, last and last + 1) if year and year > CARE_TYPES["OVERIG"][0]}
        breaks |= dict.fromkeys(years, f"the column of {care} starts or ends") | _MOVED.get(care, {})
    return Basket(name, "", tuple(members), breaks) if changed else base


def baskets_touched(column: str) -> list[str]:
    """Return the baskets with care types that may have held an unknown column: `OVERIG`, names alike, or GGZ."""
    word = column.removeprefix(SPENDING_PREFIX).partition("_")[0]
    alike = {"OVERIG", *(name for name in CARE_TYPES if name.partition("_")[0] == word)}
    before = set(GGZ) if "GGZ" in column else alike
    return [basket.name for basket in BASKETS.values() if before & set(basket.members)]


def find_basket(basket: str | Basket) -> Basket:
    """Return the basket of that name, or refuse with the nearest names; a Basket is returned as it is."""
    if isinstance(basket, Basket):
        return basket
    cure = f"Allowed: {', '.join(BASKETS)}."
    return BASKETS[match_names([basket], BASKETS, "There is no basket", DatasetError, cure)[0]]

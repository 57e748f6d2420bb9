"""Roles of columns: which column of a table holds units, periods or spending, by its name (Dutch or English)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

#: Names of the columns of a panel, without case, blanks and signs; the first ones are preferred.
PANEL_NAMES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "unit": (
            *("unit", "eenheid", "praktijknaam", "praktijk", "huisartsenpraktijk", "practice", "gemeentenaam"),
            *("gemeente", "municipality", "zorggroep", "groep", "group", "contract", "aanbieder", "provider", "aco"),
            *("instelling", "hospital", "agb", "agbcode", "naam", "name", "regio", "region", "county", "state"),
        ),
        "period": (
            *(
                "period",
                "periode",
                "kwartaal",
                "quarter",
                "maand",
                "month",
                "datum",
                "date",
                "jaar",
                "year",
                "peildatum",
            ),
            *("boekjaar", "tijdvak", "jaarkwartaal", "jaarmaand", "time", "t"),
        ),
        "spending": (
            *("spending", "zorguitgaven", "uitgaven", "zorgkosten", "kosten", "spend", "costs", "cost", "expenditure"),
            *("bedrag", "amount", "schadelast", "schade", "vergoed", "vergoeding", "paid", "declaraties", "lasten"),
        ),
        "insured_years": (
            *("insuredyears", "verzekerdejaren", "verzekerdenjaren", "memberyears", "personyears", "persoonsjaren"),
            *(
                "verzekerden",
                "insured",
                "members",
                "aantalverzekerden",
                "persons",
                "personen",
                "population",
                "inwoners",
            ),
            *("patienten", "patients", "ingeschrevenen", "aantal", "n", "size"),
        ),
        "expected": ("expected", "verwacht", "normkosten", "normuitgaven", "casemixexpected"),
        "latitude": ("latitude", "lat", "breedtegraad"),
        "longitude": ("longitude", "lon", "lng", "long", "lengtegraad"),
        "region": ("regio", "region", "provincie", "province"),
    }
)


def plain_name(name: object) -> str:
    """Return a name of a column without case, blanks and signs."""
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def ranked(columns: Iterable[str], names: Sequence[str], fits: Callable[[str], bool] = lambda _: True) -> list[str]:
    """Return the columns that fit: first those with one of `names`, then those that hold one, then the others."""

    def rank(column: str) -> tuple[int, int]:
        plain = plain_name(column)
        if plain in names:
            return 0, names.index(plain)
        held = [place for place, name in enumerate(names) if len(name) > 3 and name in plain]
        return (1, held[0]) if held else (2, 0)

    return sorted(filter(fits, columns), key=rank)


def named(columns: Iterable[str], names: Sequence[str]) -> list[str]:
    """Return the columns with one of `names`, or that hold one, best first."""
    return [
        column
        for column in ranked(columns, names)
        if (plain := plain_name(column)) in names or any(len(name) > 3 and name in plain for name in names)
    ]

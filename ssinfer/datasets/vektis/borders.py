"""Municipal borders: the division of each file (later than its year), and the map of names to a later division."""

from ssinfer.errors import DatasetError

# division: number of municipalities
DIVISIONS: dict[int, int] = {2019: 355, 2021: 352, 2022: 344, 2023: 342}

# division: {name in the division before: name from this division on}
_MERGED: dict[int, dict[str, str]] = {
    2021: dict.fromkeys(("APPINGEDAM", "DELFZIJL", "LOPPERSUM"), "EEMSDELTA"),
    2022: {
        **dict.fromkeys(("BOXMEER", "CUIJK", "GRAVE", "MILL EN SINT HUBERT", "SINT ANTHONIS"), "LAND VAN CUIJK"),
        **dict.fromkeys(("LANDERD", "UDEN"), "MAASHORST"),
        **dict.fromkeys(("HEERHUGOWAARD", "LANGEDIJK"), "DIJK EN WAARD"),
        "BEEMSTER": "PURMEREND",
        "WEESP": "AMSTERDAM",
    },
    2023: dict.fromkeys(("BRIELLE", "HELLEVOETSLUIS", "WESTVOORNE"), "VOORNE AAN ZEE"),
}

# division: {name that was split: the municipalities that received a part}
SPLIT: dict[int, dict[str, tuple[str, ...]]] = {2021: {"HAAREN": ("BOXTEL", "OISTERWIJK", "TILBURG", "VUGHT")}}


def division_of(year: int) -> int:
    """Return the division that the publisher's file of `year` uses."""
    if year <= 2018:
        return 2019
    return {2019: 2021, 2020: 2022, 2021: 2022}.get(year, 2023)


def target_division(borders: int | str) -> int:
    """Return `borders` as one of the known divisions, or refuse it."""
    text = str(borders)
    if text.isdigit() and int(text) in DIVISIONS:
        return int(text)
    allowed = ", ".join(f"{year} ({count} municipalities)" for year, count in DIVISIONS.items())
    raise DatasetError(
        f"borders={borders!r} is not a known municipal division. Allowed: {allowed}. Next step: use borders=2023."
    )


def renames(year: int, division: int) -> dict[str, str]:
    """Return the names in the file of `year` that change, with those of `division`; an earlier division is refused."""
    start = division_of(year)
    if start > division:
        raise DatasetError(
            f"The file of {year} uses the municipal borders of {start}; they cannot be taken back to {division}, "
            f"because merged municipalities cannot be taken apart. Allowed: borders of {start} or later. "
            f"Next step: use borders=2023, or leave out {year}."
        )
    names: dict[str, str] = {}
    for step in sorted(_MERGED):
        if start < step <= division:
            names = {old: _MERGED[step].get(new, new) for old, new in names.items()}
            names |= _MERGED[step]
    return names


def unmappable(year: int, division: int) -> dict[str, tuple[str, ...]]:
    """Return the names in the file of `year` that were split before `division`, with the names that received parts."""
    start = division_of(year)
    return {name: parts for step, split in SPLIT.items() if start < step <= division for name, parts in split.items()}

"""Columns of the publisher's file of each year; mental health care (GGZ) is coded in three ways."""

from ssinfer.errors import DatasetError

KEYS = ("GESLACHT", "LEEFTIJDSKLASSE", "GEMEENTENAAM")
COUNTS = ("AANTAL_BSN", "AANTAL_VERZEKERDEJAREN")
SPENDING_PREFIX = "KOSTEN_"

# care type: (first year, last year or None when the column still exists)
CARE_TYPES: dict[str, tuple[int, int | None]] = {
    "MEDISCH_SPECIALISTISCHE_ZORG": (2011, None),
    "FARMACIE": (2011, None),
    "TWEEDELIJNS_GGZ": (2011, 2013),
    "EERSTELIJNS_PSYCHOLOGISCHE_ZORG": (2011, 2013),
    "SPECIALISTISCHE_GGZ": (2014, 2021),
    "GENERALISTISCHE_BASIS_GGZ": (2014, 2021),
    "LANGDURIGE_GGZ": (2015, 2021),
    "INNOVATIEGELDEN_GGZ": (2021, None),
    "CONSULTEN_GGZ": (2022, None),
    "INTRAMURAAL_VERBLIJF_GGZ": (2022, None),
    "OVERIGE_PRESTATIES_GGZ": (2022, None),
    "HUISARTS_INSCHRIJFTARIEF": (2011, None),
    "HUISARTS_CONSULT": (2011, None),
    "HUISARTS_MDZ": (2015, None),
    "HUISARTS_OVERIG": (2011, None),
    "HULPMIDDELEN": (2011, None),
    "MONDZORG": (2011, None),
    "PARAMEDISCHE_ZORG_FYSIOTHERAPIE": (2011, None),
    "PARAMEDISCHE_ZORG_OVERIG": (2011, None),
    "ZIEKENVERVOER_ZITTEND": (2011, None),
    "ZIEKENVERVOER_LIGGEND": (2011, None),
    "KRAAMZORG": (2011, None),
    "VERLOSKUNDIGE_ZORG": (2011, None),
    "INTEGRALE_GEBOORTEZORG": (2021, None),
    "GRENSOVERSCHRIJDENDE_ZORG": (2011, None),
    "EERSTELIJNS_ONDERSTEUNING": (2011, None),
    "GERIATRISCHE_REVALIDATIEZORG": (2013, None),
    "EERSTELIJNSVERBLIJF": (2018, None),
    "VERPLEGING_EN_VERZORGING": (2015, None),
    "GZSP": (2020, None),
    "OVERIG": (2011, None),
}

GGZ = tuple(name for name in CARE_TYPES if "GGZ" in name or "PSYCHOLOGISCHE" in name)


def known_names(name: str) -> list[str]:
    """Return the known columns that a name can mean: the same name, or those of which it is the first 32 characters."""
    known = (*KEYS, *COUNTS, *(SPENDING_PREFIX + care for care in CARE_TYPES))
    return [name] if name in known else [full for full in known if full[:32] == name]


def care_types(year: int) -> tuple[str, ...]:
    """Return the care types with a column in the file of `year`."""
    return tuple(name for name, (first, last) in CARE_TYPES.items() if first <= year and (last is None or year <= last))


# the publisher's nineteen age classes and the labels used here
AGE_CLASSES = {**{f"{age:2d} t/m {age + 4:2d} jaar": f"{age}-{age + 4}" for age in range(0, 90, 5)}, "90+": "90+"}
# the publisher's letters for the two sexes and the labels used here
SEXES: dict[str, str] = {"M": "male", "V": "female"}


def age_classes(ages: tuple[int, int]) -> list[str]:
    """Return the classes from the first to the last age; ages inside a class are refused.

    >>> age_classes((80, 120))
    ['80-84', '85-89', '90+']
    """
    first, last = ages[0], min(ages[1], 94)
    if first % 5 or last % 5 != 4 or not 0 <= first < last:
        raise DatasetError(
            f"ages is {ages}, and the published classes have five years. Allowed: a first age of 0, 5, ..., 90, and a "
            "last age of 4, 9, ..., 89, or 94 and more. Next step: (65, 120) for everybody of 65 and over."
        )
    return list(AGE_CLASSES.values())[first // 5 : last // 5 + 1]

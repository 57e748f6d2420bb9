"""Words that insurers use for tables and columns, in Dutch and English, and the column or table that they mean."""

import re
import unicodedata
from collections.abc import Collection
from types import MappingProxyType

_PERSON = (
    "person persoon pseudo_bsn pseudobsn bsn verzekerde verzekerde_id verzekerdenummer relatienummer patient member"
)
_START = "start ingangsdatum begindatum startdatum datum_ingang van datum_van date_from valid_from"
_END = "end einddatum datum_einde tot datum_tot tot_en_met date_to valid_to"
# Words of a column by "table.column" or by column; the first word found decides.
COLUMNS = MappingProxyType(
    {
        "person": _PERSON,
        "birth_year": "birth_year geboortejaar year_of_birth geboortedatum date_of_birth birth_date birthdate",
        "sex": "sex gender geslacht",
        "ses": "ses ses_klasse sociaaleconomische_status",
        "region": "region regio gemeente municipality woonplaats provincie",
        "insurer": "insurer verzekeraar uzovi risicodrager payer",
        "practice": "practice praktijk praktijk_agb agb agb_code agbcode huisartsenpraktijk huisarts gp_practice",
        "start": _START,
        "end": _END,
        "deaths.date": "date datum overlijdensdatum datum_overlijden sterfdatum date_of_death death_date",
        "date": "date datum behandeldatum prestatiedatum datum_prestatie declaratiedatum service_date",
        "category": "category categorie zorgsoort zorgvorm soort_zorg soort care_type service_category",
        "amount": "amount bedrag bedrag_cent vergoed_bedrag vergoeding kosten paid_amount cost",
        "product_group": "product_group productgroep atc atc_code",
        "volume": "volume aantal hoeveelheid quantity",
        "tariff": "tariff tarief prijs price",
        "paid": "paid betaaldatum betaald_op datum_betaald payment_date paid_date",
        "claim": "claim claim_id declaratienummer regelnummer declaratie_id",
        "unit": "unit eenheid groep praktijk regio",
    }
)
NAMES = MappingProxyType(
    {
        "insured": "insured verzekerden verzekerde personen persons members patients",
        "enrolment": "enrolment enrollment inschrijvingen inschrijving polissen polis spans",
        "deaths": "deaths overlijdens overlijden overleden sterfte mortality",
        "claims": "claims declaraties declaratieregels declaratie nota claim_lines",
        "programmes": "programmes programs programmas contracten contracts",
    }
)


def column_of(table: str, column: str, names: Collection[str]) -> str | None:
    """Return which of `names` means a column of the schema; None if no word of the column is in one.

    >>> column_of("claims", "person", ["datum", "Pseudo-BSN", "bedrag_in_centen"])
    'Pseudo-BSN'
    """
    return _match(COLUMNS.get(f"{table}.{column}", COLUMNS.get(column, column)).split(), names)


def table_of(table: str, names: Collection[str]) -> str | None:
    """Return which of `names` means a table of the schema; None if no word of the table is in one."""
    return _match(NAMES[table].split(), names)


def _match(words: list[str], names: Collection[str]) -> str | None:
    """Return the name that is a word, else one that has it as a part between signs; earlier words come first."""
    plain = {name: _plain(name) for name in names}
    for fits in (str.__eq__, lambda name, word: f"_{word}_" in f"_{name}_"):
        for word in words:
            for name, text in plain.items():
                if fits(text, word):
                    return name
    return None


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")

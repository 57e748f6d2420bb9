"""Words for tables and their columns, in Dutch and English: which column or table of some data is meant by its name."""

import re
import unicodedata
from collections.abc import Iterable
from types import MappingProxyType

#: Words of the columns of a panel; the first ones are preferred.
PANEL = MappingProxyType(
    {
        "unit": "unit eenheid praktijknaam praktijk huisartsenpraktijk practice gemeentenaam gemeente municipality "
        "zorggroep groep group contract aanbieder provider aco instelling hospital agb agbcode naam name "
        "regio region county state",
        "period": "period periode kwartaal quarter maand month datum date jaar year peildatum boekjaar tijdvak "
        "jaarkwartaal jaarmaand time t",
        "spending": "spending zorguitgaven uitgaven zorgkosten kosten spend costs cost expenditure bedrag amount "
        "schadelast schade vergoed vergoeding paid declaraties lasten",
        "insured_years": "insuredyears verzekerdejaren verzekerdenjaren memberyears personyears persoonsjaren "
        "verzekerden insured members aantalverzekerden persons personen population inwoners patienten patients "
        "ingeschrevenen enrollees beneficiaries aantal n size",
        "expected": "expected verwacht normkosten normuitgaven casemixexpected",
        "latitude": "latitude lat breedtegraad",
        "longitude": "longitude lon lng long lengtegraad",
    }
)
_PERSON = (
    "person persoon pseudo_bsn pseudobsn bsn pseudoniem pseudonym verzekerde verzekerde_id verzekerdenummer "
    "verzekerdennummer klantnummer relatienummer patient member"
)
_START = "start ingangsdatum begindatum startdatum datum_ingang van datum_van date_from valid_from"
_END = "end einddatum datum_einde tot datum_tot tot_en_met date_to valid_to"
#: Words of the columns of claims, by "table.column" or by column.
CLAIMS = MappingProxyType(
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
TABLES = MappingProxyType(
    {
        "insured": "insured verzekerden verzekerde personen persons members patients",
        "enrolment": "enrolment enrollment inschrijvingen inschrijving polissen polis spans",
        "deaths": "deaths overlijdens overlijden overleden sterfte mortality",
        "claims": "claims declaraties declaratieregels declaratie nota claim_lines",
        "programmes": "programmes programs programmas contracten contracts",
    }
)


def column_of(table: str, column: str, names: Iterable[str]) -> str | None:
    """Return which of `names` means a column of a table of claims; None if no word of the column is in one.

    >>> column_of("claims", "person", ["datum", "Pseudo-BSN", "bedrag_in_centen"])
    'Pseudo-BSN'
    >>> column_of("insured", "person", ["geboortejaar", "Pseudoniem verzekerde"])
    'Pseudoniem verzekerde'
    """
    return next(iter(named(names, CLAIMS.get(f"{table}.{column}", CLAIMS.get(column, column)))), None)


def table_of(table: str, names: Iterable[str]) -> str | None:
    """Return which of `names` means a table of claims; None if no word of the table is in one."""
    return next(iter(named(names, TABLES[table])), None)


def named(names: Iterable[str], words: str, *, inside: bool = False) -> list[str]:
    """Return the names that are a word, then those that hold one between signs; earlier words come first.

    `inside`: signs do not count, and words of four letters and more are also found inside other words.
    """
    ranks: dict[str, tuple[bool, int]] = {}
    for name in names:
        text = plain(name).replace("_", "") if inside else plain(name)
        held = {
            (text != word, place)
            for place, word in enumerate(words.split())
            if text == word or (len(word) > 3 and word in text if inside else f"_{word}_" in f"_{text}_")
        }
        if held:
            ranks[name] = min(held)
    return sorted(ranks, key=lambda name: ranks[name])


def plain(name: object) -> str:
    """Return a name in lower case without accents, its words parted by "_"."""
    text = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)))
    return re.sub(r"[^a-z0-9]+", "_", text.encode("ascii", "ignore").decode().casefold()).strip("_")

"""Names of a population and of a definition of spending, against the tables of claims."""

from functools import cache

import pandas as pd
import pytest

from ssinfer.claims import ClaimsTables, Population, Spending, extract
from ssinfer.claims.names import name_as_tables
from ssinfer.errors import ClaimsError, DataError

DAY = pd.Timestamp


def frames(**changes):
    persons = range(1, 7)
    insured = pd.DataFrame({"person": persons, "birth_year": 1960, "sex": list("VMVMVM"), "region": list("NNNZZZ")})
    enrolment = pd.DataFrame({"person": persons, "insurer": list("AABAAB"), "practice": list("ppqqrr")})
    enrolment = enrolment.assign(start=DAY("2018-01-01"), end=DAY("2018-12-31"))
    claims = pd.DataFrame({"person": [*persons, 1], "date": DAY("2018-05-05"), "category": ["gp"] * 6 + ["dental"]})
    claims = claims.assign(amount=[100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 50.0], product_group="L04AB01")
    return {"insured": insured, "enrolment": enrolment, "claims": claims, **changes}


def run(population=None, spending=None, accept=(), **changes):
    tables = ClaimsTables.from_frames(**frames(**changes)) if changes else plain_tables()
    return extract(tables, population, spending, periods=[2018], accept=accept)


def cells(result):
    return dict(zip(result.panel.units, result.panel.spending[:, 0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Population(units={"P": "K", "q": "K"}), r"units: table 'enrolment' has no practice 'P'. Did you mean 'p'\?"),
        (Population(practices=["p", "Q"]), r"practices: table 'enrolment' has no practice 'Q'. Did you mean 'q'\?"),
        (Population(insurers=["A", "C"]), r"insurers: table 'enrolment' has no insurer 'C'. Allowed: 'A', 'B'"),
        (Population(regions=["N", "X"]), "regions: table 'insured' has no region 'X'. Allowed: 'N', 'Z'"),
        (Population(ses=["low"]), "ses: table 'insured' has no ses 'low'. None is available"),
        (Spending(exclude=["GGZ"]), "exclude: table 'claims' has no category 'GGZ'. Allowed: 'dental', 'gp'"),
        (Spending(own_costs=["dentel"]), "own_costs: table 'claims' has no category 'dentel'. Did you mean 'dental'"),
        (Spending(include=["gp", "Dental"]), "include: table 'claims' has no category 'Dental'. Did you mean 'dental'"),
        (Spending(product_groups_exclude=["L04", "X9"]), "product group that begins with 'X9'. Allowed: 'L04AB01'"),
    ],
)
def test_a_name_that_no_row_has_is_refused(part, message):
    """Faults W4 (b), journey A5, rows 106 and 108: such a name selected or excluded nothing, in silence."""
    with pytest.raises(ClaimsError, match=message):
        named(part)


def named(part, accept=(), **changes):
    return name_as_tables(part, ClaimsTables.from_frames(**frames(**changes)) if changes else plain_tables(), accept)


@cache
def plain_tables():
    return ClaimsTables.from_frames(**frames())


def test_names_are_equal_but_for_blanks():
    """Fault W4 (b): half of the contract's practices became its donors."""
    assert cells(run(Population(units={"p ": "K", "q": "K"}), Spending(exclude=[" dental"]))) == {
        "K": 250.0,
        "r": 550.0,
    }
    assert named(Spending(include="gp ", product_groups_exclude=["L04 "])).product_groups_exclude == ("L04",)
    claims = frames()["claims"].assign(category=["gp"] * 6 + [None])
    assert named(Spending(exclude=["(missing)"]), claims=claims).exclude == ("(missing)",)


def test_labels_similar_to_a_named_one_are_refused_unless_accepted():
    claims = frames()["claims"].assign(category=["gp"] * 5 + ["GGZ", "ggz"])
    with pytest.raises(ClaimsError, match=r"exclude: labels 'GGZ' and 'ggz' differ only in case"):
        run(None, Spending(exclude=["GGZ"]), claims=claims)
    assert named(Spending(exclude=["GGZ", "ggz"]), claims=claims).exclude == ("GGZ", "ggz")
    assert named(Spending(exclude=["GGZ"]), {"similar_names"}, claims=claims).exclude == ("GGZ",)


def test_similar_units_are_refused_unless_accepted_or_joined():
    enrolment = frames()["enrolment"].assign(practice=["p", "P", "q", "q", "r", "r"])
    with pytest.raises(ClaimsError, match="Units 'P' and 'p' differ only in case"):
        run(enrolment=enrolment)
    result = run(enrolment=enrolment, accept=["similar_names"])
    assert result.panel.units == ("P", "p", "q", "r")
    assert result.panel.accept == result.cohort().accept == {"similar_names"}
    with pytest.raises(DataError, match="accept names 'similar'"):
        run(accept=["similar"])


def test_programmes_name_units_practices_or_regions():
    """Fault W4: a programme of an unknown unit put nothing under contract."""
    programmes = pd.DataFrame({"unit": ["q "], "start": [DAY("2018-05-01")], "end": [None]})
    # a practice that the population joins with others puts the joint unit under contract
    assert run(Population(units={"p": "K", "q": "K"}), programmes=programmes).under_contract == ("K",)
    with pytest.raises(
        ClaimsError, match=r"'programmes' names what is no unit, practice or region: 'qq'. Did you mean"
    ):
        run(programmes=programmes.assign(unit="qq"))


def test_a_header_in_other_capitals_is_named(tmp_path):
    """Fault C11: such a CSV file ended in a parser error of DuckDB."""
    for name, table in frames().items():
        table.rename(columns=str.title).to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(ClaimsError, match=r"Table 'insured' has no column 'person'. Did you mean 'Person'\?"):
        ClaimsTables.open(tmp_path)

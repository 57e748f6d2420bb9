"""Connects to a database of claims: PostgreSQL or Spark, on Ibis."""

import weakref
from typing import Any

import ibis

from ssinfer.claims.backend.address import SPARK, check_address
from ssinfer.claims.backend.engine import engine_errors
from ssinfer.errors import ClaimsError


def connect_database(address: str) -> Any:
    """Return an Ibis connection to the database of an address; its password is read by libpq.

    ClaimsError: the driver is not installed, no server answers, the password is wrong, or the database is absent.
    """
    parts = check_address(address)
    try:
        if address == SPARK:
            return ibis.pyspark.connect()
        place = f"The database {parts['database']!r} on {parts.get('host', 'this machine')} could not be opened"
        options: dict[str, Any] = {"connect_timeout": "10", **parts, "port": int(parts.get("port", 5432))}
        with engine_errors(place):
            connection = ibis.postgres.connect(**options)
        weakref.finalize(connection, connection.con.close)
    except ImportError as error:
        driver = "ibis-framework[pyspark]" if address == SPARK else "ssinfer[postgres]"
        raise ClaimsError(f"The driver of the database is not installed ({error.name}). Install {driver}.") from None
    return connection

"""Addresses of databases: postgres://USER@HOST:PORT/DATABASE or spark, without a password."""

from urllib.parse import parse_qsl, unquote, urlsplit

from ssinfer.errors import ClaimsError

OPTIONS = ("sslmode", "sslrootcert", "connect_timeout", "application_name")
SPARK = "spark"
ALLOWED = "'postgres://USER@HOST:PORT/DATABASE', or 'spark' for the session that Spark is configured for"


def check_address(address: object) -> dict[str, str]:
    """Return the parts of the address of a database as arguments of libpq; none of Spark.

    A password is refused without repeating the address: libpq reads it from PGPASSWORD or ~/.pgpass.
    """
    if address in (None, SPARK):
        return {}
    try:
        parts = urlsplit(str(address))
        given = {
            "host": parts.hostname,
            "port": str(parts.port or ""),
            "user": parts.username,
            "database": parts.path[1:],
        }
    except ValueError:
        raise ClaimsError(f"the address of the connection cannot be read. Allowed: {ALLOWED}") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.password is not None or "password" in options or "passfile" in options:
        raise ClaimsError(
            "the connection holds a password, which would be in the study and its results. Leave it out, and give it "
            "in the environment (PGPASSWORD) or in the file ~/.pgpass"
        )
    if parts.scheme not in ("postgres", "postgresql") or not given["database"] or "/" in str(given["database"]):
        raise ClaimsError(f"the connection is of kind {parts.scheme or 'no address'!r}. Allowed: {ALLOWED}")
    if other := sorted(set(options) - set(OPTIONS)):
        raise ClaimsError(f"the connection has the option {other[0]!r}. Allowed: {', '.join(OPTIONS)}")
    return {name: unquote(value) for name, value in given.items() if value} | options

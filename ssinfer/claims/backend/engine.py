"""The query engine: an embedded DuckDB that reads the named folders only, and its errors without values of persons."""

import re
import weakref
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import ibis

from ssinfer.atomic import temporary_folder
from ssinfer.errors import ClaimsError

ENGINES = {"duckdb", "_duckdb", "ibis", "psycopg", "pyspark", "py4j"}
_CREDENTIALS = "Give the user's password in the environment (PGPASSWORD) or in the file ~/.pgpass"
_REASONS = {
    r"password authentication failed": f"the password or the user is wrong. {_CREDENTIALS}",
    r"no password supplied|authentication failed": f"the server asks for a password. {_CREDENTIALS}",
    r"permission denied to create temp": "the user may not write temporary tables. Ask for the right TEMPORARY on it",
    r"permission denied": "the user has no right to read it. Ask for SELECT on the table, and USAGE on its schema",
    r'database "[^"]*" does not exist': "there is no such database. Correct its name in the connection",
    r"Out of Memory|failed to (pin|allocate)|bad_alloc": "there is not enough memory. Raise memory_limit, such as "
    "'8GB', or free memory",
    r"No space left|max_temp_directory_size": "the disk of temporary files is full. Set TMPDIR to a larger one",
    r"Permission Error": "a view reads a file outside the folders of the tables. Store the rows as a table",
    r"Parquet|No magic bytes|snappy|thrift": "the file is cut, damaged or not Parquet. Export it again",
    r"unicode|utf-8": "the text is not UTF-8. Export it as UTF-8",
    r"Expected Number of Columns": "the line has too many or too few fields. Export the table again",
    r"unterminated quote": "a quote has no end. Export the table again",
    r"onver(t|sion)": "the value is not of the column's type. Correct it at the source",
    r"translate host name|resolve host|[Cc]onnection refused|timeout expired|[Nn]o route to host": "no server answers "
    "there. Correct host and port in the connection, or ask whether the server is up and open to this machine",
}
_WHERE = {"line": r"Line: (\d+)", "file": r"file = .*?([^/\s]+)\s*$", "column": r'column "(\w+)"'}


def connect(folders: Iterable[Path] = (), database: Path | None = None, **settings: Any) -> Any:
    """Return an Ibis DuckDB connection that reads files of `folders` and its own scratch folder, and no others."""
    with ExitStack() as stack:
        scratch = stack.enter_context(temporary_folder("ssinfer-duckdb-", Path(gettempdir())))
        opened = {"database": database, "read_only": True} if database else {}
        connection = ibis.duckdb.connect(**opened, temp_directory=scratch, **settings)
        allowed = ", ".join("'" + str(folder).replace("'", "''") + "'" for folder in (*folders, scratch))
        connection.con.execute(f"SET allowed_directories = [{allowed}]")
        connection.con.execute("SET enable_external_access = false")
        connection.con.execute("SET lock_configuration = true")
        weakref.finalize(connection, stack.pop_all().close)
    return connection


@contextmanager
def engine_errors(subject: str = "The claims could not be counted", columns: Collection[str] = ()) -> Iterator[None]:
    """Raise an error of the query engine as one line that names file, line and one of `columns`, and no value."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ENGINES:
            raise
        text = str(error)
        reasons = (reason for pattern, reason in _REASONS.items() if re.search(pattern, text))
        places = {
            name: place[1] for name, pattern in _WHERE.items() if (place := re.search(pattern, text, re.MULTILINE))
        }
        where = "".join(f", {name} {at}" for name, at in places.items() if name != "column" or at in columns)
        reason = next(reasons, f"the query engine reports {type(error).__name__}")
        raise ClaimsError(f"{subject}{where}: {reason}.") from None

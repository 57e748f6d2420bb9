"""Scratch: intermediate results kept on the backend, and dropped when they have served."""

from __future__ import annotations

import uuid
from typing import Any


class Scratch:
    """Tables of one extract, temporary where the backend has such.

    Ibis's own cache drops its tables when Python collects an expression, which at the end of a process is too late,
    and on Spark it is evaluated again with every use; here tables are written once and dropped by :meth:`drop`.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.names: list[str] = []

    def keep(self, expression: Any, *, for_good: bool = False) -> Any:
        """Return the expression computed once; `for_good`: it outlives :meth:`drop`, until the connection closes.

        Spark has no temporary tables: there a table for good stays in the session's warehouse.
        """
        name = f"ssinfer_{uuid.uuid4().hex[:12]}"
        temporary = {} if self.connection.name == "pyspark" else {"temp": True}
        table = self.connection.create_table(name, expression, **temporary)
        if not for_good:
            self.names.append(name)
        return table

    def drop(self) -> None:
        """Drop what was kept for a while."""
        while self.names:
            # Not `drop_table`: Ibis 12.0 with sqlglot 30 compiles it to an empty statement.
            cursor = self.connection.raw_sql(f"DROP TABLE IF EXISTS {self.names.pop()}")
            if self.connection.name == "postgres":
                self.connection.con.commit()
                cursor.close()

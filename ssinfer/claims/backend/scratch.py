"""Scratch: intermediate results stored on the backend, and dropped after use."""

from __future__ import annotations

import uuid
from typing import Any


class Scratch:
    """Tables of one extract, written once and dropped by :meth:`close`; temporary if the backend has temporary tables.

    The cache of Ibis drops tables when Python collects an expression, and evaluates them again at each use on Spark.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.names: list[str] = []

    def keep(self, expression: Any, *, permanent: bool = False) -> Any:
        """Return the expression, computed once; a `permanent` one stays after :meth:`close`."""
        name = f"ssinfer_{uuid.uuid4().hex[:12]}"
        temporary = {} if self.connection.name == "pyspark" else {"temp": True}
        table = self.connection.create_table(name, expression, **temporary)
        if not permanent:
            self.names.append(name)
        return table

    def close(self) -> None:
        """Drop the tables that are not permanent."""
        while self.names:
            # Ibis 12.0 with sqlglot 30 compiles `drop_table` to an empty statement.
            cursor = self.connection.raw_sql(f"DROP TABLE IF EXISTS {self.names.pop()}")
            if self.connection.name == "postgres":
                self.connection.con.commit()
                cursor.close()

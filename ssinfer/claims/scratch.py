"""Scratch: intermediate results kept on the backend, and dropped when they have served."""

from __future__ import annotations

import uuid
from typing import Any


class Scratch:
    """Temporary tables of one extract.

    Ibis's own cache drops its tables when Python collects an expression, which at the end of a process is too late;
    here they are dropped by :meth:`drop`. A backend without temporary tables (Spark) falls back to that cache.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.names: list[str] = []

    def keep(self, expression: Any, *, for_good: bool = False) -> Any:
        """Return the expression computed once; `for_good`: it outlives :meth:`drop`, until the connection closes."""
        if self.connection.name == "pyspark":
            return expression.cache()
        name = f"ssinfer_{uuid.uuid4().hex[:12]}"
        table = self.connection.create_table(name, expression, temp=True)
        if not for_good:
            self.names.append(name)
        return table

    def drop(self) -> None:
        """Drop what was kept for a while."""
        while self.names:
            # Not `drop_table`: Ibis 12.0 with sqlglot 30 compiles it to an empty statement.
            cursor = self.connection.raw_sql(f'DROP TABLE IF EXISTS "{self.names.pop()}"')
            if self.connection.name == "postgres":
                self.connection.con.commit()
                cursor.close()

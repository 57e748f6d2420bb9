"""Scratch: intermediate results stored on the backend, and dropped after use."""

import uuid
from collections.abc import Callable
from typing import Any


class Scratch:
    """Tables of one extract, written once and dropped by :meth:`close`; the cache of Ibis would evaluate them again."""

    def __init__(self, connection: Any, shared: "Scratch | None" = None) -> None:
        self.connection = connection
        self.shared = shared or self  # what several extracts of the same tables have in common; closed last
        self.names: list[str] = []
        self.results: dict[Any, Any] = {}

    def once[T](self, key: object, compute: Callable[[], T]) -> T:
        """Return a result that extracts share, computed at its first use."""
        if key not in self.shared.results:
            self.shared.results[key] = compute()
        return self.shared.results[key]  # type: ignore[no-any-return]

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

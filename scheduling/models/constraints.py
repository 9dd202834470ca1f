"""Database rules that Django has no class for: one seat, one claim at a time, on PostgreSQL and SQLite.

Both classes use built-in SQL only, so that a bare ``sqlite3`` or ``psql`` session is bound by them too.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Columns, Statement, Table
from django.db.models import BaseConstraint, Model, Q
from django.utils.translation import gettext_lazy as _

OVERLAP_TRIGGER = (
    "CREATE TRIGGER %(name)s AFTER {event} ON %(table)s BEGIN "
    "SELECT RAISE(ABORT, '{rule}') WHERE (SELECT {end} FROM %(table)s WHERE {key} = NEW.{key} "
    "AND {start} < NEW.{end} AND id <> NEW.id ORDER BY {start} DESC LIMIT 1) > NEW.{start}; END"
)
"""Compares with the row that starts last before the new one ends: enough, as no two others overlap."""


class _VendorConstraint(BaseConstraint):
    """Shared by both: a rule whose SQL differs by database and that checks rows when it is added."""

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        """ALTER TABLE ... ADD CONSTRAINT; PostgreSQL only, as SQLite remakes the table instead."""
        table = Table(model._meta.db_table, schema_editor.quote_name)
        body = self.constraint_sql(model, schema_editor)
        return Statement("ALTER TABLE %(table)s ADD " + body.replace("%", "%%"), table=table)

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        """ALTER TABLE ... DROP CONSTRAINT; PostgreSQL only."""
        return schema_editor._delete_constraint_sql(schema_editor.sql_delete_check, model, self.name)

    def __eq__(self, other: object) -> bool:
        """Equal when they deconstruct alike; without this ``makemigrations --check`` drifts for ever."""
        if not isinstance(other, type(self)):
            return NotImplemented
        return self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        """By name, which is unique in the database."""
        return hash(self.name)


class NoOverlap(_VendorConstraint):
    """No two rows with the same ``key`` have overlapping half-open intervals ``[start, end)``.

    An exclusion constraint on PostgreSQL, two raising triggers on SQLite; the error names the constraint on
    both. SQLite's triggers go through ``deferred_sql`` with a table reference, so a table rebuild keeps them.
    """

    def __init__(self, *, key: str, start: str, end: str, name: str) -> None:
        """Field names of the key (an integer or a foreign key) and of both ends (aware datetimes)."""
        super().__init__(name=name)
        self.key, self.start, self.end = key, start, end

    def _columns(self, model: type[Model]) -> dict[str, str]:
        fields = {"key": self.key, "start": self.start, "end": self.end}
        return {part: str(model._meta.get_field(field).column) for part, field in fields.items()}  # type: ignore[union-attr]

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """The clause inside CREATE TABLE; on SQLite none, but the triggers are queued."""
        columns = self._columns(model)
        if schema_editor.connection.vendor == "postgresql":
            return (
                f"CONSTRAINT {schema_editor.quote_name(self.name)} EXCLUDE USING gist ("
                "int8range({key}, {key}, '[]') WITH &&, tstzrange({start}, {end}, '[)') WITH &&)"
            ).format(**columns)
        self._queue_triggers(model, schema_editor, columns)
        return None

    def _queue_triggers(self, model: Any, editor: BaseDatabaseSchemaEditor, columns: dict[str, str]) -> None:
        name = model._meta.db_table
        events = {"insert": "INSERT", "update": "UPDATE OF {key}, {start}, {end}".format(**columns)}
        for suffix, event in events.items():
            body = OVERLAP_TRIGGER.format(event=event, rule=self.name, **columns)
            editor.deferred_sql.append(
                Statement(body, name=f"{self.name}_{suffix}", table=Table(name, editor.quote_name))
            )
        # Rows that stand in the table already pass through the trigger once.
        again = "UPDATE %(table)s SET {key} = {key}".format(**columns)  # noqa: S608 - names of our own columns
        touched = Columns(name, [columns["key"]], editor.quote_name)
        editor.deferred_sql.append(Statement(again, table=Table(name, editor.quote_name), columns=touched))

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Any = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """For forms: raise ValidationError where a saved row overlaps ``instance``."""
        if exclude and {self.key, self.start, self.end} & set(exclude):
            return
        start, end = getattr(instance, self.start), getattr(instance, self.end)
        key = getattr(instance, model._meta.get_field(self.key).attname)  # type: ignore[union-attr]
        if None in (start, end, key):
            return
        clash = Q(**{self.key: key, f"{self.start}__lt": end, f"{self.end}__gt": start})
        if model._default_manager.using(using).filter(clash).exclude(pk=instance.pk).exists():
            raise ValidationError(_("This time is already taken."), code=self.name)

    def deconstruct(self) -> Any:
        """For migrations."""
        path, _args, _kwargs = super().deconstruct()
        return path, (), {"key": self.key, "start": self.start, "end": self.end, "name": self.name}


class SqlCheck(_VendorConstraint):
    """A CHECK written for each database, where the ORM's version would call Python from SQLite."""

    def __init__(self, *, sqlite: str, postgresql: str, name: str) -> None:
        """The boolean expression in each dialect."""
        super().__init__(name=name)
        self.sqlite, self.postgresql = sqlite, postgresql

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """The clause inside CREATE TABLE."""
        check = self.postgresql if schema_editor.connection.vendor == "postgresql" else self.sqlite
        return f"CONSTRAINT {schema_editor.quote_name(self.name)} CHECK ({check})"

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Any = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Left to the database: services round their times before they save."""
        connections[using].ensure_connection()

    def deconstruct(self) -> Any:
        """For migrations."""
        path, _args, _kwargs = super().deconstruct()
        return path, (), {"sqlite": self.sqlite, "postgresql": self.postgresql, "name": self.name}

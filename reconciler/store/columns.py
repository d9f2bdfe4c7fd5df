"""What tables are made of: kinds of columns that are the same on SQLite and PostgreSQL."""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Text, text
from sqlalchemy.types import TypeEngine

METADATA: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_name)s_uq",
    }
)

COUNTED: Final = BigInteger().with_variant(Integer, "sqlite")
"""Counted upwards by the database; SQLite does so for ``INTEGER`` alone."""


TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Ordered by its bytes on both, so that a page after ``id`` is the same page everywhere."""


def key(name: str, kind: TypeEngine[Any] | None = None) -> Column[Any]:
    """Return a column of the primary key; text unless *kind* is given."""
    return Column(name, kind or TEXT, primary_key=True)


def string(name: str, *, null: bool = False) -> Column[Any]:
    """Return a column of text."""
    return Column(name, TEXT, nullable=null)


def whole(name: str, *, null: bool = False) -> Column[Any]:
    """Return a column of whole numbers."""
    return Column(name, BigInteger(), nullable=null)


def blob(name: str, *, null: bool = False) -> Column[Any]:
    """Return a column of bytes."""
    return Column(name, LargeBinary(), nullable=null)


def where(condition: str) -> dict[str, Any]:
    """Return the options of an index over the rows of *condition* alone, on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}

"""A filled Tryton for one test: a copy of a database that is made once, and its own client's word on it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from examples.tryton.server import Server

ROOT: Final = Path(__file__).parents[2]
EXAMPLE: Final = ROOT / "examples" / "tryton"
KEPT: Final = ROOT / ".work" / "tryton"
DATABASE: Final = "acme"
PASSWORDS: Final = {
    "ACME_ERP_ADMIN_PASSWORD": "admin-Sesame-41",
    "ACME_ERP_USER": "integrator",
    "ACME_ERP_PASSWORD": "integrator-Sesame-42",
    "ACME_ERP_AUDITOR_PASSWORD": "auditor-Sesame-43",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order, as Tryton's own client tells it."""

    product: str | None
    name: str
    quantity: Decimal
    unit: str | None
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase order, as Tryton's own client tells it."""

    id: int
    number: str | None
    reference: str
    description: str
    comment: str | None
    state: str
    date: str
    party: str
    currency: str
    net: Decimal
    tax: Decimal
    gross: Decimal
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Erp:
    """A running Tryton; its server can be stopped and started again on the same port."""

    server: Server

    @property
    def url(self) -> str:
        """Where it listens, without the database."""
        return self.server.url

    def truth(self) -> tuple[Order, ...]:
        """Return every purchase order, by id."""
        return tuple(_order(row) for row in self._ask("truth"))

    def change(self, count: int, *, what: str = "header", mark: str = "CHANGED") -> list[int]:
        """Change *count* orders as a buyer does, and return their ids."""
        return [int(key) for key in self._ask("change", str(count), "--what", what, "--mark", mark)]

    def fill(self, count: int, field: str, values: Sequence[str]) -> dict[str, str]:
        """Give *count* orders one of *values* in *field* each, in turn; return them by id."""
        done = self._ask("fill", str(count), "--field", field, "--values", *values)
        return {str(key): value for key, value in done}

    def delete(self, count: int) -> list[int]:
        """Delete *count* drafts for good, and return their ids."""
        return [int(key) for key in self._ask("delete", str(count))]

    def password(self, user: str, password: str) -> None:
        """Give a user another password, as an administrator does."""
        where = f"{self.url}/{DATABASE}"
        _script("password", user, "--url", where, ACME_ERP_NEW_PASSWORD=password)

    def stop(self) -> None:
        """Stop the server; its data stay."""
        self.server.stop()

    def start(self) -> None:
        """Start the server again where it was."""
        self.server.start()

    def _ask(self, command: str, *arguments: str) -> list[Any]:
        answer: list[Any] = json.loads(
            _script(command, *arguments, "--url", f"{self.url}/{DATABASE}"), parse_float=Decimal
        )
        return answer


def filled_database() -> Path:
    """Return a database with 200 orders, made now if it is not there from an earlier run.

    It is kept beside the project's other droppings, under a digest of all that it is made of. It is a
    week old at most, for its dates look back from the day it was made.
    """
    made = KEPT / _recipe() / f"{DATABASE}.sqlite"
    if not made.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix="making-", dir=KEPT))
        try:
            _script("make", "--folder", str(making), "--database", DATABASE)
            made.parent.mkdir(exist_ok=True)
            (making / made.name).replace(made)
        finally:
            shutil.rmtree(making)
        for old in KEPT.iterdir():
            if old != made.parent and not old.name.startswith("making-"):
                shutil.rmtree(old)
    return made


def served(folder: Path, *, attempts: int = 1000) -> Erp:
    """Put a copy of the filled database into *folder* and start a server on it."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder=folder, database=DATABASE, attempts=attempts)
    shutil.copy(filled_database(), server.file)
    server.start()
    return Erp(server)


def _recipe() -> str:
    parts = [version("trytond"), version("trytond-purchase"), time.strftime("%G-%V", time.gmtime())]
    parts += [source.read_text(encoding="utf-8") for source in sorted(EXAMPLE.glob("*.py"))]
    parts += PASSWORDS.values()
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _script(*arguments: str, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "examples.tryton.erp", *arguments],
        cwd=ROOT,
        env={**os.environ, **PASSWORDS, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"erp {arguments[0]} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def _order(row: dict[str, Any]) -> Order:
    return Order(
        id=row["id"],
        number=row["number"],
        reference=row["reference"],
        description=row["description"],
        comment=row["comment"],
        state=row["state"],
        date=row["purchase_date"],
        party=row["party_name"],
        currency=row["currency_code"],
        net=Decimal(row["untaxed_amount"]),
        tax=Decimal(row["tax_amount"]),
        gross=Decimal(row["total_amount"]),
        lines=tuple(_line(line) for line in row["lines"]),
    )


def _line(row: dict[str, Any]) -> Line:
    return Line(
        product=row["product_code"],
        name=row["product_name"] or row["description"],
        quantity=Decimal(row["quantity"]),
        unit=row["unit_symbol"],
        unit_price=Decimal(row["unit_price"]),
        amount=Decimal(row["amount"]),
    )

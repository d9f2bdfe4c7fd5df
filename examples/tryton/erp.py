"""A throw-away Tryton on this machine: make it, fill it, start it, change it, ask it.

    python -m examples.tryton.erp up --folder .work/erp --port 8000
    python -m examples.tryton.erp change 3 --url http://127.0.0.1:8000/acme

Run it with a Python that has Tryton installed (README.md beside this file). Passwords come from the
environment: ACME_ERP_ADMIN_PASSWORD for all commands; ACME_ERP_USER and ACME_ERP_PASSWORD name the
integrator that ``up`` makes, ACME_ERP_AUDITOR_PASSWORD a user who may see vendors only, and
ACME_ERP_NEW_PASSWORD what ``password`` gives.
"""

import argparse
import datetime as dt
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final
from xmlrpc.client import Fault, ProtocolError

from examples.tryton.client import login
from examples.tryton.seed import Login, Size, seed
from examples.tryton.server import ErpFailed, Server
from examples.tryton.truth import CHANGES, change, change_password, delete, fill, truth

ADMIN: Final = "ACME_ERP_ADMIN_PASSWORD"
NEW: Final = "ACME_ERP_NEW_PASSWORD"
MODULES: Final = ("purchase",)


def main() -> int:
    """Run one command; what goes wrong is said in a sentence."""
    wanted = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if wanted.command in {"make", "up"}:
            _serve(wanted)
        else:
            json.dump(_ask(wanted), sys.stdout, default=str, ensure_ascii=False)
            print()
    except Fault as refusal:
        return _say(f"Tryton says: {refusal.faultString}")
    except (ErpFailed, LookupError, ProtocolError, ConnectionError) as problem:
        return _say(str(problem))
    except KeyboardInterrupt:
        return 0
    return 0


def _serve(wanted: argparse.Namespace) -> None:
    """Make and fill the database where there is none; ``up`` then starts it, in the foreground."""
    server = Server(folder=wanted.folder.resolve(), database=wanted.database, port=wanted.port)
    if not server.file.exists():
        make(server, Size(orders=wanted.orders), day=wanted.day)
    if wanted.command == "make":
        return
    with server:
        print(f"{server.url}/{server.database} is up; Ctrl-C stops it", file=sys.stderr)
        server.wait()


def make(server: Server, size: Size, *, day: dt.date) -> None:
    """Make the database and fill it, whole or not at all."""
    admin = _secret(ADMIN)
    logins = (
        Login(_secret("ACME_ERP_USER"), _secret("ACME_ERP_PASSWORD")),
        Login("auditor", _secret("ACME_ERP_AUDITOR_PASSWORD")),
    )
    building = Server(folder=server.folder / "making", database=server.database)
    if building.file.exists():
        raise ErpFailed(f"{building.folder} is there from a run that broke off; remove it first")
    building.create(MODULES, admin)
    with building, login(f"{building.url}/{building.database}", "admin", admin) as client:
        seed(client, logins, day=day, size=size)
    building.copy_to(server.file.with_suffix(".part"))
    server.file.with_suffix(".part").rename(server.file)
    shutil.rmtree(building.folder)


def _ask(wanted: argparse.Namespace) -> Any:
    with login(wanted.url, "admin", _secret(ADMIN)) as client:
        if wanted.command == "change":
            return change(client, wanted.count, what=wanted.what, mark=wanted.mark)
        if wanted.command == "fill":
            return fill(client, wanted.count, field=wanted.field, values=wanted.values)
        if wanted.command == "delete":
            return delete(client, wanted.count)
        if wanted.command == "password":
            return change_password(client, wanted.user, _secret(NEW))
        return truth(client)


def _say(text: str) -> int:
    print(f"erp: {text}", file=sys.stderr)
    return 1


def _secret(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise LookupError(f"the environment variable {name} is not set")
    return value


def _arguments() -> argparse.Namespace:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    parser = argparse.ArgumentParser(prog="python -m examples.tryton.erp", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (
        ("up", "make, fill and start a Tryton; ends with Ctrl-C"),
        ("make", "make and fill its database, and start nothing"),
    ):
        start = commands.add_parser(name, help=does)
        start.add_argument("--folder", type=Path, default=Path(".work/erp"))
        start.add_argument("--database", default="acme")
        start.add_argument("--port", type=int, default=8000)
        start.add_argument("--orders", type=int, default=200)
        start.add_argument("--day", type=dt.date.fromisoformat, default=today, help="today")
    for name, does in (
        ("change", "change orders"),
        ("fill", "give orders values in a field, such as one that another module added"),
        ("delete", "delete drafts for good"),
        ("password", "give a user another password"),
        ("truth", "print every order as Tryton's own client tells it"),
    ):
        command = commands.add_parser(name, help=does)
        command.add_argument("--url", default="http://127.0.0.1:8000/acme")
        if name == "password":
            command.add_argument("user")
        elif name != "truth":
            command.add_argument("count", type=int)
        if name == "fill":
            command.add_argument("--field", required=True)
            command.add_argument("--values", nargs="+", required=True)
        if name == "change":
            command.add_argument("--what", choices=CHANGES, default="header")
            command.add_argument("--mark", default="CHANGED", help="how new references start")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

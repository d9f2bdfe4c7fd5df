"""``reconciler connect``: a link from the command line, its list, its end; and refusals in words."""

import json
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reconciler.cli.main import app
from reconciler.cli.starting import write_starter
from reconciler.engine.links import digest_of


def typed(line: str) -> Result:
    return CliRunner().invoke(app, line.split())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which a connection is in force that waits for its customer."""
    for name in ("ENV", "PUBLIC_URL", "CONNECT_REDIRECTS", "BIND", "STATE_DIR"):
        monkeypatch.delenv(f"RECONCILER_{name}", raising=False)
    write_starter(tmp_path)
    with chdir(tmp_path):
        Path("specs/connections/shop.yaml").write_text(
            "apiVersion: reconciler/v1\nkind: Connection\nmetadata: {name: shop}\nspec:\n"
            "  connector: sandbox\n  config: {base_url: 'http://127.0.0.1:9'}\n"
            "  auth: {method: password, username: {connect: true}, password: {connect: true}}\n"
        )
        told = typed("apply --auto-approve")
        assert told.exit_code == 0, told.output
        yield tmp_path


def links() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(typed("connect shop --list -o json").stdout)
    return found


def test_a_link_is_printed_alone_so_that_a_script_can_take_it(folder: Path) -> None:
    told = typed("connect shop")
    assert told.exit_code == 0
    base, _, text = told.stdout.strip().rpartition("/")
    assert base == "http://127.0.0.1:8080/connect"
    assert digest_of(text)
    assert "good once, for 1d" in told.stderr
    assert [one["state"] for one in links()] == ["open"]
    assert text not in json.dumps(links())


def test_a_link_leads_to_where_customers_reach_the_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_PUBLIC_URL", "https://connect.example.com/")
    assert typed("connect shop").stdout.startswith("https://connect.example.com/connect/")
    told = typed("connect shop --server-url https://other.example.com/base")
    assert told.stdout.startswith("https://other.example.com/base/connect/")
    assert [one["state"] for one in links()] == ["open", "revoked"]


def test_a_link_is_revoked(folder: Path) -> None:
    typed("connect shop")
    ident = links()[0]["id"]
    told = typed(f"connect shop --revoke {ident}")
    assert told.stdout == f"Link {ident} is good no more.\n"
    assert [one["state"] for one in links()] == ["revoked"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("connect nobody", "no connection 'nobody'"),
        ("connect plant-a", "asks its customer for nothing"),
        ("connect shop --expires 5m", "1 hour to 7 days"),
        ("connect shop --expires soon", "--expires"),
        ("connect shop --redirect https://evil.example", "RECONCILER_CONNECT_REDIRECTS"),
        ("connect shop --server-url http://connect.example.com", "this machine alone"),
        ("connect shop --server-url connect.example.com", "no address for customers"),
        ("connect shop --list --revoke x", "exclude each other"),
        ("connect shop --revoke lnk_1", "no connect link"),
    ],
)
def test_what_cannot_be_is_refused_in_words(folder: Path, line: str, words: str) -> None:
    told = typed(line)
    assert told.exit_code == 1
    assert words in told.stderr
    assert "Traceback" not in told.output
    assert "/connect/" not in told.stdout


def test_a_redirect_that_is_allowed_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_CONNECT_REDIRECTS", "https://app.example.com/")
    told = typed("connect shop --redirect https://app.example.com/done --state s --grace 1h")
    assert told.exit_code == 0, told.output
    assert links()[0]["redirect"] == "https://app.example.com/done"

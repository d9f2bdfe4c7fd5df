"""Providers: commands, sops, a vault and plug-ins; bounded, kept for a minute, and silent about values."""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import SecretMissing
from reconciler.model.reference import GROUP, WORDS
from reconciler.secrets.plugins import providers_of
from reconciler.secrets.programs import output_of
from reconciler.secrets.providers import FAILED, KEPT, Providers
from reconciler.secrets.vault import Vault
from tests.fakes import TurnedClock

ENV = {"PATH": os.environ["PATH"]}


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def script(folder: Path, name: str, code: str) -> None:
    file = folder / name
    file.write_text(f"#!{sys.executable}\n{code}\n")
    file.chmod(0o700)


class Counted:
    """A provider that counts, and says what it is told to say."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, str]] = []
        self.threads: list[str] = []

    def __call__(self, place: Any, *, what: str) -> str:
        self.asked.append((place, what))
        self.threads.append(threading.current_thread().name)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        given: str = answer
        return given


# ── what is kept, and for how long ───────────────────────────────────────────────────────────────


async def test_an_answer_is_kept_for_a_minute_by_the_clock(clock: TurnedClock) -> None:
    counted = Counted("one", "two")
    providers = Providers({}, clock, {"akv": counted})
    assert providers.resolve({"akv": "a"}, what="x").reveal() == "one"
    await clock.turn(KEPT - timedelta(seconds=1))
    assert providers.resolve({"akv": "a"}, what="y").reveal() == "one"
    await clock.turn(timedelta(seconds=1))
    assert providers.resolve({"akv": "a"}, what="x").reveal() == "two"


def test_each_place_has_its_own_answer(clock: TurnedClock) -> None:
    providers = Providers({}, clock, {"akv": Counted("one", "two")})
    got = [providers.resolve({"akv": place}, what="x").reveal() for place in ("a", "b", "a")]
    assert got == ["one", "two", "one"]


def test_a_file_and_a_variable_are_read_at_each_question(
    clock: TurnedClock, tmp_path: Path
) -> None:
    environ = {"PW": "one"}
    file = tmp_path / "pw"
    file.write_text("one")
    providers = Providers(environ, clock)
    references: list[dict[str, Any]] = [{"env": "PW"}, {"file": str(file)}]
    assert [providers.resolve(one, what="x").reveal() for one in references] == ["one"] * 2
    environ["PW"] = "two"
    file.write_text("two")
    assert [providers.resolve(one, what="x").reveal() for one in references] == ["two"] * 2


async def test_a_failure_is_kept_for_some_seconds_and_told_to_each_by_name(
    clock: TurnedClock,
) -> None:
    providers = Providers({}, clock, {"akv": Counted(SecretMissing("a: gone", hint="h"), "now")})
    for what in ("a", "b"):
        with pytest.raises(SecretMissing, match=f"^{what}: gone$") as caught:
            providers.resolve({"akv": "p"}, what=what)
        assert caught.value.hint == "h"
    await clock.turn(FAILED)
    assert providers.resolve({"akv": "p"}, what="a").reveal() == "now"


async def test_what_takes_its_time_is_fetched_on_a_thread_and_is_there_afterwards(
    clock: TurnedClock,
) -> None:
    counted = Counted("one", ValueError("no"))
    providers = Providers({}, clock, {"akv": counted})
    body = {
        "auth": {"password": {"akv": "a"}, "username": {"env": "NONE"}},
        "config": {"labels": {"any": "thing"}, "key": {"akv": "b"}},
    }
    await providers.fetch(body)
    assert counted.asked == [("a", "auth.password"), ("b", "config.key")]
    assert threading.main_thread().name not in counted.threads
    assert providers.resolve({"akv": "a"}, what="x").reveal() == "one"
    with pytest.raises(SecretMissing, match="x: the provider 'akv' failed"):
        providers.resolve({"akv": "b"}, what="x")
    assert len(counted.asked) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (RuntimeError("hunter2"), r"failed \(RuntimeError\)"),
        ("", "gave nothing"),
        (None, "gave nothing"),
        ("x" * 65_537, "more than 65536 bytes"),
    ],
    ids=["raises", "empty", "nothing", "too much"],
)
def test_a_plug_in_that_fails_is_told_without_what_it_said(
    clock: TurnedClock, answer: Any, why: str
) -> None:
    providers = Providers({}, clock, {"akv": Counted(answer)})
    with pytest.raises(SecretMissing, match=why) as caught:
        providers.resolve({"akv": "a"}, what="x")
    assert caught.value.__cause__ is None
    assert "hunter2" not in str(caught.value)


def test_an_unknown_word_is_told_with_those_that_are_known(clock: TurnedClock) -> None:
    with pytest.raises(SecretMissing, match="no provider of secrets is called 'vautl'") as caught:
        Providers({}, clock, providers_of({}, {})).resolve({"vautl": "a#b"}, what="x")
    assert all(word in caught.value.hint for word in WORDS)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


def test_a_declared_command_is_named_and_nothing_else_is_run(clock: TurnedClock) -> None:
    commands = {"sap": python("print('hunter2')")}
    providers = Providers(ENV, clock, providers_of(ENV, commands))
    assert providers.resolve({"exec": "sap"}, what="x").reveal() == "hunter2"
    with pytest.raises(SecretMissing, match="no command is called 'id'") as caught:
        providers.resolve({"exec": "id"}, what="x")
    assert "RECONCILER_SECRET_COMMANDS" in caught.value.hint


def test_no_shell_reads_the_arguments() -> None:
    argv = [*python("import sys; print(sys.argv[1])"), "$HOME; `id` | cat"]
    assert output_of(argv, {**ENV, "HOME": "/somewhere"}, name="it") == "$HOME; `id` | cat"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.stderr.write('hunter2'); sys.exit(3)", "ended with code 3"),
        ("print()", "printed nothing"),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", "not text"),
        ("print('hunter2' * 10_000)", "more than 65536 bytes"),
    ],
    ids=["fails", "nothing", "no text", "too much"],
)
def test_a_command_that_gives_no_secret_is_told_without_what_it_said(
    code: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SecretMissing, match=why) as caught:
        output_of(python(code), ENV, name="it")
    assert "hunter2" not in str(caught.value) + caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(SecretMissing, match="it cannot be started: No such file"):
        output_of(["/none/such"], ENV, name="it")


def test_a_command_that_takes_too_long_is_told() -> None:
    with pytest.raises(SecretMissing, match=r"took longer than 0\.2 s"):
        output_of(python("import time; time.sleep(600)"), ENV, name="it", longest=0.2)


def test_a_command_that_breaks_a_bound_is_ended_with_what_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "sys.stdout.write('x' * 70_000)\n"
        "sys.stdout.flush()\n"
        "time.sleep(600)"
    )
    with pytest.raises(SecretMissing, match="more than"):
        output_of(python(code), ENV, name="it", longest=60.0)
    until = time.monotonic() + 30
    child = int(mark.read_text())
    while _runs(child):
        assert time.monotonic() < until
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_program_never_gets_our_keys() -> None:
    code = "import os; print('RECONCILER_KEYS' in os.environ, os.environ['OTHER'])"
    environ = {**ENV, "RECONCILER_KEYS": "a:b", "OTHER": "yes"}
    assert output_of(python(code), environ, name="it") == "False yes"


# ── sops: a stand-in with the arguments of the program ───────────────────────────────────────────

STAND_IN = """
import json, sys
flags, steps, end, file = sys.argv[1:3], sys.argv[3], sys.argv[4], sys.argv[5]
assert (flags, end) == (["--decrypt", "--extract"], "--"), sys.argv
value = json.load(open(file))
for step in steps.strip("[]").split("]["):
    value = value[json.loads(step)]
print(value, end="")
"""


def test_a_value_is_taken_out_of_a_file_by_sops(clock: TurnedClock, tmp_path: Path) -> None:
    script(tmp_path, "sops", STAND_IN)
    file = tmp_path / "acme.json"
    file.write_text(json.dumps({"erp": {"password": "hunter2", "more": ["a", "b"]}}))
    environ = {"PATH": f"{tmp_path}{os.pathsep}{ENV['PATH']}"}
    providers = Providers(environ, clock, providers_of(environ, {}))
    for key, value in (("erp.password", "hunter2"), ("erp.more.1", "b")):
        place = {"sops": {"file": str(file), "key": key}}
        assert providers.resolve(place, what="x").reveal() == value
    with pytest.raises(SecretMissing, match=r"sops for .* ended with code 1"):
        providers.resolve({"sops": {"file": str(file), "key": "none"}}, what="x")


def test_sops_that_is_not_installed_is_told(clock: TurnedClock, tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path)}
    providers = Providers(environ, clock, providers_of(environ, {}))
    with pytest.raises(SecretMissing, match="sops for /a cannot be started"):
        providers.resolve({"sops": {"file": "/a", "key": "b"}}, what="x")


# ── a vault: a stand-in that answers as the API's documentation says ─────────────────────────────


class Vaulted(BaseHTTPRequestHandler):
    """Knows one secret, one token, and some faults."""

    def do_GET(self) -> None:
        body: bytes = json.dumps({"errors": []}).encode()
        status = 404
        if self.headers.get("X-Vault-Token") != "root":
            status = 403
        elif self.path == "/v1/kv/data/acme/erp" and self.headers.get("X-Vault-Namespace") is None:
            told = {"data": {"password": "hunter2", "port": 8000}, "metadata": {"version": 2}}
            body, status = json.dumps({"data": told}).encode(), 200
        elif self.path == "/v1/kv/data/other":
            body, status = b"[]", 200
        elif self.path == "/v1/kv/data/large":
            body, status = b" " * 70_000, 200
        elif self.path == "/v1/kv/data/away":
            status = 302
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/v1/kv/data/acme/erp")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as the library calls it
        """Say nothing."""


@pytest.fixture
def vault() -> Iterator[Mapping[str, str]]:
    """Yield the variables of a vault."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vaulted)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield {"VAULT_ADDR": f"http://127.0.0.1:{server.server_port}/", "VAULT_TOKEN": "root"}
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_key_of_a_secret_is_read_from_a_vault(
    vault: Mapping[str, str], clock: TurnedClock, tmp_path: Path
) -> None:
    providers = Providers(vault, clock, providers_of(vault, {}))
    assert providers.resolve({"vault": "kv/acme/erp#password"}, what="x").reveal() == "hunter2"
    (tmp_path / "token").write_text("root\n")
    agent = {"VAULT_ADDR": vault["VAULT_ADDR"], "VAULT_TOKEN_FILE": str(tmp_path / "token")}
    assert Vault(agent)("kv/acme/erp#password", what="x") == "hunter2"


@pytest.mark.parametrize(
    ("place", "more", "why"),
    [
        ("kv/none#a", {}, "answers 404"),
        ("kv/acme/erp#none", {}, "has no text under 'none'"),
        ("kv/acme/erp#port", {}, "has no text under 'port'"),
        ("kv/other#a", {}, "none of a kv-v2 engine"),
        ("kv/large#a", {}, "larger than"),
        ("kv/away#password", {}, "answers 302"),
        ("kv/acme/erp", {}, "no place in a vault"),
        ("kv/acme/erp#password", {"VAULT_TOKEN": "hunter2"}, "answers 403"),
        ("kv/acme/erp#password", {"VAULT_TOKEN": ""}, "VAULT_TOKEN is empty"),
        ("kv/acme/erp#password", {"VAULT_NAMESPACE": "n"}, "answers 404"),
        ("kv/a#b", {"VAULT_ADDR": "http://vault.example:8200"}, "no address that a token"),
        ("kv/a#b", {"VAULT_ADDR": "https://me:hunter2@vault.example"}, "no address that a token"),
        ("kv/a#b", {"VAULT_ADDR": ""}, "no address that a token"),
        ("kv/a#b", {"VAULT_ADDR": "http://127.0.0.1:1"}, "does not answer"),
        ("kv/a#b", {"VAULT_TOKEN": "hunter2\n"}, "does not answer"),
    ],
    ids=range(15),
)
def test_what_a_vault_does_not_give_is_told(
    vault: Mapping[str, str], place: str, more: Mapping[str, str], why: str
) -> None:
    with pytest.raises(SecretMissing, match=why) as caught:
        Vault({**vault, **more})(place, what="x")
    assert "hunter2" not in str(caught.value) + caught.value.hint


# ── plug-ins: packages on the path, as pip leaves them ───────────────────────────────────────────


def package(folder: Path, name: str, points: Mapping[str, str], code: str) -> None:
    (folder / f"{name}.py").write_text(code)
    told = folder / f"{name}-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "\n".join(f"{word} = {where}" for word, where in points.items())
    (told / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which packages are found."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_package_offers_a_provider_by_its_word(packages: Path, clock: TurnedClock) -> None:
    code = "def find(place, *, what):\n    return f'{place} for {what}'\n"
    package(packages, "plug_in_one", {"akv": "plug_in_one:find", "env": "plug_in_one:find"}, code)
    assert {point.name for point in entry_points(group=GROUP)} == {"akv", "env"}
    offered = providers_of({}, {})
    assert sorted(offered) == ["akv", "exec", "sops", "vault"]
    assert len(offered) == 4
    providers = Providers({}, clock, offered)
    assert providers.resolve({"akv": "v/n"}, what="x").reveal() == "v/n for x"
    with pytest.raises(SecretMissing, match="PW is not set"):
        providers.resolve({"env": "PW"}, what="x")


def test_a_package_that_cannot_be_loaded_or_is_there_twice_is_told(
    packages: Path, clock: TurnedClock
) -> None:
    package(packages, "plug_in_two", {"akv": "plug_in_two:find", "b": "plug_in_two:find"}, "1 / 0")
    package(packages, "plug_in_three", {"b": "plug_in_three:find"}, "find = None")
    providers = Providers({}, clock, providers_of({}, {}))
    with pytest.raises(SecretMissing, match=r"cannot be loaded \(ZeroDivisionError\)"):
        providers.resolve({"akv": "a"}, what="x")
    with pytest.raises(SecretMissing, match="plug_in_three, plug_in_two"):
        providers.resolve({"b": "a"}, what="x")
    asyncio.run(providers.fetch({"auth": {"password": {"b": "a"}}}))

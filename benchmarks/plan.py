"""What a plan without a change costs: ``reconciler plan`` beside ``terraform plan``, in one run.

usage: plan.py [--sizes 1000,10000] [--rounds 3]

Ours are groups of a Connection, a Mapping, a SyncSchedule and an AlertRoute, a group a file, brought in
force once by ``reconciler apply``. Terraform's are as many built-in ``terraform_data`` resources in groups
of four, of which three refer to the first; its state is written as an apply leaves it (which itself takes
most of an hour for 10,000), and a first plan that answers "no changes" proves it. *cold* is a plan
without its cache, *warm* one after another. The three take turns; each figure is the median of the
rounds, of the whole process: start-up, output and children included. Without a program ``terraform`` ours are
measured alone. The goals, at the largest size: cold at least 6 times less CPU, warm at least 30 times, and at
most a fifth of the memory.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LONGEST: Final = 100.0
"""Seconds after which a process is ended, and the benchmark with it."""
ENOUGH: Final = time.monotonic() + 200.0
"""When no other round begins, so that the whole ends within about five minutes."""
LEAST: Final = {"cold": 6.0, "warm": 30.0}
MOST_MEMORY: Final = 0.2

GROUP: Final = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: plant-{i}, labels: {{customer: "c{i}", tier: t{t}}}}}
spec:
  connector: sandbox
  config: {{base_url: "http://127.0.0.1:8055"}}
  auth: {{method: api_key, key: {{env: SANDBOX_API_KEY}}}}
  entities: [purchase-orders, vendors]
  history: 365d
---
apiVersion: reconciler/v1
kind: Mapping
metadata: {{name: plant-{i}-purchase-orders}}
spec:
  connection: plant-{i}
  entity: purchase-orders
  fields:
    number: {{from: number, type: string}}
    status: {{from: status, values: {{OPEN: approved, CLOSED: closed}}, unknown: other}}
---
apiVersion: reconciler/v1
kind: SyncSchedule
metadata: {{name: plant-{i}-daily}}
spec: {{connection: plant-{i}, every: 1d, jitter: 1h}}
---
apiVersion: reconciler/v1
kind: AlertRoute
metadata: {{name: plant-{i}-ops}}
spec:
  match: {{events: ["connection.*", sync.failed], labels: {{customer: "c{i}"}}}}
  to: {{webhook: {{url: "https://hooks.example.com/c{i}", secret: {{env: HOOK_SECRET}}}}}}
  group: {{by: [connection], wait: 30s, repeat: 24h}}
"""


@dataclass(frozen=True)
class Spent:
    """What a process cost: seconds by the clock, CPU seconds of it and its children, peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


def spent(command: list[str], folder: Path, env: Mapping[str, str]) -> Spent:
    """Run *command* to its end, and return what it cost; end the benchmark if it fails."""
    log = folder / "last.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        child = subprocess.Popen(command, cwd=folder, env=env, stdout=output, stderr=output)
    limit = threading.Timer(LONGEST, child.kill)
    limit.start()
    try:
        _, status, used = os.wait4(child.pid, 0)
    finally:
        limit.cancel()
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        tail = log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{tail}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Spent(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────


class Ours:
    """A folder of specs, all of them in force."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._env = {
            **{name: value for name, value in os.environ.items() if "RECONCILER" not in name},
            "RECONCILER_STATE_DIR": str(folder / "state"),
        }
        specs = folder / "specs"
        for i in range(count // 4):
            file = specs / f"{i // 500:03d}" / f"plant-{i:05d}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(GROUP.format(i=i, t=i % 5))
        time.sleep(2.1)  # a file written a moment ago is read again, so that no change is missed
        self._run("apply", "--max-deletes", "0", "--auto-approve")
        self.warm()

    def cold(self) -> Spent:
        """Return what a plan costs that remembers nothing."""
        shutil.rmtree(self._folder / "state" / "cache")
        return self.warm()

    def warm(self) -> Spent:
        """Return what a plan costs after another."""
        return self._run("plan", "--detailed-exitcode")

    def _run(self, command: str, *options: str) -> Spent:
        program = [sys.executable, "-m", "reconciler", command, "specs", *options]
        return spent(program, self._folder, self._env)


# ── theirs ───────────────────────────────────────────────────────────────────────────────────────


class Theirs:
    """A folder with a Terraform configuration, and the state that an apply of it leaves."""

    def __init__(self, program: str, folder: Path, count: int) -> None:
        self._program = program
        self._folder = folder
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | {
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
        }
        names = [f"r{i:06d}" for i in range(count)]
        with (folder / "main.tf").open("w") as file:
            file.writelines(block(i, names) for i in range(count))
        version = json.loads(subprocess.check_output([program, "version", "-json"], env=self._env))
        state = {
            "version": 4,
            "terraform_version": version["terraform_version"],
            "serial": count + 1,
            "lineage": str(uuid.uuid4()),
            "outputs": {},
            "check_results": None,
        }
        # Written bit by bit: the peak of a child is counted from that of the process it is made of.
        with (folder / "terraform.tfstate").open("w") as file:
            file.write(json.dumps(state)[:-1] + ', "resources": [')
            for i in range(count):
                file.write(",\n"[not i] + json.dumps(instance(i, names)))
            file.write("]}")
        spent([program, "init", "-no-color"], folder, self._env)
        self.plan()  # exit code 0: the state is as an apply leaves it

    def plan(self) -> Spent:
        """Return what a plan costs; any change would end it with exit code 2, and the benchmark."""
        command = [self._program, "plan", "-no-color", "-detailed-exitcode"]
        return spent(command, self._folder, self._env)


def values(i: int) -> dict[str, str]:
    return {
        "name": f"plant-{i}",
        "base_url": f"http://plant-{i % 97}.example.com/api",
        "every": "1d",
        "field": "purchase_order.number",
    }


def block(i: int, names: list[str]) -> str:
    lines = [f'    {key} = "{value}"' for key, value in values(i).items()]
    if i % 4:
        lines.append(f"    connection = terraform_data.{names[i - i % 4]}.id")
    body = "\n".join(lines)
    return f'resource "terraform_data" "{names[i]}" {{\n  input = {{\n{body}\n  }}\n}}\n'


def instance(i: int, names: list[str]) -> dict[str, Any]:
    first = i - i % 4
    held = values(i) | ({"connection": _id(first)} if i % 4 else {})
    typed = {"value": held, "type": ["object", dict.fromkeys(sorted(held), "string")]}
    attributes = {"id": _id(i), "input": typed, "output": typed, "triggers_replace": None}
    made = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}
    if i % 4:
        made["dependencies"] = [f"terraform_data.{names[first]}"]
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": names[i],
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [made],
    }


def _id(i: int) -> str:
    return str(uuid.UUID(int=i + 1))


# ── both ─────────────────────────────────────────────────────────────────────────────────────────


def measure(count: int, rounds: int) -> dict[str, Spent]:
    """Return the median of each, by name."""
    program = shutil.which("terraform")
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        places = Path(folder, "ours"), Path(folder, "theirs")
        for place in places:
            place.mkdir()
        ours = Ours(places[0], count)
        runs: dict[str, Callable[[], Spent]] = {"cold": ours.cold, "warm": ours.warm}
        if program:
            runs = {"terraform": Theirs(program, places[1], count).plan, **runs}
        found: dict[str, list[Spent]] = {name: [] for name in runs}
        for _ in range(rounds):
            if time.monotonic() > ENOUGH and found["cold"]:
                print(f"the machine is slow: {len(found['cold'])} rounds of {rounds}")
                break
            for name, run in runs.items():
                found[name].append(run())
    return {name: median(all_of) for name, all_of in found.items()}


def median(found: list[Spent]) -> Spent:
    return Spent(
        statistics.median(one.wall for one in found),
        statistics.median(one.cpu for one in found),
        statistics.median(one.peak for one in found),
    )


def show(count: int, found: Mapping[str, Spent]) -> None:
    theirs = found.get("terraform")
    for name, one in found.items():
        line = f"{count:>9,}  {name:<9} {one.wall:>7.2f} {one.cpu:>7.2f} {one.peak:>9.0f}"
        if theirs is not None:
            line += f" {theirs.cpu / one.cpu:>11.1f} {one.peak / theirs.peak:>10.2f}"
        print(line)


def judge(found: Mapping[str, Spent]) -> None:
    theirs = found.get("terraform")
    if theirs is None:
        print("terraform is not installed: no ratios")
        return
    for name, least in LEAST.items():
        ratio, memory = theirs.cpu / found[name].cpu, found[name].peak / theirs.peak
        cpu_kept = "kept" if ratio >= least else "MISSED"
        memory_kept = "kept" if memory <= MOST_MEMORY else "MISSED"
        print(
            f"{name}: {ratio:.1f} times less CPU (goal {least:g}: {cpu_kept}), "
            f"{memory:.2f} of the memory (goal {MOST_MEMORY:g}: {memory_kept})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(
        f"{'resources':>9}  {'plan':<9} {'wall s':>7} {'CPU s':>7} {'peak MiB':>9} "
        f"{'x less CPU':>11} {'of memory':>10}"
    )
    for size in sorted(int(size) for size in given.sizes.split(",")):
        found = measure(size, given.rounds)
        show(size, found)
    judge(found)


if __name__ == "__main__":
    main()

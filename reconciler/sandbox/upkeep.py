"""Maintenance: work orders with tasks, parts and labor, service requests, meters and readings."""

from typing import TYPE_CHECKING, Final

from reconciler.sandbox.data import DAY, HISTORY, money
from reconciler.sandbox.shelf import Body
from reconciler.sandbox.stamps import Stamp, day, write_stamp
from reconciler.sandbox.words import COMPLAINTS, TASKS, WORK

if TYPE_CHECKING:
    from reconciler.sandbox.plant import Plant

WORK_ORDERS: Final = 180
REQUESTS: Final = 60
NEXT: Final = {
    "CRTD": "REL",
    "REL": "REL PCNF",
    "REL PCNF": "REL CNF",
    "REL CNF": "TECO",
    "TECO": "CLSD",
}
"""Where a work order goes next; ``CLSD`` and ``DLFL`` are ends."""

_METERS: Final = {
    "PUMP": ("Running hours", "h", "CONT", 1),
    "COMP": ("Running hours", "h", "CONT", 1),
    "PRESS": ("Strokes", "ST", "CONT", 400),
    "CONV": ("Vibration drive side", "mm/s", "GAUGE", 0),
    "TANK": ("Level", "%", "GAUGE", 0),
}
"""By class of machine: what is measured, in which unit, of which kind, and how much comes a day."""


def fill(plant: "Plant", now: int) -> None:
    """Put meters, readings, requests and work orders on their shelves."""
    for entry in list(plant.current("assets")):
        asset = entry.body
        if asset["parentId"] is None and asset["class"] in _METERS:
            _meter(plant, asset, now)
    for _ in range(REQUESTS * plant.scale):
        new_request(plant, now - plant.random.randrange(DAY // 8, HISTORY * DAY))
    for _ in range(WORK_ORDERS * plant.scale):
        at = now - plant.random.randrange(DAY // 4, HISTORY * DAY)
        work = new_work_order(plant, at)
        for _ in range(plant.random.randrange(6)):
            later = at + plant.random.randrange(DAY // 24, 3 * DAY)
            if later >= now:
                break
            at = later
            move_work_order(plant, work, at)
        plant.put("workorders", work, at)


def new_work_order(plant: "Plant", at: int, request: Body | None = None) -> Body:
    """Return a work order as a planner just made it; it is on no shelf yet."""
    asset = plant.pick("assets")
    if request is not None:
        asset = plant.get("assets", request["asset"]) or asset
    kind, text = plant.random.choice(WORK)
    number = plant.number("workorder", 4_000_101)
    hours = plant.random.choice((0.5, 1, 1.5, 2, 4, 8))
    part = plant.pick("parts")
    return {
        "wo": number,
        "text": text.format(machine=asset["name"], part=part["descr"]),
        "longText": f"<p>{plant.random.choice(TASKS)}.</p>" if number % 4 == 0 else None,
        "kind": kind,
        "sysStatus": "CRTD",
        "prio": plant.random.choice(("1", "2", "3", "3", "4", None)),
        "asset": asset["assetId"],
        "loc": asset["locationId"],
        "site": asset["siteId"],
        "parent": None,
        "request": None if request is None else request["req"],
        "planner": "u-01",
        "assignee": None,
        "estHours": f"{hours:.2f}",
        "actHours": "0.00",
        "schedStart": write_stamp(Stamp.ISO, at + 2 * DAY),
        "due": day(at + 9 * DAY) if number % 6 else None,
        "started": None,
        "finished": None,
        "remark": None,
        "planCost": money(round(hours * 4800)),
        "actCost": "0.00",
        "tasks": _tasks(plant),
        "parts": [{"part": part["part_no"], "need": 1, "used": 0, "uom": part["uom"]}],
        "uFields": {"shutdown": number % 5 == 0, "permit": f"PTW-{number % 997}"},
        "createdAt": write_stamp(Stamp.ISO_MS, at),
    }


def move_work_order(plant: "Plant", work: Body, at: int) -> None:
    """Take *work* one step further, with the labor that was booked on the way."""
    status = work["sysStatus"]
    if status == "CRTD" and plant.random.random() < 0.03:
        work["sysStatus"] = "DLFL"
        return
    following = NEXT.get(status)
    if following is None:
        return
    work["sysStatus"] = following
    if following == "REL":
        work["assignee"] = plant.random.choice(("u-05", "u-06", "u-07", "u-08"))
    elif following == "REL PCNF":
        work["started"] = write_stamp(Stamp.ISO, at)
        _book(plant, work, at)
    elif following == "REL CNF":
        work["finished"] = write_stamp(Stamp.ISO, at)
        work["remark"] = plant.random.choice(("ok", "Done, no findings", "défaut réparé", None))
        work["tasks"] = [{**task, "done": True} for task in work["tasks"]]
        work["parts"] = [{**part, "used": part["need"]} for part in work["parts"]]
        _book(plant, work, at)


def new_request(plant: "Plant", at: int) -> Body:
    """Put a service request on its shelf and return it; times are local and say no zone."""
    asset = plant.pick("assets")
    subject, body = plant.random.choice(COMPLAINTS)
    number = plant.number("request", 1)
    request = {
        "req": f"SR-{number:06d}",
        "subject": subject.format(machine=asset["name"]),
        "body": body,
        "state": plant.random.choice(("NEW", "ACK", "WORK", "DONE", "DONE", "REJ")),
        "urgency": plant.random.choice(("low", "LOW", "Normal", "High", None)),
        "asset": asset["assetId"],
        "loc": asset["locationId"],
        "site": asset["siteId"],
        "who": plant.random.choice(("u-09", "u-10", "u-05")),
        "wo": None,
        "opened": str(write_stamp(Stamp.LOCAL, at))[:16],
        "removed": 0,
    }
    return plant.put("requests", request, at).body


def read_meter(plant: "Plant", meter: Body, at: int) -> None:
    """Read *meter* once."""
    if meter["kind"] == "CONT":
        value = round(meter["last"] + plant.random.random() * 24 * meter["per_day"], 1)
    else:
        value = round(plant.random.uniform(0.8, 9.5), 2)
    reading = {
        "seq": plant.number("reading", 1),
        "meter": meter["meter"],
        "asset": meter["asset"],
        "value": value,
        "at": at,
        "how": plant.random.choice(("AUTO", "AUTO", "MAN")),
    }
    plant.put("readings", reading, at)
    meter |= {"last": value, "last_at": at}


def _meter(plant: "Plant", asset: Body, now: int) -> None:
    name, unit, kind, per_day = _METERS[asset["class"]]
    meter = {
        "meter": f"M-{plant.number('meter', 1):04d}",
        "name": f"{name} {asset['tag']}",
        "asset": asset["assetId"],
        "site": asset["siteId"],
        "unit": unit,
        "kind": kind,
        "per_day": per_day,
        "last": float(plant.random.randrange(10_000)) if kind == "CONT" else 0.0,
        "last_at": None,
        "rollover": 99_999.9 if unit == "h" else None,
    }
    for days in range(20, 0, -1):
        read_meter(plant, meter, now - days * DAY)
    plant.put("meters", meter, now - DAY)


def _tasks(plant: "Plant") -> list[Body]:
    count = plant.random.randrange(1, len(TASKS))
    return [
        {"no": 10 * (turn + 1), "text": text, "done": False}
        for turn, text in enumerate(TASKS[:count])
    ]


def _book(plant: "Plant", work: Body, at: int) -> None:
    hours = plant.random.choice((0.5, 1.0, 1.25, 2.0, 3.5))
    rate = plant.random.choice((4800, 5250))
    line = 1
    while plant.get("labor", f"{work['wo']}|{line}") is not None:
        line += 1
    labor = {
        "wo": work["wo"],
        "line": line,
        "who": work["assignee"],
        "hours": f"{hours:.2f}",
        "rate": money(rate),
        "cost": money(round(hours * rate)),
        "on": day(at),
    }
    plant.put("labor", labor, at)
    work["actHours"] = f"{float(work['actHours']) + hours:.2f}"
    work["actCost"] = f"{float(work['actCost']) + hours * rate / 100:.2f}"

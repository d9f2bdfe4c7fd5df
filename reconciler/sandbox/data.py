"""The master data: sites, places, people, suppliers, parts, stock, machines, documents."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from reconciler.sandbox.shelf import Body
from reconciler.sandbox.stamps import day
from reconciler.sandbox.words import (
    FIRMS,
    MACHINES,
    PARTS,
    PEOPLE,
    PLACES,
    Firm,
    MachineFamily,
    PartFamily,
)

if TYPE_CHECKING:
    from reconciler.sandbox.plant import Plant

DAY: Final = 86_400_000
HISTORY: Final = 80
"""Days that the records reach back: inside the default history of a first sync."""

SITES: Final[tuple[dict[str, Any], ...]] = (
    {"code": "S1", "name": "Plant Moerdijk", "street": "Middenweg 12", "zip": "4782 PM", "city": "Moerdijk", "cc": "NL", "lat": "51.6976", "lng": "4.5843", "phone": "+31 168 555 010", "active": True},
    {"code": "S2", "name": "Werk Duisburg", "street": "Rheinkai 7", "zip": "47119", "city": "Duisburg", "cc": "DE", "lat": "51.4470", "lng": "6.7420", "phone": None, "active": True},
)  # fmt: skip

STOREROOMS: Final = (
    {"code": "ST-01", "name": "Central store", "site": "S1", "loc": "S1-STORE", "type": "MAIN", "keeper": "u-04"},
    {"code": "ST-02", "name": "Press shop cage", "site": "S1", "loc": "S1-HALL2-PR", "type": "SUB", "keeper": None},
    {"code": "ST-03", "name": "Zentrallager", "site": "S2", "loc": "S2-STORE", "type": "MAIN", "keeper": "u-04"},
    {"code": "ST-99", "name": "Scrap", "site": "S1", "loc": None, "type": "VIRT", "keeper": None},
)  # fmt: skip

STATUSES: Final = {
    "orders": ("OPEN", "AWAIT_APPR", "APPROVED", "HOLD", "ORDERED", "PART_RECV", "RECEIVED", "CLOSED", "CANCELLED"),
    "workorders": ("CRTD", "REL", "REL PCNF", "REL CNF", "TECO", "CLSD", "DLFL"),
    "requests": ("NEW", "ACK", "WORK", "DONE", "REJ"),
    "assets": ("RUN", "STBY", "DOWN", "SCRAP"),
    "invoices": ("PARKED", "POSTED", "PAID", "VOID"),
}  # fmt: skip
"""The plant's own vocabulary, by collection."""

_CRITICALITY: Final = ("A", "B", "C", "c", None)


def fill(plant: "Plant", now: int) -> None:
    """Put the master data on their shelves, with stamps of the last months."""
    for collection, body in _first(plant):
        plant.put(collection, body, now - HISTORY * DAY)
    for turn in range(plant.scale):
        for firm in FIRMS:
            plant.put("vendors", _vendor(plant, firm, turn, now), past(plant, now))
        _fill_parts(plant, now, turn)
        _fill_machines(plant, now, turn)


def past(plant: "Plant", now: int) -> int:
    """Return a time drawn from the history of the plant."""
    return now - plant.random.randrange(DAY, HISTORY * DAY)


def money(cents: int) -> str:
    """Return *cents* as text with two digits."""
    return f"{cents // 100}.{cents % 100:02d}"


def _first(plant: "Plant") -> Iterator[tuple[str, Body]]:
    """Yield what a plant has from its first day on."""
    yield from (("sites", dict(site)) for site in SITES)
    yield from (("locations", _location(site["code"], place)) for site in SITES for place in PLACES)
    yield from (("storerooms", dict(storeroom)) for storeroom in STOREROOMS)
    for entity, codes in STATUSES.items():
        for rank, code in enumerate(codes):
            yield "statuses", {"entity": entity, "code": code, "text": code.title(), "rank": rank}
    yield from (("users", _user(plant, person)) for person in PEOPLE)


def _location(site: str, place: tuple[str, str, str, str | None]) -> Body:
    code, name, kind, parent = place
    return {
        "loc": f"{site}-{code}",
        "descr": name,
        "type": kind,
        "site": site,
        "up": None if parent is None else f"{site}-{parent}",
        "blocked": "N",
    }


def _user(plant: "Plant", person: tuple[str, str, str | None]) -> Body:
    login, name, role = person
    return {
        "id": f"u-{plant.number('user', 1):02d}",
        "login": login,
        "full_name": name,
        "mail": None if role is None else f"{login.lower()}@plant.example",
        "role": role,
        "locked": "Y" if login.startswith("k.") else "N",
    }


def _vendor(plant: "Plant", firm: Firm, turn: int, now: int) -> Body:
    number = plant.number("vendor", 1001)
    domain = f"v{number}.example"
    return {
        "vendor_no": f"V-{number}",
        "name": firm.name if not turn else f"{firm.name} {turn + 1}",
        "active": 0 if firm.country == "GB" else 1,
        "gone": False,
        "tax_no": firm.tax,
        "street": firm.street,
        "zip": firm.postal_code,
        "city": firm.city,
        "cc": firm.country.lower() if firm.country == "IT" else firm.country,
        "phone": None if firm.street is None else f"+00 555 {number}",
        "email": f"sales@{domain}",
        "web": f"https://{domain}" if number % 3 else "",
        "terms": firm.terms,
        "curr": "CHF" if firm.country == "CH" else "EUR",
        "contacts": [
            {"who": "Order desk", "tel": None, "mail": f"orders@{domain}", "main": True},
            {"who": "Accounts", "tel": f"+00 555 {number}", "mail": None, "main": False},
        ][: 0 if firm.street is None else 2],
        "u_vendor_rating": plant.random.choice(("A", "A", "B", "b", "C", None)),
        "created_ms": now - HISTORY * DAY - number * 3_600_000,
    }


def _fill_parts(plant: "Plant", now: int, turn: int) -> None:
    for family in PARTS:
        for position, size in enumerate(family.sizes):
            part = _part(plant, family, position, turn)
            part["descr"] = family.text.format(size) + (f" ({turn + 1})" if turn else "")
            plant.put("parts", part, past(plant, now))
            for storeroom in ("ST-01", "ST-03") if position % 2 else ("ST-01",):
                plant.put("stock", stock(plant, part, storeroom), past(plant, now))


def _part(plant: "Plant", family: PartFamily, position: int, turn: int) -> Body:
    number = plant.number("part", 2001)
    low, high = family.price
    share = position / max(len(family.sizes) - 1, 1)
    cost = round(100 * (low + (high - low) * share))
    maker = plant.random.choice(family.makers)
    vendor = plant.random.randrange(len(FIRMS)) + turn * len(FIRMS)
    return {
        "part_no": f"P-{number}",
        "mpn": f"{maker[:3].upper()}-{family.group}{number * 7 % 9973:04d}" if number % 6 else None,
        "descr": "",
        "descr_long": "Anschlussmaße nach DIN; geprüft" if number % 9 == 0 else None,
        "grp": family.group,
        "maker": maker,
        "uom": family.uom,
        "cost": money(cost),
        "curr": "EUR",
        "state": plant.random.choices(("A", "P", "PO", "O"), (90, 4, 4, 2))[0],
        "crit": plant.random.choice(_CRITICALITY),
        "min_stock": plant.random.choice((None, 1, 2, 4, 10)),
        "sources": [
            {
                "vendor": f"V-{1001 + vendor}",
                "their_no": f"{number * 31}",
                "price": money(cost),
                "lead_days": plant.random.choice((2, 5, 14, 42)),
            }
        ],
        "del_flag": "",
        "u_shelf_life": 24 if family.group == "LUB" else None,
    }


def stock(plant: "Plant", part: Body, storeroom: str) -> Body:
    """Return the stock of *part* in *storeroom*, drawn by lot."""
    least = part["min_stock"] or 0
    held = plant.random.randrange(0, 40)
    return {
        "part": part["part_no"],
        "storeroom": storeroom,
        "on_hand": f"{held}.000",
        "reserved": f"{plant.random.randrange(0, held + 1) // 4}.000",
        "on_order": "0.000",
        "bin": f"{plant.random.choice('ABCD')}-{plant.random.randrange(1, 30):02d}",
        "uom": part["uom"],
        "reorder_at": f"{least}.000",
        "reorder_qty": f"{max(least, 1) * 2}.000",
        "max_qty": None,
    }


def _fill_machines(plant: "Plant", now: int, turn: int) -> None:
    for family in MACHINES:
        for position in range(family.number):
            machine = _machine(plant, family, position, turn)
            machine["bought"] = day(now - plant.random.randrange(400, 6000) * DAY)
            plant.put("assets", machine, past(plant, now))
            _file(plant, machine, past(plant, now))
            for component in family.parts:
                plant.put("assets", _component(plant, machine, component), past(plant, now))


def _machine(plant: "Plant", family: MachineFamily, position: int, turn: int) -> Body:
    number = plant.number("asset", 1001)
    make, model = plant.random.choice(family.models)
    site = SITES[position % 2]["code"]
    place = plant.random.choice(PLACES)[0]
    return {
        "assetId": f"A-{number}",
        "tag": f"{family.tag}-{100 * (turn + 1) + position + 1}",
        "name": f"{family.name} {position + 1}" if position % 5 else f"{family.name.upper()} 1",
        "class": family.group,
        "siteId": site,
        "locationId": f"{site}-{place}",
        "parentId": None,
        "make": make,
        "model": model,
        "serial": f"{make[:2].upper()}{number * 7919 % 1_000_003:07d}" if number % 7 else None,
        "crit": plant.random.choice((1, 2, 3, 4, None)),
        "state": plant.random.choices(("RUN", "STBY", "DOWN", "SCRAP"), (80, 12, 6, 2))[0],
        "vendorId": f"V-{plant.random.randrange(1001, 1001 + len(FIRMS))}",
        "price": money(family.price * 100 + number * 100),
        "warrantyEnd": None,
        "u_energy_class": plant.random.choice(("IE2", "IE3", None)),
    }


def _component(plant: "Plant", machine: Body, name: str) -> Body:
    return {
        **machine,
        "assetId": f"A-{plant.number('asset', 1001)}",
        "tag": f"{machine['tag']}-{name[0].upper()}",
        "name": f"{name.capitalize()} of {machine['name']}",
        "parentId": machine["assetId"],
        "serial": None,
        "price": None,
        "model": None,
    }


def _file(plant: "Plant", machine: Body, at: int) -> None:
    number = plant.number("document", 1)
    plant.put(
        "documents",
        {
            "doc_id": f"D-{number:05d}",
            "title": f"Manual {machine['make']} {machine['model']}",
            "file": f"{machine['tag'].lower()}-manual.pdf",
            "mime": "application/pdf" if number % 4 else None,
            "bytes": 20_000 + number * 977,
            "url": f"/dms/files/D-{number:05d}",
            "linked": [{"type": "asset", "id": machine["assetId"]}],
            "state": "LIVE",
        },
        at,
    )

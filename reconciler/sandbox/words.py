"""The words of the plant: firms, people, parts and machines, all made up."""

from typing import Final, NamedTuple


class Firm(NamedTuple):
    """A supplier: name, country, tax number, street, postal code, city, terms of payment."""

    name: str
    country: str
    tax: str | None
    street: str | None
    postal_code: str | None
    city: str | None
    terms: str


FIRMS: Final = (
    Firm("Köhler Wälzlager GmbH", "DE", "DE811907450", "Schweinfurter Straße 12", "97076", "Würzburg", "30D NET"),
    Firm("Van der Meer Pompen B.V.", "NL", "NL801234567B01", "Havenweg 81", "3089 JK", "Rotterdam", "30D NET"),
    Firm("Société Lyonnaise d'Étanchéité", "FR", "FR40303265045", "14 rue des Forges", "69007", "Lyon", "45D EOM"),
    Firm("Ångström Hydraulik AB", "SE", "SE556012579001", "Verkstadsgatan 3", "721 30", "Västerås", "30D NET"),
    Firm("Officine Meccaniche Bianchi S.r.l.", "IT", "IT02341890984", "Via dell'Industria 47", "25125", "Brescia", "60D EOM"),
    Firm("Łódzkie Zakłady Napędów Sp. z o.o.", "PL", "PL7251801126", "ul. Fabryczna 8", "90-341", "Łódź", "14D NET"),
    Firm("Brabant Belts & Drives", "NL", "NL812345678B02", "Lorentzstraat 5", "5223 AK", "'s-Hertogenbosch", "14D 2%"),
    Firm("Hovedstadens Ventiler A/S", "DK", "DK25313763", "Sydhavnsgade 22", "2450", "København SV", "30D NET"),
    Firm("Suministros Industriales Ibáñez S.A.", "ES", "ESA48012345", "Polígono Artunduaga 9", "48970", "Basauri", "60D NET"),
    Firm("Kärntner Fördertechnik GmbH & Co KG", "AT", "ATU62895905", "Industriering 30", "9020", "Klagenfurt", "30D NET"),
    Firm("Teollisuusmoottorit Mäkelä Oy", "FI", "FI15482307", "Konepajankatu 6", "33900", "Tampere", "21D NET"),
    Firm("Antwerp Instrumentation NV", "BE", "BE0403199702", "Noorderlaan 127", "2030", "Antwerpen", "30D EOM"),
    Firm("Česká Filtrace s.r.o.", "CZ", "CZ27074358", "Průmyslová 1421", "102 00", "Praha 10", "30D NET"),
    Firm("Sheffield Fasteners Ltd", "GB", "GB927854301", "Unit 4, Attercliffe Road", "S9 3QS", "Sheffield", "30D NET"),
    Firm("Helvetia Schmierstoffe AG", "CH", "CHE-116.281.710", "Aarauerstrasse 55", "5600", "Lenzburg", "30D NET"),
    Firm("KRUPIŃSKI ELEKTRO", "PL", None, None, None, None, "PREPAY"),
    Firm("Magyar Szivattyú Kft.", "HU", "HU10773381", "Gyár utca 2", "2040", "Budaörs", "30D NET"),
    Firm("De Groot Kraan- en Hefwerk", "NL", "NL823456789B01", "Kadeweg 17", "8243 PL", "Lelystad", "30d net"),
    Firm("Rhein-Ruhr Schweißtechnik", "DE", "DE119842705", "Hüttenstraße 201", "45141", "Essen", "30D NET"),
    Firm("Atlantic Calibration Services Lda", "PT", "PT507684486", "Rua da Aferição 11", "4450-718", "Leça da Palmeira", "30D NET"),
)  # fmt: skip


class PartFamily(NamedTuple):
    """A family of parts: group, description of a size, sizes, unit, price of the first and last size."""

    group: str
    text: str
    sizes: tuple[str, ...]
    uom: str
    price: tuple[float, float]
    makers: tuple[str, ...]


PARTS: Final = (
    PartFamily("BRG", "Deep groove ball bearing {} 2RS", ("6004", "6204", "6205", "6206", "6208", "6210", "6305", "6306", "6308", "6310", "6312", "6314"), "PCE", (4.2, 118), ("Köhler", "Norrlager")),
    PartFamily("BRG", "Spherical roller bearing {} E", ("22210", "22212", "22215", "22218", "22220", "22222", "22226"), "PCE", (64, 690), ("Köhler", "Norrlager")),
    PartFamily("SEA", "Mechanical seal {} mm SiC/SiC", ("20", "25", "28", "32", "35", "40", "45", "50", "60"), "PCE", (88, 540), ("SLE", "Merkel")),
    PartFamily("SEA", "O-ring {} FKM 75", ("12x2", "18x2.5", "25x3", "40x3.5", "65x4", "100x5", "150x5"), "PCE", (0.35, 6.8), ("SLE",)),
    PartFamily("SEA", "Radial shaft seal {} NBR", ("20x35x7", "25x40x7", "30x47x7", "35x52x8", "45x65x8", "60x80x8"), "PCE", (2.1, 14.5), ("SLE", "Merkel")),
    PartFamily("BLT", "V-belt {}", ("SPA 1000", "SPA 1250", "SPA 1500", "SPB 1600", "SPB 2000", "SPB 2500", "SPC 3000"), "PCE", (7.9, 46), ("Brabant",)),
    PartFamily("BLT", "Conveyor belt EP400/3 {}", ("500 mm", "650 mm", "800 mm", "1000 mm"), "M", (38, 94), ("Kärntner",)),
    PartFamily("PMP", "Impeller for centrifugal pump {}", ("32-160", "40-200", "50-200", "65-250", "80-315", "100-400"), "PCE", (145, 1260), ("Van der Meer", "Magyar")),
    PartFamily("PMP", "Casing gasket set {}", ("32-160", "40-200", "50-200", "65-250", "80-315"), "SET", (18, 76), ("Van der Meer",)),
    PartFamily("VLV", "Ball valve DN{} PN40 1.4408", ("15", "20", "25", "32", "40", "50", "80"), "PCE", (34, 388), ("Hovedstadens",)),
    PartFamily("VLV", "Diaphragm for control valve DN{}", ("25", "40", "50", "80"), "PCE", (22, 96), ("Hovedstadens",)),
    PartFamily("FLT", "Hydraulic filter element {} µm", ("3", "6", "10", "25"), "PCE", (41, 28), ("Česká Filtrace",)),
    PartFamily("FLT", "Compressor intake filter C{}", ("110", "200", "340", "500"), "PCE", (36, 162), ("Česká Filtrace",)),
    PartFamily("LUB", "Gear oil CLP {}", ("150", "220", "320", "460"), "L", (5.4, 7.2), ("Helvetia",)),
    PartFamily("LUB", "Grease {}", ("EP2 cartridge", "high temperature cartridge", "food grade cartridge"), "PCE", (6.9, 19.8), ("Helvetia",)),
    PartFamily("ELE", "Three-phase motor {} kW IE3", ("0.75", "1.5", "2.2", "4", "7.5", "11", "22"), "PCE", (210, 2380), ("Mäkelä",)),
    PartFamily("ELE", "Contactor {} A 230 V", ("9", "18", "32", "65", "95"), "PCE", (19, 168), ("KRUPIŃSKI",)),
    PartFamily("ELE", "Proximity switch {} PNP", ("M8", "M12", "M18", "M30"), "PCE", (16, 39), ("Antwerp Instrumentation",)),
    PartFamily("INS", "Pressure transmitter 0-{} bar 4-20 mA", ("1", "6", "10", "25", "100"), "PCE", (148, 236), ("Antwerp Instrumentation",)),
    PartFamily("INS", "Pt100 sensor {} mm", ("50", "100", "150", "250"), "PCE", (29, 58), ("Antwerp Instrumentation",)),
    PartFamily("FAS", "Hex bolt {} 8.8 zinc, box of 100", ("M8x30", "M10x40", "M12x50", "M16x60", "M20x80"), "BX", (9.8, 88), ("Sheffield",)),
    PartFamily("HYD", "Hydraulic hose assembly {}", ("DN10 1 m", "DN12 1 m", "DN16 1.5 m", "DN25 2 m"), "PCE", (24, 97), ("Ångström",)),
)  # fmt: skip


class MachineFamily(NamedTuple):
    """A family of machines: class, tag, name, makers and models, number of them, price, and its components."""

    group: str
    tag: str
    name: str
    models: tuple[tuple[str, str], ...]
    number: int
    price: int
    parts: tuple[str, ...] = ()


MACHINES: Final = (
    MachineFamily("PUMP", "P", "Feed pump", (("Van der Meer", "VN 65-250"), ("Magyar", "KSZ-80")), 9, 8400, ("motor", "coupling")),
    MachineFamily("CONV", "CV", "Belt conveyor", (("Kärntner", "GF 800"),), 5, 31_000, ("drive unit",)),
    MachineFamily("PRESS", "HP", "Hydraulic press", (("Bianchi", "PI-400"), ("Bianchi", "PI-630")), 4, 240_000, ("power pack", "die cushion")),
    MachineFamily("COMP", "K", "Screw compressor", (("Ångström", "SK 75"),), 3, 52_000),
    MachineFamily("CRANE", "KR", "Overhead crane", (("De Groot", "LB 10t"),), 2, 88_000, ("hoist",)),
    MachineFamily("TANK", "T", "Buffer tank", (("Bianchi", "V20"),), 4, 17_500),
    MachineFamily("HVAC", "AH", "Air handling unit", (("Mäkelä", "IV-12"),), 3, 26_000),
)  # fmt: skip

PEOPLE: Final = (
    ("j.devries", "Jan de Vries", "Maintenance planner"),
    ("a.kowalska", "Agnieszka Kowalska", "Purchaser"),
    ("m.nunez", "María Núñez", "Plant manager"),
    ("t.vanleeuwen", "Tess van Leeuwen", "Storekeeper"),
    ("o.lindqvist", "Olof Lindqvist", "Mechanic"),
    ("j.strauss", "Jürgen Strauß", "Electrician"),
    ("f.rossi", "Francesca Rossi", "Mechanic"),
    ("P.HENDRIKS", "Piet Hendriks", "mechanic"),
    ("s.oconnor", "Siobhán O'Connor", "Operator"),
    ("k.novak", "Karel Novák", "Operator"),
    ("d.schmidt", "Dörte Schmidt", "Purchaser"),
    ("svc-integration", "Integration", None),
)

PLACES: Final = (
    ("HALL1", "Hall 1", "AREA", None),
    ("HALL1-L1", "Line 1", "LINE", "HALL1"),
    ("HALL1-L2", "Line 2", "LINE", "HALL1"),
    ("HALL2", "Hall 2", "AREA", None),
    ("HALL2-PR", "Press shop", "room", "HALL2"),
    ("UTIL", "Utilities", "AREA", None),
    ("UTIL-COMP", "Compressor room", "ROOM", "UTIL"),
    ("YARD", "Yard", "AREA", None),
    ("STORE", "Central store", "STORE", None),
)
"""Locations of a site: code, name, type and the location they are in."""

WORK: Final = (
    ("PM01", "Replace {part} on {machine}"),
    ("PM01", "{machine}: leakage at the shaft"),
    ("PM01", "{machine} trips on overload"),
    ("PM01", "Bearing noise at {machine}"),
    ("PM02", "Quarterly service {machine}"),
    ("PM02", "Oil change {machine}"),
    ("PM02", "Lubrication round, {machine}"),
    ("PM03", "Annual inspection {machine}"),
    ("PM03", "Calibrate pressure transmitter at {machine}"),
    ("PM05", "Modify guarding of {machine}"),
)
"""Order types of the plant and what such a work order is about."""

TASKS: Final = (
    "Lock out and tag out",
    "Drain and depressurise",
    "Dismount and clean",
    "Check wear and alignment",
    "Fit new parts",
    "Refill lubricant",
    "Test run and measure vibration",
    "Release for production",
)

COMPLAINTS: Final = (
    ("{machine} makes a grinding noise", "Since the night shift. Getting louder under load."),
    ("Oil on the floor near {machine}", None),
    ("{machine} stopped twice today", "Restarted by hand both times; display says F-031."),
    ("Light out above {machine}", ""),
    ("Guard of {machine} rattles", "Two bolts missing, taped for now"),
    ("Temperature of {machine} too high", "78 °C on the drive side, alarm limit is 85 °C"),
)
"""Subjects of service requests and what was written with them."""

NOTES: Final = (
    "RUSH: line down",
    "Deliver to gate 3, between 7:00 and 15:00",
    "Partial delivery allowed",
    "Ask for certificate 3.1",
    "rush, call before delivery",
    "Rahmenvertrag 2024/17",
)

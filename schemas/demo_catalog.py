#!/usr/bin/env python3
"""Writes demo-catalog.json: the catalog of the demo and of many tests.

Deterministic: what varies is taken from a hash of its own name, never from a clock or a random source, so that running
it again changes nothing. Run it after a change here and commit both files.

    python3 schemas/demo_catalog.py
"""

import hashlib
import json
import pathlib

VENDOR = {"id": "VA-000-001", "name": "Front Street"}
VENDOR_2 = {"id": "VA-000-002", "name": "Shamrock Provisions"}
DISTRIBUTOR = {"id": "PA-000-003", "name": "Mighty Mick's LLC"}
DISTRIBUTOR_2 = {"id": "PA-000-004", "name": "Tiger Street Distribution"}
RESELLER = {"id": "PA-000-005", "name": "Meat Market Resale"}
OPERATOR = {"id": "OP-000-001", "name": "Ledger Operations"}

HUBS = [{"id": "HB-1234-1234", "name": "NA Production"}, {"id": "HB-2345-2345", "name": "EU Production"}]
RESALE_HUB = {"id": "HB-3456-3456", "name": "Resale Production"}
TUTORIAL = {"id": "MP-38661", "name": "Tutorial Marketplace"}
FRANCE = {"id": "MP-72775", "name": "France"}
RESALE = {"id": "MP-45611", "name": "Resale"}

PULSE = {"id": "PRD-404-832-779", "name": "Apollo Pulse"}
EXTRA = {"id": "PRD-802-355-388", "name": "Apollo Pulse Extra"}
COLD = {"id": "PRD-578-226-824", "name": "Cold Storage Cloud"}

AGREEMENT = {"id": "CRD-21674-67435-75488", "name": "Front Street Inc Agreement"}
CONTRACT_2 = {"id": "CRD-26225-58926-18085", "name": "Front Street Contract"}
PREVIEW = {"id": "CRD-00000-00000-00000", "name": "Front Street Preview"}
FOREIGN = {"id": "CRD-84021-23180-87860", "name": "Shamrock Provisions Agreement"}
RESOLD = {"id": "CRD-30471-55210-90866", "name": "Front Street Resale Contract"}

# What each distribution contract joins: vendor, provider, marketplace.
SIDES = {
    AGREEMENT["id"]: (VENDOR, DISTRIBUTOR, TUTORIAL),
    CONTRACT_2["id"]: (VENDOR, DISTRIBUTOR_2, FRANCE),
    PREVIEW["id"]: (VENDOR, DISTRIBUTOR, TUTORIAL),
    FOREIGN["id"]: (VENDOR_2, DISTRIBUTOR, TUTORIAL),
    RESOLD["id"]: (VENDOR, RESELLER, RESALE),
}

PRECISIONS = ["integer", "decimal(1)", "decimal(2)", "decimal(4)", "decimal(8)"]

# Twenty meters: a short name for the part number, a name and a unit.
METERS = [
    ("CPU", "CPU consumption", "Unit*H"), ("RAM", "RAM consumption", "GB*H"), ("DISK", "Disk space", "GB"),
    ("IOPS", "Disk operations", "Million"), ("NET-OUT", "Outgoing traffic", "GB"), ("NET-IN", "Incoming traffic", "GB"),
    ("IP", "Public addresses", "Unit*H"), ("SNAP", "Snapshots", "GB"), ("LB", "Load balancers", "Unit*H"),
    ("DB", "Databases", "Unit*H"), ("QUEUE", "Queue messages", "Million"), ("OBJ", "Object storage", "GB"),
    ("REQ", "Object requests", "Thousand"), ("CDN", "Content delivery", "GB"), ("DNS", "Name queries", "Million"),
    ("KEY", "Key operations", "Thousand"), ("LOG", "Logs kept", "GB"), ("MAIL", "Mail sent", "Thousand"),
    ("VPN", "Tunnels", "Unit*H"), ("GPU", "GPU consumption", "Unit*H"),
]  # fmt: skip

# Three things that are bought ahead.
RESERVATIONS = [("SEAT", "User seats", "Unit"), ("NODE", "Reserved nodes", "Unit"), ("BOX", "Mailboxes", "Unit")]

NAMES = ["Balboa", "Creed", "Pennino", "Goldmill", "Gazzo", "Jergens", "Evans", "Drago", "Lang", "Dixon",
         "Conlan", "Porter", "Wheeler", "Duke", "Spider", "Marie", "Delgado", "Ricci", "Stallard", "Hartley"]  # fmt: skip
TRADES = ["Logistics", "Bakery", "Foods", "Legal", "Textiles", "Motors", "Press", "Dental", "Tools", "Energy"]


def digits(name, count):
    """So many decimal digits that depend on nothing but a name."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
    return str(number % 10**count).zfill(count)


def grouped(prefix, text, *widths):
    """An id with its digits in groups: AS-1234-5678-9012."""
    groups, at = [], 0
    for width in widths:
        groups.append(text[at : at + width])
        at += width
    return "-".join([prefix, *groups])


def uuid(name):
    text = hashlib.sha256(name.encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def event(at, by="SU-000-000-001"):
    return {"at": at, "by": {"id": by, "name": by}}


def items(product, mpn, meters, reservations):
    rows = []
    for kind, table in (("ppu", meters), ("reservation", reservations)):
        for index, (short, name, unit) in enumerate(table):
            number = len(rows) + 1
            rows.append({
                "id": f"{product['id']}-{number:04}",
                "name": name,
                "mpn": f"{mpn}-{short}",
                "status": "published",
                "position": number * 1000,
                "type": kind,
                "unit": {"id": f"UN-{digits(unit, 6)[:3]}-{digits(unit, 6)[3:]}", "name": unit, "title": unit},
                "period": "monthly",
                "precision": PRECISIONS[index % len(PRECISIONS)] if kind == "ppu" else "integer",
            })  # fmt: skip
    return rows


def product(reference, owner, mpn, meters, reservations, consumption):
    ppu = {"schema": "QT", "dynamic": False, "future": False, "late": False, "predictive": False,
           "required_custom_fields": []}  # fmt: skip
    number = reference["id"].removeprefix("PRD-")
    return {
        **reference,
        "status": "published",
        "version": 1,
        "owner": owner,
        "capabilities": {"ppu": ppu, "reservation": {"consumption": consumption}},
        "usage_rule": {"enabled": True},
        "parameters": [
            {"id": f"PRM-{number}-0001", "name": "tenant_id", "title": "Tenant", "type": "text", "scope": "asset",
             "phase": "fulfillment", "constraints": {"reconciliation": True, "unique": True}},
            {"id": f"PRM-{number}-0002", "name": "account_id", "title": "Account", "type": "text", "scope": "asset",
             "phase": "ordering", "constraints": {"reconciliation": False, "unique": False}},
        ],  # fmt: skip
        "items": items(reference, mpn, meters, reservations),
    }


def contract(reference, kind="production"):
    vendor, provider, marketplace = SIDES[reference["id"]]
    return {**reference, "type": "distribution", "version": 1, "status": "active", "kind": kind, "owner": vendor,
            "issuer": provider, "marketplace": marketplace}  # fmt: skip


def program(number, vendor):
    return {"id": f"CRP-{number}", "name": f"{vendor['name']} Program", "type": "program", "version": 1,
            "status": "active", "kind": "production", "owner": vendor}  # fmt: skip


def listing(number, what, under):
    return {"id": f"LST-000-000-{number:03}", "status": "listed", "product": what, "contract": under}


def status(index):
    """Mostly active; at fixed places what validation has to refuse or to think about."""
    return {5: "suspended", 17: "terminated", 29: "processing", 41: "suspended", 83: "terminated", 95: "processing",
            120: "suspended", 141: "terminated", 160: "draft", 171: "suspended", 190: "terminated"}.get(index, "active")  # fmt: skip


def asset(index, under, what, hub, bought):
    name = f"asset {index}"
    vendor, provider, marketplace = SIDES[under["id"]]
    company = f"{NAMES[index % len(NAMES)]} {TRADES[index // len(NAMES) % len(TRADES)]}"
    created = f"2025-{index % 12 + 1:02}-{index % 27 + 1:02}T10:{index % 60:02}:00+00:00"
    events = {"created": event(created), "updated": event("2026-02-01T08:30:00+00:00")}
    state = status(index)
    if state == "terminated":
        events["terminated"] = event("2026-03-31T23:59:59+00:00")
    # Every tenth account belongs to a customer with two subscriptions, so that searching by it finds more than one.
    account = index - 1 if index % 10 == 1 else index
    connection = {"id": grouped("CT", digits(f"connection {under['id']} {what['id']}", 8), 4, 4), "type": "production"}
    if hub:
        connection["hub"] = hub
    rows = []
    for position, row in enumerate(bought):
        # Both spellings of an item's id and both of a quantity occur in Connect's answers.
        key = "id" if position % 2 else "global_id"
        reserved = 5 + (index + position) % 50
        quantity = "unlimited" if row["type"] == "ppu" else reserved if index % 2 else str(reserved)
        rows.append({key: row["id"], "quantity": quantity})
    return {
        "id": grouped("AS", digits(name, 12), 4, 4, 4),
        "status": state,
        "external_id": digits(f"external {name}", 7),
        "external_uid": uuid(name),
        "product": what,
        "connection": {**connection, "vendor": vendor, "provider": provider},
        "contract": {**under, "type": "distribution"},
        "marketplace": marketplace,
        "tiers": {"customer": {"id": grouped("TA", digits(f"tier {name}", 12), 4, 4, 4), "name": company,
                               "external_id": digits(f"customer {name}", 8)}},
        "params": [
            {"id": "tenant_id", "value": f"tenant-{digits(f'tenant {name}', 8)}",
             "constraints": {"reconciliation": True}},
            {"id": "account_id", "value": f"account-{account:04}"},
        ],
        "items": rows,
        "events": events,
    }  # fmt: skip


def assets(products):
    """Two hundred under the two production contracts: fifty for each contract and product, 25 of them from one hub, 24
    from the other and one without a hub. Then four of the preview, four of the other vendor and six of the reseller, the
    last of them without a hub."""
    bought = {entry["id"]: entry["items"] for entry in products}
    plan = [(under, what, None if place == 49 else HUBS[place % 2])
            for under in (AGREEMENT, CONTRACT_2) for what in (PULSE, EXTRA) for place in range(50)]  # fmt: skip
    plan += [(PREVIEW, what, hub) for what in (PULSE, EXTRA) for hub in HUBS]
    plan += [(FOREIGN, COLD, HUBS[place % 2]) for place in range(4)]
    plan += [(RESOLD, PULSE, None if place == 5 else RESALE_HUB) for place in range(6)]
    return [asset(index, under, what, hub, bought[what["id"]]) for index, (under, what, hub) in enumerate(plan)]


def key(number, account, secret):
    return {"id": f"SU-000-000-{number:03}", "name": f"{account['name']} (demo)", "account": account, "secret": secret}


def catalog():
    products = [
        product(PULSE, VENDOR, "AP", METERS, RESERVATIONS, False),
        product(EXTRA, VENDOR, "APX", METERS, RESERVATIONS, True),
        product(COLD, VENDOR_2, "CSC", METERS[:2], [], False),
    ]
    pairs = [(what, under) for under in (AGREEMENT, CONTRACT_2, PREVIEW) for what in (PULSE, EXTRA)]
    pairs += [(COLD, FOREIGN), (PULSE, RESOLD)]
    return {
        "$schema": "catalog.schema.json",
        "accounts": [
            {**VENDOR, "type": "vendor", "role": "vendor"},
            {**VENDOR_2, "type": "vendor", "role": "vendor"},
            {**DISTRIBUTOR, "type": "provider", "role": "distributor"},
            {**DISTRIBUTOR_2, "type": "provider", "role": "distributor"},
            {**OPERATOR, "type": "operator", "role": "operator"},
            {**RESELLER, "type": "provider", "role": "reseller"},
        ],
        "hubs": [{**hub, "instance": {"id": uuid(hub["id"]), "type": "OA"}} for hub in [*HUBS, RESALE_HUB]],
        "marketplaces": [
            {**TUTORIAL, "description": "Where the tutorial's products are sold", "owner": DISTRIBUTOR,
             "currency": "USD", "hubs": [{"hub": hub, "external_id": str(100 + n)} for n, hub in enumerate(HUBS)]},
            {**FRANCE, "description": "Where the second distributor sells", "owner": DISTRIBUTOR_2, "currency": "EUR",
             "hubs": [{"hub": hub, "external_id": str(200 + n)} for n, hub in enumerate(HUBS)]},
            {**RESALE, "description": "Where the reseller sells", "owner": RESELLER, "currency": "USD",
             "hubs": [{"hub": RESALE_HUB, "external_id": "300"}]},
        ],
        "products": products,
        "contracts": [
            program("21674-67435-00001", VENDOR),
            program("84021-23180-00002", VENDOR_2),
            contract(AGREEMENT),
            contract(CONTRACT_2),
            contract(PREVIEW, "preview"),
            contract(FOREIGN),
            contract(RESOLD),
        ],
        "listings": [listing(number + 1, what, under) for number, (what, under) in enumerate(pairs)],
        "assets": assets(products),
        # Known to everybody who reads this file: good for a demo on one's own machine and for nothing else.
        "api_keys": [
            key(1, VENDOR, "demo-only-vendor-secret"),
            key(2, DISTRIBUTOR, "demo-only-distributor-secret"),
            key(3, VENDOR_2, "demo-only-second-vendor-secret"),
            key(4, DISTRIBUTOR_2, "demo-only-second-distributor-secret"),
            key(5, OPERATOR, "demo-only-operator-secret"),
            key(6, RESELLER, "demo-only-reseller-secret"),
        ],
    }  # fmt: skip


def line(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def rows(entries, indent):
    inner = (",\n" + indent).join(entries)
    return f"[\n{indent}{inner}\n{indent[:-1]}]"


def written(file):
    """One object a line: a change of one object is a change of one line."""
    parts = []
    for name, value in file.items():
        if name == "products":
            entries = []
            for entry in value:
                head = line({key: part for key, part in entry.items() if key != "items"})
                entries.append(f'{head[:-1]},"items":{rows([line(item) for item in entry["items"]], "   ")}}}')
            parts.append(f'"products":{rows(entries, "  ")}')
        elif isinstance(value, list):
            parts.append(f"{line(name)}:{rows([line(entry) for entry in value], '  ')}")
        else:
            parts.append(f"{line(name)}:{line(value)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def main():
    file = catalog()
    for name in ("accounts", "hubs", "marketplaces", "products", "contracts", "listings", "assets", "api_keys"):
        ids = [entry["id"] for entry in file[name]]
        assert len(set(ids)) == len(ids), f"an id of {name} stands twice"
    text = written(file)
    assert json.loads(text) == file
    pathlib.Path(__file__).with_name("demo-catalog.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

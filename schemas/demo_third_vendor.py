#!/usr/bin/env python3
"""Writes demo-third-vendor.json: a vendor that reports with prices, for the demo's year of history.

The seed is fixed: running it again changes nothing.
"""

import json
import pathlib
import random
import uuid

SEED = 731
VENDOR = {"id": "VA-000-003", "name": "Balboa Cloud"}
PRODUCT = {"id": "PRD-731-554-208", "name": "Balboa Backup"}
ITEMS = [
    ("0001", "Protected storage", "BB-STORE", "GB", "decimal(2)"),
    ("0002", "Protected machines", "BB-VM", "Unit", "integer"),
    ("0003", "Restored data", "BB-RESTORE", "GB", "decimal(2)"),
    ("0004", "Archive", "BB-ARCHIVE", "GB", "decimal(1)"),
]
NORTH, EUROPE = {"id": "HB-1234-1234", "name": "NA Production"}, {"id": "HB-2345-2345", "name": "EU Production"}
TUTORIAL, FRANCE = {"id": "MP-38661", "name": "Tutorial Marketplace"}, {"id": "MP-72775", "name": "France"}
TRADES = [
    ("CRD-73155-42080-10001", "Balboa Cloud Agreement", ("PA-000-003", "Mighty Mick's LLC"), TUTORIAL, [NORTH, EUROPE]),
    ("CRD-73155-42080-10002", "Balboa Cloud France", ("PA-000-004", "Tiger Street Distribution"), FRANCE, [EUROPE]),
]
CUSTOMERS = [
    "Kessler Foods",
    "Harbor Light Clinics",
    "Nordhaven Shipping",
    "Alder & Finch",
    "Quarry Lane Schools",
    "Montclair Hotels",
    "Redwater Mining",
    "Soleil Bakeries",
    "Tamarind Media",
    "Ostrava Steel",
    "Pinecrest Insurance",
    "Lumen Theatres",
]


def product():
    items = [
        {
            "id": f"{PRODUCT['id']}-{number}",
            "name": name,
            "mpn": mpn,
            "status": "published",
            "position": int(number) * 1000,
            "type": "ppu",
            "unit": {"id": f"UN-731-{number[1:]}", "name": unit, "title": unit},
            "period": "monthly",
            "precision": precision,
            "display_name": name,
        }
        for number, name, mpn, unit, precision in ITEMS
    ]
    flags = {"dynamic": False, "future": False, "late": False, "predictive": True, "required_custom_fields": []}
    tenant = {"id": "PRM-731-554-208-0001", "name": "tenant_id", "title": "Tenant", "type": "text"}
    return {
        **PRODUCT,
        "status": "published",
        "version": 1,
        "owner": VENDOR,
        "capabilities": {"ppu": {"schema": "CR", **flags}, "reservation": {"consumption": False}},
        "usage_rule": {"enabled": True},
        "parameters": [
            {
                **tenant,
                "scope": "asset",
                "phase": "fulfillment",
                "constraints": {"reconciliation": True, "unique": True},
            }
        ],
        "items": items,
    }


def contract(number, name, provider=None, marketplace=None):
    common = {"version": 1, "status": "active", "kind": "production", "owner": VENDOR}
    if provider is None:
        return {"id": number, "name": name, "type": "program", **common}
    issuer = {"id": provider[0], "name": provider[1]}
    return {"id": number, "name": name, "type": "distribution", **common, "issuer": issuer, "marketplace": marketplace}


def asset(dice, place, trade):
    number, name, (provider, provider_name), marketplace, hubs = trade

    def digits(count):
        return "".join(str(dice.randrange(10)) for _ in range(count))

    def groups(prefix, count):
        return "-".join([prefix, *(digits(4) for _ in range(count))])

    return {
        "id": groups("AS", 3),
        "status": "active",
        "external_id": digits(7),
        "external_uid": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "product": PRODUCT,
        "connection": {
            "id": groups("CT", 2),
            "type": "production",
            "hub": hubs[place % len(hubs)],
            "vendor": VENDOR,
            "provider": {"id": provider, "name": provider_name},
        },
        "contract": {"id": number, "name": name, "type": "distribution"},
        "marketplace": marketplace,
        "tiers": {"customer": {"id": groups("TA", 3), "name": CUSTOMERS[place], "external_id": digits(8)}},
        "params": [{"id": "tenant_id", "value": f"tenant-{digits(8)}", "constraints": {"reconciliation": True}}],
        "items": [{"global_id": f"{PRODUCT['id']}-{item[0]}", "quantity": "unlimited"} for item in ITEMS],
    }


def catalog():
    dice = random.Random(SEED)
    contracts = [contract(number, name, provider, marketplace) for number, name, provider, marketplace, _ in TRADES]
    listings = [
        {
            "id": f"LST-731-554-{place:03}",
            "status": "listed",
            "product": PRODUCT,
            "contract": {"id": one["id"], "name": one["name"]},
        }
        for place, one in enumerate(contracts, start=1)
    ]
    key = {"id": "SU-000-000-007", "name": "Balboa Cloud (demo)", "account": VENDOR}
    return {
        "$schema": "catalog.schema.json",
        "accounts": [{**VENDOR, "type": "vendor", "role": "vendor"}],
        "products": [product()],
        "contracts": [contract("CRP-73155-42080-00003", "Balboa Cloud Program"), *contracts],
        "listings": listings,
        "assets": [asset(dice, place, trade) for trade in TRADES for place in range(len(CUSTOMERS))],
        "api_keys": [{**key, "secret": "demo-only-third-vendor-secret"}],
    }


def text(objects):
    """A line for each object, so that changes can be read."""
    parts = []
    for name, value in objects.items():
        if isinstance(value, list):
            lines = ",\n".join("  " + json.dumps(one, separators=(",", ":")) for one in value)
            parts.append(f' "{name}":[\n{lines}\n ]')
        else:
            parts.append(f' "{name}":{json.dumps(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    pathlib.Path(__file__).with_name("demo-third-vendor.json").write_text(text(catalog()), encoding="utf-8")

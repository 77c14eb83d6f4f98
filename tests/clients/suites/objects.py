"""What reports and connectors read of the objects that usage is about (connect-api §2.9, §3.8 to §3.10): each field is
there, of its type, in every object of every list, also where the file of the catalog says no more than it has to.
"""

import catalog as ids
from checks import holds, same

PARTY = {"id": str, "name": str}
ITEM = {
    **PARTY,
    "mpn": str,
    "type": str,
    "unit": PARTY,
    "period": str,
    "precision": str,
    "local_id": str,
    "display_name": str,
    "position": int,
    "status": str,
    "dynamic": bool,
}
DATED = {"created": {"at": str}, "updated": {"at": str}}
SHAPES = {
    "accounts": {**PARTY, "type": str, "role": str, "events": DATED},
    "hubs": {**PARTY, "stats": {"connections": int, "marketplaces": int}, "events": DATED},
    "marketplaces": {**PARTY, "hubs": list, "events": DATED},
    "products": {
        **PARTY,
        "status": str,
        "owner": PARTY,
        "capabilities": {"reservation": {"consumption": bool}},
        "usage_rule": {"enabled": bool, "providers": list},
        "events": DATED,
    },
    "contracts": {**PARTY, "type": str, "status": str, "kind": str, "owner": PARTY, "events": DATED},
    "listings": {
        "id": str,
        "status": str,
        "created": str,
        "product": PARTY,
        "contract": {**PARTY, "marketplace": PARTY},
        "vendor": PARTY,
        "provider": PARTY,
    },
    "assets": {
        "id": str,
        "status": str,
        "product": PARTY,
        "contract": PARTY,
        "marketplace": PARTY,
        "connection": {"vendor": PARTY, "provider": PARTY},
        "tiers": dict,
        "params": list,
        "items": list,
        "events": DATED,
    },
    f"products/{ids.PULSE}/items": ITEM,
}


def run(world):
    for path, shape in SHAPES.items():
        with world.check(f"{path}: every object has what clients read"):
            http = world.http(ids.OPERATOR)
            found = http.get(f"{path}?limit=1000").json()
            wrong = [f"{one['id']}: {fault}" for one in found for fault in faults(one, shape, "")]
            holds(found and not wrong, "; ".join(wrong[:5]) or "there is none")
            alone = http.get(f"{path}/{found[-1]['id']}").json()
            same(alone, found[-1], "by its id")
    bare(world)
    counted(world)


def faults(value, shape, path):
    """Where a value is not of a shape."""
    if isinstance(shape, type):
        # A truth value is a number in Python.
        good = isinstance(value, shape) and not (shape is int and isinstance(value, bool))
        return [] if good else [f"{path} is {value!r}"]
    if not isinstance(value, dict):
        return [f"{path} is {value!r}"]
    return [fault for name, part in shape.items() for fault in faults(value.get(name), part, f"{path}.{name}")]


def bare(world):
    with world.check("what the catalog's file leaves out is empty or made, and what it says stays"):
        http = world.http(ids.OPERATOR)
        asset = http.get(f"assets/{ids.BARE_ASSET}").json()
        same((asset["tiers"], asset["params"], asset["items"]), ({}, [], []))
        same(asset["connection"]["provider"]["name"], "Mighty Mick's LLC")
        same(http.get(f"marketplaces/{ids.BARE_MARKET}").json()["hubs"], [])
        same(http.get(f"hubs/{ids.BARE_HUB}").json()["stats"], {"connections": 0, "marketplaces": 0})
        told = world.catalog.file["assets"][0]
        shown = http.get(f"assets/{told['id']}").json()
        for name in ("events", "tiers", "params"):
            same(shown[name], told[name], name)


def counted(world):
    with world.check("a hub counts the connections and marketplaces that its reader sees"):
        file, contracts = world.catalog.file, world.catalog.contracts
        hub = file["hubs"][0]["id"]
        for key, provider in ((ids.DISTRIBUTOR, "PA-000-003"), (ids.DISTRIBUTOR_2, "PA-000-004"), (ids.OPERATOR, None)):
            mine = [one for one in contracts.values() if one["type"] == "distribution"]
            mine = [one for one in mine if provider in (None, one["issuer"]["id"])]
            own = {one["id"] for one in mine}
            sold = [one for one in file["assets"] if one["contract"]["id"] in own]
            sold = [one for one in sold if world.catalog.hub(one["id"]) == hub]
            markets = {one["marketplace"]["id"] for one in mine}
            bound = [
                one["id"]
                for one in file["marketplaces"]
                if one["id"] in markets and any(entry["hub"]["id"] == hub for entry in one.get("hubs", []))
            ]
            stats = world.http(key).get(f"hubs/{hub}").json()["stats"]
            connections = {(one["contract"]["id"], one["product"]["id"]) for one in sold}
            same(stats, {"connections": len(connections), "marketplaces": len(bound)}, f"stats for {key}")
    with world.check("a product names the providers with rules, to themselves and to an operator"):
        rules = world.client(ids.DISTRIBUTOR_2).products[ids.PULSE].collection("usage/rules")
        rule = rules.create(payload={"action": "manual"})["id"]
        readers = (ids.VENDOR, ids.DISTRIBUTOR, ids.DISTRIBUTOR_2, ids.OPERATOR)
        read = {key: ruling(world, key) for key in readers}
        rules[rule].delete()
        named = [{"id": "PA-000-004", "name": "Tiger Street Distribution"}]
        same(read, {ids.VENDOR: [], ids.DISTRIBUTOR: [], ids.DISTRIBUTOR_2: named, ids.OPERATOR: named})
        same(ruling(world, ids.OPERATOR), [])


def ruling(world, key):
    return world.http(key).get(f"products/{ids.PULSE}").json()["usage_rule"]["providers"]

"""The demo catalog as the tests see it, and the objects that they add to it: what the demo has no bad example of."""

import json
from collections import defaultdict

VENDOR, DISTRIBUTOR, VENDOR_2, DISTRIBUTOR_2, OPERATOR, RESELLER = (f"SU-000-000-00{number}" for number in range(1, 7))
UNREADY_VENDOR = "SU-900-000-001"

PULSE, EXTRA, COLD = "PRD-404-832-779", "PRD-802-355-388", "PRD-578-226-824"
AGREEMENT, CONTRACT_2 = "CRD-21674-67435-75488", "CRD-26225-58926-18085"
PREVIEW, FOREIGN = "CRD-00000-00000-00000", "CRD-84021-23180-87860"
RESOLD = "CRD-30471-55210-90866"
PROGRAM = "CRP-21674-67435-00001"

# Each lacks one prerequisite of seed 001.
NO_CAPABILITY, NO_ITEMS, NOT_LISTED = "PRD-900-000-001", "PRD-900-000-002", "PRD-900-000-003"
NO_PROGRAM_PRODUCT, NO_PROGRAM_CONTRACT = "PRD-900-000-004", "CRD-90000-00000-00002"
ENDED_CONTRACT = "CRD-90000-00000-00001"
# Products of the other schemas, with every capability: nobody sells them, but their vendor can fetch their templates.
RATED = {"PR": "PRD-900-000-015", "CR": "PRD-900-000-016", "TR": "PRD-900-000-017"}

# What the documentation's sample rows are about, one product for each schema. The samples show ids and part numbers cut
# off by the width of a column; these begin with what is shown.
KUWAIT = "MP-90000"
# Contracts of their own, so that they are in nobody else's report.
SAMPLE_CONTRACTS = {
    "CRD-90000-00000-00003": (AGREEMENT, KUWAIT),
    "CRD-90000-00000-00004": (AGREEMENT, "MP-38661"),
    "CRD-90000-00000-00005": (CONTRACT_2, "MP-72775"),
}
SAMPLES_IN_KWD, SAMPLES_IN_USD, SAMPLES_IN_EUR = SAMPLE_CONTRACTS
SAMPLES = {
    "QT": {
        "product": "PRD-768-002-669",
        "asset": "AS-3651-4933-0051",
        "contract": SAMPLES_IN_USD,
        "precision": "decimal(1)",
        "mpns": ["usage"],
        "currency": None,
    },
    "PR": {
        "product": "PRD-236-007-866",
        "asset": "AS-3651-4933-0052",
        "contract": SAMPLES_IN_USD,
        "precision": "decimal(1)",
        "mpns": [f"MPN-C-PPU {number}" for number in (11, 12, 13, 14, 21, 22)],
        "currency": "USD",
    },
    "CR": {
        "product": "PRD-900-000-005",
        "asset": "AS-3651-4933-0053",
        "contract": SAMPLES_IN_KWD,
        "precision": "decimal(4)",
        "mpns": [f"MPN-C-PPU {number}" for number in (11, 12, 13, 14, 21, 22)],
        "currency": "KWD",
    },
    "TR": {
        "product": "PRD-900-000-006",
        "asset": "AS-3651-4933-0054",
        "contract": SAMPLES_IN_EUR,
        "precision": "decimal(1)",
        "mpns": [f"MPN-A-PPU {number}" for number in (1, 2, 3)],
        "currency": "EUR",
    },
}

# A product whose usage must not be reported twice.
ENFORCED = {
    "product": "PRD-900-000-007",
    "asset": "AS-3651-4933-0055",
    "contract": SAMPLES_IN_USD,
    "precision": "decimal(2)",
    "mpns": ["METER"],
    "ppu": {"schema": "QT", "overlap": "enforce"},
}

# Objects of which the file says no more than it has to.
BARE_ASSET, BARE_MARKET, BARE_HUB = "AS-9000-0000-0001", "MP-90001", "HB-9000-0001"


class Catalog:
    """Look-ups in a catalog file."""

    def __init__(self, path):
        self.file = json.loads(path.read_text(encoding="utf-8"))
        self.assets = {asset["id"]: asset for asset in self.file["assets"]}
        self.products = {product["id"]: product for product in self.file["products"]}
        self.contracts = {contract["id"]: contract for contract in self.file["contracts"]}
        self.items = {item["id"]: item for product in self.file["products"] for item in product["items"]}
        self.by_mpn = {
            (product["id"], item["mpn"]): item for product in self.file["products"] for item in product["items"]
        }
        self.keys = {key["id"]: f"ApiKey {key['id']}:{key['secret']}" for key in self.file["api_keys"]}
        self.by_parameter = defaultdict(list)
        for asset in self.file["assets"]:
            for parameter in asset.get("params", []):
                self.by_parameter[asset["product"]["id"], parameter["id"], parameter["value"]].append(asset["id"])

    def hub(self, asset):
        """The hub of a subscription, None where it has none."""
        return (self.assets[asset]["connection"].get("hub") or {}).get("id")

    def reportable(self, contract, product):
        """Subscriptions of a contract and product whose usage may be reported at any time."""
        return [
            asset["id"]
            for asset in self.file["assets"]
            if asset["contract"]["id"] == contract
            and asset["product"]["id"] == product
            and asset["status"] in ("active", "suspended")
        ]

    def metered(self, product):
        """The pay-as-you-go items of a product."""
        return [item for item in self.products[product]["items"] if item["type"] == "ppu"]


def extended(path, target):
    """Writes the catalog at a path, with our bad examples added, to a target."""
    file = json.loads(path.read_text(encoding="utf-8"))
    vendor = next(entry for entry in file["accounts"] if entry["id"] == "VA-000-001")
    vendor = {"id": vendor["id"], "name": vendor["name"]}
    unready = {"id": "VA-900-000", "name": "Unready Vendor"}
    model = next(entry for entry in file["products"] if entry["id"] == PULSE)
    agreement = next(entry for entry in file["contracts"] if entry["id"] == AGREEMENT)

    def product(number, owner, items, metered):
        item = {**model["items"][0], "id": f"{number}-0001", "mpn": f"M-{number}"}
        capabilities = model["capabilities"] if metered else {"ppu": None, "reservation": {"consumption": False}}
        return {
            **model,
            "id": number,
            "name": f"Test product {number}",
            "owner": owner,
            "capabilities": capabilities,
            "items": [item] if items else [],
        }

    file["accounts"].append({**unready, "type": "vendor", "role": "vendor"})
    file["products"] += [
        product(NO_CAPABILITY, vendor, True, False),
        product(NO_ITEMS, vendor, False, True),
        product(NOT_LISTED, vendor, True, True),
        product(NO_PROGRAM_PRODUCT, unready, True, True),
    ]
    for schema, number in RATED.items():
        ppu = {"schema": schema, "dynamic": True, "future": True, "late": True, "predictive": True}
        ppu["required_custom_fields"] = ["v.region"]
        rated = {**product(number, unready, True, True), "capabilities": {"ppu": ppu, "reservation": {"consumption": True}}}
        file["products"].append(rated)
    file["contracts"] += [
        {**agreement, "id": ENDED_CONTRACT, "name": "Ended contract", "status": "terminated"},
        {**agreement, "id": NO_PROGRAM_CONTRACT, "name": "Unready contract", "owner": unready},
    ]
    listed = [
        (NO_CAPABILITY, AGREEMENT),
        (NO_ITEMS, AGREEMENT),
        (PULSE, ENDED_CONTRACT),
        (NO_PROGRAM_PRODUCT, NO_PROGRAM_CONTRACT),
    ]
    file["listings"] += [
        {"id": f"LST-900-000-{number:03}", "status": "listed", "product": {"id": what}, "contract": {"id": under}}
        for number, (what, under) in enumerate(listed, start=1)
    ]
    samples(file, model)
    bare(file)
    file["api_keys"].append({"id": UNREADY_VENDOR, "name": "Unready (test)", "account": unready, "secret": "unready"})
    target.write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
    return Catalog(target)


def samples(file, model):
    """Adds what the documentation's sample rows name."""
    market = next(entry for entry in file["marketplaces"] if entry["id"] == "MP-38661")
    asset = next(entry for entry in file["assets"] if entry["product"]["id"] == PULSE and entry["connection"].get("hub"))
    file["marketplaces"].append({**market, "id": KUWAIT, "name": "Kuwait", "currency": "KWD"})
    markets = {entry["id"]: {"id": entry["id"], "name": entry["name"]} for entry in file["marketplaces"]}
    contracts = {entry["id"]: entry for entry in file["contracts"]}
    for number, (like, where) in SAMPLE_CONTRACTS.items():
        new = {"id": number, "name": f"Samples of {markets[where]['name']}", "marketplace": markets[where]}
        contracts[number] = {**contracts[like], **new}
        file["contracts"].append(contracts[number])
    for number, (schema, sample) in enumerate([*SAMPLES.items(), ("QT", ENFORCED)], start=1):
        product = {"id": sample["product"], "name": f"Sample {number}"}
        contract = contracts[sample["contract"]]
        items = [
            {
                **model["items"][0],
                "id": f"{product['id']}-{place:04}",
                "name": mpn,
                "mpn": mpn,
                "precision": sample["precision"],
            }
            for place, mpn in enumerate(sample["mpns"], start=1)
        ]
        ppu = {**model["capabilities"]["ppu"], "schema": schema, **sample.get("ppu", {})}
        file["products"].append(
            {**model, **product, "capabilities": {**model["capabilities"], "ppu": ppu}, "items": items}
        )
        listing = {"id": f"LST-900-001-{number:03}", "status": "listed"}
        file["listings"].append({**listing, "product": product, "contract": {"id": contract["id"]}})
        provider = {"id": contract["issuer"]["id"], "name": contract["issuer"]["name"]}
        file["assets"].append(
            {
                **asset,
                "id": sample["asset"],
                "product": product,
                "connection": {**asset["connection"], "provider": provider},
                "contract": {"id": contract["id"], "name": contract["name"], "type": "distribution"},
                "marketplace": contract["marketplace"],
                "params": [{"id": "tenant_id", "value": f"sample-{number}", "constraints": {"reconciliation": True}}],
                "items": [{"global_id": item["id"], "quantity": "unlimited"} for item in items],
            }
        )


def bare(file):
    """Adds objects that clients read more of than they say."""
    contract = next(entry for entry in file["contracts"] if entry["id"] == ENFORCED["contract"])
    parties = {"vendor": {"id": contract["owner"]["id"]}, "provider": {"id": contract["issuer"]["id"]}}
    sold = {"product": {"id": ENFORCED["product"]}, "contract": {"id": contract["id"]}, "connection": parties}
    file["assets"].append({"id": BARE_ASSET, "status": "active", **sold})
    file["hubs"].append({"id": BARE_HUB, "name": "Bare hub"})
    file["marketplaces"].append({"id": BARE_MARKET, "name": "Bare marketplace"})

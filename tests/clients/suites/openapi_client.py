"""Every call that connect-openapi-client makes of the usage module (connect-api §7.1), with our ids: the answers are
checked, not only their codes. Twice, the second time with other names, other subscriptions and another User-Agent.
"""

import random
import re
from decimal import Decimal

import requests
from connect.client import ClientError, R

import api
import books
import catalog as ids
from checks import holds, same

PROVIDERS = {ids.AGREEMENT: ids.DISTRIBUTOR, ids.CONTRACT_2: ids.DISTRIBUTOR_2}
FILE_ID = re.compile(r"UF-\d{4}-\d{2}-\d{4}-\d{4}")
RECORD_ID = re.compile(r"UR-\d{4}-\d{2}-\d{4}-\d{4}-\d{4}-\d{4}")
SUBSCRIPTIONS = 6
SEED = 20261122


def run(world):
    Round(world, "round 1", ids.AGREEMENT, ids.PULSE, "usage-1", random.Random(1), None).run()
    rng = random.Random(SEED)
    contract = rng.choice(list(PROVIDERS))
    product = rng.choice([ids.PULSE, ids.EXTRA])
    name = "".join(rng.choice("abcäöü ñ-_()&%'\"/") for _ in range(20)).strip() or "x"
    Round(world, "round 2", contract, product, name, rng, f"my-connector/{rng.randrange(100)}.0").run()


class Round:
    """One pass over all calls."""

    def __init__(self, world, title, contract, product, name, rng, user_agent):
        self.world = world
        self.title = title
        self.contract, self.product, self.name, self.rng = contract, product, name, rng
        headers = {"User-Agent": user_agent} if user_agent else None
        self.vendor = world.client(ids.VENDOR, default_headers=headers)
        self.provider_key = PROVIDERS[contract]
        self.provider = world.client(self.provider_key, default_headers=headers)
        self.count = 0

    def check(self, name, needed=False):
        return self.world.check(f"{self.title}: {name}", needed)

    def workbook(self):
        """A small workbook: some subscriptions of both hubs, two items each."""
        self.count += 1
        start, end = api.window(1)
        assets = self.world.catalog.reportable(self.contract, self.product)
        items = self.world.catalog.metered(self.product)
        rows = []
        for asset in self.rng.sample(assets[:-1], SUBSCRIPTIONS - 1) + assets[-1:]:
            for item in self.rng.sample(items, 2):
                record_id = f"{self.title}-{self.rng.getrandbits(48):x}"
                row = books.record(record_id, asset, item["mpn"], self.rng.randrange(1, 999), start, end)
                rows.append({**row, "record_note": "n", "v.x": f"value {self.count}"})
        return rows, books.openpyxl_book(rows)

    def run(self):
        self.create_and_upload()
        self.listing()
        self.acceptance()
        self.records()
        self.chunks()
        self.reconciliations()
        self.template_and_categories()
        self.rejection_and_approve_all()
        self.rules()
        self.webhooks()
        self.missing()
        self.editing()

    def ready_file(self):
        rows, workbook = self.workbook()
        return self.world.ready(ids.VENDOR, self.product, self.contract, workbook, name=self.name), rows

    def create_and_upload(self):
        files = self.vendor.ns("usage").files
        with self.check("create answers the file", needed=True):
            payload = {"name": self.name, "product": {"id": self.product}, "contract": {"id": self.contract}}
            created = files.create(payload=payload)
            same(self.vendor.response.status_code, 201, "HTTP status")
            self.file = created["id"]
            holds(FILE_ID.fullmatch(self.file), f"id is {self.file}")
            contract = self.world.catalog.contracts[self.contract]
            same(created["name"], self.name)
            same(created["status"], "draft")
            same(created["schema"], "qt")
            same(created["product"]["id"], self.product)
            same(created["product"]["name"], self.world.catalog.products[self.product]["name"])
            same(created["contract"], {"id": self.contract, "name": contract["name"]})
            same(created["vendor"]["id"], contract["owner"]["id"])
            same(created["provider"]["id"], contract["issuer"]["id"])
            same(created["marketplace"]["id"], contract["marketplace"]["id"])
            same(created["events"]["created"]["by"]["id"], ids.VENDOR)
            holds("period" not in created, "a period that nobody gave")
        with self.check("a draft can be changed and has no workbooks"):
            changed = files[self.file].update(payload={"description": " é\t1 ", "external_id": "x y/z"})
            same((changed["description"], changed["external_id"]), (" é\t1 ", "x y/z"))
            shown = files[self.file].get()
            same((shown["description"], shown["external_id"]), (" é\t1 ", "x y/z"))
            holds("usage_file_uri" not in shown and "processed_file_uri" not in shown, "links to nothing")
            same(files.filter(R().external_id.eq("x y/z")).count(), self.count_of("external_id", "x y/z"))
        with self.check("upload answers 201 at once, and the file becomes ready", needed=True):
            self.rows, workbook = self.workbook()
            shown = self.vendor("usage").files[self.file]("upload").post(files={"usage_file": ("a.xlsx", workbook)})
            same(self.vendor.response.status_code, 201, "HTTP status")
            same(shown["id"], self.file)
            holds(shown["status"] in ("uploading", "uploaded", "processing", "ready"), f"status is {shown['status']}")
            ready = self.world.wait(ids.VENDOR, self.file, "ready", "invalid")
            same(ready["status"], "ready", f"status ({self.world.errors(ids.VENDOR, self.file)[:2]})")
            same(ready["stats"], {"uploaded": len(self.rows), "validated": len(self.rows)}, "stats")
            same(ready["events"]["uploaded"]["by"]["id"], ids.VENDOR)
            same(requests.get(ready["usage_file_uri"], timeout=30).content, workbook, "the uploaded file")
            _, rows = books.table(requests.get(ready["processed_file_uri"], timeout=30).content)
            same([row["record_id"] for row in rows], [row["record_id"] for row in self.rows], "processed records")
            same({row["status"] for row in rows}, {"valid"})
        with self.check("submit answers 201, the file is pending and the distributor sees it"):
            shown = self.vendor("usage").files[self.file]("submit").post()
            same((self.vendor.response.status_code, shown["status"]), (201, "pending"))
            same(self.provider("usage").files[self.file].get()["status"], "pending")
            again = self.vendor("usage").files[self.file]("submit").post()
            same((self.vendor.response.status_code, again["status"]), (201, "pending"), "a second submit")

    def count_of(self, field, value):
        return sum(1 for one in self.vendor("usage").files.all().limit(1000) if one.get(field) == value)

    def listing(self):
        files = self.vendor("usage").files
        with self.check("count, first, filter, ordering and select agree with the whole list"):
            self.ready = sorted(self.ready_file()[0] for _ in range(2))
            everything = list(files.all().limit(1000))
            same(files.all().count(), len(everything), "count")
            among = [one for one in everything if one["status"] == "ready" and one["product"]["id"] == self.product]
            first = files.filter(status="ready").first()
            same(first["status"], "ready")
            query = R().product.id.oneof([self.product]) & R().status.eq("ready")
            found = list(files.filter(query).order_by("-created.at").select("-events").limit(1))
            same(len(found), len(among), "files over several pages")
            holds(all("events" not in one for one in found), "events are there")
            newest = sorted(among, key=lambda one: one["events"]["created"]["at"], reverse=True)
            same([one["id"] for one in found], [one["id"] for one in newest], "order")
            holds(set(self.ready) <= {one["id"] for one in found}, "files are missing")
            same(files.filter(R().status.eq("ready"), R().id.oneof(self.ready)).count(), 2)
            same(
                files.filter(R().id.oneof(self.ready) & R().external_id.null(True)).count(),
                2,
                "files without external id",
            )

    def acceptance(self):
        with self.check("accept by the distributor answers 201; chunks are written", needed=True):
            shown = self.provider("usage").files[self.file]("accept").post(payload={"acceptance_note": "ok"})
            same((self.provider.response.status_code, shown["status"]), (201, "accepted"))
            same(shown["events"]["accepted"]["by"]["id"], self.provider_key)
            self.chunk_list = self.world.chunks(self.provider_key, self.file)
            same(sum(chunk["stats"]["accepted"] for chunk in self.chunk_list), len(self.rows), "records in chunks")

    def records(self):
        with self.check("records by status, subscription and schema: exactly that subscription's"):
            row = self.rng.choice(self.rows)
            asset = self.world.catalog.assets[row["asset_search_value"]]
            uid = asset["external_uid"]
            query = f"status=approved&asset.external_uid={uid}&usagefile.schema=qt"
            found = [one for one in self.provider("usage").records.filter(query) if one["usagefile"]["id"] == self.file]
            mine = {one["record_id"]: one for one in self.rows if one["asset_search_value"] == asset["id"]}
            same(sorted(one["record_id"] for one in found), sorted(mine), "record ids")
            for one in found:
                self.check_record(one, mine[one["record_id"]], asset)
        with self.check("one record by its id is the one of the list"):
            same(self.provider("usage").records[found[0]["id"]].get(), found[0])
        with self.check("close-records answers 206 and closes"):
            self.closed = found[0]["id"]
            close = self.provider.ns("usage").ns("records").collection("close-records")
            results = close.bulk_create([{"id": self.closed, "external_billing_note": "n"}])
            same(self.provider.response.status_code, 206, "HTTP status")
            same([(one["id"], one["status"]) for one in results], [(self.closed, "closed")])
            shown = self.provider("usage").records[self.closed].get()
            same((shown["status"], shown["external_billing_note"]), ("closed", "n"))

    def check_record(self, record, row, asset):
        item = self.world.catalog.by_mpn[self.product, row["item_search_value"]]
        holds(RECORD_ID.fullmatch(record["id"]), f"id is {record['id']}")
        same(record["status"], "approved")
        same(Decimal(str(record["usage"])), Decimal(row["quantity"]), "usage")
        same(record["start_date"][:19].replace("T", " "), row["start_time_utc"], "start_date")
        same(record["end_date"][:19].replace("T", " "), row["end_time_utc"], "end_date")
        same(record["product_id"], self.product)
        same((record["item"]["id"], record["item"]["mpn"], record["item"]["type"]), (item["id"], item["mpn"], "PPU"))
        same((record["item"]["name"], record["item"]["unit"]), (item["name"], item["unit"]["name"]))
        same(record["item"]["precision"], item["precision"])
        same(record["asset"]["id"], asset["id"])
        same(record["asset"]["external_id"], asset["external_id"])
        same(record["asset"]["external_uid"], asset["external_uid"])
        same((record["asset_id"], record["asset_external_id"]), (asset["id"], asset["external_id"]))
        same(record["item_id"], item["id"])
        same(record["resource_local_id"], record["item"]["local_id"])
        same(record["params"], [{"parameter_name": "x", "parameter_value": row["v.x"]}])
        same(record["usagefile"]["schema"], "qt")

    def chunks(self):
        usage = self.provider("usage")
        hubs = {chunk["binding"]["hub"]["id"] for chunk in self.chunk_list if chunk.get("binding", {}).get("hub")}
        with self.check("ready chunks of a hub, in the list and by id"):
            hub = sorted(hubs)[0]
            found = list(usage.chunks.filter(f"status=ready&binding.hub.id={hub}"))
            mine = [one for one in found if one["usagefile"]["id"] == self.file]
            same(len(mine), 1, "chunks of our file and that hub")
            holds(
                all(one["binding"]["hub"]["id"] == hub and one["status"] == "ready" for one in found),
                "others are there",
            )
            same(usage.chunks[mine[0]["id"]].get(), mine[0])
            self.chunk = mine[0]["id"]
        with self.check("download gives the bytes of a workbook with that hub's records"):
            self.xlsx = usage.chunks[self.chunk]("download").get()
            holds(isinstance(self.xlsx, bytes), "no bytes")
            rows = books.table(self.xlsx)[1]
            wanted = [row["record_id"] for row in self.rows if self.world.catalog.hub(row["asset_search_value"]) == hub]
            same([row["record_id"] for row in rows], wanted, "records")
            same(books.general(self.xlsx)["report_id"], self.file)
            same(usage.chunks[self.chunk]("download").get(), self.xlsx, "a second download")
        with self.check("a chunk takes an external id and is regenerated"):
            shown = usage.chunks[self.chunk].update(payload={"external_id": "batch-1"})
            same((self.provider.response.status_code, shown["external_id"]), (200, "batch-1"))
            shown = usage.chunks[self.chunk]("regenerate").post()
            holds(shown["status"] in ("draft", "ready") and shown["id"] == self.chunk, f"{shown}")
            self.world.chunks(self.provider_key, self.file)
        with self.check("a chunk is outdated once a record is closed by itself; regenerated it says how that was billed"):
            mine = [row["record_id"] for row in books.table(self.xlsx)[1]]
            of_file = self.world.records(self.provider_key, f"usagefile.id={self.file}&status=approved")
            record = next(one for one in of_file if one["record_id"] in mine)
            usage.records[record["id"]]("close").post(payload={"external_billing_id": "single"})
            same(usage.chunks[self.chunk].get()["outdated"], True)
            usage.chunks[self.chunk]("regenerate").post()
            same(self.provider.response.status_code, 201, "HTTP status")
            self.world.chunks(self.provider_key, self.file)
            same(usage.chunks[self.chunk].get()["outdated"], False)
            rows = books.table(usage.chunks[self.chunk]("download").get())[1]
            same([row["record_id"] for row in rows], mine, "records")
            billed = {row["record_id"] for row in rows if row["external_billing_id"] == "single"}
            same(billed, {record["record_id"]}, "billed records")
            same({row["record_id"] for row in rows if row["status"] == "closed"} >= billed, True, "their status")
        with self.check("closing a chunk closes its records"):
            payload = {"external_billing_id": "1", "external_billing_note": "n"}
            shown = usage.chunks[self.chunk]("close").post(payload=payload)
            holds(self.provider.response.status_code in (200, 201), f"HTTP status {self.provider.response.status_code}")
            same(shown["status"], "closed")
            of_hub = self.world.records(self.provider_key, f"usagefile.id={self.file}&hub.id={hub}")
            same({one["status"] for one in of_hub}, {"closed"})

    def reconciliations(self):
        usage = self.provider("usage")
        with self.check("a file's reconciliation closes what is left"):
            for chunk in self.chunk_list:
                if chunk["id"] == self.chunk:
                    continue
                content = usage.chunks[chunk["id"]]("download").get()
                book = books.billed(content, lambda row: ("INV", "n"))
                shown = usage.files[self.file]("reconciliation").post(files={"recon_file": ("r.xlsx", book)})
                same((self.provider.response.status_code, shown["id"]), (201, self.file))
            self.world.wait(self.provider_key, self.file, "closed")
        with self.check("a reconciliation by itself finds its file in the workbook and closes it"):
            _, workbook = self.workbook()
            file = self.world.accepted(ids.VENDOR, self.provider_key, self.product, self.contract, workbook)
            chunks = self.world.chunks(self.provider_key, file)
            for chunk in chunks:
                content = usage.chunks[chunk["id"]]("download").get()
                book = books.billed(content, lambda row: ("INV", "n"))
                created = usage.reconciliations.create(
                    files={"recon_file": ("r.xlsx", book)}, data={"upload_note": "n"}
                )
                same(self.provider.response.status_code, 201, "HTTP status")
                holds(created["id"].startswith(file.replace("UF-", "RCF-")), f"id is {created['id']}")
                holds(created["status"] in ("uploaded", "processing", "processed"), f"status is {created['status']}")
                same(created["notes"]["uploaded"], "n")
            self.world.wait(self.provider_key, file, "closed")
            same(usage.reconciliations[created["id"]].get()["status"], "processed")

    def template_and_categories(self):
        with self.check("the template's link works without a key"):
            link = self.vendor("usage").products[self.product]("template").get()["template_link"]
            content = requests.get(link, timeout=30).content
            holds({"records", "categories", "instructions"} <= set(books.tabs(content)), f"tabs {books.tabs(content)}")
        with self.check("categories of a file"):
            start, end = api.window(1)
            asset = self.world.catalog.reportable(self.contract, self.product)[0]
            mpn = self.world.catalog.metered(self.product)[0]["mpn"]
            row = books.record(f"cat-{self.rng.getrandbits(48):x}", asset, mpn, 1, start, end, category_id="db")
            tab = ("categories", [("category_id", "category_name", "category_description"), ("db", "Databases", "All")])
            file = self.world.ready(ids.VENDOR, self.product, self.contract, books.openpyxl_book([row], others=[tab]))
            found = self.vendor("usage").files[file].collection("categories").all()
            same(list(found), [{"id": "db", "name": "Databases", "description": "All"}])
            record = self.vendor("usage").records.filter(f"usagefile.id={file}").first()
            same(record["category"], {"id": "db", "name": "Databases", "description": "All"})
            deleted = self.vendor("usage").files[file]("delete").post()
            same((self.vendor.response.status_code, deleted["status"]), (201, "deleted"))
            same(self.vendor("usage").files[file].get()["status"], "deleted", "a deleted file stays visible")

    def rejection_and_approve_all(self):
        usage, file = self.provider("usage"), self.ready[0]
        with self.check("a file isn't accepted with a record that its provider marked as rejected"):
            self.vendor("usage").files[file]("submit").post()
            self.world.wait(ids.VENDOR, file, "pending")
            record = self.world.records(self.provider_key, f"usagefile.id={file}")[0]["id"]
            same(usage.records[record].update(payload={"status": "rejected"})["status"], "rejected")
            try:
                usage.files[file]("accept").post()
                raise AssertionError("it was accepted")
            except ClientError as error:
                same((error.status_code, error.error_code), (400, "USG_037"))
            same(usage.records[record].update(payload={"status": "valid"})["status"], "valid")
        with self.check("approve-all on a pending file answers 200"):
            usage.files[file]("approve-all").put()
            same(self.provider.response.status_code, 200, "HTTP status")
        with self.check("reject answers 201, and the file can be uploaded and submitted again"):
            shown = usage.files[file]("reject").post(payload={"rejection_note": "wrong month"})
            same((self.provider.response.status_code, shown["status"]), (201, "rejected"))
            same(shown["rejection_note"], "wrong month")
            records = self.world.records(ids.VENDOR, f"usagefile.id={file}")
            same({one["status"] for one in records}, {"rejected"})
            _, workbook = self.workbook()
            self.world.upload(ids.VENDOR, file, workbook)
            # Right after the upload, as the vendor's processor does.
            self.vendor("usage").files[file]("submit").post()
            same(self.vendor.response.status_code, 201, "HTTP status")
            found = self.world.wait(ids.VENDOR, file, "pending", "invalid")
            same(found["status"], "pending")
        with self.check("reprocess on an accepted file answers 201"):
            usage.files[file]("accept").post()
            self.world.chunks(self.provider_key, file)
            usage.files[file]("reprocess").post()
            same(self.provider.response.status_code, 201, "HTTP status")

    def rules(self):
        with self.check("usage rules: created, listed, used and deleted"):
            rules = self.provider.ns("products").collection(self.product).resource("usage").collection("rules")
            created = rules.create(payload={"action": "accept"})
            same(self.provider.response.status_code, 201, "HTTP status")
            try:
                same((created["action"], created["status"]), ("accept", "active"))
                holds(created["id"] in [one["id"] for one in rules.filter(status="active")], "it is not listed")
                file = self.ready[1]
                self.vendor("usage").files[file]("submit").post()
                accepted = self.world.wait(ids.VENDOR, file, "accepted")
                holds(created["id"] in accepted["events"]["accepted"]["by"]["name"], "the rule is not named")
            finally:
                rules[created["id"]].delete()
            same(rules[created["id"]].get()["status"], "deleted")

    def webhooks(self):
        with self.check("webhooks: created, listed, found and deleted"):
            webhooks = self.provider.ns("notifications").collection("webhooks")
            terms = {"object_class": "usage_file", "external_url": "https://usage.example/", "active": False}
            # The other members are those that a public client of Connect's sends (docs/webhooks.md).
            sent = {"jwt_secret": "JWT-1", "http_method": "POST", "data": {}, "headers": {"X-Hub": "1"}}
            created = webhooks.create(payload={"label": self.title, "description": "d", **terms, **sent})
            same(self.provider.response.status_code, 201, "HTTP status")
            try:
                same({name: created[name] for name in terms}, terms)
                same(webhooks.filter(label=self.title).first(), created)
                holds(created["id"] in [one["id"] for one in webhooks.all()], "it is not listed")
                same(webhooks[created["id"]].update(payload={"description": "e"})["description"], "e")
            finally:
                webhooks[created["id"]].delete()
            same((self.provider.response.status_code, webhooks[created["id"]].exists()), (204, False))

    def editing(self):
        products = self.vendor.products
        with self.check("a product is changed member by member"):
            before = products[self.product].get()
            shown = products[self.product].update(payload={"capabilities": {"ppu": {"late": True}}})
            same((self.vendor.response.status_code, shown["capabilities"]["ppu"]["late"]), (200, True))
            same(shown["capabilities"]["ppu"]["schema"], before["capabilities"]["ppu"]["schema"])
            same(products[self.product].get(), shown)
            late = before["capabilities"]["ppu"].get("late", False)
            products[self.product].update(payload={"capabilities": {"ppu": {"late": late}}})
        with self.check("an item is made and changed, and no second one has its part number"):
            # Other suites report every item of what is sold.
            items = products[ids.NOT_LISTED].items
            mpn = f"NEW-{self.rng.getrandbits(48):x}"
            payload = {"name": mpn, "mpn": mpn, "type": "ppu", "unit": {"name": "GB"}}
            item = items.create(payload=payload)
            same((self.vendor.response.status_code, item["status"]), (201, "published"))
            same(items[item["id"]].get(), item)
            same(items.filter(mpn=mpn).count(), 1)
            shown = items[item["id"]].update(payload={"name": f"{mpn} x"})
            same((self.vendor.response.status_code, shown["name"], shown["mpn"]), (200, f"{mpn} x", mpn))
            try:
                items.create(payload=payload)
                raise AssertionError("no error")
            except ClientError as error:
                same((error.status_code, error.error_code), (400, "VAL_001"))
                same(error.errors, ["mpn: Item with same MPN already exists for the product."])

    def missing(self):
        with self.check("exists() is false for what isn't there, and errors carry code and text"):
            holds(self.vendor("usage").files[self.file].exists(), "our file does not exist")
            holds(not self.vendor("usage").files["UF-2020-01-0000-0001"].exists(), "an unknown file exists")
            try:
                self.vendor("usage").files["UF-2020-01-0000-0001"].get()
                raise AssertionError("no error")
            except ClientError as error:
                same((error.status_code, error.error_code), (404, "NFND_000"))
                same(error.errors, ["Object not found."])

"""The server as its clients see it: the published client for each key, and plain HTTP beside it."""

import json
import time
from calendar import monthrange
from datetime import date, datetime
from decimal import Decimal

import requests
from connect.client import ConnectClient

from books import record
from catalog import AGREEMENT, PULSE

WAIT_SECONDS_MAX = 20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class World:
    """What a suite works with."""

    def __init__(self, binary, url, catalog, check, folder):
        self.binary = binary
        self.url = url
        self.base = f"{url}/public/v1"
        self.catalog = catalog
        self.check = check
        self.folder = folder

    def client(self, key, **options):
        """connect-openapi-client with the key of an id."""
        return ConnectClient(self.catalog.keys[key], endpoint=self.base, use_specs=False, max_retries=0, **options)

    def http(self, key=None, **headers):
        """Plain HTTP, with a key or without."""
        return Http(self.base, self.catalog.keys.get(key), headers)

    def row(self, record_id, product=PULSE, contract=AGREEMENT, place=0, **others):
        """A valid row: 3 of the product's first item in the previous month, for the subscription at a place."""
        start, end = window(1)
        asset = self.catalog.reportable(contract, product)[place]
        return record(record_id, asset, self.catalog.metered(product)[0]["mpn"], 3, start, end, **others)

    def file(self, key, product, contract, **others):
        """A new draft; its id."""
        payload = {"name": "test", "product": {"id": product}, "contract": {"id": contract}, **others}
        return self.client(key).ns("usage").files.create(payload=payload)["id"]

    def upload(self, key, file, workbook):
        files = {"usage_file": ("usage.xlsx", workbook)}
        return self.client(key)("usage").files[file]("upload").post(files=files)

    def wait(self, key, file, *statuses, seconds=WAIT_SECONDS_MAX):
        """Waits until a file has one of some statuses; gives the file."""
        read = self.client(key)("usage").files[file].get
        return wait(read, lambda found: found["status"] in statuses, f"{file} in {'/'.join(statuses)}", seconds)

    def ready(self, key, product, contract, workbook, **others):
        """A file with a workbook whose check has ended well."""
        file = self.file(key, product, contract, **others)
        self.upload(key, file, workbook)
        found = self.wait(key, file, "ready", "invalid")
        if found["status"] != "ready":
            raise AssertionError(f"{file} is invalid: {found.get('error_detail')} {self.errors(key, file)}")
        return file

    def pending(self, key, product, contract, workbook, **others):
        file = self.ready(key, product, contract, workbook, **others)
        self.client(key)("usage").files[file]("submit").post()
        self.wait(key, file, "pending")
        return file

    def accepted(self, key, provider, product, contract, workbook, **others):
        """A file that was accepted and whose chunks are ready."""
        file = self.pending(key, product, contract, workbook, **others)
        self.client(provider)("usage").files[file]("accept").post(payload={"acceptance_note": "ok"})
        self.chunks(provider, file)
        return file

    def chunks(self, provider, file):
        """The chunks of an accepted file, once all are written."""
        chunks = self.client(provider)("usage").chunks

        def read():
            return list(chunks.filter(f"usagefile.id={file}").order_by("usagefile.id").limit(1000))

        def done(found):
            detail = self.client(provider)("usage").files[file].get()
            written = all(chunk["status"] != "draft" for chunk in found)
            return found and written and detail.get("sub_status") != "processing"

        return sorted(wait(read, done, f"chunks of {file}"), key=lambda chunk: chunk["id"])

    def records(self, key, query):
        """All records of a query as exact JSON: numbers are Decimals."""
        found, http = [], self.http(key)
        while True:
            answer = http.get(f"usage/records?{query}&limit=1000&offset={len(found)}")
            answer.raise_for_status()
            page = exact(answer)
            found += page
            total = int(answer.headers["Content-Range"].rsplit("/")[1])
            if not page or len(found) >= total:
                return found

    def errors(self, key, file):
        return [
            (one.get("record_id"), one.get("error_codes"), one.get("error_details"))
            for one in self.records(key, f"usagefile.id={file}&status=invalid")
        ]


class Http:
    """requests with a base address and an Authorization header."""

    def __init__(self, base, authorization, headers):
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(headers)
        if authorization:
            self.session.headers["Authorization"] = authorization

    def call(self, method, path, **options):
        url = path if path.startswith("http") else f"{self.base}/{path}"
        return self.session.request(method, url, timeout=30, allow_redirects=False, **options)

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, **options):
        return self.call("POST", path, **options)

    def put(self, path, **options):
        return self.call("PUT", path, **options)


def exact(answer):
    """JSON without floats."""
    return json.loads(answer.text, parse_float=Decimal)


def wait(read, done, what, seconds=WAIT_SECONDS_MAX):
    """Reads until it is done."""
    give_up = time.monotonic() + seconds
    pause = 0.02
    while True:
        found = read()
        if done(found):
            return found
        if time.monotonic() > give_up:
            raise AssertionError(f"{what} did not come in {seconds} s; the last was {str(found)[:500]}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.3)


def month(back=1):
    """First and last instant of a month before this one, as workbooks write them."""
    today = date.today()
    number = today.year * 12 + today.month - 1 - back
    year, index = divmod(number, 12)
    first = datetime(year, index + 1, 1)
    last = datetime(year, index + 1, monthrange(year, index + 1)[1], 23, 59, 59)
    return first, last


def window(back=1):
    return tuple(moment.strftime("%Y-%m-%d %H:%M:%S") for moment in month(back))

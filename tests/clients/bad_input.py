"""What must be refused, as data: what is sent, the answer's status, its error code and a part of its text.

`suites/bad_input.py` sends each case and checks that the ledger is the same before and after. In paths `{draft}`,
`{ready}`, `{pending}`, `{accepted}`, `{closed}` and `{deleted}` are files of the first vendor in that status,
`{foreign}` one of another vendor that is pending, `{chunk}` and `{record}` parts of the accepted file.
"""

import io
import random
import zipfile
from dataclasses import dataclass, field
from typing import Any

import catalog as ids

V, D, V2, D2 = ids.VENDOR, ids.DISTRIBUTOR, ids.VENDOR_2, ids.DISTRIBUTOR_2
JSON = {"Content-Type": "application/json"}
XLSX_MAX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Case:
    """A request that is refused."""

    name: str
    key: str | None
    method: str
    path: str
    status: int
    code: str
    text: str
    # Options of requests: json, data, files, headers.
    send: dict[str, Any] = field(default_factory=dict)


def create(**others):
    """The body of a new file."""
    return {"json": {"name": "bad", "product": {"id": ids.PULSE}, "contract": {"id": ids.AGREEMENT}, **others}}


def pair(product, contract):
    return create(product={"id": product}, contract={"id": contract})


def form(content, name="usage_file"):
    return {"files": {name: ("a.xlsx", content)}}


def header(value):
    return {"headers": {"Authorization": value}}


FILES = "usage/files"
KEYS = [
    Case("no key", None, "GET", FILES, 401, "AUTH_001", "unauthorized"),
    Case("an unknown key", None, "GET", FILES, 401, "AUTH_001", "unauthorized", header("ApiKey SU-000-000-099:demo")),
    Case("a wrong secret", None, "GET", FILES, 401, "AUTH_001", "unauthorized", header(f"ApiKey {V}:wrong")),
    Case("a key without secret", None, "GET", FILES, 401, "AUTH_001", "unauthorized", header(f"ApiKey {V}:")),
    Case("another scheme", None, "GET", FILES, 401, "AUTH_001", "unauthorized", header("Basic YTpi")),
    Case("no key for a new file", None, "POST", FILES, 401, "AUTH_001", "unauthorized", create()),
    Case("no key for an upload", None, "POST", "usage/files/{draft}/upload", 401, "AUTH_001", "unauthorized",
         form(b"PK")),
    Case("a wrong key for an answer", None, "POST", "usage/files/{pending}/accept", 401, "AUTH_001", "unauthorized",
         header(f"ApiKey {D}:wrong")),
]  # fmt: skip

ROLES = [
    Case("a distributor creates", D, "POST", FILES, 403, "AUTH_003", "permission", create()),
    Case("a distributor uploads", D, "POST", "usage/files/{pending}/upload", 403, "AUTH_003", "permission",
         form(b"PK")),
    Case("a distributor submits", D, "POST", "usage/files/{pending}/submit", 403, "AUTH_003", "permission"),
    Case("a distributor deletes", D, "POST", "usage/files/{pending}/delete", 403, "AUTH_003", "permission"),
    Case("a distributor describes", D, "PUT", "usage/files/{pending}", 403, "AUTH_003", "permission",
         {"json": {"note": "x"}}),
    Case("a vendor accepts", V, "POST", "usage/files/{pending}/accept", 403, "AUTH_003", "permission"),
    Case("a vendor rejects", V, "POST", "usage/files/{pending}/reject", 403, "AUTH_003", "permission"),
    Case("a vendor closes", V, "POST", "usage/files/{accepted}/close", 403, "AUTH_003", "permission"),
    Case("a vendor reconciles", V, "POST", "usage/files/{accepted}/reconciliation", 403, "AUTH_003", "permission",
         form(b"PK", "recon_file")),
    Case("a vendor closes a chunk", V, "POST", "usage/chunks/{chunk}/close", 403, "AUTH_003", "permission",
         {"json": {"external_billing_id": "1"}}),
    Case("a vendor names a chunk", V, "PUT", "usage/chunks/{chunk}", 403, "AUTH_003", "permission",
         {"json": {"external_id": "1"}}),
    Case("a vendor closes a record", V, "POST", "usage/records/{record}/close", 403, "AUTH_003", "permission",
         {"json": {"external_billing_id": "1"}}),
]  # fmt: skip

# Of files that the caller may not see: the answer must be that of an unknown id.
FOREIGN = [
    Case(f"{action} of another {who}'s file", key, "POST", f"usage/files/{{{file}}}/{action}", 404, "NFND_000",
         "not found")
    for who, key, file in (("vendor", V, "foreign"), ("vendor", V2, "draft"), ("distributor", D2, "pending"))
    for action in ("submit", "accept", "reject", "close", "delete")
] + [
    Case("another vendor's file", V, "GET", "usage/files/{foreign}", 404, "NFND_000", "not found"),
    Case("another vendor's file described", V, "PUT", "usage/files/{foreign}", 404, "NFND_000", "not found",
         {"json": {"note": "x"}}),
    Case("another vendor's file uploaded", V, "POST", "usage/files/{foreign}/upload", 404, "NFND_000", "not found",
         form(b"PK")),
    Case("another distributor's chunk", D2, "POST", "usage/chunks/{chunk}/close", 404, "NFND_000", "not found",
         {"json": {"external_billing_id": "1"}}),
    Case("another distributor's record", D2, "POST", "usage/records/{record}/close", 404, "NFND_000", "not found",
         {"json": {"external_billing_id": "1"}}),
    Case("another distributor's reconciliation", D2, "POST", "usage/files/{accepted}/reconciliation", 404, "NFND_000",
         "not found", form(b"PK", "recon_file")),
    Case("an unknown file", V, "POST", "usage/files/UF-2020-01-0000-0001/submit", 404, "NFND_000", "not found"),
    Case("an id of no form", V, "POST", "usage/files/..%2f..%2fetc/submit", 404, "NFND_000", "not found"),
    Case("an unknown action", V, "POST", "usage/files/{draft}/explode", 404, "NFND_000", "explode"),
]  # fmt: skip

STATES = [
    Case("submit a draft", V, "POST", "usage/files/{draft}/submit", 400, "USG_004", "Upload one"),
    Case("submit an accepted file", V, "POST", "usage/files/{accepted}/submit", 400, "USG_003",
         '"accepted" can not be submitted'),
    Case("submit a deleted file", V, "POST", "usage/files/{deleted}/submit", 400, "USG_003",
         '"deleted" can not be submitted'),
    Case("upload to a pending file", V, "POST", "usage/files/{pending}/upload", 400, "USG_003",
         '"pending" can not be uploaded', form(b"PK")),
    Case("upload to a closed file", V, "POST", "usage/files/{closed}/upload", 400, "USG_003",
         '"closed" can not be uploaded', form(b"PK")),
    Case("delete a pending file", V, "POST", "usage/files/{pending}/delete", 400, "USG_003",
         '"pending" can not be deleted'),
    Case("delete an accepted file", V, "POST", "usage/files/{accepted}/delete", 400, "USG_003",
         '"accepted" can not be deleted'),
    Case("delete a deleted file", V, "POST", "usage/files/{deleted}/delete", 400, "USG_003",
         '"deleted" can not be deleted'),
    Case("change a pending file's period", V, "PUT", "usage/files/{pending}", 400, "USG_003", "can not be updated",
         {"json": {"period": {"from": "2026-01-01", "to": "2026-01-31"}}}),
    Case("accept twice", D, "POST", "usage/files/{accepted}/accept", 400, "USG_003", '"accepted" can not be accepted'),
    Case("reject an accepted file", D, "POST", "usage/files/{accepted}/reject", 400, "USG_003",
         '"accepted" can not be rejected'),
    Case("accept a closed file", D, "POST", "usage/files/{closed}/accept", 400, "USG_003",
         '"closed" can not be accepted'),
    Case("close a file with open records", D, "POST", "usage/files/{accepted}/close", 400, "USG_032", "still open"),
    Case("close a pending file", D, "POST", "usage/files/{pending}/close", 400, "USG_003",
         '"pending" can not be closed'),
    Case("reconcile a pending file", D, "POST", "usage/files/{pending}/reconciliation", 400, "USG_003",
         "can not be reconciled",
         form(b"PK", "recon_file")),
    Case("close a chunk without a billing id", D, "POST", "usage/chunks/{chunk}/close", 400, "VAL_001",
         "external_billing_id"),
    Case("close a record without billing", D, "POST", "usage/records/{record}/close", 400, "USG_031",
         "external_billing_id"),
    Case("approve a record of an accepted file", D, "PUT", "usage/records/{record}", 400, "USG_003",
         '"accepted" can not be approved', {"json": {"status": "approved"}}),
]  # fmt: skip

FIELDS = [
    Case("no product", V, "POST", FILES, 400, "VAL_001", "product.id: This field is required.",
         {"json": {"name": "x", "contract": {"id": ids.AGREEMENT}}}),
    Case("no contract", V, "POST", FILES, 400, "VAL_001", "contract.id: This field is required.",
         {"json": {"name": "x", "product": {"id": ids.PULSE}}}),
    Case("an unknown product", V, "POST", FILES, 400, "VAL_001", "product.id", pair("PRD-000-000-000", ids.AGREEMENT)),
    Case("another vendor's product", V, "POST", FILES, 400, "VAL_001", "product.id", pair(ids.COLD, ids.FOREIGN)),
    Case("another vendor's contract", V, "POST", FILES, 400, "VAL_001", "contract.id", pair(ids.PULSE, ids.FOREIGN)),
    Case("a program contract", V, "POST", FILES, 400, "VAL_001", "distribution contract", pair(ids.PULSE, ids.PROGRAM)),
    Case("a name of 101 characters", V, "POST", FILES, 400, "VAL_001", "name: ", create(name="ü" * 101)),
    Case("a note of 201 characters", V, "POST", FILES, 400, "VAL_001", "note: ", create(note="n" * 201)),
    Case("a name that is a list", V, "POST", FILES, 400, "VAL_001", "name: Not a valid string.", create(name=["x"])),
    Case("an environment that isn't one", V, "POST", FILES, 400, "VAL_001", "environment", create(environment="moon")),
    Case("a currency in words", V, "POST", FILES, 400, "VAL_001", "ISO 4217", create(currency="dollars")),
    Case("a period that ends before it begins", V, "POST", FILES, 400, "VAL_001", "period",
         create(period={"from": "2026-02-01", "to": "2026-01-01"})),
    Case("a period without an end", V, "POST", FILES, 400, "VAL_001", "period.to",
         create(period={"from": "2026-02-01"})),
    Case("a day that isn't one", V, "POST", FILES, 400, "VAL_001", "period.to",
         create(period={"from": "2026-02-01", "to": "2026-02-30"})),
    Case("an acceptance note of 201 characters", D, "POST", "usage/files/{pending}/accept", 400, "VAL_001",
         "acceptance_note",
         {"json": {"acceptance_note": "n" * 201}}),
    Case("a chunk's external id missing", D, "PUT", "usage/chunks/{chunk}", 400, "VAL_001", "external_id",
         {"json": {}}),
]  # fmt: skip

BODIES = [
    Case("malformed JSON", V, "POST", FILES, 400, "VAL_001", "JSON", {"data": '{"name": ', "headers": JSON}),
    Case("JSON that is no object", V, "POST", FILES, 400, "VAL_001", "object", {"json": [1]}),
    Case("JSON nested 100,000 deep", V, "POST", FILES, 400, "VAL_001", "JSON",
         {"data": "[" * 100_000, "headers": JSON}),
    Case("bytes that are no UTF-8", V, "POST", FILES, 400, "VAL_001", "JSON",
         {"data": b'{"name":"\xff"}', "headers": JSON}),
    Case("JSON of 2 MiB", V, "POST", FILES, 413, "VAL_001", "at most",
         {"data": b" " * 2_097_152 + b"{}", "headers": JSON}),
    Case("a form where JSON is read", V, "POST", FILES, 415, "VAL_001", "application/json", form(b"PK")),
    Case("records to close that are no list", D, "POST", "usage/records/close-records", 400, "VAL_001", "list",
         {"json": {}}),
    Case("an upload that is JSON", V, "POST", "usage/files/{draft}/upload", 415, "VAL_001", "multipart/form-data",
         {"json": {}}),
    Case("an upload without a body", V, "POST", "usage/files/{draft}/upload", 415, "VAL_001", "multipart/form-data"),
    Case("a wrong multipart field", V, "POST", "usage/files/{draft}/upload", 400, "VAL_001",
         "usage_file: This field is required",
         form(b"PK", "file")),
    Case("two workbooks in one form", V, "POST", "usage/files/{draft}/upload", 400, "VAL_001", "one workbook",
         {"files": [("usage_file", ("a.xlsx", b"PK")), ("usage_file", ("b.xlsx", b"PK"))]}),
    Case("an empty file", V, "POST", "usage/files/{draft}/upload", 400, "VAL_001", "empty", form(b"")),
    Case("a form that is cut off", V, "POST", "usage/files/{draft}/upload", 400, "VAL_001", "usage_file",
         {"data": b'--x\r\nContent-Disposition: form-data; name="usage_file"; filename="a"\r\n\r\nPK',
          "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
    Case("65 MiB", V, "POST", "usage/files/{draft}/upload", 413, "VAL_001", str(XLSX_MAX),
         form(b"\0" * (65 * 1024 * 1024))),
    Case("a reconciliation in a wrong field", D, "POST", "usage/files/{accepted}/reconciliation", 400, "VAL_001",
         "recon_file",
         form(b"PK", "usage_file")),
    Case("a reconciliation that is empty", D, "POST", "usage/files/{accepted}/reconciliation", 400, "VAL_001", "empty",
         form(b"", "recon_file")),
    Case("a method that isn't served", V, "PATCH", "usage/files/{draft}", 405, "VAL_001", "PATCH"),
    Case("an idempotency key of 201 characters", V, "POST", FILES, 400, "VAL_001", "Idempotency-Key",
         {**create(), "headers": {"Idempotency-Key": "k" * 201}}),
]  # fmt: skip

PARSING, LOOKUP, VALUE = "RQL Parsing error.", "RQL Lookup error.", "RQL Value error."
QUERIES = [
    Case(f"the query {query[:40]}", V, "GET", f"usage/files?{query}", 400, "VAL_001", text)
    for text, found in (
        (PARSING, ["status=ready&", "&status=ready", "status=", "eq(status,)", "not(and(status=ready))",
                   "name=like=*x*", "range(status,a,b)", "id__in=a,b", "a=b|c=d", "eq(status,ready", "(((",
                   "limit=1&limit=2", "ordering(nothing)", "ordering(id)&ordering(id)", "select(nothing)",
                   "search=a&" * 2000 + "search=a",
                   "(" * 500 + "id=a" + ")" * 500]),
        (LOOKUP, ["gt(status,ready)", "ge(product.id,a)"]),
        (VALUE, ["status=Ready", "status=bogus", "in(status,(ready,bogus))", "ge(created.at,yesterday)"]),
    )
    for query in found
]  # fmt: skip

# Seed 001, Prerequisites: one code and sentence each.
PREREQUISITES = [
    Case("no active program contract", ids.UNREADY_VENDOR, "POST", FILES, 400, "USG_020", "program contract",
         pair(ids.NO_PROGRAM_PRODUCT, ids.NO_PROGRAM_CONTRACT)),
    Case("a terminated distribution contract", V, "POST", FILES, 400, "USG_021", ids.ENDED_CONTRACT,
         pair(ids.PULSE, ids.ENDED_CONTRACT)),
    Case("a product that isn't listed", V, "POST", FILES, 400, "USG_022", "not listed",
         pair(ids.NOT_LISTED, ids.AGREEMENT)),
    Case("a product without the capability", V, "POST", FILES, 400, "USG_023", "capabilities",
         pair(ids.NO_CAPABILITY, ids.AGREEMENT)),
    Case("a product without items", V, "POST", FILES, 400, "USG_025", "no item", pair(ids.NO_ITEMS, ids.AGREEMENT)),
]  # fmt: skip

CASES = [*KEYS, *ROLES, *FOREIGN, *STATES, *FIELDS, *BODIES, *QUERIES, *PREREQUISITES]


# Faults of the package: the upload is acknowledged, and the file ends `invalid` with an error_detail.


@dataclass(frozen=True)
class Package:
    """A workbook that can't be read: made from the bytes of a sound one."""

    name: str
    make: Any
    text: str


def repacked(change):
    """A maker that rewrites the package's parts: `change(name, data)` gives the new data, or None to leave it out."""

    def make(sound):
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(sound)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                data = change(name, old.read(name))
                if data is not None:
                    new.writestr(name, data)
        return target.getvalue()

    return make


def in_sheet(old, new):
    """A maker that replaces text in the first sheet."""

    def change(name, data):
        if not name.endswith("sheet1.xml"):
            return data
        assert old in data, "the text to replace isn't there"
        return data.replace(old, new, 1)

    return repacked(change)


def flipped(sound):
    """One bit of the sheet's compressed data is the other way."""
    with zipfile.ZipFile(io.BytesIO(sound)) as package:
        info = package.getinfo("xl/worksheets/sheet1.xml")
    data = bytearray(sound)
    start = info.header_offset + 30 + len(info.filename)
    data[start + info.compress_size // 2] ^= 0x10
    return bytes(data)


def other_zip(_):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr("usage.csv", "record_id,quantity\n1,2\n")
    return target.getvalue()


def bomb(sound):
    """A sheet of 300 MB of spaces in a few hundred kilobytes."""
    return in_sheet(b"</worksheet>", b" " * 300_000_000 + b"</worksheet>")(sound)


def cut(part):
    return lambda sound: sound[: int(len(sound) * part)]


PACKAGES = [
    Package("random bytes", lambda _: random.Random(7).randbytes(5000), "not an Excel workbook"),
    Package("a CSV of other columns", lambda _: b"name,price\n1,2\n", "names no known column"),
    Package("a web page renamed", lambda _: b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
    Package("an old .xls", lambda _: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(5000), ".xls"),
    Package("a zip without a workbook", other_zip, "archive"),
    Package("a zip cut in its middle", cut(0.5), "cut off"),
    Package("a zip cut before its end", cut(0.97), "cut off"),
    Package("a flipped bit", flipped, "damaged"),
    Package("a tab of another name", repacked(lambda name, data: data.replace(b'name="records"', b'name="usages"')
                                               if name == "xl/workbook.xml" else data), "no tab called records"),
    Package("a header that stands twice", in_sheet(b"record_note", b"quantity"), "quantity"),
    Package("a sheet that is missing", repacked(lambda name, data: None if name.endswith("sheet1.xml") else data),
            "missing"),
    Package("XML that isn't well-formed", in_sheet(b"</sheetData>", b"</sheetDatum>"), "XML"),
    Package("a document type declaration", in_sheet(b"<worksheet", b"<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet"),
            "document type"),
    Package("a zip bomb", bomb, "bytes of XML"),
]  # fmt: skip


# Faults of single rows: the file ends `invalid`, and each record says what is wrong with it.


@dataclass(frozen=True)
class Row:
    """What a sound row is changed to, the code that it gets and a part of the sentence."""

    change: dict
    code: str
    text: str


ROWS = [
    Row({"item_search_value": "NO-SUCH"}, "USG_FILE_001",
        "Resource ID not found for filter item.mpn with value NO-SUCH"),
    Row({"asset_search_criteria": "parameter.tenant_id", "asset_search_value": "nobody"}, "USG_FILE_002",
        "Asset id not found for filter parameter.tenant_id with value nobody"),
    Row({"asset_search_value": "AS-0000-0000-0001"}, "USG_FILE_003",
        "Asset id not found for filter asset.id with value AS-0000-0000-0001"),
    Row({"asset_search_criteria": "parameter.account_id", "asset_search_value": "account-0000"}, "USG_FILE_004",
        "Multiple assets found for parameter account_id with value account-0000"),
    Row({"quantity": "3,5"}, "USG_FILE_006", "Usage value is not a float value"),
    Row({"quantity": "NaN"}, "USG_FILE_006", "Usage value is not a float value"),
    Row({"start_time_utc": "31.10.2026"}, "USG_FILE_007", "Usage start time is not valid"),
    Row({"end_time_utc": "soon"}, "USG_FILE_008", "Usage end time is not valid"),
    Row({"record_id": "{taken}"}, "USG_FILE_009", "Record belongs to existing usage file"),
    Row({"item_search_criteria": "item.name"}, "USG_FILE_010", "This item filter type not allowed"),
    Row({"end_time_utc": "{future}"}, "USG_FILE_011", ""),
    Row({"start_time_utc": "{end}", "end_time_utc": "{start}"}, "USG_FILE_012",
        "Usage start time value greater than end time value"),
    Row({"quantity": "1.5"}, "USG_FILE_014", "Usage quantity reported doesn't match with the data type of the item"),
    Row({"record_id": ""}, "USG_FILE_102", "record_id"),
    Row({"quantity": ""}, "USG_FILE_102", "quantity"),
    Row({"asset_search_criteria": "asset.name"}, "USG_FILE_103", ""),
    Row({"category_id": "no-such"}, "USG_FILE_106", "no-such"),
    Row({"quantity": "1e17"}, "USG_FILE_109", ""),
    Row({"asset_search_value": "{processing}"}, "USG_FILE_112", ""),
    Row({"asset_search_value": "{terminated}"}, "USG_FILE_113", ""),
]  # fmt: skip

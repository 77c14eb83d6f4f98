"""The wire itself, with plain requests: what clients other than connect-openapi-client depend on (connect-api §2)."""

import re

import requests

import api
import books
import catalog as ids
from checks import holds, same

VERSION = re.compile(r"\d+\.\d+\.\d+-g[0-9a-f]{7,}")
RANGE = re.compile(r"items (\d+)-(\d+)/(\d+)")


def run(world):
    authorization(world)
    shapes(world)
    bodies(world)
    files = make_files(world)
    pages(world)
    queries(world, files)
    visibility(world, files)
    links(world, files)
    idempotency(world)


def authorization(world):
    check = world.check
    key = world.catalog.keys[ids.VENDOR]
    bare = key.removeprefix("ApiKey ")
    with check("a key is taken with `ApiKey `, in any case, and alone"):
        for header in (key, f"apikey {bare}", bare, f"ApiKey  {bare}"):
            answer = world.http(None, Authorization=header).get("accounts?limit=1&offset=0")
            same(answer.status_code, 200, f"status with {header.split(':')[0]}")
            same([one["id"] for one in answer.json()], ["VA-000-001"], "accounts that a vendor sees")
    with check("Connect-Version is in every answer, refusals included"):
        answers = [
            world.http(ids.VENDOR).get("accounts"),
            world.http().get("usage/files"),
            world.http(ids.VENDOR).get("nothing/here"),
            world.http().get(f"{world.url}/readyz"),
        ]
        same([answer.url for answer in answers if "Connect-Version" not in answer.headers], [])
    with check("Connect-Version has Connect's form, 26.0.12-g0123abc"):
        version = answers[0].headers["Connect-Version"]
        holds(VERSION.fullmatch(version), f"it is {version}")
    with check("the root of the API answers, and a vendor sees its own account only"):
        same(world.http(ids.VENDOR).get("").status_code, 200)
        same(len(world.http(ids.VENDOR).get("accounts/VA-000-001").json()["name"]) > 0, True)
        same(world.http(ids.VENDOR_2).get("accounts/VA-000-001").status_code, 404)


def shapes(world):
    check = world.check
    http = world.http(ids.VENDOR)
    with check("every refusal is JSON with error_code and a list of texts"):
        cases = [
            (world.http().get("usage/files"), 401),
            (http.get("usage/files/UF-2020-01-0000-0001"), 404),
            (http.get("usage/files/nonsense"), 404),
            (http.get("usage/files?status="), 400),
            (http.post("usage/files", json={}), 400),
            (http.post("usage/files", data="{", headers={"Content-Type": "application/json"}), 400),
            (http.call("DELETE", "usage/files"), 405),
            (http.get("nothing"), 404),
            (
                world.http(ids.DISTRIBUTOR).post(
                    "usage/files", json={"product": {"id": ids.PULSE}, "contract": {"id": ids.AGREEMENT}}
                ),
                403,
            ),
        ]
        for answer, status in cases:
            what = f"{answer.request.method} {answer.url}"
            same(answer.status_code, status, f"status of {what}")
            holds(answer.headers["Content-Type"].startswith("application/json"), f"{what} is no JSON")
            body = answer.json()
            holds(re.fullmatch(r"[A-Z]+_\d{3}", body["error_code"]), f"{what}: {body}")
            holds(
                isinstance(body["errors"], list) and all(isinstance(text, str) and text for text in body["errors"]),
                f"{body}",
            )
        same(cases[0][0].json(), {"error_code": "AUTH_001", "errors": ["API request is unauthorized."]})
    with check("a slash at the end changes nothing"):
        plain, slashed = (http.get(f"usage/files{end}?limit=1&ordering(created.at)") for end in ("", "/"))
        same((slashed.status_code, slashed.json()), (200, plain.json()))
        same(http.get(f"usage/products/{ids.PULSE}/template/").status_code, 200)
        same(http.get(f"products/{ids.PULSE}/items/").status_code, 200)
        created = http.post(
            "usage/files/", json={"name": "s", "product": {"id": ids.PULSE}, "contract": {"id": ids.AGREEMENT}}
        )
        same(created.status_code, 201)
        answer = http.post(f"usage/files/{created.json()['id']}/delete/")
        same((answer.status_code, answer.json()["status"]), (201, "deleted"))
    with check("JSON is UTF-8, and a charset in the request's type is fine"):
        others = f'"product":{{"id":"{ids.PULSE}"}},"contract":{{"id":"{ids.AGREEMENT}"}}'
        body = f'{{"name":"Zürich – 東京","description":"",{others}}}'
        answer = http.post(
            "usage/files", data=body.encode(), headers={"Content-Type": "application/json; charset=utf-8"}
        )
        same((answer.status_code, answer.json()["name"]), (201, "Zürich – 東京"))
    with check("an external id that comes as a number is kept as text"):
        answer = http.post(
            "usage/files",
            json={"name": "n", "external_id": 1234567, "product": {"id": ids.PULSE}, "contract": {"id": ids.AGREEMENT}},
        )
        same((answer.status_code, answer.json()["external_id"]), (201, "1234567"))


def bodies(world):
    check = world.check
    vendor, provider = world.http(ids.VENDOR), world.http(ids.DISTRIBUTOR)
    forms = [
        ("nothing", {}),
        ("{}", {"json": {}}),
        ("null", {"data": "null", "headers": {"Content-Type": "application/json"}}),
    ]
    for name, options in forms:
        with check(f"actions without a payload take {name} as a body"):
            book = books.openpyxl_book([world.row(f"body-{name}")])
            file = world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, book)
            same(vendor.post(f"usage/files/{file}/submit", **options).status_code, 201, "submit")
            world.wait(ids.VENDOR, file, "pending")
            answer = provider.post(f"usage/files/{file}/accept", **options)
            same((answer.status_code, answer.json()["status"]), (201, "accepted"))
            draft = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
            same(vendor.post(f"usage/files/{draft}/delete", **options).json()["status"], "deleted")


def make_files(world):
    """A draft, a ready, a pending and an accepted file of the first vendor, one of the second, one of a preview."""
    start, end = api.window(1)
    rows = [
        books.record(f"http-{asset}", asset, "AP-CPU", number, start, end)
        for number, asset in enumerate(world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[:7], start=1)
    ]

    def book(prefix, count):
        return books.openpyxl_book([{**row, "record_id": f"{prefix}-{row['record_id']}"} for row in rows[:count]])

    files = {}
    with world.check("files in several states, for what follows", needed=True):
        files["draft"] = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT, external_id="x y/z")
        files["ready"] = world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, book("r", 7), external_id="VERY-SECRET")
        files["pending"] = world.pending(
            ids.VENDOR, ids.PULSE, ids.AGREEMENT, book("p", 5), external_id="VERY-SECRET-2"
        )
        files["accepted"] = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, book("a", 6))
        foreign = [world.row("http-foreign", ids.COLD, ids.FOREIGN)]
        files["foreign"] = world.pending(ids.VENDOR_2, ids.COLD, ids.FOREIGN, books.openpyxl_book(foreign))
        preview = [world.row("preview", ids.PULSE, ids.PREVIEW)]
        files["preview"] = world.pending(ids.VENDOR, ids.PULSE, ids.PREVIEW, books.openpyxl_book(preview))
    return files


def pages(world):
    check = world.check
    http = world.http(ids.VENDOR)
    total = len(http.get("usage/files?limit=1000").json())
    with check("Content-Range: whole, part, limit=0, beyond the end, nothing at all"):
        cases = [
            ("limit=1000", f"items 0-{total - 1}/{total}", total),
            ("limit=2&offset=0", f"items 0-1/{total}", 2),
            ("limit=2&offset=3", f"items 3-4/{total}", 2),
            ("limit=2&offset=1&status=ready", None, None),
            ("limit=0&offset=0", f"items 0-0/{total}", 0),
            ("limit=eq=1", f"items 0-0/{total}", 1),
            ("id=UF-2020-01-0000-0001", "items 0-0/0", 0),
            ("id=UF-2020-01-0000-0001&limit=0", "items 0-0/0", 0),
            (f"limit=10&offset={total + 5}", None, 0),
        ]
        for query, header, count in cases:
            answer = http.get(f"usage/files?{query}")
            same(answer.status_code, 200, f"status of {query}")
            holds(RANGE.fullmatch(answer.headers["Content-Range"]), f"{query}: {answer.headers['Content-Range']}")
            if header:
                same(answer.headers["Content-Range"], header, f"Content-Range of {query}")
            if count is not None:
                same(len(answer.json()), count, f"objects of {query}")
        last, whole = map(int, RANGE.fullmatch(answer.headers["Content-Range"]).groups()[1:])
        holds(last >= whole - 1, f"beyond the end a client would go on asking: {answer.headers['Content-Range']}")
    with check("pages put together are the whole list, without a limit 100 come, never more than 1000"):
        assets = http.get("assets?limit=1000&ordering(id)").json()
        some = [
            one
            for offset in range(0, len(assets), 30)
            for one in http.get(f"assets?ordering(id)&limit=30&offset={offset}").json()
        ]
        same([one["id"] for one in some], [one["id"] for one in assets])
        same(len(http.get("assets").json()), 100)
        same(http.get("assets?limit=5000").status_code, 200)
        mine = [one for one in world.catalog.file["assets"] if one["connection"]["vendor"]["id"] == "VA-000-001"]
        same(len(assets), len(mine), "subscriptions that a vendor sees")


def queries(world, files):
    check = world.check
    vendor = world.http(ids.VENDOR)
    everything = {one["id"]: one for one in vendor.get("usage/files?limit=1000").json()}
    cases = [
        (f"eq(id,{files['ready']})&eq(id,{files['pending']})", set()),
        (f"(id={files['ready']}|id={files['pending']})", {files["ready"], files["pending"]}),
        (f"(id={files['ready']};id={files['pending']})", {files["ready"], files["pending"]}),
        (f"id={files['ready']},status=ready", {files["ready"]}),
        (
            "not(in(status,(ready,pending,accepted,draft,deleted,closed,invalid)))&limit=1000",
            {
                key
                for key, one in everything.items()
                if one["status"] not in ("ready", "pending", "accepted", "draft", "deleted", "closed", "invalid")
            },
        ),
        (f"out(id,({','.join(set(everything) - {files['ready']})}))&limit=1000", {files["ready"]}),
        ("external_id=x%20y/z", {files["draft"]}),
        ("eq(external_id,x%20y/z)", {files["draft"]}),
        ("external_id=%22x%20y/z%22", {files["draft"]}),
        (f"null(external_id,false)&id={files['ready']}", {files["ready"]}),
        (f"null(external_id,true)&id={files['ready']}", set()),
        ("nobody_knows_this=1&limit=1000", set(everything)),
        (f"search={files['ready']}", {files["ready"]}),
        (
            "schema=qt&environment=preview&limit=1000",
            {key for key, one in everything.items() if one["environment"] == "preview"},
        ),
        (
            f"distribution_contract_id={ids.PREVIEW}&vendor_id=VA-000-001&provider.id=PA-000-003",
            {key for key, one in everything.items() if one["contract"]["id"] == ids.PREVIEW},
        ),
    ]
    with check(f"{len(cases)} queries in every form of the grammar give exactly the files they mean"):
        wrong = []
        for query, expected in cases:
            answer = vendor.get(f"usage/files?{query}")
            if answer.status_code != 200:
                wrong.append(f"{query}: {answer.status_code} {answer.text}")
            elif {one["id"] for one in answer.json()} != expected:
                wrong.append(f"{query}: {sorted(one['id'] for one in answer.json())}, expected {sorted(expected)}")
        holds(not wrong, "\n        ".join(wrong))
    with check("select takes fields away; ordering by created.at goes both ways"):
        shown = vendor.get("usage/files?select(-events,-stats)&limit=1").json()[0]
        holds("events" not in shown and "stats" not in shown and shown["product"]["id"], f"{shown}")
        up = [one["id"] for one in vendor.get("usage/files?ordering(created.at,id)&limit=1000").json()]
        down = [one["id"] for one in vendor.get("usage/files?ordering(-created.at,-id)&limit=1000").json()]
        same(up, down[::-1])
        same(vendor.get("usage/files?ordering()").status_code, 200)


def visibility(world, files):
    check = world.check
    vendor, provider = world.http(ids.VENDOR), world.http(ids.DISTRIBUTOR)
    with check("foreign files answer 404 like unknown ones, in every path"):
        unknown = vendor.get("usage/files/UF-2020-01-0000-0001")
        for http, file in (
            (vendor, files["foreign"]),
            (world.http(ids.VENDOR_2), files["pending"]),
            (world.http(ids.DISTRIBUTOR_2), files["accepted"]),
            (provider, files["draft"]),
            (provider, files["ready"]),
            (provider, files["preview"]),
        ):
            for path in (f"usage/files/{file}", f"usage/files/{file}/categories"):
                answer = http.get(path)
                same((answer.status_code, answer.json()), (404, unknown.json()), path)
            for action in ("submit", "accept", "delete", "close", "reject"):
                same(http.post(f"usage/files/{file}/{action}").status_code, 404, f"{action} of {file}")
            same(http.get(f"usage/files?id={file}").json(), [], "the list")
            same(http.get(f"usage/records?usagefile.id={file}").json(), [], "its records")
            same(http.get(f"usage/chunks?usagefile.id={file}").json(), [], "its chunks")
            same(http.get(f"usage/files?search={file}").json(), [], "the search")
        record = provider.get(f"usage/records?usagefile.id={files['accepted']}&limit=1").json()[0]["id"]
        chunk = provider.get(f"usage/chunks?usagefile.id={files['accepted']}").json()[0]["id"]
        other = world.http(ids.DISTRIBUTOR_2)
        same(other.get(f"usage/records/{record}").status_code, 404)
        same(other.get(f"usage/chunks/{chunk}").status_code, 404)
        same(other.get(f"usage/chunks/{chunk}/download").status_code, 404)
        same(other.put(f"usage/chunks/{chunk}", json={"external_id": "x"}).status_code, 404)
        results = other.post("usage/records/close-records", json=[{"id": record, "external_billing_note": "n"}])
        same((results.status_code, results.json()[0]["status"]), (206, None))
    with check("a vendor's external id never reaches the distributor, not even through a filter"):
        text = provider.get(f"usage/files/{files['pending']}").text + provider.get("usage/files?limit=1000").text
        holds("VERY-SECRET" not in text, "it is shown")
        whole = len(provider.get("usage/files?limit=1000").json())
        for query in ("external_id=VERY-SECRET-2", "like(external_id,VERY*)", "external_id=nothing"):
            same(
                len(provider.get(f"usage/files?{query}&limit=1000").json()),
                whole,
                f"files of {query}, which is ignored",
            )
        same(provider.get("usage/files?search=VERY-SECRET-2").json(), [], "the search")
        answer = provider.get("usage/files?select(external_id)")
        holds("VERY-SECRET" not in answer.text, "select shows it")
    with check("a preview file is the vendor's alone, who accepts it too"):
        answer = vendor.post(f"usage/files/{files['preview']}/accept", json={"acceptance_note": "mine"})
        same((answer.status_code, answer.json()["environment"]), (201, "preview"))
    with check("subscriptions, contracts and products of others are not shown"):
        own = {one["id"] for one in provider.get("assets?limit=1000").json()}
        mine = {
            one["id"] for one in world.catalog.file["assets"] if one["connection"]["provider"]["id"] == "PA-000-003"
        }
        holds(own <= mine and own, "the distributor sees subscriptions of another one")
        same(vendor.get(f"products/{ids.COLD}").status_code, 404)
        same(vendor.get(f"contracts/{ids.FOREIGN}").status_code, 404)
        same(vendor.get(f"usage/products/{ids.COLD}/template").status_code, 404)
        same(vendor.get("accounts/VA-000-002").status_code, 404)


def links(world, files):
    check = world.check
    vendor = world.http(ids.VENDOR)
    with check("links to workbooks work without a key, only as they were signed, and not in lists"):
        detail = vendor.get(f"usage/files/{files['ready']}").json()
        listed = vendor.get(f"usage/files?id={files['ready']}").json()[0]
        holds("usage_file_uri" not in listed and "processed_file_uri" not in listed, "links in the list")
        for name, suffix in (("usage_file_uri", ".xlsx"), ("processed_file_uri", "-PROCESSED.xlsx")):
            answer = requests.get(detail[name], timeout=30)
            same((answer.status_code, answer.headers["Content-Type"]), (200, api.XLSX), name)
            holds(
                f"{files['ready']}{suffix}" in answer.headers["Content-Disposition"],
                answer.headers["Content-Disposition"],
            )
            for broken in (
                detail[name][:-1] + ("0" if detail[name][-1] != "0" else "1"),
                detail[name].split("?")[0],
                re.sub(r"expires=\d+", "expires=99999999999", detail[name]),
            ):
                same(requests.get(broken, timeout=30).status_code, 403, f"{broken}")
    with check("a chunk's download wants a key"):
        chunk = world.http(ids.DISTRIBUTOR).get(f"usage/chunks?usagefile.id={files['accepted']}").json()[0]["id"]
        same(world.http().get(f"usage/chunks/{chunk}/download").status_code, 401)
        answer = world.http(ids.DISTRIBUTOR).get(f"usage/chunks/{chunk}/download")
        holds(f"{chunk}.xlsx" in answer.headers["Content-Disposition"], answer.headers["Content-Disposition"])
    with check("a vendor gets no chunks, except of a preview file, where it plays both sides"):
        same({one["usagefile"]["id"] for one in vendor.get("usage/chunks").json()} - {files["preview"]}, set())
        holds(vendor.get(f"usage/chunks/{chunk}/download").status_code in (403, 404), "it may download one")


def idempotency(world):
    with world.check("a request that comes again with its Idempotency-Key has the first answer"):
        body = {"name": "once", "product": {"id": ids.PULSE}, "contract": {"id": ids.AGREEMENT}}
        http = world.http(ids.VENDOR, **{"Idempotency-Key": "clients-1"})
        first, again = (http.post("usage/files", json=body) for _ in range(2))
        same((again.status_code, again.json()["id"]), (201, first.json()["id"]))
        other = http.post("usage/files", json={**body, "name": "another"})
        same((other.status_code, other.json()["error_code"]), (422, "REQ_009"))
        stranger = world.http(ids.VENDOR_2, **{"Idempotency-Key": "clients-1"})
        foreign = {"name": "once", "product": {"id": ids.COLD}, "contract": {"id": ids.FOREIGN}}
        created = stranger.post("usage/files", json=foreign)
        same(created.status_code, 201)
        holds(created.json()["id"] != first.json()["id"], "two accounts share a key")

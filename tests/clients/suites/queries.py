"""Each query that a real client is known to send (connect-api §2.3), with our ids in it: the objects that come are
exactly those that the same condition, written in Python, picks from the whole list, and there is always one to find.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Callable

import api
import books
import catalog as ids
from checks import holds, same

BOTH = (ids.PULSE, ids.EXTRA)


@dataclass(frozen=True)
class Query:
    """Who sends it, to which list, and what is meant."""

    client: str
    key: str
    path: str
    query: str
    meant: Callable[[dict], bool]


def run(world):
    check = world.check
    with check("something to find: files in several states", needed=True):
        make(world)
    whole = {}
    for query in [*of_files(world), *of_usage(world), *of_catalog(world)]:
        key = (query.key, query.path)
        if key not in whole:
            whole[key] = everything(world.http(query.key), query.path)
        with check(f"{query.client}: {query.path}?{short(query.query)}"):
            expected = [one["id"] for one in whole[key] if query.meant(one)]
            holds(expected, "there is nothing that it could find")
            answer = world.http(query.key).get(f"{query.path}?{query.query}")
            same(answer.status_code, 200, f"status ({answer.text[:300]})")
            found = [one["id"] for one in answer.json()]
            total = int(answer.headers["Content-Range"].rsplit("/")[1])
            same(total, len(expected), "how many there are")
            holds(set(found) <= set(expected), f"{set(found) - set(expected)} is not meant")
            same(len(found), len(set(found)), "each once")
            holds(found and len(found) >= min(len(expected), limit_of(query.query)), f"only {len(found)} came")
    shapes(world)


def short(query):
    return query if len(query) <= 90 else f"{query[:90]}…"


def limit_of(query):
    return next((int(part[6:]) for part in query.split("&") if part.startswith("limit=")), 100)


def everything(http, path):
    found = []
    while True:
        page = http.get(f"{path}?limit=1000&offset={len(found)}")
        same(page.status_code, 200, f"status of {path}")
        found += page.json()
        if len(found) >= int(page.headers["Content-Range"].rsplit("/")[1]):
            return found


def make(world):
    def book(name, places):
        return books.openpyxl_book([world.row(f"queries-{name}-{place}", place=place) for place in places])

    asset = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[0]
    world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT, name=f"{asset}_2026-11-01 12:00")
    world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, book("ready", [0]))
    world.pending(ids.VENDOR, ids.PULSE, ids.AGREEMENT, book("pending", [1]))
    world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, book("accepted", [0, 1, 2, 30]))
    file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
    world.upload(ids.VENDOR, file, books.openpyxl_book([world.row("queries-bad", item_search_value="nothing")]))
    world.wait(ids.VENDOR, file, "invalid")


def of_files(world):
    day = date.today()
    after, before = f"{day - timedelta(days=2)}T00:00:00", f"{day + timedelta(days=2)}T00:00:00"
    asset = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[0]
    both = ",".join(BOTH)

    def product(file):
        return file["product"]["id"] in BOTH

    def status(*names):
        return lambda file: file["status"] in names

    def both_of(*conditions):
        return lambda file: all(condition(file) for condition in conditions)

    files = "usage/files"
    ready = both_of(product, status("ready"))
    return [
        Query("connect-sdk", ids.VENDOR, files, f"in(product_id,({both}))&eq(status,ready)&limit=1000", ready),
        Query(
            "a vendor's connector",
            ids.VENDOR,
            files,
            f"in(product_id,({both}))&in(status,(ready,pending,invalid))&limit=1000",
            both_of(product, status("ready", "pending", "invalid")),
        ),
        Query(
            "a vendor's connector",
            ids.VENDOR,
            files,
            f"like(name,{asset}_2026-11-*)&in(product_id,({both}))",
            both_of(product, lambda file: file["name"].startswith(f"{asset}_2026-11-")),
        ),
        Query(
            "the JavaScript SDK",
            ids.VENDOR,
            files,
            f"status=ready&in(product.id,({both}))&limit=10&offset=0&ordering(-created.at)",
            ready,
        ),
        Query(
            "connect-openapi-client",
            ids.VENDOR,
            files,
            f"select(-events)&and(in(product.id,({both})),eq(status,ready))&ordering(-created.at)&limit=1&offset=0",
            ready,
        ),
        Query(
            "a distributor's report",
            ids.DISTRIBUTOR,
            files,
            f"and(ge(created.at,{after}),le(created.at,{before}),in(marketplace.id,(MP-38661,MP-72775)),"
            f"in(product.id,({both})))&limit=1000",
            both_of(product, lambda file: file["marketplace"]["id"] in ("MP-38661", "MP-72775")),
        ),
        Query(
            "Workato",
            ids.VENDOR,
            files,
            f"in(status,(ready,pending)),ge(created.at,{after})",
            status("ready", "pending"),
        ),
        Query(
            "an extension's runner",
            ids.VENDOR,
            files,
            f"and(in(status,(pending)),in(product.id,({both})))&limit=1000",
            both_of(product, status("pending")),
        ),
    ]


def of_usage(world):
    accepted = world.client(ids.DISTRIBUTOR)("usage").files.filter(status="accepted").first()["id"]
    chunk = world.chunks(ids.DISTRIBUTOR, accepted)[0]
    asset = world.catalog.assets[world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[0]]
    hub = world.catalog.hub(asset["id"])
    first, last = api.month(1)
    inside, outside = first + timedelta(days=1), last + timedelta(days=40)

    def of_file(one):
        return one["usagefile"]["id"] == accepted

    def reported(one):
        ends = [datetime.fromisoformat(one[name]).replace(tzinfo=None) for name in ("start_date", "end_date")]
        in_time = any(inside <= end < outside for end in ends)
        return one["asset"]["id"] == asset["id"] and one["status"] in ("approved", "closed") and in_time

    def customers(one):
        mine = one["asset"]["external_uid"] == asset["external_uid"]
        return mine and one["status"] == "approved" and one["usagefile"]["schema"] == "qt"

    times = [
        f"and(ge({name},{inside.isoformat()}),lt({name},{outside.isoformat()}))" for name in ("start_date", "end_date")
    ]
    spans = f"({times[0]}%7C{times[1]})"
    records, chunks = "usage/records", "usage/chunks"
    return [
        Query("a distributor's report", ids.DISTRIBUTOR, records, f"usagefile.id={accepted}&limit=1000", of_file),
        Query("a distributor's report", ids.DISTRIBUTOR, records, f"eq(usagefile.id,{accepted})", of_file),
        Query("Workato", ids.DISTRIBUTOR, records, f"eq(usage_file,{accepted})", of_file),
        Query(
            "the billing connector",
            ids.DISTRIBUTOR,
            records,
            f"status=approved&asset.external_uid={asset['external_uid']}&usagefile.schema=qt&limit=100&offset=0",
            customers,
        ),
        Query(
            "usage_in_subscription",
            ids.DISTRIBUTOR,
            records,
            f"eq(asset.id,{asset['id']}),in(status,(approved,closed)),{spans}&limit=100&offset=0",
            reported,
        ),
        Query(
            "the billing connector",
            ids.DISTRIBUTOR,
            chunks,
            f"status=ready&binding.hub.id={hub}&limit=100&offset=0",
            lambda one: one["status"] == "ready" and one.get("binding", {}).get("hub", {}).get("id") == hub,
        ),
        Query(
            "an extension's runner",
            ids.DISTRIBUTOR,
            chunks,
            f"and(eq(id,{chunk['id']}),in(status,(ready,closed)))",
            lambda one: one["id"] == chunk["id"],
        ),
        Query(
            "an extension's runner",
            ids.DISTRIBUTOR,
            "usage/files",
            f"and(eq(id,{accepted}),in(status,(accepted,closed)))",
            lambda one: one["id"] == accepted,
        ),
    ]


def of_catalog(world):
    hub = world.catalog.file["hubs"][0]
    asset = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[0]
    return [
        Query(
            "the billing connector",
            ids.DISTRIBUTOR,
            "hubs",
            f"eq(instance__id,{hub['instance']['id']})&limit=1&offset=0",
            lambda one: one["id"] == hub["id"],
        ),
        Query(
            "connect-sdk",
            ids.VENDOR,
            "listings",
            f"in(product.id,({','.join(BOTH)}))&eq(status,listed)&limit=1000",
            lambda one: one["product"]["id"] in BOTH and one["status"] == "listed",
        ),
        Query(
            "the processor template",
            ids.VENDOR,
            "contracts",
            "and(in(type,(distribution)),in(status,(active)))",
            lambda one: (one["type"], one["status"]) == ("distribution", "active"),
        ),
        Query(
            "the processor template",
            ids.VENDOR,
            "assets",
            f"and(in(contract.id,({ids.AGREEMENT})),in(id,({asset})))&ordering(product.id)",
            lambda one: one["id"] == asset,
        ),
        Query(
            "usage_in_subscription",
            ids.DISTRIBUTOR,
            "subscriptions/assets",
            f"and(eq(status,active),in(product.id,({ids.EXTRA})))&limit=100&offset=0",
            lambda one: one["status"] == "active" and one["product"]["id"] == ids.EXTRA,
        ),
    ]


def shapes(world):
    """What the queries above say besides which objects are meant."""
    check = world.check
    vendor, provider = world.http(ids.VENDOR), world.http(ids.DISTRIBUTOR)
    with check("ordering by created.at begins with the newest, and select leaves events out"):
        both = ",".join(BOTH)
        newest = vendor.get(f"usage/files?in(product.id,({both}))&limit=10&offset=0&ordering(-created.at)").json()
        times = [one["events"]["created"]["at"] for one in newest]
        same(times, sorted(times, reverse=True), "creation times")
        shown = vendor.get(f"usage/files?select(-events)&in(product.id,({both}))&limit=1").json()[0]
        holds("events" not in shown and shown["product"]["id"] in BOTH, f"{shown}")
    with check("aggregates of a customer: one line for each item, as much as its accepted records"):
        asset = world.catalog.assets[world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[0]]
        answer = provider.get(f"usage/aggregates?asset.external_uid={asset['external_uid']}")
        sums = {}
        for record in world.records(ids.DISTRIBUTOR, f"asset.id={asset['id']}&in(status,(approved,closed))"):
            sums[record["item"]["id"]] = sums.get(record["item"]["id"], 0) + record["usage"]
        lines = api.exact(answer)
        same({one["asset"]["external_uid"] for one in lines}, {asset["external_uid"]})
        own = [one for one in lines if one["asset"]["id"] == asset["id"]]
        same({one["item"]["id"]: one["accepted"] for one in own}, sums)
    with check("what connectors read of a listing, a marketplace and a product is there"):
        listings = vendor.get("listings?eq(status,listed)&limit=1000").json()
        needed = [(one["contract"]["marketplace"]["id"], one["provider"]["name"]) for one in listings]
        holds(needed and all(all(pair) for pair in needed), f"{listings[:1]}")
        same(vendor.get("marketplaces/MP-72775").json()["currency"], "EUR")
        same(vendor.get(f"products/{ids.PULSE}").json()["capabilities"]["ppu"]["schema"], "QT")
        same(vendor.get(f"subscriptions/assets/{asset['id']}").json(), vendor.get(f"assets/{asset['id']}").json())

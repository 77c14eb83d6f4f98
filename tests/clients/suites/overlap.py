"""Usage that another file covers already: a warning, an error, a correction, and a period that is closed (docs/validation.md)."""

import api
import books
import catalog as ids
from checks import holds, same

SEPTEMBER = {"from": "2026-09-01", "to": "2026-09-30"}
LONGER = {"from": "2026-08-31", "to": "2026-09-30"}
OCTOBER = {"from": "2026-10-01", "to": "2026-10-31"}
ENFORCED = ids.ENFORCED["product"], ids.ENFORCED["contract"], ids.ENFORCED["asset"], ids.ENFORCED["mpns"][0]


def run(world):
    check = world.check
    first = []
    with check("a file that covers the same time as an accepted one is invalid where the product enforces it", needed=True):
        first.append(accepted(world, "first", ENFORCED, days("first", ENFORCED, 9, (1, 2, 3))))
        found = checked(world, ENFORCED, days("again", ENFORCED, 9, (2, 9)), SEPTEMBER)
        same(found["status"], "invalid")
        (error,) = problems(world, found)
        same((error["record_id"], error["code"], error["severity"]), ("again-2", "USG_FILE_116", "error"))
        same(error["message"], f"Usage overlaps row 3 of usage file {first[0]}", "message")
        holds("period" in error["fix"], error["fix"])
    with check("a correction covers a longer period, and neighbours in time don't overlap"):
        found = checked(world, ENFORCED, days("longer", ENFORCED, 9, (1, 2, 3)), LONGER)
        same((found["status"], problems(world, found)), ("ready", []))
        found = checked(world, ENFORCED, days("next", ENFORCED, 10, (1,)), OCTOBER)
        same((found["status"], problems(world, found)), ("ready", []))
    with check("where the product only warns, the file is ready and says what it overlaps"):
        asset = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[5]
        warned = (ids.PULSE, ids.AGREEMENT, asset, world.catalog.metered(ids.PULSE)[0]["mpn"])
        before = accepted(world, "before", warned, days("before", warned, 9, (1, 2)))
        found = checked(world, warned, days("warned", warned, 9, (1, 2)), SEPTEMBER)
        same(found["status"], "ready")
        found_problems = problems(world, found)
        same([one["code"] for one in found_problems], ["USG_FILE_116"] * 2)
        same({one["severity"] for one in found_problems}, {"warning"})
        holds(all(before in one["message"] for one in found_problems), str(found_problems))
        world.client(ids.VENDOR)("usage").files[found["id"]]("delete").post()
    with check("a period whose file is closed takes no late charges"):
        client = world.client(ids.DISTRIBUTOR)
        for chunk in world.chunks(ids.DISTRIBUTOR, first[0]):
            client("usage").chunks[chunk["id"]]("close").post(payload={"external_billing_id": "INV"})
        world.wait(ids.VENDOR, first[0], "closed")
        found = checked(world, ENFORCED, days("late", ENFORCED, 9, (20,)), LONGER)
        same(found["status"], "invalid")
        (error,) = problems(world, found)
        same(error["code"], "USG_FILE_114")
        holds("Late Charges" in error["message"] + error["fix"], str(error))


def days(name, of, month, numbers):
    """A row for each day, one day long but for its last second."""
    _, _, asset, mpn = of
    day = f"2026-{month:02}-{{:02}}"
    return [
        books.record(f"{name}-{n}", asset, mpn, n, f"{day.format(n)} 00:00:00", f"{day.format(n)} 23:59:59")
        for n in numbers
    ]


def accepted(world, name, of, rows):
    product, contract, *_ = of
    book = books.openpyxl_book(rows)
    return world.accepted(ids.VENDOR, ids.DISTRIBUTOR, product, contract, book, name=name, period=SEPTEMBER)


def checked(world, of, rows, period):
    """A file whose check has ended, one way or the other."""
    product, contract, *_ = of
    file = world.file(ids.VENDOR, product, contract, period=period)
    world.upload(ids.VENDOR, file, books.openpyxl_book(rows))
    return world.wait(ids.VENDOR, file, "ready", "invalid")


def problems(world, file):
    return api.exact(world.http(ids.VENDOR).get(f"usage/files/{file['id']}/validation-errors"))

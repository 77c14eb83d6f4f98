"""Usage reported record by record, by a script that knows nothing but HTTP and JSON: what is lost on the way is sent
again, numbers arrive as they were written, and the file that collects them is billed like any other.
"""

import json
from decimal import Decimal

import api
import catalog as ids
from checks import holds, same

# Decimals that no binary float holds, as a program with exact decimals writes them.
QUANTITIES = ["0.1", "0.2", "1000000.000001", "3"]


def run(world):
    http = world.http(ids.VENDOR)
    rows = [world.row(f"api-{number}", item_search_value="AP-NET-OUT") for number in range(len(QUANTITIES))]
    file = None
    with world.check("records come as JSON, and each is told that it was added", needed=True):
        told = post(world, http, rows[:2])
        same(results(told), ["added", "added"])
        file = told["file"]["id"]
        found = [http.get(f"usage/records/{record['id']}").json()["record_id"] for record in told["records"]]
        same(found, ["api-0", "api-1"])
    with world.check("the rest comes as lines, with what was sent before"):
        told = lines(world, http, rows)
        same((results(told), told["file"]["id"]), (["identical", "identical", "added", "added"], file))
    with world.check("a number that another one stands for is a conflict, and what is there is told"):
        told = post(world, http, [{**rows[0], "quantity": "0.10"}])
        same((results(told), told["records"][0]["known"]["quantity"]), (["conflicting"], QUANTITIES[0]))
    with world.check("a refused record names its column and what would be right"):
        told = post(world, http, [{**rows[0], "record_id": "bad", "asset_search_value": "AS-0000-0000-0000"}])
        fault = told["records"][0]["errors"][0]
        same((results(told), fault["code"], fault["column"]), (["refused"], "USG_FILE_003", "asset_search_value"))
        holds(fault["message"] and fault["fix"], str(fault))
    with world.check("the provider doesn't see it and reports nothing"):
        provider = world.http(ids.DISTRIBUTOR)
        same(provider.get(f"usage/files/{file}").status_code, 404)
        same(provider.post(f"{world.url}/ledger/v1/records", json=body(rows)).status_code, 403)
    with world.check("sealed and submitted it is billed like any other, to the last digit"):
        same(http.post(f"{world.url}/ledger/v1/usage/files/{file}/seal").status_code, 201)
        shown = world.wait(ids.VENDOR, file, "ready", "invalid")
        same(shown["status"], "ready")
        total = api.exact(http.get(f"usage/files/{file}"))["totals"]
        holds(str(sum(map(Decimal, QUANTITIES))) in json.dumps(total, default=str), f"{total}")
        same(http.post(f"usage/files/{file}/submit").status_code, 201)
        world.wait(ids.VENDOR, file, "pending")
        world.client(ids.DISTRIBUTOR)("usage").files[file]("accept").post(payload={"acceptance_note": "ok"})
        for chunk in world.chunks(ids.DISTRIBUTOR, file):
            billing = {"external_billing_id": "1"}
            world.client(ids.DISTRIBUTOR)("usage").chunks[chunk["id"]]("close").post(payload=billing)
        closed = world.wait(ids.VENDOR, file, "closed")
        same(closed["stats"]["billed"], len(QUANTITIES))


def body(rows):
    """The rows as a report, their quantities as numbers and not as texts."""
    return {"contract": {"id": ids.AGREEMENT}, "product": {"id": ids.PULSE}, "records": rows}


def numbered(text):
    """Quantities as JSON numbers of exactly their text: no float is made on the way."""
    for number, value in enumerate(QUANTITIES):
        text = text.replace(f'"QUANTITY-{number}"', value)
    return text


def marked(rows):
    """The rows with the quantities of this suite, but for those that a check sets itself."""
    def mark(row):
        number = row["record_id"].rpartition("-")[2]
        keeps = row["quantity"] != "3" or not number.isdigit()
        return row if keeps else {**row, "quantity": f"QUANTITY-{number}"}

    return [mark(row) for row in rows]


def post(world, http, rows):
    text = numbered(json.dumps(body(marked(rows))))
    headers = {"Content-Type": "application/json"}
    answer = http.post(f"{world.url}/ledger/v1/records", data=text, headers=headers)
    same(answer.status_code, 200)
    return answer.json()


def lines(world, http, rows):
    text = numbered("\n".join(json.dumps(row) for row in marked(rows)))
    headers = {"Content-Type": "application/x-ndjson"}
    query = f"contract={ids.AGREEMENT}&product={ids.PULSE}"
    answer = http.post(f"{world.url}/ledger/v1/records?{query}", data=text, headers=headers)
    same(answer.status_code, 200)
    return answer.json()


def results(told):
    return [record["result"] for record in told["records"]]

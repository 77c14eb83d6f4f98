"""The published document against the server: every example in it is valid and runs, every link leads somewhere, and
thousands of calls made of it by schemathesis are answered as it says.

../programs/openapi.py makes the calls in a venv of its own, and ../programs/openapi_chains.py follows the links there.
OPENAPI_CALLS and OPENAPI_STEPS make more of them, OPENAPI_SEED others.
"""

import json
import os
import pathlib
import subprocess

import api
import books
import catalog as ids
import venvs
from checks import holds, same

CLIENTS = pathlib.Path(__file__).parents[1]
CALLS_PROGRAM, CHAINS_PROGRAM = (CLIENTS / "programs" / name for name in ("openapi.py", "openapi_chains.py"))
# Some 30 and 20 s on two cores.
CALLS, STEPS = 4_000, 1_000
SECONDS_MAX = 270
ROLES = {"vendor": ids.VENDOR, "distributor": ids.DISTRIBUTOR, "reseller": ids.RESELLER, "operator": ids.OPERATOR}
# Products that nobody sells, to be changed by their vendor and by the operator.
CHANGED = {"vendor": ids.NOT_LISTED, "operator": ids.NO_PROGRAM_PRODUCT}
# Which side of a file a role plays under which contract: the operator plays both.
CONTRACTS = {"vendor": ids.AGREEMENT, "distributor": ids.AGREEMENT, "reseller": ids.RESOLD, "operator": ids.AGREEMENT}


def run(world):
    seed = os.environ.get("OPENAPI_SEED", "2")
    calls, steps = int(os.environ.get("OPENAPI_CALLS", CALLS)), int(os.environ.get("OPENAPI_STEPS", STEPS))
    seeds = {name: Seeds(world, name) for name in ROLES}
    # First: rules that generated calls leave behind decide about files.
    with world.check(f"{steps:,} steps along the document's links, and each leads somewhere (OPENAPI_SEED={seed})"):
        given = written(world, {name: one.begun() for name, one in seeds.items()})
        print(called(CHAINS_PROGRAM, given, "--steps", str(steps), "--seed", seed), end="")
    with world.check("files in every status, for every role", needed=True):
        given = written(world, {name: one.made() for name, one in seeds.items()})
    with world.check("the document's examples fit its schemas"):
        called(CALLS_PROGRAM, given, "--only", "shapes")
    title = "the documented calls succeed for each role that may make them, and"
    with world.check(f"{title} {calls:,} generated ones are answered as documented (OPENAPI_SEED={seed})"):
        print(called(CALLS_PROGRAM, given, "--only", "calls", "--calls", str(calls), "--seed", seed), end="")


def written(world, roles):
    path = world.folder / "openapi.json"
    path.write_text(json.dumps({"url": world.url, "roles": roles}), encoding="utf-8")
    return path


def called(program, given, *options):
    """Runs a program on the seeds; gives what it printed. It fails with the faults, and how to see them again."""
    command = [str(venvs.OPENAPI.python), str(program), str(given), *options]
    # The programs use the modules beside the suites. What schemathesis leaves behind goes away with the rest of the run.
    place = {**os.environ, "PYTHONPATH": str(CLIENTS)}
    done = subprocess.run(
        command, cwd=given.parent, env=place, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    if done.returncode != 0:
        faults = [line for line in done.stdout.splitlines() if line.startswith("FAULT")]
        again = f"again: OPENAPI_SEED={os.environ.get('OPENAPI_SEED', '2')} python3 tests/clients/run.py --only openapi"
        raise AssertionError("\n".join([again, *faults]) if faults else f"{again}\n{done.stderr[-3000:]}")
    return done.stdout


class Seeds:
    """Objects for the calls of one role: of its own where calls change them."""

    def __init__(self, world, role):
        self.world, self.role, self.key = world, role, ROLES[role]
        self.contract = CONTRACTS[role]
        self.provider = ids.RESELLER if role == "reseller" else ids.DISTRIBUTOR
        self.count = 0

    def begun(self):
        """What a role needs to make everything else by itself."""
        key = self.world.catalog.keys[self.key]
        return {"key": key, "path": {}, "product": ids.PULSE, "contract": self.contract, "rows": self.rows()}

    def made(self):
        sides = {"vendor": ("vendor",), "operator": ("vendor", "provider")}.get(self.role, ("provider",))
        path, files = {}, []
        for side in sides:
            found = self.of_vendor() if side == "vendor" else self.of_provider()
            files += [one for name, one in found.items() if name.endswith("_usage_file")]
            path |= {name: {"id": one} for name, one in found.items() if isinstance(one, str)}
            path |= {name: one for name, one in found.items() if isinstance(one, dict)}
        path |= self.webhooks() | self.sessions()
        if self.role == "operator":
            path |= self.keys()
        template = self.link(f"usage/products/{ids.PULSE}/template", "template_link")
        of_file = path["show_usage_file"]["id"]
        workbook = self.link(f"usage/files/{of_file}", "processed_file_uri")
        return self.begun() | {
            "path": path,
            "links": {"download_template": template, "download_workbook": workbook},
            "files": files,
            "usage": self.kept("usage.xlsx", self.book()),
        }

    def webhooks(self):
        """Two of the role's own, which nobody listens to."""
        body = {"label": "w", "object_class": "usage_file", "external_url": "https://usage.example/", "active": False}
        made = [self.world.http(self.key).post("notifications/webhooks", json=body) for _ in range(2)]
        same([answer.status_code for answer in made], [201, 201], f"webhooks: {made[0].text}")
        shown, deleted = ({"id": answer.json()["id"]} for answer in made)
        return {"show_webhook": shown, "change_webhook": shown, "delete_webhook": deleted}

    def sessions(self):
        """A session that nobody uses, to be ended."""
        opened = self.world.http(self.key).post(f"{self.world.url}/ledger/v1/sessions", json={})
        same(opened.status_code, 201, f"a session: {opened.text}")
        return {"end_session": {"id": opened.json()["id"]}}

    def keys(self):
        """Two API keys that nobody uses, to be replaced and revoked, and an object with a history."""
        body = {"account": {"id": "PA-000-003"}, "name": "for calls"}
        url = f"{self.world.url}/ledger/v1/api-keys"
        made = [self.world.http(self.key).post(url, json=body) for _ in range(2)]
        same([answer.status_code for answer in made], [201, 201], f"keys: {made[0].text}")
        replaced, revoked = ({"id": answer.json()["id"]} for answer in made)
        return {
            "replace_api_key": replaced,
            "revoke_api_key": revoked,
            "list_history_of_object": {"id": ids.PULSE},
        }

    def rows(self, count=2):
        self.count += 1
        contract = self.contract
        places = range(count) if contract == ids.AGREEMENT else [0] * count
        name = f"openapi-{self.role}-{self.count}"
        return [
            self.world.row(f"{name}-{number}", contract=contract, place=place) for number, place in enumerate(places)
        ]

    def book(self):
        return books.openpyxl_book(self.rows())

    def kept(self, name, content):
        path = self.world.folder / f"openapi-{self.role}-{name}"
        path.write_bytes(content)
        return str(path)

    def link(self, path, member):
        return self.world.http(self.key).get(path).json()[member]

    def of_vendor(self):
        world, vendor = self.world, ids.VENDOR
        draft = lambda: world.file(vendor, ids.PULSE, self.contract)  # noqa: E731
        ready = lambda: world.ready(vendor, ids.PULSE, self.contract, self.book())  # noqa: E731
        shown, changed = ready(), CHANGED[self.role]
        invalid = draft()
        world.upload(vendor, invalid, books.openpyxl_book([{**row, "quantity": "many"} for row in self.rows()]))
        world.wait(vendor, invalid, "invalid")
        return {
            "show_usage_file": shown,
            "list_categories": shown,
            "list_history_of_file": shown,
            "compare_usage_file": shown,
            "follow_usage_file": shown,
            "list_validation_errors": invalid,
            "change_usage_file": draft(),
            "upload_usage_file": draft(),
            "submit_usage_file": ready(),
            "delete_usage_file": ready(),
            "reprocess_usage_file": ready(),
            "show_record": self.record(shown),
            "list_history_of_record": self.record(shown),
            "show_provenance": {"of": self.record(shown)},
            "prove_record": self.record(shown),
            "seal_usage_file": self.reported(),
            "change_product": changed,
            "create_item": changed,
            "change_item": {"id": changed, "item": f"{changed}-0001"},
        }

    def reported(self):
        """A file that records are reported into, of a period that no other role has."""
        first, last = (moment.date().isoformat() for moment in api.month(1))
        period = {"from": first, "to": last if self.role == "vendor" else first}
        body = {"product": {"id": ids.PULSE}, "contract": {"id": self.contract}, "period": period}
        url = f"{self.world.url}/ledger/v1/records"
        answer = self.world.http(self.key).post(url, json={**body, "records": self.rows()})
        same(answer.status_code, 200, f"a report: {answer.text}")
        return answer.json()["file"]["id"]

    def record(self, file, place=0):
        return self.world.records(ids.VENDOR, f"usagefile.id={file}")[place]["id"]

    def of_provider(self):
        world, vendor, provider = self.world, ids.VENDOR, self.provider
        pending = lambda: world.pending(vendor, ids.PULSE, self.contract, self.book())  # noqa: E731

        def accepted():
            return world.accepted(vendor, provider, ids.PULSE, self.contract, self.book())

        def reconcilable(file):
            chunk = world.chunks(provider, file)[0]["id"]
            content = world.http(provider).get(f"usage/chunks/{chunk}/download").content
            return self.kept(f"{file}.xlsx", books.billed(content, lambda _: ("17", "Invoices of November")))

        open_, closed, chunked, reconciled = accepted(), accepted(), accepted(), accepted()
        client = world.client(provider)
        for chunk in world.chunks(provider, closed):
            client("usage").chunks[chunk["id"]]("close").post(payload={"external_billing_id": "1"})
        world.wait(provider, closed, "closed")
        chunk = world.chunks(provider, chunked)[0]["id"]
        content = world.http(provider).get(f"usage/chunks/{chunk}/download").content
        sent = world.http(provider).post(
            f"usage/files/{chunked}/reconciliation", files={"recon_file": ("r.xlsx", content)}
        )
        same(sent.status_code, 201, f"a reconciliation: {sent.text}")
        rcf = api.wait(
            lambda: world.http(provider).get(f"usage/reconciliations?usagefile.id={chunked}").json(),
            lambda found: found and found[0]["status"] in ("processed", "failed"),
            f"a reconciliation of {chunked}",
        )[0]["id"]
        rules = [self.rule() for _ in range(2)]
        records = [self.record(open_, place) for place in (0, 1)]
        return {
            "show_usage_file": open_,
            "list_categories": open_,
            "list_history_of_file": open_,
            "compare_usage_file": open_,
            "follow_usage_file": open_,
            "accept_usage_file": pending(),
            "reject_usage_file": pending(),
            "approve_all_records": pending(),
            "close_usage_file": closed,
            "show_statement": closed,
            "reprocess_usage_file": open_,
            "reconcile_usage_file": {"id": reconciled, "workbook": reconcilable(reconciled)},
            "create_reconciliation": {"workbook": reconcilable(accepted())},
            "show_record": records[0],
            "list_history_of_record": records[0],
            "show_provenance": {"of": records[0]},
            "prove_record": records[0],
            "close_record": records[0],
            "change_record": records[1],
            "close_records": records[0],
            "show_chunk": chunk,
            "change_chunk": chunk,
            "download_chunk": chunk,
            "regenerate_chunk": chunk,
            "close_chunk": world.chunks(provider, accepted())[0]["id"],
            "show_reconciliation": rcf,
            "download_reconciliation": {"id": rcf, "which": "uploadedfile"},
            "show_rule": {"id": ids.PULSE, "rule": rules[0]},
            "change_rule": {"id": ids.PULSE, "rule": rules[0]},
            "delete_rule": {"id": ids.PULSE, "rule": rules[1]},
        }

    def rule(self):
        body = {"action": "manual"} | ({"account_id": "PA-000-003"} if self.role == "operator" else {})
        made = self.world.http(self.key).post(f"products/{ids.PULSE}/usage/rules", json=body)
        same(made.status_code, 201, f"a rule: {made.text}")
        return made.json()["id"]

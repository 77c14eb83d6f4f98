"""Calls made of the published document; runs in the venv of schemathesis.

    openapi.py SEEDS --only shapes|calls [--calls 5000] [--seed 1]

SEEDS is written by ../suites/openapi.py: keys, and objects that each role may use. An answer that the document doesn't
tell of (a status, a media type, a member) and any 5xx ends it with exit code 1 and the call.
"""

import argparse
import collections
import copy
import json
import random
import sys
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SUCCESSES_LEAST = 0.4
# Who may do what; everybody may do what isn't here.
SIDES = {
    "vendor": """create_usage_file change_usage_file upload_usage_file submit_usage_file delete_usage_file
        list_validation_errors validate_workbook change_product create_item change_item
        report_records seal_usage_file""",
    "provider": """accept_usage_file reject_usage_file approve_all_records close_usage_file reconcile_usage_file
        close_record change_record close_records show_chunk change_chunk close_chunk regenerate_chunk download_chunk
        create_reconciliation show_reconciliation download_reconciliation list_rules create_rule show_rule change_rule
        delete_rule simulate_rules show_statement""",
    "operator": """list_api_keys issue_api_key replace_api_key revoke_api_key list_history_of_object show_verification
        verify_log""",
}
PLAYS = {"vendor": ("vendor",), "operator": ("vendor", "provider", "operator")}
# Objects of the catalog are found by their lists.
LISTED = {
    "show_account": "accounts",
    "show_hub": "hubs",
    "show_marketplace": "marketplaces",
    "show_product": "products",
    "show_contract": "contracts",
    "show_listing": "listings",
    "show_asset": "assets",
    "show_subscription_asset": "subscriptions/assets",
    "list_aggregates_of_asset": "assets",
}
# A vendor has no hub.
NOBODY = {("show_hub", "vendor")}


class Document:
    def __init__(self, url):
        self.url = url
        self.schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        self.raw = requests.get(f"{url}/openapi.json", timeout=30).json()
        self.operations = {}
        for path, item in self.raw["paths"].items():
            for method, operation in item.items():
                self.operations[operation["operationId"]] = (method.upper(), path, operation)
        self.strict = copy.deepcopy(self.raw["components"]["schemas"])
        for schema in self.strict.values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)

    def resolved(self, thing):
        while "$ref" in thing:
            at = self.raw
            for name in thing["$ref"].removeprefix("#/").split("/"):
                at = at[name]
            thing = at
        return thing

    def faults(self, schema, value):
        """What of a value a schema doesn't allow; members that it doesn't name are not allowed."""
        validator = jsonschema_rs.validator_for({**schema, "components": {"schemas": self.strict}})
        return [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(value)]

    def contents(self, operation):
        """Each body: where it stands, its media type and what is said of it."""
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            yield "request", kind, content
        for status, answer in operation["responses"].items():
            for kind, content in self.resolved(answer).get("content", {}).items():
                yield status, kind, content


def shapes(document):
    """Faults of examples, and how many there are."""
    faults, count = [], 0
    for name, (_, _, operation) in document.operations.items():
        for where, kind, content in document.contents(operation):
            if "example" not in content:
                continue
            count += 1
            for fault in document.faults(content["schema"], content["example"]):
                faults.append(f"{name} {where} {kind}: {fault}")
        for parameter in operation.get("parameters", []):
            if "example" in parameter:
                count += 1
                faults += [
                    f"{name} {parameter['name']}: {fault}"
                    for fault in document.faults(parameter["schema"], parameter["example"])
                ]
    for name, schema in document.raw["components"]["schemas"].items():
        if "example" in schema:
            count += 1
            found = document.faults({"$ref": f"#/components/schemas/{name}"}, schema["example"])
            faults += [f"{name}: {fault}" for fault in found]
    return faults, count


class Role:
    """One who calls, with what is theirs."""

    def __init__(self, document, name, seeds):
        self.document, self.name, self.seeds = document, name, seeds
        self.sides = PLAYS.get(name, ("provider",))
        self.session = requests.Session()
        self.session.trust_env = False
        self.key = {"Authorization": seeds["key"]}
        self.known = {}
        for operation, path in LISTED.items():
            found = self.session.get(f"{document.url}/public/v1/{path}?limit=1000", headers=self.key, timeout=30).json()
            self.known[operation] = [one["id"] for one in found]

    def may(self, operation):
        if (operation, self.name) in NOBODY:
            return False
        sides = [side for side, names in SIDES.items() if operation in names.split()]
        return not sides or any(side in self.sides for side in sides)

    def path(self, operation, choice):
        """Parameters of a path that lead to something, where there is something."""
        seeds = self.seeds["path"].get(operation)
        if seeds:
            return {name: value for name, value in seeds.items() if name != "workbook"}
        if self.known.get(operation):
            return {"id": choice.choice(self.known[operation])}
        if operation in self.seeds["links"]:
            parts = urlsplit(self.seeds["links"][operation]).path.split("/links/")[1].split("/")
            store, names = ("store", "blob", "name"), ("id", "name")
            return dict(zip(store, parts)) if operation == "download_workbook" else dict(zip(names, parts[1:]))
        _, _, told = self.document.operations[operation]
        return {one["name"]: one["example"] for one in told.get("parameters", []) if one["in"] == "path"}

    def query(self, operation):
        """Parameters that a call can't do without."""
        link = self.seeds["links"].get(operation)
        if link:
            return dict(parse_qsl(urlsplit(link).query))
        _, _, told = self.document.operations[operation]
        parameters = [one for one in told.get("parameters", []) if one["in"] == "query" and one.get("required")]
        return {one["name"]: one["example"] for one in parameters}

    def body(self, operation, example):
        """The documented example, about what is there."""
        text = json.dumps(example)
        text = text.replace("CRD-21674-67435-75488", self.seeds["contract"])
        record = self.seeds["path"].get("close_records", {}).get("id")
        if record:
            text = text.replace("UR-2026-11-0000-0000-0000-0002", record)
        body = json.loads(text)
        if operation in ("create_rule", "simulate_rules") and self.name == "operator":
            body["account_id"] = "PA-000-003"
        return body

    def form(self, operation):
        def workbook(path):
            return ("usage.xlsx", open(path, "rb").read())

        if operation in ("reconcile_usage_file", "create_reconciliation"):
            recon = self.seeds["path"].get(operation, {}).get("workbook", self.seeds["usage"])
            return {"files": {"recon_file": workbook(recon)}, "data": {"upload_note": "Invoices of November"}}
        data = {"contract": self.seeds["contract"]} if operation == "validate_workbook" else {}
        return {"files": {"usage_file": workbook(self.seeds["usage"])}, "data": data}


def send(role, operation, choice):
    """The documented call, about what is there."""
    document = role.document
    method, path, told = document.operations[operation]
    for name, value in role.path(operation, choice).items():
        path = path.replace(f"{{{name}}}", value)
    options = {"params": role.query(operation), "headers": {} if told.get("security") == [{}] else dict(role.key)}
    # Where a body may have several media types, the first is the usual one.
    for kind, content in list(told.get("requestBody", {}).get("content", {}).items())[:1]:
        if kind == "multipart/form-data":
            options |= role.form(operation)
        else:
            options["json"] = role.body(operation, content["example"])
    return role.session.request(method, document.url + path, timeout=60, **options)


def outside(document, operation, answer):
    """What of an answer the document doesn't tell of."""
    _, _, told = document.operations[operation]
    if answer.status_code >= 500:
        return [f"status {answer.status_code}"]
    documented = told["responses"].get(str(answer.status_code))
    if documented is None:
        return [f"status {answer.status_code} isn't documented"]
    contents = document.resolved(documented).get("content", {})
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    if not contents:
        return [] if not answer.content else ["a body isn't documented"]
    if kind not in contents:
        return [f"media type {kind} isn't documented"]
    if kind != "application/json":
        return []
    return document.faults(contents[kind]["schema"], json.loads(answer.text, parse_float=Decimal))


def documented(document, role, operation, count):
    """The documented call, which has to succeed; gives what is wrong."""
    _, _, told = document.operations[operation]
    answer = send(role, operation, random.Random(1))
    count["call"] += 1
    wanted = [status for status in told["responses"] if status.startswith("2")]
    if str(answer.status_code) not in wanted:
        return [f"{answer.status_code}, documented {wanted}: {answer.text[:300]}"]
    count["success"] += 1
    return [f"{fault}: {answer.text[:300]}" for fault in outside(document, operation, answer)]


def calls(document, roles, wanted, number):
    """The documented call of each operation, then generated ones, most of them about what is there. Gives the faults,
    and the successes and calls of each operation and role."""
    faults = []
    counts = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    each = -(-wanted // (len(document.operations) * len(roles)))
    for operation in document.operations:
        for role in roles:
            count = counts[operation][role.name]
            if role.may(operation):
                found = documented(document, role, operation, count)
                faults += [f"{operation} as {role.name}: {fault}" for fault in found]
            try:
                generate(document, role, operation, each, number, count)
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  (each failure of a check is a fault)
                for one in getattr(error, "exceptions", [error]):
                    words = " ".join(str(one).split())
                    faults.append(f"{operation} as {role.name}: {type(one).__name__}: {words[:700]}")
    return faults, counts


def generate(document, role, operation, each, number, count):
    method, path, told = document.operations[operation]
    api = document.schema[path][method]

    @seeded(number)
    @settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=api.as_strategy(), choice=strategies.randoms(use_true_random=False))
    def one(case, choice):
        count["call"] += 1
        if choice.random() < 0.3:
            answer = send(role, operation, choice)
            found = outside(document, operation, answer)
        else:
            if choice.random() < 0.8:
                case.path_parameters = role.path(operation, choice) or case.path_parameters
                case.query = {**(case.query or {}), **role.query(operation)}
            # Who waits for news may wait for a minute.
            case.query = {name: value for name, value in (case.query or {}).items() if name != "wait"}
            key = {} if told.get("security") == [{}] else role.key
            others = {name: value for name, value in (case.headers or {}).items() if name != "Authorization"}
            case.headers = {**others, **key}
            answer = case.call(base_url=document.url, session=role.session, timeout=60)
            case.validate_response(answer, checks=CHECKS)
            answer = getattr(answer, "_original", answer)
            found = []
        if found:
            raise AssertionError(f"{found}: {answer.text[:300]}")
        if 200 <= answer.status_code < 300 or (operation == "ready" and answer.status_code == 503):
            count["success"] += 1
        elif answer.status_code == 429:
            count["limited"] += 1

    one()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds")
    parser.add_argument("--only", choices=("shapes", "calls"), required=True)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    seeds = json.load(open(told.seeds, encoding="utf-8"))
    document = Document(seeds["url"])
    if told.only == "shapes":
        faults, count = shapes(document)
        print(f"      {count} examples of {len(document.operations)} operations")
        return ended(faults)
    roles = [Role(document, name, role) for name, role in seeds["roles"].items()]
    faults, counts = calls(document, roles, told.calls, told.seed)
    return ended(faults + counted(counts, f"--seed {told.seed}"))


def counted(counts, words):
    """Prints the successes and calls of each operation and role; gives what is wrong with their share."""
    sent, successes = 0, 0
    for operation, by_role in counts.items():
        shown = []
        for role, count in by_role.items():
            sent, successes = sent + count["call"], successes + count["success"]
            shown.append(f"{role} {count['success']}/{count['call']}")
        print(f"      {operation:30} {'  '.join(shown)}")
    share = successes / max(sent, 1)
    print(f"      {sent} calls ({words}), {successes} successes, {100 * share:.0f} %")
    return [f"only {100 * share:.0f} % of the calls succeeded"] if share < SUCCESSES_LEAST else []


def ended(faults):
    for fault in faults[:60]:
        print(f"FAULT {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Walks through the links of the published document; runs in the venv of schemathesis.

    openapi_chains.py SEEDS [--steps 1000] [--seed 1]

SEEDS is written by ../suites/openapi.py: keys, contracts, and rows to report. schemathesis makes a state machine of the links; here it learns who may follow
which, and what to send: workbooks that pass every check, with records that nobody has reported. A walk goes on until
every link was followed with success. An answer that the document doesn't tell of, a link that never leads to anything,
and any 5xx end it with exit code 1 and the chain that led there.
"""

import argparse
import collections
import json
import random
import sys
import time

import books
import hypothesis
import openapi
import requests
from hypothesis.errors import Flaky
from hypothesis.stateful import Bundle
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.core.transforms import UNRESOLVABLE
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.generation.stateful.control import TransitionController
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput
from schemathesis.specs.openapi.stateful import is_root_allowed, transition

# Who reports and who receives.
CASTS = [("vendor", "distributor"), ("vendor", "reseller"), ("operator", "operator")]
STEPS_OF_SCENARIO = 25
SCENARIOS_OF_RUN = 8
# A walk that hasn't followed every link by then has lost its way.
STEPS_MAX = 6_000
# Of all steps that many send what leads on; the rest what schemathesis made up.
MEANT = 0.85
# What a step on the way to a link weighs, beside following one once more.
WAY = 0.5
CHAIN_LEAST = 3
LIFE = ("create_usage_file", "upload_usage_file", "submit_usage_file", "accept_usage_file", "list_chunks", "close_chunk")
# Never made up: rules would accept and reject what others wait for, and another MPN for an item or no capability for a
# product would make every workbook invalid, so that nothing could be accepted any more.
DECIDING = ("create_rule", "change_rule", "change_item", "change_product")
SETTLE_SECONDS_MAX = 20
WORKING = ("uploading", "uploaded", "processing")


class Cast:
    """The two sides of a contract."""

    def __init__(self, reporting, receiving):
        self.roles = list({role.name: role for role in (reporting, receiving)}.values())
        self.reporting, self.receiving = reporting, receiving
        self.contract, self.rows = receiving.seeds["contract"], receiving.seeds["rows"]
        # Whether a file went all the way from its creation to being billed.
        self.has_lived = False


class Walk:
    """What all scenarios share: who plays, what was followed, and what is wrong."""

    def __init__(self, document, roles, seed):
        self.document, self.seed = document, seed
        self.random = random.Random(seed)
        self.casts = [Cast(roles[reporting], roles[receiving]) for reporting, receiving in CASTS]
        self.watcher = roles["operator"]
        self.scenarios, self.steps, self.made = 0, 0, 0
        self.edges = set()
        self.counts = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
        self.tried, self.followed = collections.Counter(), collections.Counter()
        self.succeeded = collections.Counter()
        self.chains, self.faults = [], []
        self.error = None

    def name(self, operation):
        return operation.definition.raw["operationId"]

    def rows(self, cast):
        """Records that nobody has reported."""
        self.made += 1
        return [{**row, "record_id": f"chain-{self.made}-{place}"} for place, row in enumerate(cast.rows)]

    def get(self, role, path):
        answer = role.session.get(f"{self.document.url}/public/v1/{path}", headers=role.key, timeout=60)
        answer.raise_for_status()
        return answer

    def settle(self, file):
        """Waits until nothing more happens to a file by itself."""
        give_up = time.monotonic() + SETTLE_SECONDS_MAX
        while self.is_worked_on(file):
            if time.monotonic() > give_up:
                self.faults.append(f"{file} is still worked on after {SETTLE_SECONDS_MAX} s")
                return
            time.sleep(0.02)

    def is_worked_on(self, file):
        found = self.get(self.watcher, f"usage/files/{file}").json()
        if found["status"] in WORKING or found.get("sub_status") == "processing":
            return True
        parts = self.get(self.watcher, f"usage/chunks?usagefile.id={file}").json()
        parts += self.get(self.watcher, f"usage/reconciliations?usagefile.id={file}").json()
        return any(part["status"] in (*WORKING, "draft") for part in parts)

    def is_pending(self, record):
        """Whether a record waits for what its provider says; otherwise it may be billed."""
        try:
            file = self.get(self.watcher, f"usage/records/{record}").json()["usagefile"]["id"]
        except requests.HTTPError:
            # Another workbook has taken its place.
            return False
        return self.get(self.watcher, f"usage/files/{file}").json()["status"] == "pending"

    def billed(self, role, file):
        """The workbook of a file's open chunk, or of any, with the number of an invoice in every row."""
        of_file = f"usagefile.id={file}&" if file else ""
        chunks = self.get(role, f"usage/chunks?{of_file}status=ready&limit=1").json()
        if not chunks:
            return books.openpyxl_book(role.seeds["rows"])
        content = self.get(role, f"usage/chunks/{chunks[0]['id']}/download").content
        return books.billed(content, lambda _: ("17", "Invoices of November"))

    def body(self, operation, example, cast, role, about):
        """The documented example, about what this cast has."""
        if operation == "create_usage_file":
            return {**example, "contract": {"id": cast.contract}, "period": None}
        if operation == "report_records":
            return {**example, "contract": {"id": cast.contract}, "records": self.rows(cast)}
        if operation in ("create_item", "change_item"):
            self.made += 1
            names = {"name": f"Item {self.made}", "mpn": f"CHAIN-{self.made}"}
            return {**example, **{name: value for name, value in names.items() if name in example}}
        if operation == "change_record" and self.is_pending(about):
            return {"status": "rejected"}
        return role.body(operation, example)

    def form(self, operation, cast, role, about):
        """A workbook that is in order."""
        if operation in ("reconcile_usage_file", "create_reconciliation"):
            return {"files": {"recon_file": ("billed.xlsx", self.billed(role, about))}, "data": {}}
        workbook = books.openpyxl_book(self.rows(cast))
        data = {"contract": cast.contract} if operation == "validate_workbook" else {}
        return {"files": {"usage_file": ("usage.xlsx", workbook)}, "data": data}

    def dues(self):
        """How often each link was followed, or as much as it takes to come by it to one that was followed less."""
        dues = {edge: self.tried[edge] for edge in self.edges}
        ways = {edge: WAY * (self.tried[edge] + 2) / (self.succeeded[edge] + 1) for edge in self.edges}
        is_settled = False
        while not is_settled:
            is_settled = True
            least = {}
            for (source, _), due in dues.items():
                least[source] = min(due, least.get(source, due))
            for edge in self.edges:
                beyond = ways[edge] + least.get(edge[1], dues[edge])
                if beyond < dues[edge]:
                    dues[edge], is_settled = beyond, False
        return dues

    def missing(self):
        """Links that have not led to a success."""
        return [edge for edge in self.edges if edge not in self.succeeded]

    def is_done(self):
        return not self.missing() and all(cast.has_lived for cast in self.casts)


class Guide(TransitionController):
    """Lets a scenario go where links were followed least, or on the way there."""

    __slots__ = ("walk", "machine", "chosen")

    def __init__(self, machine, walk):
        super().__init__(machine._transitions, machine._root_labels)
        self.walk, self.machine, self.chosen = walk, machine, None

    def choose(self):
        """The best of what can be done now."""
        edges = [(None, label) for label in self.roots if "{" not in label]
        for source, transitions in self.transitions.operations.items():
            for link in transitions.outgoing:
                if self.machine.bundle(f"{source} -> {link.status_code}"):
                    edges.append((source, link.target.label))
        plan = self.machine.plan
        if plan and plan[0] in edges:
            return plan.pop(0)
        plan.clear()
        dues = self.walk.dues()
        best = min(dues[edge] for edge in edges)
        chosen = self.walk.random.choice([edge for edge in edges if dues[edge] == best])
        # Also where schemathesis then finds nothing to send.
        self.walk.tried[chosen] += 1
        return chosen

    def allow_transition(self, source, target):
        if self.chosen is None:
            self.chosen = self.choose()
        return (source, target) == self.chosen

    def allow_root_transition(self, source, bundles):
        return self.allow_transition(None, source)

    def record_step(self, input, recorder):
        self.chosen = None


def machine_of(walk):
    """The state machine that schemathesis makes of the links, with two players."""
    schema = walk.document.schema
    # Only what the document says is followed; schemathesis could guess more.
    schema.config.phases.stateful.inference.algorithms = []
    schema.config.generation.modes = [GenerationMode.POSITIVE]
    base, first = schema.as_state_machine(), schema.find_operation_by_id(LIFE[0])
    roots = base._root_labels | {first.label}
    # A beginning is a link from nowhere; what needs an id is begun by nobody.
    walk.edges = {(None, label) for label in roots if "{" not in label}
    for source, transitions in base._transitions.operations.items():
        walk.edges |= {(source, link.target.label) for link in transitions.outgoing}
    life = [schema.find_operation_by_id(name).label for name in LIFE]
    life = list(zip([None, *life], life))

    class Chains(base):
        _root_labels = roots
        # schemathesis would not begin with it: it thinks that ids are needed which no answer gives.
        begin = transition(
            name="begin",
            target=Bundle("catch_all"),
            precondition=is_root_allowed(first.label),
            input=first.as_strategy().map(StepInput.initial),
        )

        def setup(self):
            self.control = Guide(self, walk)
            self.cast = walk.casts[walk.scenarios % len(walk.casts)]
            # Each cast takes one file all the way first.
            self.plan = [] if self.cast.has_lived else list(life)
            walk.scenarios += 1
            self.player = walk.random.choice(self.cast.roles)
            # The calls that led to an answer, itself the last; by the case of the answer.
            self.led = {}

        def bundle(self, name):
            """The last answer alone: what it is about has not moved on."""
            found = super().bundle(name)
            return found[-1:] if found else found

        def step(self, input):
            try:
                return self.taken(input)
            except Exception as error:
                walk.error = error
                raise

        def taken(self, input):
            case, link = input.case, input.transition
            source = self.recorder.cases[link.parent_id].value.operation.label if link else None
            edge = (source, case.operation.label)
            operation = walk.name(case.operation)
            is_meant = edge in life or operation in DECIDING or walk.random.random() < MEANT
            given = linked(link)
            if is_meant and given is None:
                # The answer has nothing that this link asks for: an empty list.
                return None
            role = self.role_for(operation)
            options = self.meant(case, role, given or {}) if is_meant else made_up(case, role)
            call = case.as_transport_kwargs(base_url=walk.document.url) | options
            answer = role.session.request(**call, timeout=60)
            response = Response.from_requests(answer, verify=True)
            self.recorder.record_response(case_id=case.id, response=response)
            self.judge(case, answer, role, edge, link and link.parent_id, is_meant)
            return StepOutput(response, case)

        def role_for(self, operation):
            """Who played last, where it may; now and then the other one."""
            able = [role for role in self.cast.roles if role.may(operation)]
            if not able:
                able = [self.cast.reporting]
            if self.player not in able or walk.random.random() < 0.2:
                self.player = walk.random.choice(able)
            return self.player

        def meant(self, case, role, given):
            operation = walk.name(case.operation)
            told = walk.document.operations[operation][2]
            case.path_parameters = given.get("path_parameters", {})
            case.query = given.get("query", {}) or start(operation, role, walk.random)
            kind, content = next(iter(told.get("requestBody", {}).get("content", {}).items()), (None, None))
            case.headers = dict(role.key)
            about = case.path_parameters.get("id")
            if kind == "multipart/form-data":
                return walk.form(operation, self.cast, role, about)
            if kind is None:
                return {}
            case.headers["Content-Type"] = kind
            return {"json": walk.body(operation, content["example"], self.cast, role, about)}

        def judge(self, case, answer, role, edge, parent, is_meant):
            operation = walk.name(case.operation)
            is_success = 200 <= answer.status_code < 300
            count = walk.counts[operation][role.name]
            count["call"] += 1
            count["success"] += is_success
            walk.steps += 1
            path = (*self.led.get(parent, ()), operation) if is_meant else (operation,)
            walk.followed[edge] += is_meant
            if is_success:
                self.led[case.id] = path
            if is_success and is_meant:
                walk.succeeded[edge] += 1
                walk.chains.append(path)
                self.cast.has_lived |= path == LIFE
            try:
                case.validate_response(answer, checks=openapi.CHECKS)
                found = openapi.outside(walk.document, operation, answer)
            except FailureGroup as group:
                found = [" ".join(str(one).split()) for one in group.exceptions]
            chain = " > ".join(path)
            walk.faults += [f"{chain} as {role.name}: {fault[:500]}: {answer.content[:300]}" for fault in found]
            if is_success and case.method.upper() != "GET":
                file = file_of(answer)
                if file:
                    walk.settle(file)

    return Chains


def linked(transition):
    """What a link takes from the answer, by the place where it goes; None where something isn't there."""
    if transition is None:
        return {}
    given = {}
    for container, parameters in transition.parameters.items():
        for name, found in parameters.items():
            if not isinstance(found.value, Ok) or found.value.ok() in (None, UNRESOLVABLE):
                return None
            given.setdefault(container, {})[name] = found.value.ok()
    return given


def made_up(case, role):
    """The call as schemathesis made it, with the key of who makes it."""
    others = {name: value for name, value in (case.headers or {}).items() if name != "Authorization"}
    case.headers = {**others, **role.key}
    # Who waits for news may wait for a minute.
    case.query = {name: value for name, value in (case.query or {}).items() if name != "wait"}
    return {}


def start(operation, role, choice):
    """Where a list begins: at the product that is reported, a chunk to be billed, or any object."""
    if operation == "list_products" and choice.random() < 0.5:
        return {"id": role.seeds["product"]}
    if operation == "list_chunks":
        return {"status": "ready"}
    known = role.known.get(operation.replace("list_", "show_").removesuffix("s"), [])
    return {"offset": choice.randrange(len(known))} if known else {}


def file_of(answer):
    """The file that an answer is about."""
    if answer.headers.get("Content-Type") != "application/json":
        return None
    body = answer.json()
    if not isinstance(body, dict):
        return None
    about = next((body[name] for name in ("usagefile", "file") if name in body), body)
    return about["id"] if str(about.get("id", "")).startswith("UF-") else None


def walked(walk, wanted):
    """Goes on until enough steps were made and every link has led somewhere."""
    machine, run = machine_of(walk), 0
    while walk.steps < wanted or (walk.steps < STEPS_MAX and not walk.is_done()):
        run += 1
        settings = hypothesis.settings(
            max_examples=SCENARIOS_OF_RUN,
            stateful_step_count=STEPS_OF_SCENARIO,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        try:
            hypothesis.seed(f"{walk.seed}-{run}")(machine).run(settings=settings)
        except Flaky:
            if walk.error:
                raise walk.error from None
            # The ledger keeps what it was told, so that the same call is answered otherwise. No fault of either.
            continue


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds")
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    seeds = json.load(open(told.seeds, encoding="utf-8"))
    document = openapi.Document(seeds["url"])
    roles = {name: openapi.Role(document, name, role) for name, role in seeds["roles"].items()}
    walk = Walk(document, roles, told.seed)
    walked(walk, told.steps)
    faults = walk.faults + openapi.counted(walk.counts, f"{walk.scenarios} scenarios, --seed {told.seed}")
    long = [chain for chain in walk.chains if len(chain) >= CHAIN_LEAST]
    links = {edge for edge in walk.edges if edge[0]}
    followed, succeeded = (sum(count[edge] for edge in links) for count in (walk.followed, walk.succeeded))
    print(f"      {len(links)} links, followed {followed} times, {succeeded} times with success")
    print(f"      {len(long)} chains of {CHAIN_LEAST} calls or more, {len(set(long))} different ones")
    print(f"      the longest: {' > '.join(max(long, key=len, default=()))}")
    faults += [f"never led to a success: {source} -> {target}" for source, target in walk.missing()]
    faults += [f"no file of {cast.contract} went all the way" for cast in walk.casts if not cast.has_lived]
    return openapi.ended(faults)


if __name__ == "__main__":
    sys.exit(main())

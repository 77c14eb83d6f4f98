"""A vendor's and a distributor's program as they were written for connect-sdk 22.0; runs in that SDK's own venv.

Reads what to do from the `task` of config.json, which is also the SDK's own settings file, and prints what it did.
"""

import json

from connect.config import Config
from connect.exceptions import (
    AcceptUsageFile,
    CloseUsageFile,
    DeleteUsageFile,
    RejectUsageFile,
    ServerError,
    SkipRequest,
    SubmitUsageFile,
)
from connect.models import Contract, Product, UsageFile, UsageRecord
from connect.resources import UsageAutomation, UsageFileAutomation

with open("config.json", encoding="utf-8") as settings:
    TASK = json.load(settings)["task"]
ACTIONS = {
    "submit": SubmitUsageFile,
    "accept": lambda: AcceptUsageFile("accepted by the old SDK"),
    "reject": lambda: RejectUsageFile("rejected by the old SDK"),
    "close": CloseUsageFile,
    "delete": DeleteUsageFile,
}


class Report(UsageAutomation):
    """Reports one record of the listing that the task names."""

    def __init__(self):
        super().__init__()
        self.done = {}

    def process_request(self, request):
        if request.contract.id != TASK["contract"]:
            return "skipped"
        template = self.get_usage_template(Product(id=request.product.id))
        file = UsageFile(
            name="old SDK", product=Product(id=request.product.id), contract=Contract(id=request.contract.id)
        )
        sent = self.submit_usage(file, [UsageRecord(**row) for row in TASK["rows"]])
        self.done = {"file": sent.id, "template": template[:2].decode("ascii")}
        return "reported"


class Answer(UsageFileAutomation):
    """Does to the files that the task names what it says, and nothing to others."""

    def __init__(self):
        super().__init__()
        self.done = {}

    def process_request(self, request):
        action = TASK["files"].get(request.id)
        if action is None:
            raise SkipRequest()
        self.done[request.id] = [action, request.status, request.product.id]
        raise ACTIONS[action]()


def main():
    Config(file="config.json")
    if "rows" in TASK:
        automation = Report()
        automation.process()
    else:
        automation = Answer()
        try:
            automation.process(automation.filters(status=TASK["status"]))
        except ServerError as error:
            automation.done = {"refused": [error.error.error_code, error.error.errors]}
    print(json.dumps(automation.done))


if __name__ == "__main__":
    main()

"""The report that connect-cli brings, as the tool itself runs it, with the account that `ccli account add` has written;
runs in the tool's own venv.

    python cli_report.py SITE_PACKAGES CONFIG_FOLDER AFTER BEFORE PRODUCT…
"""

import json
import pathlib
import sys

from connect.client import ConnectClient


def main(site, config, after, before, *products):
    sys.path.insert(0, str(pathlib.Path(site) / "connect" / ".data" / "connect_reports"))
    from reports.usage_in_subscription.entrypoint import generate

    settings = json.loads((pathlib.Path(config) / "config.json").read_text(encoding="utf-8"))
    account = next(one for one in settings["accounts"] if one["id"] == settings["active"])
    client = ConnectClient(account["api_key"], endpoint=account["endpoint"], use_specs=False)
    parameters = {"period": {"after": after, "before": before}, "product": {"all": False, "choices": list(products)}}
    rows = generate(client, parameters, lambda *_: None, renderer_type="json")
    print(json.dumps(list(rows), default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])

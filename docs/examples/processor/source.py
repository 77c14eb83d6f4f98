"""Usage as a vendor's system keeps it: one line for each use of an item by a subscription.

    subscription_id,item_mpn,quantity,start,end
    AS-8919-8653-9735,AP-CPU,36,2026-10-01 00:00:00,2026-10-01 23:59:59

CSV with these headers, or JSON: a list of objects with these members. Columns that begin with `v.` travel along, byte
for byte. A quantity is text from here to the workbook: a float would change what the customer pays.
"""

import csv
import json
import pathlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation

REQUIRED = ("subscription_id", "item_mpn", "quantity", "start", "end")
CUSTOM_PREFIX = "v."
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


class SourceError(Exception):
    """The usage source can't be used as it is."""


@dataclass(frozen=True)
class Usage:
    """One line of the source."""

    subscription: str
    mpn: str
    quantity: Decimal
    start: datetime
    end: datetime
    custom: dict = field(default_factory=dict, compare=False)

    @property
    def record_id(self):
        """The same line has the same id in every run: the ledger takes an id only once."""
        return f"{self.subscription}/{self.mpn}/{self.start:%Y%m%dT%H%M%S}"


def read(path):
    """The lines of a CSV or JSON file; raises SourceError with all that is wrong, not only the first fault."""
    lines = list(_lines(pathlib.Path(path)))
    if not lines:
        return []
    missing = [name for name in REQUIRED if name not in lines[0][1]]
    if missing:
        raise SourceError(f"{path} has no {', '.join(missing)}; it needs {', '.join(REQUIRED)}.")
    found, faults = [], []
    for number, line in lines:
        try:
            found.append(_usage(line))
        except SourceError as fault:
            faults.append(f"line {number}: {fault}")
    counted = Counter(usage.record_id for usage in found)
    faults += [f"{key} stands {count} times; sum these lines up" for key, count in counted.items() if count > 1]
    if faults:
        more = f"\n  and {len(faults) - 20} more" if len(faults) > 20 else ""
        raise SourceError(f"{path} has {len(faults)} faults:\n  " + "\n  ".join(faults[:20]) + more)
    return found


def write(path, usages):
    """Writes lines as CSV."""
    custom = sorted({name for usage in usages for name in usage.custom})
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*REQUIRED, *custom])
        for usage in usages:
            times = [usage.start.strftime(TIME_FORMAT), usage.end.strftime(TIME_FORMAT)]
            quantity = format(usage.quantity, "f")
            writer.writerow(
                [usage.subscription, usage.mpn, quantity, *times, *(usage.custom.get(name, "") for name in custom)]
            )


def _lines(path):
    """Numbered objects; JSON numbers keep their digits."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == ".json":
        yield from enumerate(json.loads(text, parse_float=str, parse_int=str), start=1)
    else:
        yield from enumerate(csv.DictReader(text.splitlines(keepends=True)), start=2)


def _usage(line):
    values = {name: str(line.get(name) or "").strip() for name in REQUIRED}
    blank = [name for name in REQUIRED if not values[name]]
    if blank:
        raise SourceError(f"{', '.join(blank)} is blank")
    try:
        quantity = Decimal(values["quantity"])
    except InvalidOperation:
        raise SourceError(f"quantity {values['quantity']!r} is no number; write 3.5, not 3,5") from None
    if not quantity.is_finite():
        raise SourceError(f"quantity {values['quantity']!r} is no number")
    start, end = _time(values["start"]), _time(values["end"])
    if start > end:
        raise SourceError(f"it starts ({values['start']}) after it ends ({values['end']})")
    custom = {name: value for name, value in line.items() if name and name.startswith(CUSTOM_PREFIX) and value}
    return Usage(values["subscription_id"], values["item_mpn"], quantity, start, end, custom)


def _time(text):
    try:
        return datetime.strptime(text.replace("T", " ").removesuffix("Z"), TIME_FORMAT)
    except ValueError:
        raise SourceError(f"time {text!r} is not like 2026-10-01 00:00:00 (UTC)") from None

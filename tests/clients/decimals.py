#!/usr/bin/env python3
"""Random decimals through three producers of workbooks and our reader: does every value arrive as it should?

    cargo build -p workbook --example write_cells -p usage-ledger --example numbers
    python3 tests/clients/decimals.py --cells 10000000 --jobs 2 --examples target/debug/examples

The same cells are written by openpyxl, xlsxwriter and rust_xlsxwriter in turn and read by the product's own reading of
uploads (the example `numbers`). What must come out is worked out here, without our code: the true decimal that the
generator drew where the cell is text or has at most 15 significant digits, else the rule of docs/exactness.md on the
number's own text, which is taken from the sheet's XML. A table of counts per class and producer; exit code 1 and the
first differences, with their seed, if there are any.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import zipfile
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCERS = ("openpyxl", "xlsxwriter", "rust_xlsxwriter")
# The decimals that a column allows: the precisions of items, and the twelve of an amount.
PLACES = (0, 1, 2, 4, 8, 12, 2, 8, 4, 12)
ROWS = 20_000
PLACES_MAX = 12
LARGEST = Decimal(10) ** 16
EXACT = Context(prec=120)
STEP = Decimal(1).scaleb(-PLACES_MAX)

Cell = collections.namedtuple("Cell", "kind truth given by_rule")
"""A cell: its class, the decimal that was meant, what the producer is given (str for a text cell, else a number), and
whether the rule for 16 and more digits decides instead of the true decimal."""


# The generator.


def digits(rng, low, high):
    """A whole number with so many digits, the first and last of them not zero."""
    count = rng.randint(low, high)
    if count == 1:
        return rng.randint(1, 9)
    return rng.randrange(10 ** (count - 1), 10**count) // 10 * 10 + rng.randint(1, 9)


def drawn(rng, low, high, scale=PLACES_MAX):
    return Decimal(digits(rng, low, high) * rng.choice((1, 1, 1, -1))).scaleb(-rng.randint(0, scale), EXACT)


def number(kind, truth, by_rule=False):
    return Cell(kind, truth, int(truth) if truth == truth.to_integral_value() else float(truth), by_rule)


def up_to_15(rng):
    return number("number, 1-15 digits", drawn(rng, 1, 15))


def integer(rng):
    return number("integer, 1-15 digits", Decimal(rng.randrange(-(10**15) + 1, 10**15) // 10 ** rng.randint(0, 14)))


def exponent(rng):
    # Large and small enough that the producers print an exponent, beyond what is accepted at both ends.
    power = rng.choice((rng.randint(10, 20), rng.randint(-16, -5)))
    truth = Decimal(digits(rng, 1, 15)).scaleb(power - rng.randint(0, 6), EXACT)
    return Cell("number, exponents", truth, float(truth), False)


def near_the_end(rng):
    truth = rng.choice((1, -1)) * (LARGEST + rng.randint(-3_000, 3_000) * rng.choice((1, 1, 10**6)))
    return number("number, near ±10^16", Decimal(truth), True)


def digits_16_17(rng):
    truth = drawn(rng, 16, 17)
    return Cell("number, 16-17 digits", truth, float(truth), True)


def digits_18(rng):
    truth = drawn(rng, 18, 28, 20)
    return Cell("number, 18-28 digits", truth, float(truth), True)


def noise(rng):
    """What a program gets that computes with doubles, and what it meant."""
    scale = rng.choice((1, 2, 2, 4))
    some = [Decimal(rng.randint(1, 10**6)).scaleb(-scale, EXACT) for _ in range(rng.randint(2, 30))]
    first, second = some[:2]
    how = rng.randrange(4)
    if how == 0:
        truth, given = sum(some), 0.0
        for one in some:
            given += float(one)
    elif how == 1:
        truth, given = first - second, float(first) - float(second)
    elif how == 2:
        truth, given = EXACT.multiply(first, second), float(first) * float(second)
    else:
        rate = rng.choice(("1.19", "0.85", "1.21", "0.07"))
        truth, given = EXACT.multiply(first, Decimal(rate)), float(first) * float(rate)
    return Cell("number, noise of arithmetic", truth, given, True)


def text(low, high, kind):
    def draw(rng):
        truth = drawn(rng, low, high)
        plain = f"{truth:f}"
        form = rng.randrange(6)
        if form == 0:
            plain += "000" if "." in plain else ".0000"
        elif form == 1:
            plain = f"{'-' if truth < 0 else '+'}00{plain.lstrip('-')}"
        elif form == 2:
            plain = f"{truth:E}" if rng.random() < 0.5 else f"{truth:e}"
        return Cell(kind, truth, plain, False)

    return draw


CLASSES = (
    (20, up_to_15),
    (10, integer),
    (6, exponent),
    (4, near_the_end),
    (15, digits_16_17),
    (5, digits_18),
    (15, noise),
    (10, text(1, 15, "text, 1-15 digits")),
    (15, text(16, 28, "text, 16-28 digits")),
)


def cells(seed, index, rows):
    """The cells of a file, row by row."""
    rng = random.Random(f"{seed}/{index}")
    chosen = rng.choices([draw for _, draw in CLASSES], [weight for weight, _ in CLASSES], k=rows * len(PLACES))
    drawn_cells = [draw(rng) for draw in chosen]
    return [drawn_cells[at : at + len(PLACES)] for at in range(0, len(drawn_cells), len(PLACES))]


# What must come out.


def places_of(value):
    return max(0, -value.normalize(EXACT).as_tuple().exponent)


def significant(value):
    return len(value.normalize(EXACT).as_tuple().digits)


def shown(value):
    """A value as the ledger prints it."""
    plain = f"{value:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def exact(value):
    """A decimal taken as it stands."""
    if value != (nearest := value.quantize(STEP, ROUND_HALF_UP, EXACT)):
        return "!large" if abs(nearest) > LARGEST else f"!fine {shown(nearest)}"
    return "!large" if abs(value) > LARGEST else shown(value)


def fits(value, places):
    return abs(value) <= LARGEST and places_of(value) <= places


def by_rule(raw, places):
    """The rule for the text of a numeric cell (docs/exactness.md)."""
    value = EXACT.create_decimal(raw)
    if not 16 <= significant(value) <= 17:
        return exact(value)
    double = float(raw)
    shortest, fifteen = Decimal(repr(double)), Decimal("%.15g" % double)
    if significant(shortest) >= significant(value):
        shortest = value
    if fits(shortest, places):
        return shown(shortest)
    return f"{shown(fifteen)}~" if fits(fifteen, places) else exact(shortest)


def expected(cell, raw, places):
    return by_rule(raw, places) if cell.by_rule else exact(cell.truth)


# The producers.


def header():
    return [f"v.{number}.p{places}" for number, places in enumerate(PLACES)]


def by_openpyxl(path, rows, _):
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("records")
    sheet.append(header())
    for row in rows:
        sheet.append([cell.given for cell in row])
    book.save(path)


def by_xlsxwriter(path, rows, _):
    import xlsxwriter

    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet("records")
    for column, name in enumerate(header()):
        sheet.write_string(0, column, name)
    for at, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            (sheet.write_string if isinstance(cell.given, str) else sheet.write_number)(at, column, cell.given)
    book.close()


def by_rust_xlsxwriter(path, rows, examples):
    lines = ["\t".join(f"t{name}" for name in header())]
    for row in rows:
        given = (f"t{cell.given}" if isinstance(cell.given, str) else f"n{cell.given!r}" for cell in row)
        lines.append("\t".join(given))
    command = [str(examples / "write_cells"), str(path)]
    subprocess.run(command, input="\n".join(lines), text=True, check=True)


WRITE = dict(zip(PRODUCERS, (by_openpyxl, by_xlsxwriter, by_rust_xlsxwriter)))


def raw_texts(path, width):
    """The text of every cell under the header as it stands in the sheet's XML; all texts are inline."""
    with zipfile.ZipFile(path) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    found = re.findall(r"<(?:v|t)(?: [^>]*)?>([^<]*)</(?:v|t)>", sheet)
    return [found[at : at + width] for at in range(width, len(found), width)]


# The comparison.


def compare(producer, path, rows, read):
    """Counts for each class {cells, true: the decimal that was meant came out}, and what differs."""
    counts, wrong = {}, []
    raws = raw_texts(path, len(PLACES))
    if not len(raws) == len(read) == len(rows):
        raise SystemExit(f"{producer}: {len(rows)} rows were written, {len(raws)} stand there, {len(read)} were read")
    for at, (row, raw, line) in enumerate(zip(rows, raws, read), start=2):
        for column, (cell, text, value) in enumerate(zip(row, raw, line.split("\t"), strict=True)):
            count = counts.setdefault(cell.kind, [0, 0, 0])
            count[0] += 1
            count[1] += value.rstrip("~") == exact(cell.truth)
            if value != (want := expected(cell, text, PLACES[column])):
                count[2] += 1
                meant = f"{cell.kind}, meant {cell.truth}, stands there as {text}, {PLACES[column]} places"
                wrong.append(f"{producer} row {at} column {column}: {value}, expected {want} ({meant})")
    return counts, wrong[:5]


def one_file(seed, index, rows, examples):
    made = cells(seed, index, rows)
    results = {}
    with tempfile.TemporaryDirectory() as folder, localcontext(EXACT):
        for producer in PRODUCERS:
            path = pathlib.Path(folder) / f"{producer}.xlsx"
            WRITE[producer](path, made, examples)
            read = subprocess.run([str(examples / "numbers"), str(path)], stdout=subprocess.PIPE, text=True, check=True)
            results[producer] = compare(producer, path, made, read.stdout.splitlines())
    return index, results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=200_000, help="cells for each producer")
    parser.add_argument("--seed", default=os.environ.get("DECIMALS_SEED", "1"))
    parser.add_argument("--jobs", type=int, default=1, help="files that are worked on at a time")
    parser.add_argument("--examples", type=pathlib.Path, default=ROOT / "target" / "debug" / "examples")
    given = parser.parse_args()
    from run import in_venv

    in_venv(__file__)
    rows = min(ROWS, -(-given.cells // len(PLACES)))
    files = -(-given.cells // (rows * len(PLACES)))
    totals = {producer: collections.defaultdict(lambda: [0, 0, 0]) for producer in PRODUCERS}
    differences = []
    with concurrent.futures.ProcessPoolExecutor(given.jobs) as pool:
        jobs = [pool.submit(one_file, given.seed, index, rows, given.examples.resolve()) for index in range(files)]
        for done, job in enumerate(concurrent.futures.as_completed(jobs), start=1):
            index, results = job.result()
            for producer, (counts, wrong) in results.items():
                differences += [f"seed {given.seed}, file {index}: {one}" for one in wrong]
                for kind, count in counts.items():
                    totals[producer][kind] = [a + b for a, b in zip(totals[producer][kind], count)]
            print(f"{done} of {files} files, {len(differences)} differences", file=sys.stderr, flush=True)
    report(totals)
    print("\n".join(differences[:20]))
    sys.exit(1 if differences else 0)


def report(totals):
    print("| class | producer | cells | the decimal that was meant | not as expected |\n|---|---|---|---|---|")
    for kind in sorted(next(iter(totals.values()))):
        for producer, counts in totals.items():
            cells_, true, wrong = counts[kind]
            print(f"| {kind} | {producer} | {cells_:,} | {true:,} ({100 * true / cells_:.2f} %) | {wrong:,} |")
    for producer, counts in totals.items():
        cells_, _, wrong = (sum(column) for column in zip(*counts.values()))
        print(f"| all | {producer} | {cells_:,} | | {wrong:,} |")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checks proofs of a usage-ledger, with Python alone: no package, no ledger, no net.

    python3 check_proof.py proof.json --key ledger.keys
    python3 check_proof.py grown.json --key ledger.keys --checkpoint kept.txt
    python3 check_proof.py statement.txt --key ledger.keys

The first shows that a record is in a file as it was read, the second that a log begins with what a checkpoint said that
you kept, the third that the ledger signed a statement. docs/audit.md tells where proofs, keys and checkpoints come from. Exit code 0 when the proof holds, 7 when not.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import sys


class Broken(Exception):
    """The proof shows nothing; the words say why."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Ed25519 (RFC 8032), to verify only: nothing here is secret, so it may take its time.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def point_of(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Broken("a point of the signature is none")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verifies(key, text, signature):
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + key + text).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    left, right = times(s, BASE), add(point_of(signature[:32]), times(challenge, point_of(key)))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


# Signed notes and checkpoints: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.


def keys_of(text):
    """The keys of some lines `name+hash+key`: for each name and hash, the 32 bytes."""
    keys = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, number, key = line.split("+", 2)
        key = base64.b64decode(key)
        if key[:1] != b"\x01" or sha(name.encode(), b"\n", key)[:4].hex() != number:
            raise Broken(f"{line} is no key")
        keys[name, bytes.fromhex(number)] = key[1:]
    return keys


def opened(note, keys):
    """The text of a note that one of the keys signed."""
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    verified = False
    for line in signatures.splitlines():
        dash, name, signature = line.split(" ")
        signature = base64.b64decode(signature)
        key = keys.get((name, signature[:4]))
        if dash == "\N{EM DASH}" and key:
            if not verifies(key, text.encode(), signature[4:]):
                raise Broken(f"the signature of {name} is not one of this text")
            verified = True
    if not verified:
        raise Broken("none of the keys signed this")
    return text


def checkpoint(note, keys):
    """Origin, size and root."""
    origin, size, root = opened(note, keys).splitlines()[:3]
    return origin, int(size), base64.b64decode(root)


# Merkle trees: RFC 9162, 2.1.


def leaf(entry):
    return sha(b"\x00", entry)


def node(left, right):
    return sha(b"\x01", left, right)


def climb(at, last, path, take):
    """Goes up from a node to the root, and gives each hash beside the way with the side that it is on."""
    for beside in path:
        if last == 0:
            raise Broken("a path is too long")
        right = at & 1 or at == last
        take(bytes.fromhex(beside), right)
        while right and not at & 1 and at:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    if last:
        raise Broken("a path is too short")


def root_of(entry, place):
    index, size = place["index"], place["size"]
    if not 0 <= index < size:
        raise Broken("a place is outside of its tree")
    root = leaf(entry)

    def take(beside, right):
        nonlocal root
        root = node(beside, root) if right else node(root, beside)

    climb(index, size - 1, place["path"], take)
    return root


def grows(old, new, path):
    """Whether the tree of one size and root begins with that of another."""
    (size, root), (new_size, new_root) = old, new
    if size == new_size or size == 0:
        return not path and (root == new_root or size == 0)
    if size & (size - 1):
        first, path = bytes.fromhex(path[0]), path[1:]
    else:
        first = root
    at, last = size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    roots = [first, first]

    def take(beside, right):
        roots[:] = [node(beside, one) for one in roots] if right else [roots[0], node(roots[1], beside)]

    climb(at, last, path, take)
    return roots == [root, new_root]


# Events: protobuf, of which three kinds of fields are needed (proto/usage/v1/event.proto).


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """Number and value of each field: a number, or bytes."""
    at, found = 0, []
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            raise Broken("the event has a field of an unknown kind")
        found.append((tag >> 3, value))
    return found


FILE_ID, RECORDS_ROOTED = 2, 55
BATCHES, ROOT, COLUMN = 4, 5, 6


def rooted(payload):
    """File, root, number of batches and names of the columns, of a `RecordsRooted`."""
    event = dict(fields(payload))
    if RECORDS_ROOTED not in event:
        raise Broken("the event is another one")
    fact = fields(event[RECORDS_ROOTED])
    names = [value.decode() for number, value in fact if number == COLUMN]
    return event[FILE_ID].decode(), dict(fact)[ROOT], dict(fact).get(BATCHES, 0), names


# Proofs.

HEADER = b"usage-ledger/header/1\0"


def record(proof, keys):
    """Cells, batch, file, event, log, checkpoint: each is in the next."""
    shown, event = proof["record"], proof["event"]
    header, payload = bytes.fromhex(event["header"]), bytes.fromhex(event["payload"])
    file, root, batches, names = rooted(payload)
    digits = shown["id"].split("-")
    if header[47:] != sha(payload) or "UF-" + "-".join(digits[1:5]) != file:
        raise Broken("the event is about something else")
    if int(digits[5] + digits[6]) != shown["row"] or proof["file"]["size"] != batches:
        raise Broken("the record is of another row or file")
    entry = bytes.fromhex(shown["salt"]) + shown["row"].to_bytes(4, "little")
    for cell in shown["cells"]:
        text = cell["text"].encode()
        if names[cell["column"]] != cell["name"]:
            raise Broken("a column has another name in the file")
        entry += cell["column"].to_bytes(4, "little") + bytes([cell["kind"]]) + len(text).to_bytes(8, "little") + text
    if root_of(root_of(entry, proof["batch"]), proof["file"]) != root:
        raise Broken("the record is not in the file as it was read: something of it was changed")
    origin, size, signed = checkpoint(proof["checkpoint"], keys)
    sequence = int.from_bytes(header[7:15], "little")
    if (proof["log"]["index"] + 1, proof["log"]["size"]) != (sequence, size):
        raise Broken("the event stands elsewhere")
    if root_of(sha(HEADER, header), proof["log"]) != signed:
        raise Broken("the event is not in the log that was signed")
    return f"{shown['id']} is in {file} as it was read; {origin} says so with {size} events"


def consistency(proof, keys, kept):
    """The kept checkpoint is the beginning of the newer one."""
    (old, *before), (new, *now) = checkpoint(kept, keys), checkpoint(proof["checkpoint"], keys)
    if old.rpartition("/")[0] != new.rpartition("/")[0] or (before[0], now[0]) != (proof["from"], proof["to"]):
        raise Broken("the proof is about other checkpoints")
    if not grows(before, now, proof["path"]):
        raise Broken("the log doesn't begin with what was signed before: it was forked or changed")
    return f"{new} only grew, to {now[0]} events"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", type=pathlib.Path, help="the proof, as the ledger gave it")
    parser.add_argument("--key", required=True, help="a key of the log, or a file with one in each line")
    parser.add_argument("--checkpoint", type=pathlib.Path, help="the checkpoint that you kept")
    given = parser.parse_args()
    text = given.proof.read_text()
    file = pathlib.Path(given.key)
    try:
        keys = keys_of(file.read_text() if file.is_file() else given.key)
        if text.startswith("usage-ledger statement/"):
            print(opened(text, keys), end="")
            return 0
        proof = json.loads(text)
        if proof["format"] == "usage-ledger/record/1":
            print(record(proof, keys))
        elif proof["format"] == "usage-ledger/consistency/1" and given.checkpoint:
            print(consistency(proof, keys, given.checkpoint.read_text()))
        else:
            parser.error("this is no proof, or it needs --checkpoint")
    except (Broken, KeyError, ValueError, IndexError, TypeError, OverflowError) as error:
        print(f"the proof doesn't hold: {error}", file=sys.stderr)
        return 7
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Verifies a segment of the log, sealed (.seg) or open (.open), and prints the facts in it. docs/log.md has the layout.

    python3 segment.py 00000000000000000001.seg

Exit code 0: every frame, payload, link of the chains and, in a sealed segment, the footer is what was written. 1: not.
"""

import hashlib
import struct
import sys

SERVICES = {1: "catalog", 2: "ingestion", 3: "validation", 4: "approval", 5: "extraction"}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def need(holds, position, what):
    if not holds:
        raise SystemExit(f"REFUSED at position {position}: {what}")


def frames(body, is_open):
    """The frames between header and footer; what a crash has cut off at the end of an open segment is left out."""
    at = 16
    while at < len(body):
        length = int.from_bytes(body[at : at + 4], "little")
        need(length <= 120 * 1024, "?", f"the frame at byte {at} is longer than any")
        if is_open and (at + 4 > len(body) or at + 4 + length > len(body)):
            return print(f"the last {len(body) - at} bytes are a write that was cut off", file=sys.stderr)
        need(at + 4 + length <= len(body), "?", f"the frame at byte {at} is cut off")
        yield at, body[at + 4 : at + 4 + length]
        at += 4 + length


def read(path):
    data, is_open = open(path, "rb").read(), path.endswith(".open")
    need(data[:8] == b"ULSEG\0\x01\0" and data[11:16] == bytes(5), 0, "this is no segment of version 1")
    need(is_open or data[-8:] == b"ULSEGEND", 0, "the segment has no end")
    end = len(data) if is_open else len(data) - struct.unpack("<Q", data[-16:-8])[0]
    service, partition = struct.unpack("<BH", data[8:11])
    offsets, owns, ids, heads, position = [], [], [], {}, None
    for at, frame in frames(data[:end], is_open):
        need(len(frame) >= 121 and frame[:4] == b"ULF\x01", position, "what follows is no frame of version 1")
        kind, has_id, number = frame[4], frame[5], struct.unpack("<Q", frame[6:14])[0]
        need(position in (None, number - 1), number, f"after position {position} this one is missing or out of order")
        header, payload, position = frame[14:93], frame[121:], number
        need(sha256(frame[:113])[:8] == frame[113:121], position, "the checksum is wrong")
        need(struct.unpack("<I", frame[109:113])[0] == len(payload), position, "the payload's length is wrong")
        need(kind == 3 or sha256(payload) == header[47:79], position, "the payload isn't the one that its header names")
        who, part, epoch, sequence = struct.unpack("<BHIQ", header[:15])
        need((kind == 1) == ((who, part) == (service, partition)), position, "the fact is of another host than it says")
        last, head = heads.get((who, part), (sequence - 1, header[15:47]))
        need((sequence - 1, header[15:47]) == (last, head), position, "the fact doesn't continue its chain")
        heads[who, part] = (sequence, sha256(b"usage-ledger/header/1\0", header))
        offsets.append(at)
        owns += [number] if kind == 1 else []
        ids += [frame[93:109] + frame[6:14]] if has_id else []
        event = frame[93:109].hex() if has_id else "-"
        print(number, f"{SERVICES[who]}-{part}", sequence, epoch, heads[who, part][1].hex(), event, len(payload))
    if not is_open:
        indexes = b"".join(struct.pack("<Q", number) for number in offsets + owns) + b"".join(sorted(ids))
        footer, counts = data[end:], struct.pack("<QQQ", len(offsets), len(owns), len(ids))
        need(footer.startswith(indexes + counts), position, "the footer's indexes aren't those of the frames")
        need(footer[-80:-48] == sha256(data[:end]), position, "the hash of the frames is wrong")
        need(footer[-48:-16] == sha256(footer[:-48]), position, "the hash of the footer is wrong")
    return len(offsets)


if __name__ == "__main__":
    print(f"{sum(read(path) for path in sys.argv[1:])} entries verified", file=sys.stderr)

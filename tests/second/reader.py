#!/usr/bin/env python3
"""A second implementation of reading: audits a live unit with nothing but docs/protocol*.md and the C2SP formats.

It imports nothing of the project, on purpose: whatever it needs and the documents do not say is a fault of the
documents. ``python reader.py http://host/ [--key VKEY]``; exit 1: something does not hold.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import hashlib
import http.client
import itertools
import json
import re
import struct
import sys
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEADER_FIELDS = ["audience", "chain", "day", "kind", "media_type", "origin", "schema", "subject"]


class Wrong(Exception):
    """Something does not hold."""


def must(holds, sentence):
    if not holds:
        raise Wrong(sentence)


def unbase64(text):
    octets = base64.b64decode(text, validate=True)
    must(base64.b64encode(octets).decode() == text, "base64 is not canonical")
    return octets


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(entry):
    return sha256(b"\x00", entry)


def grow(edge, item):
    """Add a leaf hash to the roots of the complete subtrees, largest first: [(height, root)]."""
    height = 0
    while edge and edge[-1][0] == height:
        item = sha256(b"\x01", edge.pop()[1], item)
        height += 1
    edge.append((height, item))


def root_of(leaves):
    edge = []
    for leaf in leaves:
        grow(edge, leaf)
    if not edge:
        return sha256()
    root = edge.pop()[1]
    while edge:
        root = sha256(b"\x01", edge.pop()[1], root)
    return root


@dataclass(frozen=True)
class Key:
    name: str
    number: bytes
    type: int
    public: bytes

    @classmethod
    def parse(cls, text):
        name, number, octets = text.split("+", 2)
        raw = unbase64(octets)
        must(len(raw) == 33 and raw[0] in (1, 4), "the key is not Ed25519")
        must(sha256(name.encode(), b"\n", raw)[:4].hex() == number, "the key's number is wrong")
        return cls(name, bytes.fromhex(number), raw[0], raw[1:])

    def signed(self, text, signature):
        """True where the signature is this key's; raises where it claims to be and is not."""
        try:
            if self.type == 4:
                must(len(signature) == 72, "a cosignature has 72 octets")
                stamp = struct.unpack(">Q", signature[:8])[0]
                text, signature = b"cosignature/v1\ntime %d\n" % stamp + text, signature[8:]
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature as fault:
            raise Wrong(f"the signature of {self.name} does not hold") from fault


def open_note(note, keys):
    """Return (text, the keys that signed it); unknown signatures are passed over."""
    text, separator, lines = note.partition(b"\n\n")
    must(separator and lines.endswith(b"\n"), "this is no signed note")
    text += b"\n"
    signers = []
    for line in lines.decode().removesuffix("\n").split("\n"):
        dash, name, octets = line.split(" ")
        must(dash == "—", "a signature line begins with a dash")
        raw = unbase64(octets)
        for key in keys:
            if (key.name, key.number) == (name, raw[:4]):
                key.signed(text, raw[4:])
                signers.append(key)
    return text, signers


def open_checkpoint(note, log_key, witnesses=()):
    """Return (size, root, witnesses that cosigned)."""
    text, signers = open_note(note, [log_key, *witnesses])
    must(log_key in signers, "the head is not signed by the log")
    origin, size, root = text.decode().removesuffix("\n").split("\n")
    must(origin == log_key.name and str(int(size)) == size, "the head is of another log")
    return int(size), unbase64(root), [key for key in signers if key != log_key]


def commitment(salt, header, body):
    return sha256(b"minqing/entry/v1\x00", salt, len(header).to_bytes(4, "big"), header, body)


def read_header(octets, origin):
    must(len(octets) <= 4096 and octets.isascii(), "the header is too long or not ASCII")
    header = json.loads(octets)
    again = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    must(again == octets and sorted(header) == HEADER_FIELDS, "the header is not canonical")
    must(sorted(header["chain"]) == ["n", "prev"], "the chain has other fields")
    must(header["origin"] == origin, "the record is of another log")
    datetime.date.fromisoformat(header["day"])
    return header


def fetch(url, headers=None, timeout=30):
    """GET, never following a redirect; *.localhost is the loopback."""
    parts = urlsplit(url)
    host = "127.0.0.1" if parts.hostname.endswith("localhost") else parts.hostname
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, parts.port, timeout=timeout)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers={"Host": parts.netloc, **(headers or {})})
    answer = connection.getresponse()
    octets = answer.read(64 << 20)
    connection.close()
    must(answer.status == 200, f"{parts.path} answered {answer.status}")
    return octets


def unit_document(base):
    """Return the unit's document with its fingerprint."""
    document = json.loads(fetch(f"{base}/.well-known/minqing"))
    must(document["minqing"] == 1, "the document is of another version")
    lines = ["minqing fingerprint 1", document["origin"], document["operator"]]
    lines += [document["keys"][name] for name in ("log", "ack", "peer", "box", "witness")]
    number = int.from_bytes(sha256("".join(f"{line}\n" for line in lines).encode()), "big")
    digits = f"{number % 10**40:040d}"
    return {**document, "fingerprint": " ".join(re.findall("....", digits))}


def place(number, width=256):
    """Write a tile's number as C2SP does, with the width of a partial one."""
    threes = re.findall("...", f"{number:0{-(-len(str(number)) // 3) * 3}d}")
    return "/".join([*(f"x{three}" for three in threes[:-1]), threes[-1]]) + (
        f".p/{width}" if width < 256 else ""
    )


def tiles_of(count):
    """Return (number, width) of every tile over that many items."""
    return [(at // 256, min(256, count - at)) for at in range(0, count, 256)]


@dataclass
class Report:
    origin: str
    size: int = 0
    tiles: int = 0
    countersigned_by: list[str] = field(default_factory=list)
    opened: dict[str, dict[str, object]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)

    @property
    def undisclosed(self):
        gone = sum(1 for value in self.erased if value not in self.opened)
        return self.size - len(self.opened) - gone


def audit(base, log_key, witnesses=()):
    """Rebuild the log from its bundles, compare every tile and the signed root, open what is public."""
    head = fetch(f"{base}/ledger/checkpoint")
    size, root, signers = open_checkpoint(head, log_key, witnesses)
    report = Report(log_key.name, size, countersigned_by=[key.name for key in signers])
    entries = []
    for number, width in tiles_of(size):
        octets, at = fetch(f"{base}/ledger/tile/entries/{place(number, width)}"), 0
        for _ in range(width):
            (length,) = struct.unpack_from(">H", octets, at)
            must(length == 33 and octets[at + 2] == 1, "an entry has another form")
            entries.append(octets[at + 2 : at + 35])
            at += 35
        must(at == len(octets), "a bundle has octets left over")
    must(len(set(entries)) == len(entries), "a commitment stands twice")
    must(root_of(map(leaf_hash, entries)) == root, "the entries do not give the signed root")
    level, hashes = 0, [leaf_hash(entry) for entry in entries]
    while hashes:
        for number, width in tiles_of(len(hashes)):
            tile = fetch(f"{base}/ledger/tile/{level}/{place(number, width)}")
            must(tile == b"".join(hashes[number * 256 :][:width]), "a tile differs")
            report.tiles += 1
        full = len(hashes) // 256
        hashes = [root_of(hashes[at * 256 : at * 256 + 256]) for at in range(full)]
        level += 1
    open_public(base, report, entries)
    return report


def open_public(base, report, entries):
    """Open every public record, check each against its entry, and follow the public chains."""
    start, chains = 0, {}
    while start is not None:
        page = json.loads(fetch(f"{base}/ledger/openings/{start}"))
        for record in page["records"]:
            header, salt, body = (unbase64(record[name]) for name in ("header", "salt", "body"))
            proven = commitment(salt, header, body)
            if record["index"] >= report.size:
                return
            must(entries[record["index"]] == b"\x01" + proven, "an opening does not fit its entry")
            fields = read_header(header, report.origin)
            must(fields["audience"] == "public", "a record that is not public is shown")
            report.opened[proven.hex()] = fields
            if fields["kind"] == "sync.erasure":
                report.erased |= set(json.loads(body)["commitments"])
            chains.setdefault(fields["subject"], []).append((fields["chain"], proven.hex()))
        start = page["next"]
    for subject, links in chains.items():
        for (before, named), (chain, _) in itertools.pairwise([({"n": 0}, ""), *links]):
            joined = chain["n"] == before["n"] + 1 and chain["prev"] == named
            gap = chain["n"] > before["n"] + 1 and chain["prev"] in report.erased
            must(joined or gap, f"the chain of {subject} is broken at {chain['n']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("unit")
    parser.add_argument("--key", help="the log's key, from elsewhere than the unit")
    arguments = parser.parse_args()
    base = arguments.unit.rstrip("/")
    try:
        document = unit_document(base)
        report = audit(base, Key.parse(arguments.key or document["keys"]["log"]))
    except (Wrong, ValueError, LookupError, OSError, struct.error) as fault:
        sys.stdout.write(f"{base}: {fault or type(fault).__name__}\n")
        return 1
    sys.stdout.write(
        f"{report.origin}: {report.size} entries and {report.tiles} tiles give the signed root.\n"
        f"{len(report.opened)} opened, {len(report.erased)} erased, {report.undisclosed} not shown.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

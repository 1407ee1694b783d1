"""A second implementation of verifying a citizen's proof file (tlog-proof) with a policy file (tlog-policy)."""

from __future__ import annotations

from tests.second.reader import (
    Key,
    commitment,
    leaf_hash,
    must,
    open_checkpoint,
    read_header,
    sha256,
    unbase64,
)


def root_by_path(leaf, index, size, path):
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    must(0 <= index < size, "the index is outside the tree")
    node, first, last = leaf, index, size - 1
    for step in path:
        must(last > 0, "the path is too long")
        if first & 1 or first == last:
            node = sha256(b"\x01", step, node)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            node = sha256(b"\x01", node, step)
        first, last = first >> 1, last >> 1
    must(last == 0, "the path is too short")
    return node


def verify_proof(octets, policy):
    """Return (header, body, names of countersigning witnesses, quorum reached)."""
    logs, witnesses, groups, quorum = {}, {}, {}, "none"
    for line in policy.decode().splitlines():
        word, *rest = line.split() or ["#"]
        if word == "log":
            logs[Key.parse(rest[0]).name] = Key.parse(rest[0])
        elif word == "witness":
            witnesses[rest[0]] = Key.parse(rest[1])
        elif word == "group":
            needed = {"any": 1, "all": len(rest) - 2}.get(rest[1]) or int(rest[1])
            groups[rest[0]] = (needed, rest[2:])
        elif word == "quorum":
            quorum = rest[0]
    text, _, note = octets.partition(b"\n\n")
    magic, extra, index, *path = text.decode().split("\n")
    must(magic == "c2sp.org/tlog-proof@v1", "this is no proof file")
    opening = unbase64(extra.removeprefix("extra ")).decode().removesuffix("\n").split("\n")
    must(opening[0] == "minqing/opening/v1" and len(opening) == 4, "the proof holds no opening")
    header, salt, body = (
        unbase64(line.removeprefix(f"{name} "))
        for name, line in zip(("header", "salt", "body"), opening[1:], strict=True)
    )
    log_key = logs.get(note.split(b"\n")[0].decode())
    must(log_key is not None, "the policy does not name this log")
    size, root, signers = open_checkpoint(note, log_key, witnesses.values())
    leaf = leaf_hash(b"\x01" + commitment(salt, header, body))
    led_to = root_by_path(leaf, int(index.removeprefix("index ")), size, map(unbase64, path))
    must(led_to == root, "the path does not lead to the signed root")

    def reached(name):
        if name in groups:
            return sum(map(reached, groups[name][1])) >= groups[name][0]
        return witnesses[name] in signers

    fields = read_header(header, log_key.name)
    return fields, body, [key.name for key in signers], quorum != "none" and reached(quorum)

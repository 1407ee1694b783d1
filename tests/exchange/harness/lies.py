"""Lies that a unit can tell in one answer, each with the incident that has to come of it."""

from __future__ import annotations

import gzip
from dataclasses import replace

from sync.errors import NoteFault
from sync.formats import framing, notes

HEAD, BUNDLE, RECORDS = "/ledger/checkpoint", "/ledger/tile/entries", "/exchange/records"


def _records(change):
    """Make a bend of the rows: ``change(rows)`` returns others, or None where it cannot lie."""

    def bend(answer):
        if answer.status != 200:
            return None
        rows, note = framing.split(answer.body)
        whole = [row for row in rows if row.body]
        bent = change(rows) if whole else None
        if bent is None:
            return None
        return replace(answer, body=b"".join(map(framing.row, bent)) + framing.end(note))

    return bend


def _change_last(rows):
    last = rows[-1]
    return [*rows[:-1], replace_body(last)] if last.body else None


def replace_body(row):
    """Return a row with one bit of its body changed."""
    return framing.Opening(
        row.index, row.salt, row.header, row.body[:-1] + bytes([row.body[-1] ^ 1])
    )


def _octets(change):
    """Make a bend of the whole body."""

    def bend(answer):
        return (
            replace(answer, body=change(answer.body))
            if answer.status == 200 and answer.body
            else None
        )

    return bend


def _flip(octets):
    return octets[:-2] + bytes([octets[-2] ^ 1]) + octets[-1:]


def _flip_signatures(note):
    """Spoil every signature: while keys overlap a note has two, and either of them is enough."""
    lines = note.split(b"\n")
    for place, line in enumerate(lines):
        if line.startswith("— ".encode()):
            at = line.rindex(b" ") + 12
            spoiled = b"A" if line[at : at + 1] != b"A" else b"B"
            lines[place] = line[:at] + spoiled + line[at + 1 :]
    return b"\n".join(lines)


def _flip_note(octets):
    rows, note = framing.split(octets)
    return b"".join(map(framing.row, rows)) + framing.end(_flip_signatures(note))


def _flip_head(octets):
    """Change the root that the log's own signature stands under."""
    lines = octets.split(b"\n")
    lines[2] = (b"A" if lines[2][:1] != b"A" else b"B") + lines[2][1:]
    return b"\n".join(lines)


def _status(status, *headers):
    def bend(answer):
        return replace(answer, status=status, headers=list(headers), body=b"")

    return bend


def _announce(answer):
    return replace(answer, headers=[("CONTENT-LENGTH", str(10**12))], body=b"x")


def _bomb(answer):
    if answer.status != 200:
        return None
    return replace(
        answer, headers=[("Content-Encoding", "gzip")], body=gzip.compress(bytes(20_000_000), 9)
    )


LIES = {
    "changed record": (RECORDS, _records(_change_last), "changed"),
    "withheld record": (RECORDS, _records(lambda rows: rows[:-1]), "withheld"),
    "repeated row": (RECORDS, _records(lambda rows: [*rows, rows[-1]]), "reordered"),
    "reordered rows": (
        RECORDS,
        _records(lambda rows: rows[::-1] if len(rows) > 1 else None),
        "reordered",
    ),
    "cut rows": (RECORDS, _octets(lambda octets: octets[: len(octets) * 2 // 3]), "malformed"),
    "garbage": (RECORDS, _octets(lambda octets: bytes(range(256)) * 4), "malformed"),
    "forged note": (RECORDS, _octets(_flip_note), "wrong-note"),
    "refused records": (RECORDS, _status(403), "refused"),
    "bomb": (RECORDS, _bomb, "malformed"),
    "changed leaf": (BUNDLE, _octets(_flip), "diverged"),
    "cut bundle": (BUNDLE, _octets(lambda octets: octets[:-3]), "malformed"),
    "forged head": (HEAD, _octets(_flip_head), "bad-signature"),
    "redirected head": (HEAD, _status(302, ("Location", "http://127.0.0.1:9/")), "redirected"),
    "endless head": (HEAD, _announce, "oversized"),
}
"""Name to the path bent, the bend, and the incident."""


def older_head(heads, origin, smaller_than):
    """Return a bend that serves an old head of a log again, or None where no older one was seen."""
    for note in heads:
        size = _size(note, origin)
        if size is not None and size < smaller_than:
            return _octets(lambda _, note=note: note)
    return None


def _size(note, origin):
    try:
        lines = notes.parse_note(note).text.split("\n")
    except NoteFault:
        return None
    return int(lines[1]) if lines[0] == origin else None

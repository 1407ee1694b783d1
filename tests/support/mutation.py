"""Octets made wrong: what hypothesis does to a right message, so that a reader meets near misses and not only noise."""

from __future__ import annotations

import re

from hypothesis import strategies as st

_NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"00",
    b"+1",
    b"9" * 19,
    b"4294967296",
    b"9" * 400,
    b"1e9",
    b"\xd9\xa1",
    b"",
)
_PIECES = (
    b"\n", b"\r\n", b" ", b"\x00", b"\xff\xfe", b"\xe2\x80\xa8", b"{", b'"', b"]" * 50, b"[" * 3000, b"null", b"\\ud800", b"\\u0000",
    b"\xe2\x80\x94 ", b"../", b"%00", "民情".encode(), b"A" * 5000,
)  # fmt: skip


def _flip(octets, at, _):
    return (
        octets[:at] + bytes([octets[at] ^ (1 << at % 8)]) + octets[at + 1 :] if octets else b"\x00"
    )


def _cut(octets, at, _):
    return octets[:at]


def _drop(octets, at, choice):
    return octets[:at] + octets[at + 1 + choice :]


def _insert(octets, at, choice):
    return octets[:at] + _PIECES[choice % len(_PIECES)] + octets[at:]


def _repeat(octets, at, choice):
    return octets[: at + choice] + octets[at:]


def _number(octets, _, choice):
    found = list(re.finditer(rb"[0-9]+", octets))
    if not found:
        return octets + b"1"
    chosen = found[choice % len(found)]
    return octets[: chosen.start()] + _NUMBERS[choice % len(_NUMBERS)] + octets[chosen.end() :]


def _swap_lines(octets, at, choice):
    lines = octets.split(b"\n")
    one, other = at % len(lines), choice % len(lines)
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _noise(octets, at, choice):
    return bytes((at * 31 + place * choice) % 256 for place in range(min(choice, 400)))


_CHANGES = (_flip, _cut, _drop, _insert, _repeat, _number, _swap_lines, _noise)

_one = st.tuples(st.sampled_from(_CHANGES), st.floats(0, 1, exclude_max=True), st.integers(0, 600))
changes = st.lists(_one, min_size=1, max_size=3)
"""A few changes, to be done to any octets with `changed`."""


def changed(octets, wanted):
    """Return the octets with the changes done to them."""
    for change, place, choice in wanted:
        octets = change(octets, int(place * len(octets)), choice)
    return octets

"""Bodies of ``sync.handover`` records: each step by which a subject changes its home, as data. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec
from msgspec import Meta

from sync.errors import UNREADABLE, RecordFault
from sync.formats import merkle

if TYPE_CHECKING:
    from collections.abc import Iterable

KIND = "sync.handover"

Commitment = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Origin = Annotated[str, Meta(pattern=r"^minqing/[0-9A-Za-z][0-9A-Za-z.-]{0,31}/[0-9a-f]{8}$")]
Subject = Annotated[str, Meta(pattern=r"^[a-z]{1,20}:[0-9a-zA-Z-]{1,64}$")]
Reason = Annotated[str, Meta(min_length=1, max_length=400)]
Number = Annotated[int, Meta(ge=1, le=1_000_000)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Root = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="step"):
    """Base of every step."""

    subject: Subject


class Offer(Step, frozen=True, kw_only=True, tag="offer"):
    """The home offers the subject to one unit. One offer at a time, numbered from 1."""

    number: Number
    records: Count
    root: Root
    to: Origin


class Accept(Step, frozen=True, kw_only=True, tag="accept"):
    """The unit that was asked accepts exactly this offer."""

    offer: Commitment


class Close(Step, frozen=True, kw_only=True, tag="close"):
    """The home lets go: here, at this index of its log, the home changes."""

    accept: Commitment
    offer: Commitment
    records: Count
    root: Root


class Cancel(Step, frozen=True, kw_only=True, tag="cancel"):
    """The home takes an offer back; what was accepted meanwhile is void."""

    offer: Commitment
    reason: Reason


class Taken(Step, frozen=True, kw_only=True, tag="taken"):
    """The new home holds the proven close (or order); what it issues about the subject stands above this index."""

    cites: Commitment
    head: Annotated[str, Meta(max_length=8192)]
    """The signed head of the log that holds the close, under which it was proven."""

    of: Origin
    """That log."""


class Notice(Step, frozen=True, kw_only=True, tag="notice"):
    """A superior gives public notice that a home is dead or frozen and whom it will order to take over."""

    home: Origin
    reason: Reason
    size: Count
    to: Origin


class Order(Step, frozen=True, kw_only=True, tag="order"):
    """After the notice: the subject's home is the unit that the notice names."""

    notice: Commitment


class Objection(Step, frozen=True, kw_only=True, tag="objection"):
    """The home lives: it objects to a notice, which voids any order after it."""

    notice: Commitment
    reason: Reason


AnyStep: TypeAlias = Offer | Accept | Close | Cancel | Taken | Notice | Order | Objection
_decoder = msgspec.json.Decoder(AnyStep)


def encode(step: Step) -> bytes:
    """Return the canonical octets."""
    # A struct's own encoding begins with its tag; canonical is the order of the keys.
    return msgspec.json.encode(msgspec.to_builtins(step), order="deterministic")


def decode(octets: bytes) -> AnyStep:
    """Read a step strictly.

    Raises:
        RecordFault: another form, an unknown field, or another spelling than the canonical one.
    """
    try:
        step: AnyStep = _decoder.decode(octets)
    except UNREADABLE as fault:
        raise RecordFault(f"No step of a handover: {fault}") from fault
    if encode(step) != octets:
        raise RecordFault("The step of a handover is not canonical.")
    return step


def subject_of(subject: str) -> str:
    """Return the ledger's subject of the steps about a subject: a chain of its own in each log."""
    return f"handover:{subject}"


def about(chain: str) -> str:
    """Return whom the steps of a chain are about: the inverse of ``subject_of``."""
    return chain.removeprefix("handover:")


def history_root(commitments: Iterable[str]) -> str:
    """Return the root (RFC 6962) over commitments in ascending order; empty for none."""
    hashes = [merkle.leaf_hash(bytes.fromhex(text)) for text in sorted(set(commitments))]
    return merkle.root_of(hashes).hex() if hashes else ""

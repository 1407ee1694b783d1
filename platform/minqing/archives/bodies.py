"""Bodies of the archives' records: what a public record holds, field by field, and nothing else (the whitelist).

Canonical JSON: sorted keys, no spaces, every field present. A reader encodes again what it decoded and refuses
what differs, names a field that is not listed here, or is longer than what staff could have typed.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
import uuid
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from minqing.archives.matrix import RULES

OFFICIAL_KIND = "archives.official"
ENTRY_KIND = "archives.entry"
REPLY_KIND = "archives.reply"
REVIEW_KIND = "archives.review"
MEDIA_TYPE = "application/json"

Line = Annotated[str, Meta(max_length=120)]
Name = Annotated[str, Meta(max_length=40)]
Long = Annotated[str, Meta(max_length=400)]
Text = Annotated[str, Meta(max_length=20_000)]
Month = Annotated[str, Meta(pattern=r"^([0-9]{6})?$")]
Identifier = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
Commitment = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
Number = Annotated[int, Meta(ge=1, le=1_000_000)]
State = Literal["published", "withdrawn"]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every body."""


class PostBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One public post."""

    duties: Long
    from_month: Month
    title: Line
    to_month: Month
    unit_name: Line


class OfficialBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An official's public facts; withdrawn: the id, and empty fields."""

    home_name: Line
    name: Name
    official: Identifier
    posts: Annotated[tuple[PostBody, ...], Meta(max_length=100)]
    reason: Long
    state: State
    telephone: Name
    version: Number


class EntryBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of an entry; withdrawn: the id, the reason, and empty fields."""

    day: str
    entry: Identifier
    expires_on: str
    home_name: Line
    negative: bool
    official: Annotated[str, Meta(max_length=36)]
    official_name: Name
    reason: Long
    source: Annotated[str, Meta(max_length=20)]
    source_commitment: Commitment
    source_unit: Line
    state: State
    text: Text
    title: Line
    unit_name: Line
    version: Number


class ReplyBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An official's statement beside an entry."""

    day: str
    entry: Identifier
    home_name: Line
    reply: Identifier
    text: Text


class ReviewBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Internal: who wrote and who reviewed a version, and what it rests on. Its audience is the unit itself."""

    author: str
    basis_commitment: Commitment
    entry: Identifier
    note: Text
    reviewer: str
    version: Number


B = TypeVar("B", bound=Body)
_PRIVATE = {"Cc", "Cs"}


class BodyFault(Exception):
    """The octets are not a body of this kind."""


def encode(body: Body) -> bytes:
    """Return the canonical octets."""
    return msgspec.json.encode(body, order="deterministic")


def decode(octets: bytes, shape: type[B]) -> B:
    """Read a body strictly.

    Raises:
        BodyFault: unknown, missing or overlong field, other form, control characters, or values that contradict each other.
    """
    try:
        body = msgspec.json.decode(octets, type=shape)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as fault:
        raise BodyFault(f"the body cannot be read: {fault}") from fault
    if encode(body) != octets:
        raise BodyFault("the body is not canonical")
    _check_texts(msgspec.to_builtins(body))
    if isinstance(body, EntryBody):
        _check_entry(body)
    if isinstance(body, OfficialBody) and body.state == "published" and not body.name:
        raise BodyFault("an official without a name")
    if isinstance(body, ReplyBody):
        as_day(body.day)
    return body


def as_day(text: str) -> datetime.date:
    """Read a day.

    Raises:
        BodyFault: it is none.
    """
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise BodyFault(f"{text[:20]!r} is not a day")
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as fault:
        raise BodyFault(f"{text!r} is not a day") from fault


def _check_entry(body: EntryBody) -> None:
    if body.state == "withdrawn":
        if not body.reason or body.title or body.text or body.official_name:
            raise BodyFault("a withdrawal says why and nothing else")
        return
    if body.source not in RULES:
        raise BodyFault(f"the source {body.source!r} is not in the matrix")
    if not body.title or not body.text or not body.unit_name:
        raise BodyFault("an entry has a title, a text and a unit")
    _check_person(body)
    _check_days(body)


def _check_person(body: EntryBody) -> None:
    if bool(body.official) != bool(body.official_name):
        raise BodyFault("an official has an id and a name, or there is none")
    if not body.official:
        return
    if not RULES[body.source].persons:
        raise BodyFault(f"{body.source} may not stand under a person")
    try:
        canonical = str(uuid.UUID(body.official)) == body.official
    except ValueError as fault:
        raise BodyFault("the official's id is none") from fault
    if (
        not canonical
    ):  # spelled otherwise it would be nobody's subject, and nobody's home would be asked for
        raise BodyFault("the official's id is not canonical")


def _check_days(body: EntryBody) -> None:
    day = as_day(body.day)
    if body.negative and not body.expires_on:
        raise BodyFault("a negative entry has a day on which it goes")
    if body.expires_on and as_day(body.expires_on) <= day:
        raise BodyFault("an entry does not go before it came")


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if any(
            unicodedata.category(character) in _PRIVATE and character not in "\n\t"
            for character in value
        ):
            raise BodyFault("control characters in a text")
    elif isinstance(value, dict):
        for part in value.values():
            _check_texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _check_texts(part)

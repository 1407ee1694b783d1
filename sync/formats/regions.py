"""A region's policy: a tlog-policy that the superior unit signed, with a version and a last day. Pure.

The text is an ordinary policy (``policies``) that begins with five comment lines; as a file it is a signed note over
that text. Whoever holds one takes only later versions, and none after its last day: an old policy would bring back keys
that were withdrawn.

    #: minqing-policy 1
    #: region <origin of the unit that signs>
    #: version <number>
    #: signed <day>
    #: expires <day>
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.errors import NoteFault, PolicyFault
from sync.formats import notes, policies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TITLE = "#: minqing-policy 1"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LONGEST_DAYS = 400
"""A policy that would hold longer than this is refused: it would outlive what people remember of it."""


def key_name(origin: str) -> str:
    """Return the name of the key with which a unit signs its region's policy."""
    return f"{origin}/policy"


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Who runs a deployment, and its witness keys: one vote, however many keys and units."""

    name: str
    witnesses: tuple[notes.VerifierKey, ...]
    logs: tuple[str, ...] = ()
    """Origins of the logs that it runs."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a region's policy says."""

    region: str
    version: int
    signed: datetime.date
    expires: datetime.date
    logs: Sequence[notes.VerifierKey]
    operators: Sequence[Operator]
    quorum: int
    """How many operators must have countersigned; 0: none."""

    former: Mapping[notes.VerifierKey, int] = field(default_factory=dict)
    successors: Mapping[str, notes.VerifierKey] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RegionPolicy:
    """A region's policy as it was read."""

    region: str
    version: int
    signed: datetime.date
    expires: datetime.date
    policy: policies.Policy
    text: str


def compose(terms: Terms) -> str:
    """Return the text of a region's policy.

    Raises:
        PolicyFault: it asks for more operators than it names, or holds no or too many days.
    """
    if not 0 <= terms.quorum <= len(terms.operators):
        raise PolicyFault(
            f"The policy names {len(terms.operators)} operators; it cannot ask for {terms.quorum}."
        )
    if not 0 < (terms.expires - terms.signed).days <= LONGEST_DAYS:
        raise PolicyFault(f"A policy holds for 1 to {LONGEST_DAYS} days.")
    lines = [
        TITLE,
        f"#: region {terms.region}",
        f"#: version {terms.version}",
        f"#: signed {terms.signed}",
        f"#: expires {terms.expires}",
        *(f"log {key}" for key in terms.logs),
    ]
    groups = []
    for number, operator in enumerate(terms.operators, 1):
        groups.append(group := f"operator{number}")
        names = [f"{group}-{place}" for place in range(1, len(operator.witnesses) + 1)]
        lines.append(f"# {group}: {' '.join(operator.name.split())}")
        lines += [
            f"witness {name} {key}" for name, key in zip(names, operator.witnesses, strict=True)
        ]
        lines.append(f"group {group} any {' '.join(names)}")
        lines += [f"#: run-by {origin} {group}" for origin in operator.logs]
    lines += [f"#: former {key} {last}" for key, last in terms.former.items()]
    lines += [f"#: successor {origin} {key}" for origin, key in terms.successors.items()]
    if terms.quorum:
        lines += [f"group operators {terms.quorum} {' '.join(groups)}", "quorum operators"]
    else:
        lines.append("quorum none")
    text = "\n".join(lines) + "\n"
    read_text(text)
    return text


def read_text(text: str) -> RegionPolicy:
    """Read the text of a region's policy; its signature is not looked at.

    Raises:
        PolicyFault: it is none.
    """
    lines = text.split("\n", 5)
    names = ("region", "version", "signed", "expires")
    if lines[0] != TITLE or len(lines) < 6:
        raise PolicyFault("This is no region's policy of version 1.")
    said = {}
    for name, line in zip(names, lines[1:5], strict=True):
        before, _, value = line.partition(f"#: {name} ")
        if before or not value:
            raise PolicyFault(f"A region's policy lacks its line '#: {name}'.")
        said[name] = value
    try:
        version = notes.parse_size(said["version"])
        signed, expires = (_day(said[name]) for name in names[2:])
    except (NoteFault, ValueError) as fault:
        raise PolicyFault(f"The region's policy cannot be read: {fault}") from fault
    if version < 1 or not 0 < (expires - signed).days <= LONGEST_DAYS:
        raise PolicyFault(
            f"A region's policy has a version from 1 and holds 1 to {LONGEST_DAYS} days."
        )
    return RegionPolicy(
        region=said["region"], version=version, signed=signed, expires=expires,
        policy=policies.parse(text.encode("utf-8", "surrogateescape")), text=text,
    )  # fmt: skip


def _day(text: str) -> datetime.date:
    """Read a day in its one spelling: Python takes weeks and days without hyphens, too."""
    if not _DAY.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is no day")
    return datetime.date.fromisoformat(text)


def open_signed(
    octets: bytes, key: notes.VerifierKey, *, today: datetime.date | None = None
) -> RegionPolicy:
    """Read a region's policy that the key signed; with ``today``, one that still holds on that day.

    Raises:
        PolicyFault: malformed, signed by a stranger, of another region, or past its last day.
    """
    try:
        text = notes.open_note(octets, [key])
    except NoteFault as fault:
        raise PolicyFault(
            f"The region's policy is not signed by the key that is known for it: {fault}"
        ) from fault
    found = read_text(text)
    if key.name != key_name(found.region):
        raise PolicyFault(f"This key does not sign for the region {found.region}.")
    if today is not None and today > found.expires:
        raise PolicyFault(
            f"The region's policy ended on {found.expires}: ask {found.region} for a new version."
        )
    return found


def is_signed(octets: bytes) -> bool:
    """Tell whether a policy file is a signed one."""
    return octets.startswith(TITLE.encode()) and b"\n\n\xe2\x80\x94 " in octets


def read_any(
    octets: bytes, key: str | None, *, today: datetime.date | None = None
) -> policies.Policy:
    """Read a policy file of either kind: a plain one as it stands, a signed one only with its signer's key.

    Raises:
        PolicyFault: malformed, a signed one without a key, or one that its key does not bear out.
    """
    if not is_signed(octets):
        return policies.parse(octets)
    if not key:
        raise PolicyFault(
            "This policy is signed: give the superior unit's policy key (--policy-key)."
        )
    try:
        known = notes.VerifierKey.parse(key)
    except NoteFault as fault:
        raise PolicyFault(str(fault)) from fault
    return open_signed(octets, known, today=today).policy

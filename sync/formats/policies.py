"""Whom a reader trusts: logs, witnesses and how many of them (c2sp.org/tlog-policy). Pure.

Such a file must not come from the unit whose records it is to check. Comment lines that begin with ``#:`` say more to
readers who know them, and only what makes them stricter or names a key that signs no more:

    #: run-by <origin> <witness or group>     who runs a log: these countersignatures do not count for it
    #: former <log key> <size>                a log's key that ended, and the size of the last head it signed
    #: successor <origin> <log key>           a log that lost its key, and the log that goes on in its place
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.errors import NoteFault, PolicyFault
from sync.formats import heads, notes

if TYPE_CHECKING:
    from collections.abc import Collection

NONE = "none"
_BROKEN = re.compile("[\udc80-\udcff]")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, kw_only=True)
class Group:
    """At least ``least`` of the members, each a witness or another group."""

    least: int
    members: tuple[str, ...]


@dataclass(kw_only=True)
class Policy:
    """A policy file."""

    logs: list[notes.VerifierKey] = field(default_factory=list)
    witnesses: dict[str, notes.VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = ""
    former: dict[notes.VerifierKey, int] = field(default_factory=dict)
    """Log keys that ended, each with the size of the last head it signed."""

    run_by: dict[str, str] = field(default_factory=dict)
    """Who runs a log, by its origin: a witness or group whose countersignatures do not count for that log."""

    successors: dict[str, notes.VerifierKey] = field(default_factory=dict)
    """The log that goes on where one lost its key, by the old origin."""

    def met(self, cosigners: Collection[notes.VerifierKey], name: str | None = None) -> bool:
        """Tell whether these cosigners fulfil the quorum (or one group)."""
        wanted = self.quorum if name is None else name
        if wanted == NONE:
            return True
        if wanted in self.witnesses:
            return self.witnesses[wanted] in cosigners
        group = self.groups[wanted]
        return sum(self.met(cosigners, member) for member in group.members) >= group.least

    def members(self, name: str) -> set[notes.VerifierKey]:
        """Return the keys of a witness or of all witnesses in a group."""
        if name in self.witnesses:
            return {self.witnesses[name]}
        return {key for member in self.groups[name].members for key in self.members(member)}

    def outside(self, origin: str) -> dict[str, notes.VerifierKey]:
        """Return the witnesses that count for a log: all but those of whoever runs it."""
        own = self.members(self.run_by[origin]) if origin in self.run_by else set()
        return {name: key for name, key in self.witnesses.items() if key not in own}

    def log_keys(self, origin: str) -> heads.LogKeys:
        """Return everything this policy says about who signs for one log."""
        return heads.LogKeys(
            current=tuple(key for key in self.logs if key.name == origin),
            former={key: last for key, last in self.former.items() if key.name == origin},
            witnesses=tuple(self.outside(origin).values()),
        )


def parse(octets: bytes) -> Policy:
    """Read a policy file.

    Raises:
        PolicyFault: naming the line that does not fit.
    """
    policy = Policy()
    used: set[str] = set()
    if any((octet < 0x20 and octet not in b"\t\n") or octet == 0x7F for octet in octets):
        raise PolicyFault("The policy holds a control character.")
    for number, raw in enumerate(octets.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [word for word in re.split("[ \t]+", raw) if word]
        if not words or (words[0].startswith("#") and words[0] != "#:"):
            continue
        if words[0] == "#:" and _BROKEN.search(raw):  # elsewhere such octets are opaque
            raise PolicyFault(f"Line {number} of the policy is not UTF-8.")
        try:
            _take(policy, words, used)
        except (PolicyFault, NoteFault) as fault:
            raise PolicyFault(f"Line {number} of the policy: {fault}") from fault
    if not policy.quorum:
        raise PolicyFault("The policy has no line 'quorum'.")
    return policy


def _take(policy: Policy, words: list[str], used: set[str]) -> None:
    match words:
        case ["log", key] | ["log", key, _]:
            policy.logs.append(_fresh(notes.VerifierKey.parse(key), notes.ED25519, policy.logs))
        case ["witness", name, key] | ["witness", name, key, _]:
            known = _fresh(
                notes.VerifierKey.parse(key), notes.COSIGNATURE, policy.witnesses.values()
            )
            policy.witnesses[_new(policy, name)] = known
        case ["group", name, least, *members] if members:
            for member in members:
                _known(policy, member)
                if member in used:
                    raise PolicyFault(f"{member!r} is a member already.")
                used.add(member)
            policy.groups[_new(policy, name)] = Group(
                least=_least(least, len(members)), members=tuple(members)
            )
        case ["#:", *said]:
            _take_more(policy, said)
        case ["quorum", name] if not policy.quorum:
            if name != NONE:
                _known(policy, name)
            policy.quorum = name
        case _:
            raise PolicyFault(f"{' '.join(words)[:60]!r} is not understood.")


def _take_more(policy: Policy, words: list[str]) -> None:
    match words:
        case ["run-by", origin, name]:
            _known(policy, name)
            policy.run_by[origin] = name
        case ["former", key, size]:
            ended = _fresh(
                notes.VerifierKey.parse(key), notes.ED25519, [*policy.logs, *policy.former]
            )
            policy.former[ended] = notes.parse_size(size)
        case ["successor", origin, key]:
            policy.successors[origin] = notes.VerifierKey.parse(key)
        case _:
            return  # of a later version, or the beginning of a region's policy (see ``regions``)


def _fresh(
    key: notes.VerifierKey, key_type: int, others: Collection[notes.VerifierKey]
) -> notes.VerifierKey:
    if key.type != key_type:
        raise PolicyFault(f"{key.name!r} has a key of the wrong type.")
    if any(key.public == other.public for other in others):
        raise PolicyFault(f"{key.name!r} has a key that stands here already.")
    return key


def _new(policy: Policy, name: str) -> str:
    if name == NONE or name in policy.witnesses or name in policy.groups:
        raise PolicyFault(f"the name {name!r} is taken.")
    return name


def _known(policy: Policy, name: str) -> None:
    if name not in policy.witnesses and name not in policy.groups:
        raise PolicyFault(f"{name!r} is not defined above.")


def _least(word: str, members: int) -> int:
    if word in {"any", "all"}:
        return 1 if word == "any" else members
    if not _NUMBER.fullmatch(word) or int(word) > members:
        raise PolicyFault(f"{word!r} is not any, all or a number up to {members}.")
    return int(word)

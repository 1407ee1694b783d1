"""Checking a whole log from outside: with nothing but its address and its public key.

The tree is rebuilt from the entry bundles and compared with every tile and with the signed root. With openings,
every public record is opened against its entry, the public chains are followed, and every index is accounted for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import msgspec

from sync.errors import UNREADABLE, ProofFault, RecordFault
from sync.formats import merkle, notes, proofs, records, tiles
from sync.ledger import erasure

ADOPTION = "sync.adoption"

if TYPE_CHECKING:
    from collections.abc import Iterable


class PublicOpening(msgspec.Struct, frozen=True, kw_only=True):
    """One public record; octets travel as base64."""

    index: int
    header: bytes
    salt: bytes
    body: bytes


class OpeningsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some public records, and where to go on."""

    records: list[PublicOpening]
    next: int | None


class _Adopted(msgspec.Struct, frozen=True):
    """What an adoption record says that matters here."""

    unopened: list[tuple[int, int]] = []


class Fetch(Protocol):
    """Gets a resource of the log by its path after the unit's address."""

    def __call__(self, path: str, /) -> bytes:
        """Return the octets."""


@dataclass(kw_only=True)
class Report:
    """What an audit found."""

    origin: str
    size: int = 0
    root: bytes = b""
    opened: int = 0
    """Records opened against their entries."""

    erased: int = 0
    """Entries without opening that a public erasure order names."""

    listed: int = 0
    """Entries without opening that an adoption record lists as lost."""

    closed: int = 0
    """Entries that were not shown to this auditor."""

    findings: list[str] = field(default_factory=list)
    """What is wrong; empty: the log holds."""


def audit_log(fetch: Fetch, key: notes.VerifierKey) -> tuple[Report, list[str]]:
    """Check the tree of a log.

    Returns:
        The report, and the commitments in order of index (empty where the tree does not hold).

    Raises:
        NoteFault: the checkpoint is not signed by the key: there is nothing to audit.
    """
    checkpoint = notes.open_checkpoint(fetch("/ledger/checkpoint"), key)
    report = Report(origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root)
    try:
        commitments, leaves = _entries(fetch, checkpoint.size)
        _compare_tiles(fetch, checkpoint.size, leaves)
    except (ProofFault, RecordFault) as fault:
        report.findings.append(str(fault))
        return report, []
    if merkle.root_of(leaves) != checkpoint.root:
        report.findings.append("The entries do not give the signed root.")
        return report, []
    report.closed = checkpoint.size
    if len(set(commitments)) != len(commitments):
        report.findings.append("A commitment stands in the log twice.")
    return report, commitments


def public_openings(fetch: Fetch) -> Iterable[PublicOpening]:
    """Yield every public record that the unit shows.

    Raises:
        ProofFault: the answer is malformed or does not advance.
    """
    start: int | None = 0
    while start is not None:
        try:
            page = msgspec.json.decode(fetch(f"/ledger/openings/{start}"), type=OpeningsPage)
        except UNREADABLE as fault:
            raise ProofFault("The list of public records cannot be read.") from fault
        yield from page.records
        if page.next is not None and page.next <= start:
            raise ProofFault("The list of public records does not advance.")
        start = page.next


def audit_openings(
    report: Report,
    commitments: list[str],
    openings: Iterable[PublicOpening],
    *,
    every: bool = False,
) -> None:
    """Open records against their entries, follow the chains, account for every index.

    Args:
        report: of the same log; findings and counts are added to it.
        commitments: by index.
        openings: in order of index.
        every: each index must open or be erased (the unit's own audit); otherwise undisclosed ones are counted.
    """
    opened: set[int] = set()
    known = set(commitments)
    erased: set[str] = set()
    lost: set[int] = set()
    chains: dict[tuple[str, str], tuple[int, str]] = {}
    for opening in openings:
        try:
            header = _open(report.origin, commitments, opening)
            if header.kind == erasure.KIND:
                erased.update(msgspec.json.decode(opening.body, type=erasure.Order).commitments)
            if header.kind == ADOPTION:
                lost.update(_lost(opening.body, len(commitments)))
            _follow(chains, header, commitments[opening.index], known)
        except (ProofFault, RecordFault, *UNREADABLE) as fault:
            report.findings.append(f"index {opening.index}: {fault}")
            continue
        opened.add(opening.index)
    missing = [index for index in range(len(commitments)) if index not in opened]
    gone = [index for index in missing if commitments[index] in erased]
    unexplained = [i for i in missing if commitments[i] not in erased and i not in lost]
    report.opened, report.erased, report.closed = len(opened), len(gone), len(unexplained)
    report.listed = len(missing) - len(gone) - len(unexplained)
    if every and report.closed:
        report.findings.append(
            f"{report.closed} entries neither open nor are erased, the first at index {unexplained[0]}."
        )


def _lost(body: bytes, size: int) -> set[int]:
    runs = msgspec.json.decode(body, type=_Adopted).unopened
    return {index for first, last in runs for index in range(max(0, first), min(last + 1, size))}


def _entries(fetch: Fetch, size: int) -> tuple[list[str], list[bytes]]:
    commitments: list[str] = []
    leaves: list[bytes] = []
    for index in range(-(-size // tiles.WIDTH)):
        width = tiles.width_at(0, index, size)
        entries = tiles.decode_bundle(fetch(f"/ledger/tile/{tiles.bundle_path(index, width)}"))
        if len(entries) != width:
            raise ProofFault(f"Bundle {index} holds {len(entries)} entries instead of {width}.")
        commitments += [records.committed(entry) for entry in entries]
        leaves += [merkle.leaf_hash(entry) for entry in entries]
    return commitments, leaves


def _compare_tiles(fetch: Fetch, size: int, leaves: list[bytes]) -> None:
    level, hashes = 0, leaves
    for tile in tiles.tiles_of(size):
        if tile.level != level:
            level = tile.level
            full = len(hashes) // tiles.WIDTH
            hashes = [
                merkle.root_of(hashes[at * tiles.WIDTH : (at + 1) * tiles.WIDTH])
                for at in range(full)
            ]
        first = tile.index * tiles.WIDTH
        if fetch(f"/ledger/tile/{tile.path}") != b"".join(hashes[first : first + tile.width]):
            raise ProofFault(f"Tile {tile.path} does not belong to the entries.")


def _open(origin: str, commitments: list[str], opening: PublicOpening) -> records.Header:
    if not 0 <= opening.index < len(commitments):
        raise ProofFault("This record stands outside the tree.")
    parts = proofs.Opening(header=opening.header, salt=opening.salt, body=opening.body)
    if parts.commitment != commitments[opening.index]:
        raise ProofFault("The record shown is not the one in the log.")
    header = records.decode_header(opening.header)
    if header.origin != origin:
        raise ProofFault(f"The record says that it belongs to {header.origin}.")
    return header


def _follow(
    chains: dict[tuple[str, str], tuple[int, str]],
    header: records.Header,
    commitment: str,
    known: set[str],
) -> None:
    """Follow one chain. A gap is explained only by a predecessor that stands in the log unopened."""
    place = (header.subject, header.audience)
    n, last = chains.get(place, (0, ""))
    chains[place] = (header.chain.n, commitment)
    if header.chain.n <= n:
        raise ProofFault(
            f"Number {header.chain.n} of the chain of {header.subject} stands after number {n}."
        )
    if header.chain.n == n + 1 and header.chain.prev != last:
        raise ProofFault(
            f"Number {header.chain.n} of the chain of {header.subject} names another predecessor."
        )
    if header.chain.n > n + 1 and header.chain.prev not in known:
        raise ProofFault(
            f"The predecessor of number {header.chain.n} of {header.subject} is not in the log."
        )

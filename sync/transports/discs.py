"""The carried transport: parcels as files in a folder, for discs between networks that do not meet.

A disc holds ``unit.json`` (who made it), ``leaves-….parcel`` and ``records-….parcel``, and last ``head-….parcel``. Each file is
written under a temporary name, brought to the disc and renamed: one that has its name is whole, and an ``out`` that was
killed goes on after the last of them. On the way back the folder holds a *cursor*: a note, signed by the unit that read
the disc, of how far it is. The next disc then begins there; without one it begins where the last known one did. Beside it
lies the head that it proved, *cosigned* by its witness: nobody else may ever reach a unit that has discs only.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync import ledger
from sync.errors import NoteFault
from sync.exchange import documents, keyring, witness
from sync.exchange.peers import peer_by_origin
from sync.formats import notes
from sync.identity import origin, peer_keys
from sync.models.exchange import Following, Peer
from sync.models.transports import Sent
from sync.refusals import ExchangeFault, RequestRefused
from sync.transports import packing, parcels
from sync.transports.brokers import name_of
from sync.transports.parcels import LEAVES, ParcelFault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

UNIT = "unit.json"
_TITLE = "minqing cursor 1"
_WORDS = ("from", "of", "epoch", "mirrored", "applied")
_EPOCHS = 1 << 31
"""No grants have this number or a larger one: a column of the database holds it."""


class DiscFault(ExchangeFault):
    """A folder cannot be written or read as asked; the message names the file and says what to do."""


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """How far the reader of a disc is with its writer."""

    epoch: int
    mirrored: int
    applied: int


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a disc holds now for a peer."""

    start: int
    size: int
    files: int
    """Files written by this call; the others lay there already."""


# --- out -----------------------------------------------------------------------------------------


def write(
    folder: Path, to: str, *, start: int | None = None, cursor: Path | None = None
) -> Written:
    """Write what a peer lacks into a folder: from an index, from its cursor, or from the last cursor that came back.

    Repeatable: what was written before is left as it is.

    Raises:
        DiscFault: the folder cannot be written, the cursor is not one of the peer's, or an erasure order is not sealed yet.
        PeerFault: no such peer.
        LedgerFault: there is no head yet.
        BoxFault: the peer's box key cannot be used.
    """
    peer = peer_by_origin(to)
    if peer.accepted_here is None or peer.ended_on is not None:
        raise DiscFault(f"{peer.name} is not accepted here: nothing is disclosed to it.")
    head = ledger.head()
    begin = (
        _begin(peer, folder, cursor)
        if start is None
        else Cursor(epoch=peer.epoch, mirrored=start, applied=start)
    )
    if max(begin.applied, begin.mirrored) > head.size:
        raise DiscFault(f"This log has {head.size} entries; a disc cannot begin after them.")
    files = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _put(folder, UNIT, documents.own_document().encode())
        for first in range(begin.mirrored // 256 * 256, head.size, LEAVES):
            stop = min(first + LEAVES, head.size)
            files += _put_once(
                folder, f"leaves-{_mark(peer)}-{first}-{stop}.parcel", peer, leaves=(first, stop)
            )
        at = begin.applied
        while at < head.size:
            at, made = _records(folder, peer, at, head.size)
            files += made
        octets, _ = packing.pack(peer, head=head)
        files += _put(folder, f"head-{_mark(peer)}-{head.size}.parcel", octets)
    except RequestRefused as refused:
        raise DiscFault(
            f"{folder} is not complete: {refused} Then repeat the command: it goes on where it stopped."
        ) from refused
    except OSError as fault:
        raise DiscFault(
            f"{folder}: {fault.strerror}. Repeat the command: it goes on where it stopped."
        ) from fault
    return Written(start=begin.applied, size=head.size, files=files)


def _begin(peer: Peer, folder: Path, cursor: Path | None) -> Cursor:
    """Return where the disc begins, and remember a cursor that came back."""
    path = cursor or folder / cursor_name(issuer=origin(), reader=peer.origin)
    if cursor is not None or path.exists():
        came = read_cursor(path, peer)
        take_cosigned(path.parent, peer)
        Sent.objects.update_or_create(
            peer=peer, way="disc", defaults={"epoch": came.epoch, "size": came.applied}
        )
        if came.applied > peer.delivered and came.epoch == peer.epoch:
            Peer.objects.filter(pk=peer.pk).update(delivered=came.applied)
    else:
        sent = Sent.objects.filter(peer=peer, way="disc").first() or Sent(peer=peer)
        came = Cursor(epoch=sent.epoch, mirrored=sent.size, applied=sent.size)
    if came.epoch == peer.epoch:
        return came
    return Cursor(epoch=peer.epoch, mirrored=came.mirrored, applied=0)


def _records(folder: Path, peer: Peer, at: int, size: int) -> tuple[int, int]:
    """Write the records from an index on, unless they lie there; return where they end, and 1 if they were written."""
    mark = f"records-{_mark(peer)}-{peer.epoch}-{at}-"
    for path in folder.glob(f"{mark}*.parcel"):
        stop = path.name.removeprefix(mark).removesuffix(".parcel")
        if stop.isascii() and stop.isdigit() and at < int(stop) <= size:
            return int(stop), 0
    octets, stop_at = packing.pack(peer, records=(at, size), known=size)
    return stop_at, _put(folder, f"{mark}{stop_at}.parcel", octets)


def _put_once(folder: Path, name: str, peer: Peer, *, leaves: tuple[int, int]) -> int:
    if (folder / name).exists():
        return 0
    return _put(folder, name, packing.pack(peer, leaves=leaves)[0])


def _put(folder: Path, name: str, octets: bytes) -> int:
    """Write a file whole or not at all."""
    draft = folder / f".{name}.part"
    draft.unlink(missing_ok=True)  # who carried the disc may have laid a link there
    with draft.open("xb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / name)
    return 1


def _mark(peer: Peer) -> str:
    return f"{name_of(origin())}-{name_of(peer.origin)}"


# --- the cursor that goes back -----------------------------------------------------------------------


def cursor_name(*, issuer: str, reader: str) -> str:
    """Return the file name of a cursor."""
    return f"cursor-{name_of(issuer)}-{name_of(reader)}"


def cosigned_name(*, issuer: str, reader: str) -> str:
    """Return the file name of an issuer's head under the cosignature of a reader's witness."""
    return f"cosigned-{name_of(issuer)}-{name_of(reader)}"


def take_cosigned(folder: Path, peer: Peer) -> None:
    """Take in what a peer's witness cosigned of our log, if that came back.

    Raises:
        DiscFault: what lies there is not that.
    """
    path = folder / cosigned_name(issuer=origin(), reader=peer.origin)
    if not path.exists():
        return
    try:
        witness.keep_carried(peer, read_small(path))
    except OSError as fault:
        raise DiscFault(f"{path}: {fault.strerror}.") from fault
    except NoteFault as fault:
        raise DiscFault(f"{path}: {fault} Leave it out.") from fault


def write_cursor(folder: Path, peer: Peer) -> Path:
    """Write how far we are with a peer's log, signed, to be carried back to it; and its head, cosigned by our witness.

    Raises:
        DiscFault: the folder cannot be written.
    """
    following = Following.objects.get(peer=peer)
    values = (origin(), peer.origin, following.epoch, following.mirrored, following.applied)
    lines = [_TITLE, *(f"{word} {value}" for word, value in zip(_WORDS, values, strict=True))]
    note = notes.sign("".join(f"{line}\n" for line in lines), *peer_keys()).encode()
    name = cursor_name(issuer=peer.origin, reader=origin())
    cosigned = witness.countersign(peer)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _put(folder, name, note)
        if cosigned:
            _put(folder, cosigned_name(issuer=peer.origin, reader=origin()), cosigned)
    except OSError as fault:
        raise DiscFault(
            f"{folder / name}: {fault.strerror}. The disc is taken in; write the cursor elsewhere with --cursors FOLDER."
        ) from fault
    return folder / name


def read_cursor(path: Path, peer: Peer) -> Cursor:
    """Read a cursor of a peer's.

    Raises:
        DiscFault: it is not one, or the peer did not sign it.
    """
    try:
        text = notes.open_note(read_small(path), keyring.verifiers(peer, "peer"))
    except OSError as fault:
        raise DiscFault(f"{path}: {fault.strerror}.") from fault
    except NoteFault as fault:
        raise DiscFault(f"{path}: {fault} Leave it out, or give --from INDEX.") from fault
    lines = text.removesuffix("\n").split("\n")
    values = []
    for number, word in enumerate(("minqing", *_WORDS)):
        line = lines[number] if number < len(lines) else ""
        found, _, value = line.partition(" ")
        if found != word:
            raise DiscFault(f"{path}, line {number + 1}: it should begin with {word!r}.")
        values.append(value)
    if lines[0] != _TITLE or tuple(values[1:3]) != (peer.origin, origin()):
        raise DiscFault(
            f"{path}, line 1 to 3: it is not the cursor of {peer.name} about this unit."
        )
    try:
        epoch, mirrored, applied = map(notes.parse_size, values[3:])
    except NoteFault as fault:
        raise DiscFault(f"{path}, line 4 to 6: {fault}") from fault
    if epoch >= _EPOCHS:
        raise DiscFault(f"{path}, line 4: this unit never gave grants the number {epoch}.")
    return Cursor(epoch=epoch, mirrored=mirrored, applied=applied)


# --- in --------------------------------------------------------------------------------------------


def read_small(path: Path) -> bytes:
    """Read a document or a cursor of a disc: no more of it than one can have.

    Raises:
        OSError: it cannot be read, or it is no file.
    """
    with _opened(path) as stream:
        return stream.read(documents.LIMIT + 1)


def _opened(path: Path) -> BinaryIO:
    """Open a file of a disc; a pipe or a device that somebody laid there would never end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file")
    return path.open("rb")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A parcel on a disc, or why one cannot be read."""

    path: Path
    at: int
    """Octet of the file at which it begins, or at which reading ended."""

    parcel: parcels.Parcel | None
    fault: str = ""


def scan(path: Path) -> Iterator[Found]:
    """Yield what lies in a folder, or in one file of parcels put end to end, in order of name.

    Raises:
        DiscFault: nothing of ours is there.
    """
    files = sorted(path.glob("*.parcel")) if path.is_dir() else [path]
    if not files:
        raise DiscFault(f"{path} holds no parcels (files that end in .parcel).")
    for file in files:
        yield from _scan_file(file)


def _scan_file(path: Path) -> Iterator[Found]:
    try:
        with _opened(path) as stream:
            while True:
                at = stream.tell()
                parcel = parcels.read(stream)
                if parcel is None and at:
                    return
                yield Found(path=path, at=at, parcel=parcel, fault="The file is empty.")
                if parcel is None:
                    return
    except ParcelFault as fault:
        yield Found(path=path, at=fault.at, parcel=None, fault=str(fault))
    except OSError as fault:
        yield Found(path=path, at=0, parcel=None, fault=f"{fault.strerror}.")


def load(path: Path, at: int, digest: str) -> parcels.Parcel:
    """Read one parcel again that was checked when it had this digest.

    Raises:
        ParcelFault: it is not that one any more. A disc may answer as it likes; its issuer does not answer for it.
    """
    try:
        with _opened(path) as stream:
            stream.seek(at)
            parcel = parcels.read(stream)
    except OSError as fault:
        raise ParcelFault(f"{path}, octet {at}: {fault.strerror}.", at=at) from fault
    if parcel is None or parcel.digest != digest:
        raise ParcelFault(
            f"{path}, octet {at}: It is not what was read there before. Carry the disc again.",
            at=at,
        )
    return parcel

"""Signed notes, checkpoints and cosignatures, byte for byte as C2SP has them. Ed25519 only, on purpose.

Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature (the Ed25519 form).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sync.errors import NoteFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ED25519 = 0x01
"""Signature type of a key that signs note texts."""

COSIGNATURE = 0x04
"""Signature type of a witness key: timestamped Ed25519 cosignatures."""

NOTE_LIMIT = 128 * 1024
"""Longest note read, in octets: far more than 16 signatures."""

_SIGNATURE_LIMIT = 64
_KEY_LENGTH = 32
_SIZE_LIMIT = 2**63 - 1
_UNFIT = re.compile(r"[\s+\x00-\x20\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name and signature type: what C2SP calls a vkey."""

    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four octets that, with the name, say which key signed."""
        return hashlib.sha256(
            self.name.encode() + b"\n" + bytes([self.type]) + self.public
        ).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode64(bytes([self.type]) + self.public)}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the vkey, in groups of four digits for reading aloud."""
        digits = hashlib.sha256(str(self).encode()).hexdigest()[:32]
        return " ".join(digits[at : at + 4] for at in range(0, 32, 4))

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read ``<name>+<key id>+<base64 of type and key>``.

        Raises:
            NoteFault: malformed, an unsupported type, or the key id belongs to another key.
        """
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise NoteFault("A verifier key reads <name>+<key id>+<key>.")
        material = decode64(parts[2])
        if len(material) != _KEY_LENGTH + 1 or material[0] not in {ED25519, COSIGNATURE}:
            raise NoteFault(f"The verifier key of {parts[0]!r} is not an Ed25519 key.")
        key = cls(check_name(parts[0]), material[0], material[1:])
        if key.id.hex() != parts[1]:
            raise NoteFault(f"The verifier key of {parts[0]!r} has a wrong key id.")
        return key

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a raw Ed25519 signature.

        Raises:
            NoteFault: it does not verify.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as fault:
            raise NoteFault(f"The signature of {self.name} does not verify.") from fault


@dataclass(frozen=True)
class SigningKey:
    """A private key; never printed, never sent."""

    name: str
    type: int
    private: Ed25519PrivateKey

    @classmethod
    def from_seed(cls, name: str, seed: bytes, key_type: int = ED25519) -> SigningKey:
        """Make the key that 32 secret octets stand for."""
        return cls(check_name(name), key_type, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def verifier(self) -> VerifierKey:
        """Its public half."""
        return VerifierKey(self.name, self.type, self.private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"<signing key {self.verifier}>"


@dataclass(frozen=True)
class Signature:
    """One signature line: who says to have signed, and the octets."""

    name: str
    key_id: bytes
    octets: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"— {self.name} {encode64(self.key_id + self.octets)}\n"


@dataclass(frozen=True)
class Note:
    """A text and the signature lines under it; nothing about it is verified yet."""

    text: str
    """With its final newline, without the blank line that follows."""

    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """Return the note's octets."""
        return (
            self.text + "\n" + "".join(signature.line for signature in self.signatures)
        ).encode()


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: the first three lines of a checkpoint. We write no extension lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The note text to sign."""
        lines = [self.origin, str(self.size), encode64(self.root), *self.extensions]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Cosignature:
    """A witness saw this tree head as the largest consistent one at this time (POSIX seconds)."""

    key: VerifierKey
    timestamp: int


def encode64(octets: bytes) -> str:
    """Return standard base64 (RFC 4648, section 4)."""
    return base64.b64encode(octets).decode()


def decode64(text: str) -> bytes:
    """Read standard base64 and refuse every other spelling of the same octets.

    Raises:
        NoteFault: not canonical base64.
    """
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise NoteFault("This is not base64.") from fault
    if encode64(octets) != text:
        raise NoteFault("This base64 is not canonical.")
    return octets


def check_name(name: str) -> str:
    """Return a key name that may stand in a note.

    Raises:
        NoteFault: empty, not UTF-8, or holds a space, a plus sign or a control character.
    """
    if not name or _UNFIT.search(name):
        raise NoteFault(f"{name!r} cannot be a key's name: no spaces, no plus sign, not empty.")
    return name


def parse_note(octets: bytes) -> Note:
    """Split a note into text and signatures without verifying anything.

    Raises:
        NoteFault: not a signed note.
    """
    if len(octets) > NOTE_LIMIT:
        raise NoteFault("The note is too long.")
    try:
        whole = octets.decode()
    except UnicodeDecodeError as fault:
        raise NoteFault("The note is not UTF-8.") from fault
    if _CONTROL.search(whole):
        raise NoteFault("The note holds a control character.")
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not text or not tail.endswith("\n"):
        raise NoteFault("The note has no text, no blank line or no signature.")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > _SIGNATURE_LIMIT:
        raise NoteFault(f"The note has more than {_SIGNATURE_LIMIT} signatures.")
    return Note(text + "\n", tuple(parse_signature(line) for line in lines))


def parse_signature(line: str) -> Signature:
    """Read one signature line without its newline.

    Raises:
        NoteFault: malformed.
    """
    mark, name, material = ([*line.split(" "), "", ""])[:3]
    octets = decode64(material)
    if mark != "—" or line.count(" ") != 2 or len(octets) <= 4:
        raise NoteFault("A signature line reads: em dash, name, base64.")
    return Signature(check_name(name), octets[:4], octets[4:])


def sign(text: str, *keys: SigningKey) -> Note:
    """Sign a note text with keys of type ``ED25519``.

    Raises:
        NoteFault: the text cannot be a note's.
    """
    if not text.endswith("\n") or text == "\n" or any(c < " " and c != "\n" for c in text):
        raise NoteFault("A note's text ends in a newline and holds no control characters.")
    if any(key.type != ED25519 for key in keys):
        raise NoteFault("A witness key signs cosignatures only.")
    made = (Signature(key.name, key.verifier.id, key.private.sign(text.encode())) for key in keys)
    return Note(text, tuple(made))


def signed_by(note: Note, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Return which of the known keys signed the text; unknown signatures are ignored.

    Raises:
        NoteFault: a line names a known key but does not verify.
    """
    known = {(key.name, key.id): key for key in keys if key.type == ED25519}
    found: list[VerifierKey] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None and key not in found:
            key.verify(signature.octets, note.text.encode())
            found.append(key)
    return found


def is_signed_by_others(octets: bytes, keys: Iterable[VerifierKey]) -> bool:
    """Tell whether a note can be read and no line of it is by one of these keys: then nothing about it can be judged yet."""
    known = {(key.name, key.id) for key in keys}
    try:
        note = parse_note(octets)
    except NoteFault:
        return False
    return not any((line.name, line.key_id) in known for line in note.signatures)


def open_note(octets: bytes, keys: Sequence[VerifierKey]) -> str:
    """Return the text of a note that at least one known key signed.

    Raises:
        NoteFault: malformed, no known key signed, or a known key's line does not verify.
    """
    note = parse_note(octets)
    if not signed_by(note, keys):
        raise NoteFault("No key that is known here signed this note.")
    return note.text


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's note text.

    Raises:
        NoteFault: not origin, size, root in exactly their forms.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "" or not all(lines):
        raise NoteFault("A checkpoint has three lines: origin, size, root.")
    origin, digits, root, *extensions = lines
    size = parse_size(digits)
    octets = decode64(root)
    if len(octets) != hashlib.sha256().digest_size:
        raise NoteFault("A checkpoint's root has 32 octets.")
    return Checkpoint(origin, size, octets, tuple(extensions))


def parse_size(digits: str) -> int:
    """Read a tree size: decimal, no sign, no leading zero.

    Raises:
        NoteFault: not a size.
    """
    if (
        not digits.isascii()
        or not digits.isdigit()
        or len(digits) > 19
        or str(int(digits)) != digits
    ):
        raise NoteFault(f"{digits[:40]!r} is no tree size.")
    size = int(digits)
    if size > _SIZE_LIMIT:
        raise NoteFault("The tree size is out of range.")
    return size


def open_checkpoint(octets: bytes, key: VerifierKey, *, origin: str | None = None) -> Checkpoint:
    """Read a checkpoint that the log's own key signed.

    Args:
        octets: the note.
        key: the log's key; its name is the origin.
        origin: what the first line must say; the key's name if not given.

    Raises:
        NoteFault: malformed, not signed by the key, or of another origin.
    """
    checkpoint = parse_checkpoint(open_note(octets, [key]))
    if checkpoint.origin != (origin or key.name):
        raise NoteFault(
            f"The checkpoint is of {checkpoint.origin!r}, not of {origin or key.name!r}."
        )
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, *keys: SigningKey) -> Note:
    """Sign a tree head; with two keys while one follows the other."""
    return sign(checkpoint.text, *keys)


def cosign(text: str, key: SigningKey, timestamp: int) -> Signature:
    """Cosign a checkpoint's text at a time in POSIX seconds.

    Raises:
        NoteFault: not a checkpoint, not a witness key, or a time out of range.
    """
    parse_checkpoint(text)
    if key.type != COSIGNATURE or not 0 < timestamp <= _SIZE_LIMIT:
        raise NoteFault("A cosignature needs a witness key and a time.")
    signed = key.private.sign(_cosigned(text, timestamp))
    return Signature(key.name, key.verifier.id, struct.pack(">Q", timestamp) + signed)


def cosigned_by(note: Note, keys: Iterable[VerifierKey]) -> list[Cosignature]:
    """Return the cosignatures by known witness keys, one per key; unknown lines are ignored.

    Raises:
        NoteFault: a line names a known witness key but does not verify.
    """
    known = {(key.name, key.id): key for key in keys if key.type == COSIGNATURE}
    found: dict[VerifierKey, Cosignature] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None or key in found:
            continue
        if len(signature.octets) != 72:
            raise NoteFault(f"The cosignature of {key.name} has a wrong length.")
        (timestamp,) = struct.unpack(">Q", signature.octets[:8])
        key.verify(signature.octets[8:], _cosigned(note.text, timestamp))
        found[key] = Cosignature(key, timestamp)
    return list(found.values())


def _cosigned(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()

"""What can go wrong with records, ledger and exchange; one base, each message says what to do."""

from __future__ import annotations

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding somebody else's JSON or msgpack may raise: no such value, no UTF-8, nested too deep."""


class SyncFault(Exception):
    """Base of every error of this room."""


class RecordFault(SyncFault):
    """A record's octets are not a record: header not canonical, field unknown, too long."""


class RecordRejected(SyncFault):
    """An apply handler refuses one received record; its subject waits, nothing else does.

    ``about`` names the subject whose home it waits to learn, if that is all: it is tried again when there is news of that one.
    """

    def __init__(self, commitment: str, reason: str, *, about: str = "") -> None:
        super().__init__(f"{commitment}: {reason}")
        self.commitment = commitment
        self.reason = reason
        self.about = about


class NoteFault(SyncFault):
    """A signed note, checkpoint, cosignature or key is malformed, or no known key signed it."""


class ProofFault(SyncFault):
    """A Merkle proof, tile or proof file does not show what it claims."""


class PolicyFault(SyncFault):
    """A policy file cannot be read; the message names the line."""


class LedgerFault(SyncFault):
    """The ledger cannot do what was asked; nothing was written."""


class RolledBack(LedgerFault):
    """The signer has signed more than the database holds: the database was restored or this is a copy."""


class SignerFault(SyncFault):
    """The signer did not sign."""


class SignerUnreachable(SignerFault):
    """Nobody answers on the signer's socket. Records wait; the next sweep tries again."""


class SignerRefused(SignerFault):
    """The signer answers no. ``code`` says why (see ``sync.signer.messages``), ``size`` what it signed last."""

    def __init__(self, code: str, sentence: str, size: int = 0) -> None:
        super().__init__(sentence)
        self.code = code
        self.size = size

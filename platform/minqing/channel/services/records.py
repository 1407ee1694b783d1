"""Appending the channel's records: each in the transaction of the change, all waiting for the slot."""

from __future__ import annotations

import msgspec

from sync import audiences, identity, ledger

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


def own_record(kind: str, subject: str, body: bytes, media_type: str) -> str:
    """Append a record that only this unit holds; returns its commitment."""
    return record_for(identity.origin(), kind, subject, body, media_type)


def record_for(origin: str, kind: str, subject: str, body: bytes, media_type: str) -> str:
    """Append a record for one unit; returns its commitment."""
    appended = ledger.append(
        kind=kind,
        subject=subject,
        body=body,
        audience=audiences.for_unit(origin),
        media_type=media_type,
    )
    return appended.commitment


def json_body(value: object) -> bytes:
    """Encode details; equal details give equal octets."""
    return msgspec.json.encode(value, order="deterministic")

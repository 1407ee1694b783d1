"""What the channel's records to other units say beside the octets they carry."""

from __future__ import annotations

import msgspec

from minqing.channel.evidence import Original  # noqa: TC001  # msgspec reads it at run time


class ReferralDetails(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goes before the citizen's words in ``channel.referral``. No contact, no number, nothing of the code."""

    kind: str
    place: str
    way: str
    day: str  # on which the first receiver got it
    reason: str
    answer_by: str
    passed_up: bool
    original: Original


class MessageDetails(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goes before the octets of ``channel.message``; ``about`` is the subject at the first receiver."""

    about: str
    purpose: str
    day: str


class PhotoDetails(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goes before a photo's sealed original in ``channel.photo`` (ours) and ``channel.attachment`` (for another unit)."""

    about: str
    media_type: str
    digest: str  # of the salted original, see ``channel.originals``


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``channel.status``: the case moved, was rated or pressed at the sending unit."""

    about: str
    state: str
    note: str
    day: str
    verdict: str = ""
    pressed: bool = False

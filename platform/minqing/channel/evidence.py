"""A record of ours as it stands in the ledger: what another unit needs to check that nothing was changed."""

from __future__ import annotations

import msgspec

from sync.errors import RecordFault
from sync.formats.records import commitment as committed_to
from sync.formats.records import decode_header
from sync.models.ledger import Entry, Opening, Pending


class Original(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Header and salt that, with the octets, give the commitment the reporter's receipt shows."""

    commitment: str
    header: bytes
    salt: bytes

    def fits(self, octets: bytes) -> bool:
        """Say whether the octets are exactly those that were committed to as a citizen's words."""
        try:
            header = decode_header(self.header)
            return (
                header.kind == "channel.words"
                and committed_to(self.salt, self.header, octets) == self.commitment
            )
        except RecordFault:
            return False


def original_of(commitment: str) -> Original | None:
    """Return the evidence for one of our records, waiting or sealed; None when it was erased."""
    octets = bytes.fromhex(commitment)
    pending = Pending.objects.filter(commitment=octets).values_list("header", "salt").first()
    if pending is None:
        index = Entry.objects.filter(commitment=octets).values_list("index", flat=True).first()
        pending = (
            Opening.objects.filter(index=index).values_list("header", "salt").first()
            if index is not None
            else None
        )
    if pending is None:
        return None
    return Original(commitment=commitment, header=bytes(pending[0]), salt=bytes(pending[1]))

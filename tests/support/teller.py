"""Made-up units that tell steps of handovers of one official, and what becomes of them at the unit that reads them."""

from __future__ import annotations

import uuid
from contextlib import ExitStack, contextmanager

from minqing.archives import bodies
from sync import identity
from sync.exchange import peers, pull
from sync.exchange.homes import custody, handover
from sync.formats import first_homes, handovers
from sync.formats.handovers import Close, Offer, Taken
from sync.models import Peer, Quarantine
from tenants.current import unit_context
from tests.support import liar as lies

OLD_HOME = "minqing/430581/0a1b2c3d"
PUBLIC_ID = first_homes.new_id(OLD_HOME)
SUBJECT = f"official:{PUBLIC_ID}"


class Teller(lies.Liar):
    """A made-up unit that tells steps of handovers and facts about one official."""

    def step(self, kind, day="2026-11-22", subject=SUBJECT, **fields):
        """Append one step."""
        body = handovers.encode(kind(subject=subject, **fields))
        return self.add(body, kind=handovers.KIND, subject=handovers.subject_of(subject), day=day)

    def facts(self, version=1, official=PUBLIC_ID):
        """Append the official's public facts."""
        post = bodies.PostBody(
            duties="", from_month="202403", title="镇长", to_month="", unit_name="坪上镇"
        )
        body = bodies.OfficialBody(
            home_name=self.code, name="王示例", official=str(official), posts=(post,), reason="",
            state="published", telephone="", version=version,
        )  # fmt: skip
        return self.add(
            bodies.encode(body), kind=bodies.OFFICIAL_KIND, subject=f"official:{official}"
        )

    def entry(self, official, number, version=1, source="visit"):
        """Append an entry about an official."""
        name = str(uuid.UUID(int=number, version=4))
        body = bodies.EntryBody(
            day="2026-11-02", entry=name, expires_on="", home_name=self.code, negative=False, official=official,
            official_name="王示例", reason="x" * (version > 1), source=source, source_commitment="", source_unit="",
            state="published", text="一段话", title="标题", unit_name="坪上镇", version=version,
        )  # fmt: skip
        return self.add(bodies.encode(body), kind=bodies.ENTRY_KIND, subject=f"entry:{name}")

    def offers(self, to, number=1):
        """Append an offer."""
        return self.step(Offer, number=number, records=0, root="", to=to.origin)

    def closes(self, offer, accept):
        """Append a close."""
        return self.step(Close, offer=offer, accept=accept, records=0, root="")

    def takes(self, cites, of, head=b""):
        """Append the word that it holds a close."""
        return self.step(Taken, cites=cites, of=of.origin, head=head.decode())


@contextmanager
def three_connected(county):
    """The old home, the new one and their superior, all made up and connected to 新邵县."""
    with ExitStack() as stack:
        tellers = [
            stack.enter_context(Teller(code, origin=origin).served())
            for code, origin in (("430581", OLD_HOME), ("430582", ""), ("430500", ""))
        ]
        stack.enter_context(unit_context(county))
        for teller in tellers:
            teller.recipient = identity.origin()
            state = peers.connection_request(teller.address)
            peers.connection_accept(state.origin, state.fingerprint)
            Peer.objects.filter(origin=teller.origin).update(accepted_there="2026-11-01")
        tellers[0].facts()
        yield tellers


def read(*tellers):
    """Pull from these, in this order, then do what the sweep does."""
    for teller in tellers:
        if teller.records:
            fault = pull.pull(Peer.objects.get(origin=teller.origin)).fault
            assert fault == "", fault
    handover.try_again()


def home():
    """Return the home's origin and why it is contested."""
    stands = custody.standing(SUBJECT)
    assert stands is not None
    return stands.home, stands.contested


def held():
    """Return the sentences of what is held back."""
    return [row.sentence for row in Quarantine.objects.order_by("peer", "index")]

"""An official changes home between real units over real HTTP; whoever follows both sees exactly one home at any index."""

from __future__ import annotations

import pytest

from minqing.archives import selectors, services
from minqing.archives.errors import MoveRefused
from minqing.archives.models import Official
from sync.exchange import custody
from sync.ledger import receipts
from tenants.current import unit_context
from tests.support.archives import Office, wording
from tests.support.handing import connect_all, origin_of, pull_in, settle
from tests.support.served import served


@pytest.fixture
def three(fresh_database, county, neighbour, city):
    """新邵 keeps an official, 隆回 takes over, 邵阳 follows both."""
    with served() as port:
        connect_all(port, county, neighbour, city)
        offices = {}
        for unit in (county, neighbour, city):
            with unit_context(unit):
                offices[unit.code] = Office()
        with unit_context(county):
            official = offices[county.code].official("王示例")
            offices[county.code].published(official)
        settle(county, neighbour, city)
        yield Three(offices, official, county, neighbour, city)


class Three:
    def __init__(self, offices, official, county, neighbour, city):
        self.offices, self.official = offices, official
        self.county, self.neighbour, self.city = county, neighbour, city
        self.subject = f"official:{official}"

    def by(self, unit):
        return self.offices[unit.code].supervisor

    def offer(self):
        to = origin_of(self.neighbour)
        with unit_context(self.county):
            return services.official_offer(by=self.by(self.county), official=self.official, to=to)

    def accept(self, offer):
        with unit_context(self.neighbour):
            return services.offer_accept(by=self.by(self.neighbour), offer=offer)

    def standing(self, unit):
        with unit_context(unit):
            return custody.standing(self.subject)


def test_an_official_moves_with_history_and_original_proofs(three):
    county, neighbour, city = three.county, three.neighbour, three.city
    offer = three.offer()
    with unit_context(county), pytest.raises(MoveRefused, match="在办"):
        services.official_offer(
            by=three.by(county), official=three.official, to=origin_of(neighbour)
        )
    pull_in(neighbour, county)
    three.accept(offer)
    with unit_context(neighbour):
        assert not Official.objects.filter(public_id=three.official).exists()
    pull_in(county, neighbour)
    pull_in(city, neighbour, county)
    pull_in(neighbour, county)
    new_home = origin_of(neighbour)
    assert three.standing(county).home == three.standing(neighbour).home == new_home
    with unit_context(county), pytest.raises(MoveRefused, match="已经移交"):
        three.offices[county.code].draft(three.official)
    with unit_context(neighbour):
        office = three.offices[neighbour.code]
        services.official_publish(by=office.reviewer, official=three.official)
        entry = office.published(three.official, wording=wording(title="到任后的第一件事"))
    settle(city, neighbour, county)
    for unit in (county, neighbour, city):
        stands = three.standing(unit)
        assert (stands.home, stands.contested) == (new_home, "")
        with unit_context(unit):
            page = selectors.official_page(three.official)
            assert page.official.origin == new_home
            assert {shown.origin for shown in page.entries} == {origin_of(county), new_home}
            assert entry in {shown.public_id for shown in page.entries}
            (passage,) = stands.passages
            for commitment in (passage.settled, passage.taken, page.entries[1].commitment):
                assert receipts.prove_public(commitment) is not None
            listed = [
                one.public_id
                for code in (county.code, neighbour.code)
                for one in selectors.officials_of_unit(code)
            ]
            assert listed == [three.official]

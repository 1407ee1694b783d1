"""An official changes home between real units over real HTTP; whoever follows both sees exactly one home at any index."""

from __future__ import annotations

import dataclasses
import io

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from minqing.accounts.models import Role
from minqing.archives import selectors, services
from minqing.archives.errors import MoveRefused, SamePerson
from minqing.archives.models import Official
from sync import sweeps
from sync.exchange.homes import custody, rereading
from sync.exchange.homes import rows as handover_rows
from sync.ledger import receipts
from sync.models.handovers import Custody, Handover, Tenure
from tenants.current import unit_context
from tests.support.archives import Office, wording
from tests.support.backups import back_up, bring_back, restore
from tests.support.desk import hidden, signed_in, staff_of
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
    """Three connected units with their staff, and one official of the first."""

    def __init__(self, offices, official, county, neighbour, city):
        self.offices, self.official = offices, official
        self.county, self.neighbour, self.city = county, neighbour, city
        self.subject = f"official:{official}"
        self.path = f"/desk/handovers/{official}/"

    def press(self, unit, action, **fields):
        """Press a button of the desk's page as the unit's supervisor; return what is shown then."""
        client = signed_in(unit, self.offices[unit.code].supervisor)
        page = client.get(self.path).content.decode()
        assert action in page, page
        token = hidden(page, "once")
        return client.post(action, {"once": token, **fields}, follow=True).content.decode()

    def standing(self, unit):
        """Return how the official stands at a unit."""
        with unit_context(unit):
            return custody.standing(self.subject)

    def offer(self):
        """Offer at 新邵's desk; return the offer's commitment."""
        said = self.press(self.county, f"{self.path}offer/", to=origin_of(self.neighbour))
        assert "等对方接收" in said
        return self.standing(self.county).passages[-1].offer


def test_an_official_moves_with_history_and_original_proofs(three, visit):
    county, neighbour, city = three.county, three.neighbour, three.city
    offer = three.offer()
    with unit_context(county), pytest.raises(MoveRefused, match="在办"):
        services.official_offer(
            by=three.offices[county.code].supervisor, official=three.official, to=origin_of(city)
        )
    pull_in(neighbour, county)
    # The cancel and the accept cross on their way: the old home's log decides.
    assert "撤回了" in three.press(county, f"{three.path}{offer}/cancel/", reason="名单有误")
    assert "已经接收" in three.press(neighbour, f"{three.path}{offer}/accept/")
    settle(county, neighbour, city)
    for unit in (county, neighbour, city):
        assert three.standing(unit).home == origin_of(county)
        assert three.standing(unit).passages[0].state == "cancelled"

    offer = three.offer()
    pull_in(neighbour, county)
    assert "已经接收" in three.press(neighbour, f"{three.path}{offer}/accept/")
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
            passage = stands.passages[-1]
            for commitment in (passage.settled, passage.taken, page.entries[1].commitment):
                assert receipts.prove_public(commitment) is not None
            listed = [
                one.public_id
                for code in (county.code, neighbour.code)
                for one in selectors.officials_of_unit(code)
            ]
            assert listed == [three.official]
        public = visit(unit).get(f"/officials/{three.official}/").content.decode()
        assert "原由新邵县管理" in public
        assert "现由隆回县管理" in public
        proof = visit(unit).get(f"/officials/{three.official}/handover/{passage.settled}")
        assert proof.content.startswith(b"c2sp.org/tlog-proof")

    # The official comes back: the first home keeps them a second time, and goes on from the newest facts.
    with unit_context(neighbour):
        back = services.official_offer(
            by=three.offices[neighbour.code].supervisor,
            official=three.official,
            to=origin_of(county),
        )
    pull_in(county, neighbour)
    assert "已经接收" in three.press(county, f"{three.path}{back}/accept/")
    settle(neighbour, county, city)
    with unit_context(county), pytest.raises(MoveRefused):
        services.offer_cancel(
            by=three.offices[county.code].supervisor, offer=offer, reason="早已关闭"
        )
    with unit_context(neighbour):
        with pytest.raises(MoveRefused, match="已经移交"):
            three.offices[neighbour.code].draft(three.official)
        with pytest.raises(MoveRefused):  # it is closed: there is nothing to take back
            services.offer_cancel(
                by=three.offices[neighbour.code].supervisor, offer=back, reason="反悔"
            )
    with unit_context(county):
        services.official_publish(by=three.offices[county.code].reviewer, official=three.official)
        three.offices[county.code].published(three.official, wording=wording(title="回来以后"))
    settle(city, neighbour, county)
    for unit in (county, neighbour, city):
        stands = three.standing(unit)
        assert (stands.home, stands.contested) == (origin_of(county), "")
        with unit_context(unit):
            page = selectors.official_page(three.official)
            assert (page.official.origin, len(page.entries)) == (origin_of(county), 3)


def test_a_restored_home_learns_its_own_steps_again_from_its_log(three):
    county, neighbour = three.county, three.neighbour
    offer = three.offer()
    before = three.standing(county)
    pull_in(neighbour, county)
    with unit_context(county):
        for table in (Handover, Tenure, Custody):  # as an older backup has them
            table.objects.all().delete()
        for _ in range(2):
            assert rereading.own_steps_again() == 0
            assert custody.standing(three.subject) == before
    three.press(neighbour, f"{three.path}{offer}/accept/")
    pull_in(county, neighbour)
    with unit_context(county):
        for table in (Handover, Tenure, Custody):
            table.objects.all().delete()
        assert rereading.own_steps_again() == 0  # the close, too, whose accept the peer's log holds
        assert custody.home_of(three.subject) == origin_of(neighbour)


def test_a_home_that_was_restored_closes_nothing_twice_and_contests_nothing(three):
    county, neighbour, city = three.county, three.neighbour, three.city
    offer = three.offer()
    settle(county, neighbour, city)
    back_up(county, "%")
    three.press(neighbour, f"{three.path}{offer}/accept/")
    settle(county, neighbour, city)
    restore(county, "%")
    pull_in(
        county, neighbour
    )  # the accept comes a second time, to a home that does not know its close
    with unit_context(county):
        assert handover_rows.is_behind()
    bring_back(county)
    settle(county, neighbour, city)
    for unit in (county, neighbour, city):
        with unit_context(unit):
            sweeps.sweep_unit()
        stands = three.standing(unit)
        assert (stands.home, stands.contested) == (origin_of(neighbour), "")


def test_an_order_of_the_superior_takes_two_people_and_a_public_notice(three):
    county, neighbour, city = three.county, three.neighbour, three.city
    for unit in (county, neighbour, city):
        with unit_context(unit):
            custody.superior_set(origin_of(county), origin_of(city))
    said = three.press(
        city, f"{three.path}notice/", to=origin_of(neighbour), reason="服务器损毁，两个月没有恢复"
    )
    assert "公示发出了" in said
    notice = three.standing(city).rulings[0].notice
    first = three.offices[city.code].supervisor
    second = staff_of(city, "second", Role.SUPERVISOR)
    assert "录入了" in three.press(
        city, f"{three.path}{notice}/enter/", document_number="邵组发〔2026〕9号"
    )
    with unit_context(city):
        with pytest.raises(SamePerson):
            services.order_confirm(by=first, notice=notice)
        with pytest.raises(MoveRefused, match="公示期"):
            services.order_confirm(by=second, notice=notice)
    with override_settings(MINQING=dataclasses.replace(settings.MINQING, notice_days=0)):
        with unit_context(city):
            services.order_confirm(by=second, notice=notice)
        pull_in(neighbour, county, city)
        pull_in(city, neighbour)
        new_home = origin_of(neighbour)
        assert three.standing(city).home == three.standing(neighbour).home == new_home
        with unit_context(neighbour):
            office = three.offices[neighbour.code]
            services.official_publish(by=office.reviewer, official=three.official)
        # The old home lived after all and, not having heard of it, went on.
        with unit_context(county):
            three.offices[county.code].published(three.official)
        pull_in(city, neighbour, county)
        with unit_context(city):
            page = selectors.official_page(three.official)
            assert (page.official.origin, len(page.entries)) == (new_home, 1)
        # It hears of the notice and objects: whoever follows both is told that people must decide.
        pull_in(county, city)
        said = three.press(county, f"{three.path}{notice}/object/", reason="本单位正常运行")
        assert "异议提出了" in said
        pull_in(city, county)
        assert three.standing(city).contested == "objected"
    said = io.StringIO()
    call_command("handover", "list", city.code, stdout=said)
    assert "CONTESTED: objected" in said.getvalue()

"""A home that is made up hands over to another made-up unit, in every wrong way; 新邵县 follows both over real HTTP.

Whoever reads the same logs must see the same one home at any index, in whatever order it reads them; where the logs
contradict themselves or each other nothing moves, and the public page says that it is contested.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from minqing.archives import selectors
from minqing.archives.errors import NotInArchive
from sync.exchange import keys
from sync.exchange.homes import custody, handover
from sync.exchange.homes import rows as handover_rows
from sync.formats import first_homes, handovers, notes, possession
from sync.formats.handovers import Accept, Cancel, Close, Notice, Offer
from sync.models import Incident, Peer
from sync.models.handovers import Custody
from tests.support.teller import PUBLIC_ID, SUBJECT, held, home, read


def test_a_new_home_read_before_the_old_one_is_not_believed_sooner(told):
    old, new, _ = told
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    new.facts()  # too early: it does not hold the close
    read(new)
    with pytest.raises(NotInArchive):
        selectors.official_page(PUBLIC_ID)
    read(old)
    assert home() == (old.origin, "")
    assert selectors.official_page(PUBLIC_ID).official.origin == old.origin
    assert custody.standing(SUBJECT).passages[0].accept == accept


@pytest.mark.parametrize("new_home_first", [True, False])
def test_one_home_at_any_index_in_whatever_order_the_logs_are_read(told, new_home_first):
    old, new, _ = told
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    close = old.closes(offer, accept)
    new.takes(close, old, old.checkpoint())
    new.facts()
    read(*((new, old) if new_home_first else (old, new)))
    assert (home(), held()) == ((new.origin, ""), [])
    says = [custody.may_issue(SUBJECT, old.origin, index) for index in range(4)]
    assert says == ["", "", "", "after"]
    says = [custody.may_issue(SUBJECT, new.origin, index) for index in range(4)]
    assert says == ["before", "before", "", ""]
    assert selectors.official_page(PUBLIC_ID).official.origin == new.origin
    old.facts(version=2)
    read(old)
    assert held() == ["it was issued after the home had changed"]
    assert selectors.official_page(PUBLIC_ID).official.origin == new.origin
    assert custody.may_issue(SUBJECT, "minqing/430599/00000000", 5) == "waits"


def test_the_same_official_spelled_otherwise_is_not_handed_over_a_second_time(told):
    old, new, third = told
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    new.takes(old.closes(offer, accept), old, old.checkpoint())
    new.facts()
    read(old, new)

    def tell(teller, kind, **fields):
        other = SUBJECT.replace("-", "")
        body = handovers.encode(kind(subject=other, **fields))
        return teller.add(body, kind=handovers.KIND, subject=handovers.subject_of(other))

    before = selectors.official_page(PUBLIC_ID)
    offer = tell(old, Offer, number=1, records=0, root="", to=third.origin)
    accept = tell(third, Accept, offer=offer)
    tell(old, Close, offer=offer, accept=accept, records=0, root="")
    read(old, third)
    assert home() == (new.origin, "")
    assert selectors.official_page(PUBLIC_ID) == before


def test_a_former_home_reaches_no_entry_by_another_spelling_or_another_name(told):
    old, new, _ = told
    old.entry(str(PUBLIC_ID), 1)
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    new.takes(old.closes(offer, accept), old, old.checkpoint())
    read(old, new)
    before = selectors.official_page(PUBLIC_ID)
    old.entry(PUBLIC_ID.hex, 2)
    old.entry(str(uuid.UUID(int=7, version=4)), 1, version=2)
    read(old)
    assert held() == [
        "the official's id is not canonical",
        "it was issued after the home had changed",
    ]
    assert selectors.official_page(PUBLIC_ID) == before


def test_two_open_offers_are_contested_and_nothing_moves(told, county, visit):
    old, new, other = told
    first = old.offers(new)
    old.offers(other, number=2)
    accept = new.step(Accept, offer=first)
    old.closes(first, accept)
    read(old, new)
    assert home() == (old.origin, "two-offers")
    page = visit(county).get(f"/officials/{PUBLIC_ID}/").content.decode()
    assert "归属有争议" in page
    assert "同时向两家发出移交" in page


def test_an_accept_that_crosses_a_cancel_moves_nothing(told):
    old, new, _ = told
    offer = old.offers(new)
    new.step(Accept, offer=offer)
    old.step(Cancel, offer=offer, reason="暂缓")
    read(old, new)
    assert home() == (old.origin, "")
    again = old.offers(new, number=2)
    accept = new.step(Accept, offer=again)
    new.takes(old.closes(again, accept), old)
    read(new, old)
    assert (home(), held()) == ((new.origin, ""), [])


@pytest.mark.parametrize("step", ["offers", "notices"])
def test_whoever_names_a_home_before_any_facts_are_here_makes_nobody_the_home(told, step):
    old, new, stranger = told
    custody.superior_set(new.origin, stranger.origin)
    if step == "offers":
        stranger.offers(new)
    else:
        stranger.step(Notice, home=new.origin, to=stranger.origin, reason="停摆", size=0)
    read(stranger)
    assert custody.standing(SUBJECT) is None
    assert held() == ["Nothing about the subject itself is here: nobody is known to keep it."]
    read(old)
    assert home() == (old.origin, "")
    assert held() != ["Nothing about the subject itself is here: nobody is known to keep it."]
    assert len(held()) == 1


def test_whoever_is_read_first_takes_nobody_who_began_in_another_log(told):
    old, new, thief = told
    thief.facts()
    thief.offers(new)
    read(thief)
    assert custody.standing(SUBJECT) is None
    with pytest.raises(NotInArchive):
        selectors.official_page(PUBLIC_ID)
    offer = old.offers(new)
    read(old)
    assert home() == (old.origin, "")
    assert selectors.official_page(PUBLIC_ID).official.origin == old.origin
    new.takes(old.closes(offer, new.step(Accept, offer=offer)), old, old.checkpoint())
    read(new, old, thief)
    assert home() == (new.origin, "")
    assert len(held()) == 2  # the thief's facts and its offer, for ever


def test_an_offer_that_came_before_the_facts_counts_once_they_are_here(told):
    old, taker, _ = told
    old.records.clear()
    old.chains.clear()
    offer = old.offers(taker)
    read(old)
    assert custody.standing(SUBJECT) is None
    old.facts()
    read(old)
    assert (home(), held()) == ((old.origin, ""), [])
    assert custody.standing(SUBJECT).passages[0].offer == offer


def test_a_cancel_after_the_close_is_void_and_held_against_who_wrote_it(told):
    old, new, _ = told
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    close = old.closes(offer, accept)
    new.takes(close, old, old.checkpoint())
    new.facts()
    old.step(Cancel, offer=offer, reason="反悔")
    read(old, new)
    assert (home(), held()) == ((new.origin, ""), [])
    assert custody.standing(SUBJECT).passages[0].settled == close
    (incident,) = Incident.objects.all()
    assert (incident.name, incident.peer.origin, incident.freezes) == (
        "void-cancel",
        old.origin,
        False,
    )


def test_an_official_is_handed_back_to_a_former_home(told):
    old, new, _ = told
    offer = old.offers(new)
    close = old.closes(offer, new.step(Accept, offer=offer))
    new.takes(close, old, old.checkpoint())
    new.facts()
    back = new.offers(old)
    close = new.closes(back, old.step(Accept, offer=back))
    old.takes(close, new, new.checkpoint())
    old.facts(version=2)
    new.facts(version=2)  # it gave the official back
    read(new, old)
    read()  # what the new home's log brought is news for the old one's: the next sweep
    assert home() == (old.origin, "")
    assert held() == ["it was issued after the home had changed"]
    assert selectors.official_page(PUBLIC_ID).official.origin == old.origin
    says = [custody.may_issue(SUBJECT, old.origin, index) for index in range(6)]
    assert says == ["", "", "", "after", "after", ""]


def test_an_offer_closed_and_cancelled_is_contested(told):
    old, new, _ = told
    offer = old.offers(new)
    old.step(Cancel, offer=offer, reason="撤回")
    old.closes(offer, new.step(Accept, offer=offer))
    read(new, old)
    assert home() == (old.origin, "settled-twice")


@pytest.mark.parametrize("other", [False, True], ids=["the same again", "another accept"])
def test_a_former_home_that_closes_once_more_changes_and_contests_nothing(told, other):
    old, new, _ = told
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    new.takes(old.closes(offer, accept), old)
    read(old, new)
    assert home() == (new.origin, "")
    old.closes(offer, "ab" * 32 if other else accept)
    read(old)
    assert home() == (new.origin, "")
    found = [(row.name, row.peer.origin) for row in Incident.objects.all()]
    assert found == ([("void-close", old.origin)] if other else [])


def test_a_close_that_cites_an_accept_nobody_gave_is_contested(told):
    old, new, _ = told
    offer = old.offers(new)
    old.closes(offer, "ab" * 32)
    new.step(Accept, offer=offer)
    read(old, new)
    assert home()[1] == "accept-differs"


def test_what_the_new_home_issues_before_it_holds_the_close_is_held_back(told):
    old, new, _ = told
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    new.facts()
    read(old, new)
    assert home() == (old.origin, "")
    new.takes(old.closes(offer, accept), old)
    read(old, new)
    assert home() == (new.origin, "")
    assert held() == ["it was issued before its issuer held the close of the handover"]
    assert (
        selectors.official_page(PUBLIC_ID).official.origin == old.origin
    )  # as the old home said it


@pytest.mark.parametrize("follows", [False, True], ids=["", "under the log key that follows"])
def test_a_close_in_one_fork_only_is_found_and_contested(told, county, visit, follows):
    old, new, _ = told
    if follows:
        coming = notes.SigningKey.from_seed(old.origin, bytes(32))
        named = str(coming.verifier)
        proof = possession.prove(old.origin, {"log": named}, [coming])["log"]
        body = msgspec.json.encode(keys.Notice(use="log", key=named, proof=proof))
        old.add(body, kind=keys.KIND, subject="key/log")
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    shown, chains = list(old.records), dict(old.chains)
    close = old.closes(offer, accept)
    read_by = old.log_key
    old.log_key = coming if follows else read_by
    elsewhere = old.checkpoint()
    old.records, old.chains, old.log_key = shown, chains, read_by
    old.step(Cancel, offer=offer, reason="没有关闭过")
    read(old)
    new.takes(close, old, elsewhere)
    new.facts()
    read(new)
    (incident,) = Incident.objects.all()
    assert (incident.name, incident.peer.origin) == ("forked", old.origin)
    assert Peer.objects.get(origin=old.origin).state == "frozen"
    assert home() == (old.origin, "forked")
    assert "两种历史" in visit(county).get(f"/officials/{PUBLIC_ID}/").content.decode()


@pytest.mark.parametrize("step", ["offers", "closes", "cancels"])
def test_nobody_gives_away_what_another_keeps(told, step):
    old, new, stranger = told
    offer = old.offers(new)
    read(old)
    {
        "offers": lambda: stranger.offers(new),
        "closes": lambda: stranger.closes(offer, "ab" * 32),
        "cancels": lambda: stranger.step(Cancel, offer=offer, reason="x"),
    }[step]()
    read(stranger)
    assert home() == (old.origin, "")
    assert len(held()) == 1


def test_a_step_in_another_spelling_or_under_another_subject_is_held_back(told):
    old, new, _ = told
    offer = Offer(subject=SUBJECT, number=1, records=0, root="", to=new.origin)
    old.add(
        handovers.encode(offer) + b" ", kind=handovers.KIND, subject=handovers.subject_of(SUBJECT)
    )
    old.add(handovers.encode(offer), kind=handovers.KIND, subject="handover:official:another")
    read(old)
    assert len(held()) == 2
    assert custody.standing(SUBJECT) is None


def test_news_of_one_official_tries_nothing_that_waits_for_another(told):
    old, new, other = told
    read(old)
    old.offers(new)
    read(old)

    def statements():
        Custody.objects.update(news=True)
        with CaptureQueriesContext(connection) as asked:
            handover.try_again()
        return len(asked)

    without = statements()
    for number in range(20):
        name = first_homes.new_id(old.origin)
        other.facts(official=name)
        other.step(Offer, subject=f"official:{name}", number=1, records=0, root="", to=new.origin)
        other.entry(str(name), number)
    read(other)
    assert len(held()) == 60
    assert statements() == without


@pytest.mark.parametrize("honest", [True, False])
def test_what_the_close_says_was_handed_over_is_compared_with_what_is_here(
    told, visit, county, honest
):
    old, new, _ = told
    read(old)
    history = handover_rows.history_of(SUBJECT)
    assert len(history) == 1
    offer = old.offers(new)
    accept = new.step(Accept, offer=offer)
    said = history if honest else [*history, "ab" * 32]
    close = old.step(
        Close, offer=offer, accept=accept, records=len(said), root=handovers.history_root(said)
    )
    new.takes(close, old, old.checkpoint())
    read(old, new)
    assert home() == (new.origin, "")
    assert custody.standing(SUBJECT).passages[0].agrees is honest
    page = visit(county).get(f"/officials/{PUBLIC_ID}/").content.decode()
    assert ("与原单位所说一致" if honest else "所存不全，或者不同") in page


def test_the_example_of_the_protocol_page_is_what_the_code_makes():
    page = (Path(__file__).parents[2] / "docs" / "protocol-exchange.md").read_text()
    (example,) = re.findall(r"```handover\n(.*)\n```", page)
    step = handovers.decode(example.encode())
    assert isinstance(step, Offer)
    assert handovers.encode(step).decode() == example


def test_the_id_of_the_protocol_page_began_in_the_log_beside_it():
    page = (Path(__file__).parents[2] / "docs" / "protocol-exchange.md").read_text()
    (line,) = re.findall(r"```first-home\n(.*)\n```", page)
    origin, number = line.split()
    assert first_homes.may_begin(f"official:{number}", origin)
    assert not first_homes.may_begin(f"official:{number}", origin[:-1] + "e")
    fresh = first_homes.new_id(origin)
    assert (fresh.version, fresh.variant) == (8, uuid.RFC_4122)
    assert first_homes.may_begin(f"official:{fresh}", origin)

"""Pages that show a frozen unit's things say so neutrally; nobody else's pages do."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.utils import timezone

from search.indexer import rebuild
from sync import identity
from sync.models import Peer
from tenants.current import unit_context
from tests.support.archives import Office
from tests.support.issued import apply, issued

SAID = "正在核查"
BANNER = "这里显示的是以前逐条核对过的"


@pytest.fixture
def pages(county, neighbour):
    """Addresses at 新邵县 that show what 隆回县 published, and two of its own."""
    with unit_context(neighbour):
        office = Office()
        official = office.official("孙范例")
        entry = office.published(official)
        received, origin = issued(), identity.origin()
    with unit_context(county):
        Peer.objects.create(
            origin=origin, code="430524", name="隆回县", address="http://longhui.localhost",
            accepted_here=timezone.localdate(), accepted_there=timezone.localdate(),
        )  # fmt: skip
        apply(received)
        own = Office()
        mine = own.official("王示例")
        own.published(mine)
        rebuild("public")
    theirs = (
        "/",
        "/units/430524/",
        f"/entries/{entry}/",
        f"/officials/{official}/",
        "/search/?q=孙范例",
    )
    return theirs, ("/units/430522/", f"/officials/{mine}/", "/search/?q=王示例")


def freeze(unit, day):
    with unit_context(unit):
        Peer.objects.update(frozen_on=day)
    cache.clear()


def test_each_page_with_a_frozen_units_things_says_so_until_the_freeze_ends(county, visit, pages):
    theirs, own = pages
    client = visit(county)

    def saying(addresses):
        answers = {address: client.get(address) for address in addresses}
        assert {answer.status_code for answer in answers.values()} == {200}
        return [address for address, answer in answers.items() if SAID in answer.content.decode()]

    assert saying(theirs) == []
    freeze(county, timezone.localdate())
    assert saying(theirs) == list(theirs)
    assert saying(own) == []
    shown = {address: client.get(address).content.decode() for address in theirs}
    assert [address for address in theirs if BANNER in shown[address]] == list(theirs[1:4])
    assert not any("造假" in page for page in shown.values())
    freeze(county, None)
    assert saying(theirs) == []


def test_a_frozen_unit_that_gave_itself_our_code_marks_nothing_of_ours(county, visit, pages):
    _, own = pages
    with unit_context(county):
        Peer.objects.update(origin=f"minqing/{county.code}/0a1b2c3d")
    freeze(county, timezone.localdate())
    for address in own:
        assert SAID not in visit(county).get(address).content.decode()


def test_a_page_that_a_reader_kept_is_sent_anew_once_the_unit_is_frozen(county, visit, pages):
    (_, address, *_), _ = pages
    client = visit(county)
    kept = client.get(address).headers["ETag"]
    assert client.get(address, headers={"if-none-match": kept}).status_code == 304
    freeze(county, timezone.localdate())
    assert client.get(address, headers={"if-none-match": kept}).status_code == 200

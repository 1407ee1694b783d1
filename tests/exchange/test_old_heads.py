"""Heads of years do not pile up, and none goes that something still rests on."""

from __future__ import annotations

import datetime

from django.utils import timezone

from sync.exchange import mirror, old_heads
from sync.models.exchange import PeerHead
from tenants.current import unit_context
from tests.support.followed import fetch, followed_liar


def test_of_two_years_of_heads_the_newest_and_one_a_day_stay_and_the_log_goes_on(county):
    with followed_liar(county) as liar, unit_context(county):
        newest = PeerHead.objects.get()
        today = timezone.localdate()
        other = PeerHead.objects.create(
            peer=newest.peer, size=4, root=b"x" * 32, note=b"unproven", seen_on="2024-01-01"
        )
        PeerHead.objects.filter(pk=newest.pk).update(size=10_000_000)
        PeerHead.objects.bulk_create(
            PeerHead(
                peer=newest.peer, size=10_000 - 5 * day - place, root=b"r" * 32, note=b"n", proven=True,
                seen_on=today - datetime.timedelta(days=day),
            )
            for day in range(700)
            for place in range(5)
        )  # fmt: skip
        gone = old_heads.forget()
        PeerHead.objects.filter(pk=newest.pk).update(size=newest.size)
        left = PeerHead.objects.filter(root=b"r" * 32)
        assert gone + left.count() == 3500
        by_day = [
            left.filter(seen_on=today - datetime.timedelta(days=day)).count() for day in range(70)
        ]
        assert by_day == [5, 5, 5] + [1] * 58 + [0] * 9
        assert {newest.pk, other.pk} <= set(PeerHead.objects.values_list("pk", flat=True))
        assert old_heads.forget() == 0
        left.delete()
        other.delete()
    liar.add(b"goes on")
    with unit_context(county):
        assert mirror.head_keep(newest.peer, liar.checkpoint()).size == newest.size + 1


def test_what_is_old_but_newest_stays(county):
    with followed_liar(county) as liar:
        with unit_context(county):
            PeerHead.objects.update(seen_on="2020-01-01")
            assert old_heads.forget() == 0
        liar.add(b"goes on")
        assert fetch(county).fault == ""

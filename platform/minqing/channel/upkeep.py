"""Once a day, unasked: erase what was sealed, send the parcels, and let the tables forget the order of arrival.

Erasures are public records. One that appeared only when something was sealed would count sealed reports, so there
is one every day, of a fixed number of commitments, filled up with pads (``covers``); its ground names the keeping rules of
the channel and nothing else.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from minqing.channel.covers import covers
from minqing.channel.models import Case, Forgetting, Upkeep
from minqing.channel.parcels import parcels_send
from minqing.channel.services.forgetting import received_emptied
from minqing.channel.services.keeping import waiting_sealed
from minqing.channel.services.moves import tallies_add_up
from minqing.channel.services.once import uses_forget
from minqing.channel.services.passing_up import waiting_passed_up
from sync import audiences
from sync.ledger import erasure
from sync.models.exchange import Peer
from sync.models.ledger import Entry, Opening, Pending

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERY_DAY = 32
"""Commitments in a day's erasure, whether or not anything was sealed, and however much."""
BASIS = "民情通道保存规则：到期内容和填充记录按日删除"


def daily() -> None:
    """Do today's upkeep unless it is done; called by the sweep inside each unit."""
    today = timezone.localdate()
    if Upkeep.objects.filter(day=today).exists():
        return
    with transaction.atomic():
        Upkeep.objects.get_or_create(pk=1)
        done = Upkeep.objects.select_for_update().get(pk=1)
        if done.day == today:
            return
        uses_forget()
        tallies_add_up(today)
        if not forget():
            return
        waiting_passed_up()
        waiting_sealed()
        parcels_send()
        order_forget()
        done.day = today
        done.save(update_fields=["day"])


def forget() -> bool:
    """Erase the openings of sealed cases under cover of pads; False while there are not yet pads enough."""
    indexes: set[int] = set()
    for subject in Forgetting.objects.values_list("subject", flat=True):
        indexes |= _due(subject)
        received_emptied(Case.objects.get(pk=uuid.UUID(subject.removeprefix("case-"))))
    some = sorted(indexes)[:EVERY_DAY]  # the report's own words first; what is over waits a day
    pads = covers(EVERY_DAY - len(some))
    if len(some) + len(pads) < EVERY_DAY:
        return False
    erasure.erase(_commitments([*some, *pads]), basis=BASIS)
    for subject in Forgetting.objects.values_list("subject", flat=True):
        if (
            not Opening.objects.filter(subject=subject).exists()
            and not Pending.objects.filter(subject=subject).exists()
        ):
            Forgetting.objects.filter(subject=subject).delete()
    return True


def order_forget() -> None:
    """Write the channel's tables anew in the order of their random ids, so that no dump shows who came first."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")  # a busy table is left to the next sweep
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in apps.get_app_config("channel").get_models():
            table = model._meta.db_table
            cursor.execute(
                "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND indisprimary",
                [quote(table)],
            )
            (index,) = cursor.fetchone()
            cursor.execute(f"CLUSTER {quote(table)} USING {index.rsplit('.', 1)[-1]}")


def _due(subject: str) -> set[int]:
    """Return the indexes of a sealed case's openings; word to a peer that has not come for it yet stays until it has."""
    rows = Opening.objects.filter(subject=subject).values_list("index", "kind", "audience")
    delivered = {
        audiences.for_unit(origin): upto
        for origin, upto in Peer.objects.values_list("origin", "delivered")
    }
    return {
        index
        for index, kind, audience in rows
        if kind != "channel.status" or delivered.get(audience, index + 1) > index
    }


def _commitments(indexes: Iterable[int]) -> list[str]:
    found = Entry.objects.filter(index__in=list(indexes)).values_list("commitment", flat=True)
    return [bytes(commitment).hex() for commitment in found]

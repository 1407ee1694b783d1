"""Where an official's archive is kept, in words: for the public page and for the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from minqing.archives.models import PublicOfficialRow
from minqing.archives.values import CustodyPage, HandoverLine
from sync import identity
from sync.models.exchange import Peer
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.exchange.homes.custody import Passage, Ruling, Standing


def custody_page(stands: Standing) -> CustodyPage:
    """Return the words for one official's custody."""
    names = unit_names(_origins(stands))
    lines = sorted(
        [
            *(_passed(p, names) for p in stands.passages if p.state == "closed"),
            *(_ruled(ruling, names) for ruling in stands.rulings if ruling.order),
        ],
        key=lambda line: str(line.day),
    )
    notices = tuple(
        _("%(superior)s公示：因%(giver)s%(reason)s，拟指定%(taker)s接管。")
        % {
            "superior": names[ruling.superior], "giver": names[ruling.giver], "reason": ruling.reason, "taker": names[ruling.taker],
        }
        for ruling in stands.rulings
        if not ruling.order
    )  # fmt: skip
    proofs = {line.closed for line in lines} | {line.taken for line in lines}
    return CustodyPage(
        home=names[stands.home],
        home_origin=stands.home,
        contested=contested_sentence(stands.contested),
        settled=_settled_sentence(stands, names),
        lines=tuple(lines),
        notices=notices,
        records=frozenset((proofs | {ruling.notice for ruling in stands.rulings}) - {""}),
    )


def unit_names(origins: Iterable[str]) -> dict[str, str]:
    """Return what units are called here: as they were connected, else as their records say, else their code."""
    wanted = set(origins)
    names = {origin: origin.split("/")[1] if "/" in origin else origin for origin in wanted}
    said = PublicOfficialRow.objects.filter(origin__in=wanted).exclude(home_name="")
    names.update(said.values_list("origin", "home_name"))
    names.update(Peer.objects.filter(origin__in=wanted).values_list("origin", "name"))
    names[identity.origin()] = current_unit().name
    return names


def contested_sentence(why: str) -> str:
    """Say what is contested; empty for nothing."""
    return {
        "": "",
        "two-offers": _("原单位同时向两家发出移交，归属有争议，等待人工处理。"),
        "settled-twice": _("原单位对同一份移交既关闭又撤回，归属有争议，等待人工处理。"),
        "accept-differs": _("移交双方的记录对不上，归属有争议，等待人工处理。"),
        "two-orders": _("有两份不同的指定接管令，归属有争议，等待人工处理。"),
        "objected": _("原单位对指定接管提出异议，归属有争议，等待人工处理。"),
        "order-after-close": _("指定接管令发出前档案已经移交，归属有争议，等待人工处理。"),
        "forked": _("原单位的存证记录出现两种历史，归属有争议，等待人工处理。"),
        "late-records": _("指定接管以后原单位又登记了记录，归属有争议，等待人工处理。"),
    }[why]


def _settled_sentence(stands: Standing, names: dict[str, str]) -> str:
    if stands.contested or stands.settled_on is None:
        return ""
    return _("归属曾有争议，%(day)s经人工核查，认定由%(home)s管理。理由：%(why)s") % {
        "day": date_format(stands.settled_on), "home": names[stands.settled_for], "why": stands.settled_why,
    }  # fmt: skip


def _origins(stands: Standing) -> set[str]:
    found = {stands.home, stands.settled_for or stands.home, identity.origin()}
    for passage in stands.passages:
        found |= {passage.giver, passage.taker}
    for ruling in stands.rulings:
        found |= {ruling.giver, ruling.taker, ruling.superior}
    return found


def _passed(passage: Passage, names: dict[str, str]) -> HandoverLine:
    return HandoverLine(
        giver=names[passage.giver], taker=names[passage.taker], day=passage.settled_on, closed=passage.settled,
        taken=passage.taken, superior="", records=passage.records, agrees=passage.agrees,
    )  # fmt: skip


def _ruled(ruling: Ruling, names: dict[str, str]) -> HandoverLine:
    return HandoverLine(
        giver=names[ruling.giver], taker=names[ruling.taker], day=ruling.ordered_on, closed=ruling.order, taken=ruling.taken,
        superior=names[ruling.superior],
    )  # fmt: skip

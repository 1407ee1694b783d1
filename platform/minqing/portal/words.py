"""Neutral words for what was not taken in from other units: what was seen, never who is to blame."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrPromise

REFUSALS: Mapping[str, StrPromise] = MappingProxyType(
    {
        "bad-signature": _("签名没有对上"),
        "rolled-back": _("收到的存证记录比以前见过的短"),
        "forked": _("不同地方见到的存证记录不一致"),
        "diverged": _("存证记录和以前见过的没有接上"),
        "changed": _("内容和存证没有对上"),
        "withheld": _("有记录还没有收到"),
        "reordered": _("记录的次序没有对上"),
        "broken-chain": _("同一事项的记录前后没有接上"),
        "repeated": _("同一条记录收到两次"),
        "wrong-note": _("签字的数目和收到的没有对上"),
        "unknown-key": _("签字用的密钥还不认识"),
    }
)
"""By the incident's name; any other is a delivery that could not be read."""

OTHER_REFUSAL = _("收到的数据没有通过核对")

HELD: Mapping[str, StrPromise] = MappingProxyType(
    {
        "unknown-kind": _("新的种类，等本单位升级后收"),
        "broken-chain": _("等前一条到了再收"),
    }
)
"""By the reason of the quarantine."""

OTHER_HELD = _("没有通过核对，暂不采用")


def refusal_label(name: str) -> str:
    """What a visitor reads for an incident."""
    return str(REFUSALS.get(name, OTHER_REFUSAL))


def held_label(reason: str) -> str:
    """What a visitor reads for records that wait or were refused."""
    return str(HELD.get(reason, OTHER_HELD))

"""The Chinese words for names that the exchange keeps in English."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrPromise

PEER_STATES: Mapping[str, StrPromise] = MappingProxyType(
    {
        "requested": _("我方已申请，等对方同意"),
        "offered": _("对方申请联网，等我方核对"),
        "accepted": _("我方已同意，等对方同意"),
        "connected": _("已联网"),
        "frozen": _("核对不一致，已暂停采用对方的新记录"),
        "ended": _("已断开"),
    }
)

INCIDENTS: Mapping[str, StrPromise] = MappingProxyType(
    {
        "bad-signature": _("签名不对"),
        "rolled-back": _("对方的存证记录倒退了"),
        "forked": _("对方对不同单位出示了两套存证记录"),
        "diverged": _("对方的存证记录和以前看到的接不上"),
        "changed": _("收到的内容和存证对不上"),
        "withheld": _("应给的记录没有给"),
        "reordered": _("记录的次序被调换"),
        "malformed": _("收到的数据格式不对"),
        "oversized": _("收到的数据过大"),
        "redirected": _("对方要求改到别的地址"),
        "slow": _("对方传送过慢，已中断"),
        "refused": _("对方拒绝了我方的请求"),
        "replayed": _("收到重复使用的请求"),
        "foreign-origin": _("对方送来别的单位的记录"),
        "repeated": _("同一条记录出现了两次"),
        "broken-chain": _("同一事项的记录前后接不上"),
        "unreadable-header": _("记录的抬头读不出来"),
        "wrong-note": _("对方签字的数目和实际不符"),
        "unknown-key": _("对方签字用的密钥，本单位还不认识"),
        "misdirected": _("送来了不该给本单位的记录"),
        "void-cancel": _("移交办成以后又说撤回"),
        "void-close": _("移交办成以后又说是另一次接收"),
    }
)

KINDS: Mapping[str, StrPromise] = MappingProxyType(
    {
        "archives.official": _("干部的姓名、职务、办公电话"),
        "archives.entry": _("表现记录"),
        "archives.reply": _("本人说明"),
        "channel.designation": _("接收检举控告的授权文件"),
        "sync.handover": _("干部移交"),
        "sync.erasure": _("依法删除的通知"),
        "sync.erased": _("依法删除的回执"),
        "sync.heads_seen": _("替别的单位核对的结果"),
        "sync.key": _("更换钥匙的公告"),
        "sync.policy": _("本地区的核对规则"),
        "sync.adoption": _("从备份恢复后的核对公告"),
        "sync.thaw": _("恢复采用对方记录的决定"),
        "sync.repin": _("改认别的单位新钥匙的公告"),
    }
)
"""Kinds that go by grant. The others are for the unit itself or for one named unit and need none."""

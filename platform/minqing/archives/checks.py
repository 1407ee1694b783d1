"""Values that people type into the archives: trimmed, measured, and refused with a sentence that names the field."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.archives.errors import BadValue

if TYPE_CHECKING:
    import datetime

    from minqing.archives.values import Wording

_IDENTITY_NUMBER = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![\dXx])"
)
_MOBILE_NUMBER = re.compile(r"(?<!\d)1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)")
_TELEPHONE = re.compile(r"[0-9][0-9 -]{5,30}(?:转[0-9]{1,6})?")
_MONTH = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])")
_COMMITMENT = re.compile(r"[0-9a-f]{64}")
_KEPT = {"\n", "\t"}


def text(label: str, value: str, *, longest: int, empty: bool = False, lines: bool = False) -> str:
    """Return a text trimmed, or refuse it: empty, too long, control characters, a private number in it."""
    value = value.replace("\r\n", "\n").strip()
    if not value and not empty:
        raise BadValue(_("请填写“%(field)s”。") % {"field": label})
    if len(value) > longest:
        raise BadValue(
            _("“%(field)s”最多 %(longest)d 个字，现在是 %(length)d 个。")
            % {"field": label, "longest": longest, "length": len(value)}
        )
    allowed = _KEPT if lines else set()
    if any(
        unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed
        for character in value
    ):
        raise BadValue(_("“%(field)s”里有看不见的控制字符，请重新输入。") % {"field": label})
    plain = unicodedata.normalize("NFKC", value)
    if _IDENTITY_NUMBER.search(plain):
        raise BadValue(
            _("“%(field)s”里像是有身份证号。身份证号不能写进档案，请删去。") % {"field": label}
        )
    if _MOBILE_NUMBER.search(plain):
        raise BadValue(
            _("“%(field)s”里像是有手机号。档案里只写办公电话，请删去。") % {"field": label}
        )
    return value


def name(value: str) -> str:
    """Return a person's name without any blank (two-character names are often spread with 全角 spaces)."""
    value = text(_("姓名"), re.sub(r"\s+", "", value), longest=40)
    if any(
        not unicodedata.category(character).startswith(("L", "M")) and character not in "·•.-"
        for character in value
    ):
        raise BadValue(_("姓名里只能有文字和间隔号。"))
    return value


def month(label: str, value: str) -> str:
    """Return a month as ``YYYYMM``, or an empty text."""
    if value and not _MONTH.fullmatch(value):
        raise BadValue(_("“%(field)s”请写成 202403 这样的六位年月。") % {"field": label})
    return value


def telephone(value: str) -> str:
    """Return an office telephone number, or an empty text."""
    value = text(_("办公电话"), value, longest=40, empty=True)
    if value and not _TELEPHONE.fullmatch(value):
        raise BadValue(_("办公电话请写成 0739-000 0000 这样的号码。"))
    return value


def commitment(value: str) -> str:
    """Return a commitment, or an empty text."""
    if value and not _COMMITMENT.fullmatch(value):
        raise BadValue(_("所依据记录的存证号应是 64 位的 0-9 a-f。"))
    return value


def reason(value: str) -> str:
    """Return a reason; there always is one."""
    return text(_("理由"), value, longest=400)


def event_day(value: datetime.date) -> datetime.date:
    """Refuse a day that has not come."""
    if value > timezone.localdate():
        raise BadValue(_("日期还没有到，请改成事情发生的那一天。"))
    return value


def wording(given: Wording) -> dict[str, object]:
    """Return the checked columns of a version."""
    if given.negative and given.expires_on is None:
        raise BadValue(_("负面内容要写明到期撤下的日期。"))
    if given.expires_on is not None and given.expires_on <= max(given.day, timezone.localdate()):
        raise BadValue(_("到期撤下的日期要在今天以后。"))
    return {
        "day": event_day(given.day),
        "source_unit": text(_("由谁"), given.source_unit, longest=120),
        "title": text(_("标题"), given.title, longest=120),
        "text": text(_("内容"), given.text, longest=20_000, lines=True),
        "note": text(_("依据和材料"), given.note, longest=20_000, empty=True, lines=True),
        "negative": given.negative,
        "expires_on": given.expires_on,
    }

"""Reading the older ``.lrm``: one GBK line of 33 quoted slots, ``"值","值",…``; a value may hold line breaks."""

from __future__ import annotations

from django.utils.translation import gettext as _

from minqing.archives.errors import ImportRefused
from minqing.archives.importing.fields import FIELDS, Treatment
from minqing.archives.importing.sheet import Sheet, Value
from minqing.archives.importing.table import Finding, Outcome

LIMIT = 1024 * 1024
"""Largest file, in octets; the photograph stands in a file of its own that nobody asks for."""
_BETWEEN = '","'
_SLOTS = (
    "XingMing", "XingBie", "ChuShengNianYue", "MinZu", "JiGuan", "RuDangShiJian", "JianKangZhuangKuang", "ChuShengDi",
    "CanJiaGongZuoShiJian", "QuanRiZhiJiaoYu_XueLi", "QuanRiZhiJiaoYu_XueLi_BiYeYuanXiaoXi", "ZhuanYeJiShuZhiWu", "", "", "", "",
    "ShuXiZhuanYeYouHeZhuanChang", "JianLi", "JiangChengQingKuang", "NianDuKaoHeJieGuo", "JiaTingChengYuan", "JiaTingChengYuan",
    "JiaTingChengYuan", "JiaTingChengYuan", "JiaTingChengYuan", "XianRenZhiWu", "NiRenZhiWu", "NiMianZhiWu", "RenMianLiYou",
    "ChengBaoDanWei", "JiSuanNianLingShiJian", "TianBiaoRen", "TianBiaoShiJian",
)  # fmt: skip
"""Tag of each slot; empty ones are always empty."""


def is_lrm(octets: bytes) -> bool:
    """Say whether the octets begin as this form does."""
    return octets[:64].lstrip().startswith(b'"')


def read(octets: bytes, *, file: str) -> Sheet:
    """Read one file.

    Raises:
        ImportRefused: too large, not GBK, or not 33 slots; the sentence names file and line.
    """
    if len(octets) > LIMIT:
        raise ImportRefused(_("%(file)s 超过 1 MB，没有读。") % {"file": file})
    try:
        text = octets.decode("gb18030").strip()
    except UnicodeDecodeError as fault:
        line = octets[: fault.start].count(b"\n") + 1
        raise ImportRefused(
            _("%(file)s 第 %(line)d 行有不是 GBK 的字节，文件可能损坏。")
            % {"file": file, "line": line}
        ) from fault
    slots = text[1:-1].split(_BETWEEN) if len(text) > 1 and text.endswith('"') else []
    if len(slots) != len(_SLOTS):
        raise ImportRefused(
            _(
                "%(file)s 第 1 行：旧版任免审批表应有 33 格，这里是 %(count)d 格。请用编辑器打开后另存为 .lrmx。"
            )
            % {"file": file, "count": len(slots)}
        )
    values: dict[str, Value] = {}
    findings: list[Finding] = []
    line = 1
    for tag, slot in zip(_SLOTS, slots, strict=True):
        here, line = line, line + slot.count("\n")
        if not tag or not slot.strip("@# \r\n\u3000"):
            continue
        field = FIELDS[tag]
        if field.treatment is Treatment.TAKE:
            values[tag] = Value(text=slot, line=here)
        elif all(finding.field != tag for finding in findings):
            detail = "" if field.treatment is Treatment.SENSITIVE else _("公开档案用不着，没有收")
            findings.append(
                Finding(
                    field=tag, label=field.label, outcome=Outcome.DROPPED, line=here, detail=detail
                )
            )
    return Sheet(values=values, findings=tuple(findings))

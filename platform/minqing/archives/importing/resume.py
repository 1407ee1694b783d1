"""From the words of a 简历 and 现任职务 to posts. Tolerant of how people write; what is not understood is kept whole."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_MONTH = r"(?P<{0}y>(?:19|20)\d{{2}})\s*[.\-/年]?\s*(?P<{0}m>0[1-9]|1[0-2]|[1-9])(?!\d)(?:\s*月)?(?:\.\d{{1,2}})?"
_PERIOD = re.compile(
    rf"^\s*{_MONTH.format('f')}\s*(?:-+|—+|–+|―+|─+|~+|至|到)\s*(?:{_MONTH.format('t')}|(?P<now>至今|今|现在))?[\s:,，：]*(?P<rest>.*)$"
)
_DURING = re.compile(r"^\s*[(（]\s*(?:其间|期间|其中)")
_STUDY = re.compile(r"(?:学习|学生|学员|毕业|待业|就读|读研|服役)$")
_PREFIX = "党委|党组|党总支|党支部|党工委|工委|人大|人民政府|政府|纪委|政协|办公室|机关|行政|妇联|团委|武装部|监察"
_NOUN = (
    "书记|镇长|乡长|县长|市长|区长|局长|主任|部长|主席|会长|常委|委员|秘书长|组长|校长|院长|站长|所长|科长|股长|处长|队长|检察长"
    "|总工程师|主任科员|科员|办事员|工作人员|干部|干事|调研员|秘书|教师|职员|会计|选调生|大学生村官"
)
_ONE = rf"(?:{_PREFIX}){{0,2}}(?:常务|第一|党组|一级|二级|三级|四级)?副?(?:{_PREFIX})?(?:{_NOUN})(?:[(（][^()（）]{{1,20}}[)）])?"
_TITLE = re.compile(rf"{_ONE}(?:[、,，兼/]{_ONE})*")
_UNIT_END = re.compile(
    r"(?:镇|乡|街道|街道办事处|局|部|委员会|县委|市委|区委|纪委|监委|办公室|办|中心|院|学校|中学|小学|大学|所|站|县|市|区|队|厂|公司|村|社区|会|行)$"
)
_NOT_LEADING = re.compile(
    r"(?:工作人员|干部|科员|办事员|干事|教师|职员|秘书|会计|选调生|大学生村官)(?:[(（][^()（）]*[)）])?$"
)


@dataclass(frozen=True, kw_only=True)
class ImportedPost:
    """One post as a file tells it."""

    unit_name: str
    title: str
    from_month: str  # YYYYMM
    to_month: str  # YYYYMM; empty for today
    is_leading: bool  # leading posts may be public, others stay inside
    is_split: bool  # unit and title were told apart
    line: int  # within the text, from 0


@dataclass(frozen=True, kw_only=True)
class Resume:
    """A 简历 read line by line. Lines are counted from 0 within the text."""

    posts: tuple[ImportedPost, ...]
    left_out: tuple[int, ...]  # lines about studies, or between posts
    not_understood: tuple[int, ...]


def read_resume(text: str) -> Resume:
    """Read a 简历: one line a stretch, ``2015.10--2020.03  某镇副镇长``."""
    posts: list[ImportedPost] = []
    left_out: list[int] = []
    not_understood: list[int] = []
    for number, raw in enumerate(text.splitlines()):
        line = plain(raw)
        if not line:
            continue
        period = _PERIOD.match(line)
        if period is None:
            (left_out if _DURING.match(line) or posts else not_understood).append(number)
            continue
        what = period["rest"].strip()
        begin, end = _month(period, "f"), _month(period, "t")
        if not what or (end and end < begin):
            not_understood.append(number)
        elif _STUDY.search(what):
            left_out.append(number)
        else:
            posts.append(split_post(what, from_month=begin, to_month=end, line=number))
    return Resume(
        posts=tuple(posts), left_out=tuple(left_out), not_understood=tuple(not_understood)
    )


def split_post(
    text: str, *, from_month: str = "", to_month: str = "", line: int = 0
) -> ImportedPost:
    """Tell unit and title apart: the shortest unit after which nothing but titles follows."""
    text = plain(text)
    unit, title = "", text
    for cut in range(2, len(text)):
        if _UNIT_END.search(text[:cut]) and _TITLE.fullmatch(text[cut:].strip()):
            unit, title = text[:cut].strip(), text[cut:].strip()
            break
    return ImportedPost(
        unit_name=unit,
        title=title,
        from_month=from_month,
        to_month=to_month,
        is_leading=bool(unit) and not _NOT_LEADING.search(title),
        is_split=bool(unit),
        line=line,
    )


def read_month(text: str) -> str:
    """``199001``, ``19900115``, ``1990.01``, ``1990.1.15``, ``1990年1月`` as ``YYYYMM``; an empty text when it is no month."""
    found = re.fullmatch(
        r"((?:19|20)\d{2})\s*[.\-/年]?\s*(\d{1,2})\s*月?\s*(?:[.\-/]?\s*(\d{1,2})\s*日?)?",
        plain(text),
    )
    if found is None or not 1 <= int(found[2]) <= 12 or (found[3] and not 1 <= int(found[3]) <= 31):
        return ""
    return f"{found[1]}{int(found[2]):02d}"


def plain(text: str) -> str:
    """Full-width digits, dots and blanks as their plain forms; Chinese punctuation stays."""
    kept = "、，：（）"
    return "".join(
        character if character in kept else unicodedata.normalize("NFKC", character)
        for character in text
    ).strip()


def _month(period: re.Match[str], prefix: str) -> str:
    year, month = period[f"{prefix}y"], period[f"{prefix}m"]
    return f"{year}{int(month):02d}" if year else ""

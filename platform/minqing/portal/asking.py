"""What pages and API share about a search: sentences for what cannot be read, rows for export, numbers of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from minqing.portal.templatetags.portal import mounted

if TYPE_CHECKING:
    from django.http import HttpRequest

    from search.query import SearchResult

SENTENCES = {
    "": _("查询的条件看不懂。请从查询页重新选一遍。"),
    "page": _("没有这么多页。请把范围缩小一些再查。"),
    "sort": _("排序只能是最相关、最新或最早。"),
    "year": _("年份写成四位数字，例如 2026。"),
    "from": _("日期写成 2026-11-22 这样，开始的日子不能晚于结束的日子。"),
    "to": _("日期写成 2026-11-22 这样。"),
    "size": _("每页 1 到 100 条。"),
}
"""By the parameter that search refused."""


def page_numbers(page: int, pages: int) -> list[int]:
    """The numbers to offer; 0 stands for a gap."""
    near = sorted({1, pages, *range(max(1, page - 2), min(pages, page + 2) + 1)})
    numbers: list[int] = []
    for number in near:
        if numbers and number > numbers[-1] + 1:
            numbers.append(0)
        numbers.append(number)
    return numbers


def found_as_rows(result: SearchResult, request: HttpRequest) -> list[dict[str, str]]:
    """One flat row per hit, for exports and the API; all values are text, absent ones are empty."""
    return [
        {
            "id": hit.id,
            "kind": hit.kind,
            "title": hit.title,
            "unit_code": hit.unit_code,
            "unit": hit.unit_name,
            "source": hit.source,
            "day": hit.day.isoformat() if hit.day else "",
            "address": request.build_absolute_uri(mounted(hit.url)),
            "origin": hit.extra.get("origin", ""),
            "commitment": hit.extra.get("commitment", ""),
            "excerpt": "".join(stretch.text for stretch in hit.excerpt_segments),
        }
        for hit in result.hits
    ]

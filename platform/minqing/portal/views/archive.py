"""Looking things up: search, an official, an entry, a unit."""

from __future__ import annotations

import csv
import datetime
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from minqing.archives import selectors
from minqing.archives.errors import ArchiveError
from minqing.portal.asking import SENTENCES, found_as_rows, page_numbers
from minqing.portal.stand import public_version
from minqing.portal.templatetags.portal import kind_label, source_label
from minqing.portal.views.answers import kept, problem
from search.errors import EngineFault, QueryFault
from search.query import SearchRequest
from search.service import search, suggest

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest

    from search.query import SearchResult

EXPORT_PAGE = 100
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet calculate; the Chinese and Japanese ones take the wide signs too."""
EXPORT_LIMIT = 1_000
"""Most lines of one export; the file says in its last line when there were more."""


def _asked(request: HttpRequest, *, size: int = 20) -> tuple[SearchRequest, SearchResult]:
    asked = SearchRequest.from_parameters(dict(request.GET.lists()), size=size)
    return asked, search("public", asked)


def _refused(request: HttpRequest, fault: QueryFault | EngineFault) -> HttpResponse:
    if isinstance(fault, QueryFault):
        return problem(request, 400, str(SENTENCES.get(fault.field, SENTENCES[""])))
    return problem(request, 503, _("查询暂时用不了，请过一会儿再试。您也可以从单位页面往下找。"))


@require_safe
@kept(public_version)
def search_page(request: HttpRequest) -> HttpResponse:
    """Results with facets, highlight and pages; the address can be kept and sent on."""
    try:
        asked, result = _asked(request)
    except (QueryFault, EngineFault) as fault:
        return _refused(request, fault)
    facets: list[dict[str, Any]] = [
        {"name": name, "label": label, "values": _labelled(name, result)}
        for name, label in (
            ("kind", _("类别")),
            ("source", _("来源")),
            ("unit", _("单位")),
            ("year", _("年份")),
        )
    ]
    picked = [
        (str(facet["name"]), value["value"], value["label"])
        for facet in facets
        for value in facet["values"]
        if value["chosen"]
    ]
    words = {
        "asked": asked,
        "result": result,
        "facets": facets,
        "picked": picked,
        "apart": _apart(asked.text) if result.ready and not result.total else [],
        "numbers": page_numbers(result.page, result.pages),
        "sorts": [("relevance", _("最相关")), ("newest", _("最新")), ("oldest", _("最早"))],
    }
    return render(request, "portal/search.html", words)


def _apart(text: str) -> list[str]:
    """The words of a query that nothing has together, to be looked for one by one; none where there is one only."""
    words = list(dict.fromkeys(text.replace('"', " ").split()))
    return words[:6] if len(words) > 1 else []


def _labelled(name: str, result: SearchResult) -> list[dict[str, Any]]:
    """Facet values with the words people know."""
    words = {"kind": kind_label, "source": source_label}.get(name)
    return [
        {
            "value": count.value,
            "label": words(count.value) if words else count.label,
            "count": count.count,
            "chosen": count.chosen,
        }
        for count in result.facets.get(name, ())  # type: ignore[call-overload]  # the four names are facets
    ]


@require_safe
def suggest_list(request: HttpRequest) -> HttpResponse:
    """Up to five names as options of the search field's list; what was typed is the label, so that initials match."""
    typed = request.GET.get("q", "")[:64]
    try:
        names = suggest("public", typed) if typed.strip() else []
    except EngineFault:
        names = []
    return HttpResponse(
        format_html_join("", '<option value="{}">{}</option>', ((name, typed) for name in names))
    )


def _export(request: HttpRequest) -> tuple[list[dict[str, str]], int] | HttpResponse:
    """All hits up to the limit as rows, and how many there are."""
    rows: list[dict[str, str]] = []
    page, total = 1, 0
    parameters = dict(request.GET.lists())
    try:
        SearchRequest.from_parameters(
            parameters
        )  # also the page is read, though an export has none
        while len(rows) < EXPORT_LIMIT:
            result = search(
                "public",
                SearchRequest.from_parameters(
                    {**parameters, "page": [str(page)]}, size=EXPORT_PAGE
                ),
            )
            total = result.total
            rows += found_as_rows(result, request)
            if page >= result.pages:
                break
            page += 1
    except (QueryFault, EngineFault) as fault:
        return _refused(request, fault)
    return rows[:EXPORT_LIMIT], total


@require_safe
@kept(public_version)
def search_csv(request: HttpRequest) -> HttpResponse:
    """The results as a table that Excel and WPS open (UTF-8 with mark); cells that begin like formulas are quoted."""
    found = _export(request)
    if isinstance(found, HttpResponse):
        return found
    rows, total = found
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(
        [_("类别"), _("标题"), _("单位"), _("来源"), _("日期"), _("网址"), _("存证编码")]
    )
    for row in rows:
        cells = [
            kind_label(row["kind"]),
            row["title"],
            row["unit"],
            source_label(row["source"]),
            row["day"],
            row["address"],
            row["commitment"],
        ]
        writer.writerow(["'" + cell if cell.startswith(FORMULA) else cell for cell in cells])
    if total > len(rows):
        writer.writerow(
            [
                _("共 %(total)d 条，只导出前 %(shown)d 条，请缩小范围再导出。")
                % {"total": total, "shown": len(rows)}
            ]
        )
    answer = HttpResponse("\ufeff" + sheet.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="search.csv"'
    return answer


@require_safe
@kept(public_version)
def search_json(request: HttpRequest) -> HttpResponse:
    """The results as one JSON object."""
    found = _export(request)
    if isinstance(found, HttpResponse):
        return found
    rows, total = found
    return JsonResponse(
        {"total": total, "shown": len(rows), "results": rows},
        json_dumps_params={"ensure_ascii": False},
    )


@require_safe
@kept(public_version)
def official(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One official: posts, office telephone, what was published, as of today or of a past day, all or of one source."""
    today = timezone.localdate()
    wanted = request.GET.get("as_of", "")
    try:
        as_of = datetime.date.fromisoformat(wanted) if wanted else today
    except ValueError:
        return problem(request, 400, _("日期写成 2026-11-22 这样。"))
    try:
        page = selectors.official_page(public_id, as_of=min(as_of, today))
    except ArchiveError as fault:
        return problem(request, fault.status, str(fault))
    counts = Counter(entry.source for entry in page.entries)
    source = request.GET.get("source", "")
    words = {
        "official": page.official,
        "entries": [one for one in page.entries if source not in counts or one.source == source],
        "total": len(page.entries),
        "sources": counts.most_common(),
        "source": source if source in counts else "",
        "over_years": len({entry.day.year for entry in page.entries}) > 1,
        "replies": page.replies,
        "custody": page.custody,
        "as_of": page.as_of,
        "past": page.as_of < today,
    }
    return render(request, "portal/official.html", words)


@require_safe
@kept(public_version)
def entry(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One entry with its statement, its versions and its proof."""
    try:
        page = selectors.entry_page(public_id)
    except ArchiveError as fault:
        return problem(request, fault.status, str(fault))
    words = {
        "public_id": public_id,
        "entry": page.entry,
        "withdrawn": page.withdrawn,
        "erased": page.erased,
        "reason": page.reason,
        "history": page.history,
        "replies": page.replies,
    }
    return render(request, "portal/entry.html", words)


@require_safe
@kept(public_version)
def unit(request: HttpRequest, code: str) -> HttpResponse:
    """One unit: its officials, what it published, how to reach it."""
    try:
        page = selectors.unit_page(code, part=request.GET.get("part", "")[:120])
    except ArchiveError as fault:
        return problem(request, fault.status, str(fault))
    return render(request, "portal/unit.html", {"page": page})

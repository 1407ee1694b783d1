"""The public API: the same reads as the pages, as JSON. No sign-in, no throttle, nothing that a page does not show."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.response import Response
from rest_framework.views import APIView

from minqing.archives import selectors
from minqing.archives.errors import ArchiveError
from minqing.portal import shapes
from minqing.portal.asking import SENTENCES, found_as_rows
from minqing.portal.stand import public_version
from minqing.portal.views.answers import kept
from search.errors import EngineFault, QueryFault
from search.query import SearchRequest
from search.service import search
from sync.exchange.peers import peers_with_state

if TYPE_CHECKING:
    import uuid

    from rest_framework.request import Request

KEPT = method_decorator(kept(public_version), name="dispatch")
PAGE_SIZE = 20


class SearchAway(APIException):
    """Search cannot answer now."""

    status_code = 503


def _parameter(
    name: str, kind: OpenApiTypes, description: str, *, many: bool = False
) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=description, many=many)


@KEPT
class SearchView(APIView):
    """Published officials and entries of this unit and of those it follows; the query string is the search page's."""

    @extend_schema(
        operation_id="search",
        responses=shapes.Found,
        parameters=[
            _parameter(
                "q",
                OpenApiTypes.STR,
                "Names, pinyin, initials or words; a phrase in quotation marks is an exact substring.",
            ),
            _parameter("unit", OpenApiTypes.STR, "Unit code; repeat for several.", many=True),
            _parameter(
                "source",
                OpenApiTypes.STR,
                "visit, inspection, order, pledge, evaluation, commendation or report_outcome.",
                many=True,
            ),
            _parameter("kind", OpenApiTypes.STR, "official or entry.", many=True),
            _parameter("year", OpenApiTypes.INT, "Year of the event.", many=True),
            _parameter("from", OpenApiTypes.DATE, "First day of the event, inclusive."),
            _parameter("to", OpenApiTypes.DATE, "Last day of the event, inclusive."),
            _parameter("sort", OpenApiTypes.STR, "relevance, newest or oldest."),
            _parameter("page", OpenApiTypes.INT, "From 1; 20 results each."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Search."""
        try:
            result = search(
                "public",
                SearchRequest.from_parameters(dict(request.query_params.lists()), size=PAGE_SIZE),
            )
        except QueryFault as fault:
            raise ParseError(str(SENTENCES.get(fault.field, SENTENCES[""]))) from fault
        except EngineFault as fault:
            raise SearchAway(_("查询暂时用不了，请过一会儿再试。")) from fault
        answer = {
            "total": result.total,
            "page": result.page,
            "pages": result.pages,
            "ready": result.ready,
            "version": result.version,
            "did_you_mean": result.did_you_mean,
            "results": found_as_rows(result, request),
            "facets": {name: list(values) for name, values in result.facets.items()},
        }
        return Response(shapes.Found(answer).data)


@KEPT
class UnitsView(APIView):
    """Units whose archives are published here."""

    @extend_schema(operation_id="units", responses=shapes.UnitSummary(many=True))
    def get(self, request: Request) -> Response:
        """List units, this one first."""
        return Response(shapes.UnitSummary(selectors.units_with_archives(), many=True).data)


@KEPT
class UnitView(APIView):
    """One unit."""

    @extend_schema(
        operation_id="unit",
        responses=shapes.Unit,
        parameters=[_parameter("part", OpenApiTypes.STR, "Name of a township or department.")],
    )
    def get(self, request: Request, code: str) -> Response:
        """Show a unit, its officials and its newest entries."""
        page = _found(
            lambda: selectors.unit_page(code, part=request.query_params.get("part", "")[:120])
        )
        parts = [{"name": name, "officials": count} for name, count in page.parts]
        answer = {
            "unit": page.unit,
            "part": page.part,
            "parts": parts,
            "officials": page.officials,
            "entries": page.entries,
        }
        return Response(shapes.Unit(answer).data)


@KEPT
class OfficialView(APIView):
    """One official."""

    @extend_schema(
        operation_id="official",
        responses=shapes.OfficialPage,
        parameters=[
            _parameter(
                "as_of", OpenApiTypes.DATE, "What was public on that day and may still be shown."
            )
        ],
    )
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Show an official and what was published."""
        today = timezone.localdate()
        try:
            wanted = request.query_params.get("as_of")
            as_of = min(datetime.date.fromisoformat(wanted), today) if wanted else today
        except ValueError as fault:
            raise ParseError(_("日期写成 2026-11-22 这样。")) from fault
        page = _found(lambda: selectors.official_page(public_id, as_of=as_of))
        entries = [
            {"entry": entry, "replies": page.replies.get(entry.public_id, ())}
            for entry in page.entries
        ]
        return Response(
            shapes.OfficialPage(
                {
                    "official": page.official,
                    "custody": page.custody,
                    "as_of": page.as_of,
                    "entries": entries,
                }
            ).data
        )


@KEPT
class EntryView(APIView):
    """One entry."""

    @extend_schema(operation_id="entry", responses=shapes.EntryPage)
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Show an entry with its history and statements."""
        return Response(shapes.EntryPage(_found(lambda: selectors.entry_page(public_id))).data)


class PeersView(APIView):
    """Connected units and how far their records were taken in."""

    @extend_schema(operation_id="peers", responses=shapes.Peer(many=True))
    def get(self, request: Request) -> Response:
        """List connected units."""
        peers = [peer for peer in peers_with_state() if peer.state in {"connected", "frozen"}]
        return Response(shapes.Peer(peers, many=True).data)


def _found(read: Any) -> Any:
    """Run a selector; what is not there, or not public, is one 404."""
    try:
        return read()
    except ArchiveError as fault:
        raise NotFound(str(fault)) from fault

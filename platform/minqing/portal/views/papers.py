"""Files to keep: the proof of a public entry; by code, the acknowledgement and the proof of a report.

The code travels in the body of a POST; the papers hold nothing that comes from it. Views by code are csrf_exempt: the
code is the whole authority.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from minqing.archives.errors import ArchiveError
from minqing.archives.selectors import entry_page, official_page
from minqing.channel import selectors
from minqing.channel.errors import ChannelFault
from minqing.channel.models import Sender
from minqing.channel.octets import form_of
from minqing.portal.stand import proof_version
from minqing.portal.views.answers import kept, posted, problem, unkept
from minqing.portal.views.follow import case_shown
from sync.ledger import receipts

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest


@require_safe
@kept(proof_version)
def entry_proof(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The proof file of an entry's newest public record."""
    try:
        page = entry_page(public_id)
    except ArchiveError as fault:
        return problem(request, fault.status, str(fault))
    octets = receipts.prove_public(page.entry.commitment) if page.entry is not None else None
    if octets is None:
        return problem(
            request, 404, _("这条记录的凭证现在取不到：它刚刚登记，或者已经撤下。请过一会儿再试。")
        )
    answer = HttpResponse(octets, content_type="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="{public_id}.tlog-proof"'
    return answer


@require_safe
@kept(proof_version)
def handover_proof(request: HttpRequest, public_id: uuid.UUID, record: str) -> HttpResponse:
    """The proof file of one step by which an official changed home, as the unit that took the step logged it."""
    try:
        custody = official_page(public_id).custody
    except ArchiveError as fault:
        return problem(request, fault.status, str(fault))
    known = custody is not None and record in custody.records
    octets = receipts.prove_public(record) if known else None
    if octets is None:
        return problem(
            request, 404, _("这份移交的凭证现在取不到：它刚刚登记，或者本单位没有接通那个单位。")
        )
    answer = HttpResponse(octets, content_type="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="{record[:16]}.tlog-proof"'
    return answer


@unkept
@posted("portal:follow")
def acknowledgement(request: HttpRequest) -> HttpResponse:
    """The signed acknowledgement of the report, as a file; it holds nothing of the code."""
    return _paper(request, receipts.acknowledge, "acknowledgement.txt", "text/plain; charset=utf-8")


@unkept
@posted("portal:follow")
def proof(request: HttpRequest) -> HttpResponse:
    """The proof of the report or of a later message, as a file, once the slot has passed."""
    return _paper(request, receipts.proof, "report.tlog-proof", "application/octet-stream")


def _paper(
    request: HttpRequest, make: Callable[[str], bytes | None], name: str, media_type: str
) -> HttpResponse:
    """A file about one of the reporter's own messages: ``n`` names it, the report itself without."""
    try:
        form = form_of(request)
        code, wanted = form.text("code", most=60), form.text("n", most=6)
        view = selectors.case_by_code(code)
        own = [message for message in view.messages if message.sender == Sender.CITIZEN]
        chosen = [message for message in own if str(message.n) == wanted] if wanted else own[:1]
        octets = make(chosen[0].commitment) if chosen else None
    except ChannelFault as fault:
        return render(request, "portal/follow.html", {"fault": str(fault)}, status=fault.status)
    if octets is None:
        return case_shown(
            request, code, fault=_("凭证要等这一时段登记完才有，请过一会儿再来。"), status=409
        )
    answer = HttpResponse(octets, content_type=media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@unkept
@posted("portal:follow")
def photo(request: HttpRequest) -> HttpResponse:
    """One photo of the report, as it is shown: made anew from its pixels."""
    try:
        form = form_of(request)
        octets = selectors.photo_by_code(form.text("code", most=60), form.text("photo", most=40))
    except ChannelFault as fault:
        return render(request, "portal/follow.html", {"fault": str(fault)}, status=fault.status)
    return HttpResponse(octets, content_type="image/jpeg")

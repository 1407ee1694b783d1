"""Connected units: how things stand with each, asking for a connection, comparing fingerprints, what each may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from minqing.accounts.audit import act_recorded
from minqing.accounts.models import Role
from minqing.accounts.seconding import motions, seconded
from minqing.desk import seen
from minqing.desk.access import staff_page
from minqing.desk.forms import AddressForm, FingerprintForm
from minqing.desk.views.acting import Refused, carry_out
from minqing.desk.words import INCIDENTS, KINDS, PEER_STATES
from sync.audiences import CONNECTED, PUBLIC
from sync.exchange import documents, peers
from sync.exchange.client import check_address
from sync.exchange.standing import Remarks, remarks
from sync.refusals import PeerFault
from sync.refusals import Refused as RefusedByPeer

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from sync.exchange.standing import GrantState, PeerState


ACCEPT = "connection.accept"
"""What takes two operators, each of whom heard the fingerprint."""


@dataclass(frozen=True, kw_only=True)
class PeerLine:
    """A peer with its state in Chinese."""

    peer: PeerState
    state: str
    waits_for_us: bool


@dataclass(frozen=True, kw_only=True)
class GrantLine:
    """One kind of records and whether the peer may have it."""

    kind: str
    label: str
    granted: GrantState | None


@staff_page(Role.OPERATOR, Role.SUPERVISOR)
def connections(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List the units known here with their cursors, lag, last error and witnesses."""
    return _list(request, staff, AddressForm())


@staff_page(Role.OPERATOR, methods=("POST",))
def connection_ask(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Ask the unit at a typed address for a connection."""
    form = AddressForm(request.POST)
    if form.is_valid():
        try:
            peer = peers.connection_request(form.cleaned_data["address"])
        except PeerFault as fault:
            form.add_error("address", _why_not(form.cleaned_data["address"], fault))
        else:
            act_recorded(staff, "connection.ask", peer.origin)
            messages.success(request, _("申请送到了。请打电话给对方，核对指纹。"))
            return redirect("desk:connection", origin=peer.origin)
    return _list(request, staff, form, status=400)


def _why_not(address: str, fault: PeerFault) -> str:
    """Why a connection could not be asked for, and what to do; the exchange's own words where they help to find it."""
    try:
        check_address(address)
    except PeerFault:
        return _(
            "没有申请成：这不是单位平台的网址。写成 https://longhui.example.gov.cn 这样，后面不带别的。"
        )
    if isinstance(fault.__cause__, RefusedByPeer):
        return _("没有申请成：对方没有接受。请打电话问对方。（%(why)s）") % {"why": fault}
    return _("没有申请成。请核对网址，确认对方的平台开着。（%(why)s）") % {"why": fault}


@staff_page(Role.OPERATOR, Role.SUPERVISOR)
def connection(request: HttpRequest, staff: Staff, origin: str) -> HttpResponse:
    """Show one unit: fingerprints to compare, what it may have, how far both sides are."""
    return _one(request, staff, origin, FingerprintForm())


@staff_page(Role.OPERATOR, methods=("POST",))
def connection_accept(request: HttpRequest, staff: Staff, origin: str) -> HttpResponse:
    """Accept a unit after its fingerprint was read out on the telephone and typed here."""
    peer = _peer(origin)
    form = FingerprintForm(request.POST)
    if form.is_valid():
        if form.cleaned_data["fingerprint"] != "".join(peer.fingerprint.split()):
            form.add_error(
                "fingerprint",
                _("和收到的钥匙对不上。不要同意；请对方再念一遍，还对不上就停下，报告上级。"),
            )
        elif peer.state in {"requested", "offered"} and not seconded(
            by=staff,
            act=ACCEPT,
            subject=origin,
            details={"fingerprint": form.cleaned_data["fingerprint"]},
        ):
            messages.success(
                request, _("对上了，还不算数：要另一位运行维护人员也打电话核对，输入指纹。")
            )
            return redirect("desk:connection", origin=origin)
        else:
            try:
                state = peers.connection_accept(origin, form.cleaned_data["fingerprint"])
            except PeerFault as fault:
                form.add_error(None, _("没有办成。（%(why)s）") % {"why": fault})
            else:
                act_recorded(staff, ACCEPT, origin)
                messages.success(request, PEER_STATES[state.state])
                return redirect("desk:connection", origin=origin)
    return _one(request, staff, origin, form, status=400)


@staff_page(Role.OPERATOR, methods=("POST",))
def connection_grant(request: HttpRequest, staff: Staff, origin: str) -> HttpResponse:
    """Say which records a unit may have, all kinds at once: chains span kinds, and the peer must see no gap between them."""
    _peer(origin)
    given, older = set(request.POST.getlist("give")), set(request.POST.getlist("history"))

    def act() -> str:
        try:
            for kind in [*KINDS, *((given | older) - set(KINDS))]:  # what nobody knows is refused
                peers.grant_set(origin, kind, granted=kind in given, history=kind in older)
        except PeerFault as fault:
            raise Refused(fault) from fault
        chosen = " ".join(f"{kind}+" if kind in older else kind for kind in KINDS if kind in given)
        act_recorded(staff, "connection.grant", f"{origin} {chosen}")
        return reverse("desk:connection", args=[origin])

    try:
        return carry_out(
            request,
            act,
            thing=f"grants {origin}",
            read=lambda: _granted(_peer(origin)),
            said=_("存好了。"),
        )
    except Refused as refused:
        why = str(refused)
        if isinstance(refused.error, PeerFault):
            why = _("没有办成。（%(why)s）") % {"why": refused}
        return _one(request, staff, origin, FingerprintForm(), status=400, fault=why)


@staff_page(Role.OPERATOR, methods=("POST",))
def connection_end(request: HttpRequest, staff: Staff, origin: str) -> HttpResponse:
    """End a connection, of which what was taken in stays; or decline a request, of which nothing does."""
    with transaction.atomic():
        stays = peers.connection_end(_peer(origin).origin)
        act_recorded(staff, "connection.end", origin)
    if not stays:
        messages.success(request, _("申请退掉了，这里不再留着。"))
        return redirect("desk:connections")
    messages.success(request, _("已经断开，不再互相取送；以前收下的都还在。"))
    return redirect("desk:connection", origin=origin)


def _list(
    request: HttpRequest, staff: Staff, form: AddressForm, *, status: int = 200
) -> HttpResponse:
    return render(
        request,
        "desk/exchange/connections.html",
        {
            "lines": [_line(peer) for peer in peers.peers_with_state()],
            "form": form,
            "own": documents.own_document(),
            "may_act": staff.has_role(Role.OPERATOR),
        },
        status=status,
    )


def _one(
    request: HttpRequest,
    staff: Staff,
    origin: str,
    form: FingerprintForm,
    *,
    status: int = 200,
    fault: str = "",
) -> HttpResponse:
    line = _line(_peer(origin))
    granted = {grant.kind: grant for grant in line.peer.grants}
    told = remarks(of=(PUBLIC, CONNECTED)).get(origin, Remarks())
    return render(
        request,
        "desk/exchange/connection.html",
        {
            "line": line,
            "peer": line.peer,
            "form": form,
            "fault": fault,
            "own": documents.own_document(),
            "told": told,
            "held": sum(count for _, count in told.held),
            "refusals": [(INCIDENTS.get(one.name, one.name), one) for one in told.refusals],
            "grants": [
                GrantLine(kind=kind, label=str(label), granted=granted.get(kind))
                for kind, label in KINDS.items()
            ],
            "stamp": seen.stamp(_granted(line.peer)),
            "may_act": staff.has_role(Role.OPERATOR),
            "moved": motions(staff, ACCEPT).get(origin),
        },
        status=status,
    )


def _granted(peer: PeerState) -> list[tuple[str, int]]:
    return sorted((grant.kind, grant.start) for grant in peer.grants)


def _peer(origin: str) -> PeerState:
    for peer in peers.peers_with_state():
        if peer.origin == origin:
            return peer
    raise Http404


def _line(peer: PeerState) -> PeerLine:
    return PeerLine(
        peer=peer,
        state=str(PEER_STATES[peer.state]),
        waits_for_us=peer.state in {"requested", "offered"},
    )

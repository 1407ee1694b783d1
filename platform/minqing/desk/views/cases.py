"""Cases (群众反映): the list, the case with the citizen's words as they came, and each step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.channel import selectors, services
from minqing.channel.errors import ChannelFault, FormFault, UnknownCase
from minqing.channel.states import State
from minqing.desk import seen
from minqing.desk.access import staff_page
from minqing.desk.case_acts import acts_for
from minqing.desk.jobs import case_job
from minqing.desk.views.acting import Refused, carry_out, carry_out_on
from minqing.desk.work import days_in_words, urgency_of
from sync.exchange.peers import reachable_units

if TYPE_CHECKING:
    import datetime
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest

    from minqing.accounts.models import Staff
    from minqing.channel.values import DeadlineView, DeskCase, DeskRow

HANDLERS = (Role.HANDLER, Role.SUPERVISOR)
MOST = 5000
"""Rows looked through for one list."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A deadline with its urgency and words."""

    row: DeadlineView
    today: datetime.date

    @property
    def urgency(self) -> str:
        """``overdue``, ``soon`` or nothing; nothing once it was met."""
        return "" if self.row.met_on else urgency_of((self.row.day - self.today).days)

    @property
    def when(self) -> str:
        """How long there is."""
        return days_in_words((self.row.day - self.today).days)


@staff_page(*HANDLERS)
def cases(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List cases: what is owed unless a state is asked for, narrowed by place, lateness and words."""
    asked = {
        name: request.GET.get(name, "").strip()[:60] for name in ("q", "state", "place", "late")
    }
    states = [(str(value), label) for value, label in State.choices if value != State.SEALED]
    if asked["state"] not in {value for value, _label in states}:
        asked["state"] = ""
    rows = selectors.desk_cases(staff, state=asked["state"], late=asked["late"] == "1", limit=MOST)
    towns = selectors.villages()
    names = {town.code: town.name for town in towns} | {
        v.value: v.label for town in towns for v in town.villages
    }
    kept = [row for row in rows if _fits(row, asked["q"], names.get(asked["place"], ""))]
    page = Paginator(kept, 50).get_page(request.GET.get("page"))
    today = timezone.localdate()
    return render(
        request,
        "desk/cases/cases.html",
        {
            **asked,
            "states": states,
            "towns": towns,
            "open_town": next(
                (
                    t.code
                    for t in towns
                    if asked["place"] in {t.code, *(v.value for v in t.villages)}
                ),
                "",
            ),
            "rows": [case_job(row, today) for row in page],
            "page": page,
            "query": urlencode({name: value for name, value in asked.items() if value}) + "&",
            "may_lodge": True,
        },
    )


@staff_page(*HANDLERS)
def case(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Show a case. Who read it is recorded."""
    return _page(request, staff, number)


@staff_page(*HANDLERS)
def case_photo(request: HttpRequest, staff: Staff, number: str, photo: uuid.UUID) -> HttpResponse:
    """Send a photo's shown copy."""
    try:
        octets = selectors.photo_for(staff, number, str(photo))
    except UnknownCase as error:
        raise Http404 from error
    return HttpResponse(octets, content_type="image/jpeg")


@staff_page(Role.HANDLER, methods=("POST",))
def case_original(
    request: HttpRequest, staff: Staff, number: str, photo: uuid.UUID
) -> HttpResponse:
    """Hand out a photo's original as a file. Who opened it, when and why is recorded, and the reporter can read it."""
    try:
        original = services.original_open(
            by=staff, number=number, photo=str(photo), reason=_note(request)
        )
    except UnknownCase as error:
        raise Http404 from error
    except ChannelFault as error:
        return _page(
            request, staff, number, fault=str(error), fault_at=str(photo), status=error.status
        )
    answer = HttpResponse(original.octets, content_type="application/octet-stream")
    suffix = original.media_type.rpartition("/")[2]
    answer.headers["Content-Disposition"] = f'attachment; filename="original.{suffix}"'
    return answer


@staff_page(*HANDLERS, methods=("POST",))
def case_accept(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Accept (受理)."""
    return _step(
        request,
        staff,
        number,
        "accept",
        lambda: services.case_accept(by=staff, number=number, office=staff.office),
        _("受理了。"),
    )


@staff_page(*HANDLERS, methods=("POST",))
def case_return(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Send back for another office, twice at most."""
    return _step(
        request,
        staff,
        number,
        "return",
        lambda: services.case_return(by=staff, number=number, reason=_note(request)),
        _("退回了，等督办人另派。"),
    )


@staff_page(Role.SUPERVISOR, methods=("POST",))
def case_assign(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Give a returned case to an office; after two returns this is a ruling."""
    return _step(
        request,
        staff,
        number,
        "assign",
        lambda: services.case_assign(by=staff, number=number, office=_note(request)),
        _("派好了。"),
    )


@staff_page(*HANDLERS, methods=("POST",))
def case_start(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Say that work has begun."""
    return _step(
        request,
        staff,
        number,
        "start",
        lambda: services.case_start(by=staff, number=number),
        _("记下了：办理中。"),
    )


@staff_page(*HANDLERS, methods=("POST",))
def case_ask(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Ask the reporter something."""
    return _step(
        request,
        staff,
        number,
        "ask",
        lambda: services.case_ask(
            by=staff,
            number=number,
            words=_written(request, _("还没有写要问什么。反映人看到的就是这一句。")),
        ),
        _("发出了，反映人凭查询码看得到。"),
    )


@staff_page(*HANDLERS, methods=("POST",))
def case_answer(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Answer."""
    return _step(
        request,
        staff,
        number,
        "answer",
        lambda: services.case_answer(
            by=staff,
            number=number,
            words=_written(request, _("还没有写答复。先说能不能办、什么时候办好，再发出。")),
        ),
        _("答复发出了。"),
    )


@staff_page(*HANDLERS, methods=("POST",))
def case_refer(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Hand it to another connected unit, word for word; this unit stays responsible."""
    origin = request.POST.get("to", "")

    def act() -> None:
        reason = _note(request)
        if not origin:
            raise FormFault(_("请选择转给哪个单位。"))
        if not reason.strip():
            raise FormFault(_("请写明为什么转，例如“路段在你县境内”。对方看得到。"))
        services.case_refer(by=staff, number=number, origin=origin, reason=reason)

    return _step(
        request,
        staff,
        number,
        "refer",
        act,
        _("转出了；本单位仍要对反映人负责到底。"),
    )


@staff_page(*HANDLERS, methods=("POST",))
def case_close(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Close an answered case."""
    return _step(
        request,
        staff,
        number,
        "close",
        lambda: services.case_close(by=staff, number=number),
        _("办结了。"),
    )


@staff_page(*HANDLERS, methods=("POST",))
def case_seal(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Seal an accusation to the custodians in one press; it is gone from here."""

    def act() -> str:
        services.case_seal(by=staff, number=number)
        return reverse("desk:cases")

    try:
        return carry_out(
            request, act, thing=f"case {number}", read=lambda: _stamped(_read(staff, number)), said=_("转成密件了，这里不再保存。"),
            leaves_mark=False,
        )  # fmt: skip
    except Refused as refused:
        return _page(
            request, staff, number, fault=str(refused), fault_at="seal", status=refused.status
        )


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "")


def _written(request: HttpRequest, otherwise: str) -> bytes:
    """The octets of what was written for the reporter.

    Raises:
        FormFault: nothing was; ``otherwise`` says so.
    """
    note = _note(request)
    if not note.strip():
        raise FormFault(otherwise)
    return note.encode()


def _fits(row: DeskRow, words: str, place: str) -> bool:
    return (not place or place in row.place) and all(
        word in f"{row.number} {row.summary} {row.place}" for word in words.split()
    )


def _read(staff: Staff, number: str) -> DeskCase:
    try:
        return selectors.case_for(staff, number)
    except UnknownCase as error:
        raise Http404 from error


def _stamped(now: DeskCase) -> str:
    """Stamp what a handler must have seen before a step: the state, what was said, what was done."""
    return seen.stamp((now.number, now.state, len(now.messages), len(now.steps)))


def _step(
    request: HttpRequest,
    staff: Staff,
    number: str,
    name: str,
    act: Callable[[], object],
    said: str,
) -> HttpResponse:
    return carry_out_on(
        partial(_page, request, staff, number),
        request,
        act,
        button=name,
        thing=f"case {number}",
        read=lambda: _stamped(_read(staff, number)),
        back_to=reverse("desk:case", args=[number]),
        said=said,
    )


def _page(
    request: HttpRequest,
    staff: Staff,
    number: str,
    *,
    fault: str = "",
    fault_at: str = "",
    status: int = 200,
) -> HttpResponse:
    now = _read(staff, number)
    acts = acts_for(now, supervises=staff.has_role(Role.SUPERVISOR))
    shown_at = (
        {act.name for act in acts}
        | ({"answer"} if State.ANSWERED in now.moves else set())
        | ({"seal"} if now.may_seal else set())
        | {photo.id for photo in now.photos}
    )
    today = timezone.localdate()
    return render(
        request,
        "desk/cases/case.html",
        {
            "case": now,
            "stamp": seen.stamp(_stamped(now)),
            "limits": [Limit(row=row, today=today) for row in now.deadlines],
            "acts": acts,
            "may_open_originals": staff.has_role(Role.HANDLER),
            "receivers": reachable_units() if now.may_refer else [],
            "fault": fault,
            "fault_at": fault_at if fault_at in shown_at else "",
            "typed": _note(request),
            "typed_to": request.POST.get("to", ""),
        },
        status=status,
    )

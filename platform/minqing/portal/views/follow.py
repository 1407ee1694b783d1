"""Following a report by its code: status, answer, more words, rating, new code, papers.

The code travels in the body of a POST and never in an address. Every view is csrf_exempt: the code itself is
the whole authority, nothing ambient (cookie, sign-in) is used, and Django's check would read ``request.POST``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from minqing.channel import selectors, services
from minqing.channel.codes import DIGITS
from minqing.channel.errors import ChannelFault, UnknownCode
from minqing.channel.models import Sender
from minqing.channel.octets import form_of, from_elsewhere
from minqing.channel.services import once
from minqing.portal.views.answers import posted, problem, unkept

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from minqing.channel.octets import Form
    from minqing.channel.values import ReporterCase

COURSE = (
    ({"received", "returned", "ruled"}, gettext_lazy("收到")),
    ({"accepted"}, gettext_lazy("受理")),
    ({"in_progress", "reopened"}, gettext_lazy("办理")),
    ({"answered"}, gettext_lazy("答复")),
    ({"rated", "closed"}, gettext_lazy("评价、办结")),
)
"""The course of a case as its reporter sees it: states, label."""


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What a follow-up gives: the code under which it stands."""

    code: str


@unkept
@csrf_exempt  # the code is the whole authority; see the module
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: HttpRequest) -> HttpResponse:
    """Ask for the code; with it, show the case."""
    if request.method != "POST":
        return render(request, "portal/follow.html")
    code = ""
    try:
        code = form_of(request).text("code", most=60)
        return case_shown(request, code)
    except UnknownCode as fault:
        return _sealed_shown(request, code, fault)
    except ChannelFault as fault:
        return render(request, "portal/follow.html", {"fault": str(fault)}, status=fault.status)


def _sealed_shown(request: HttpRequest, code: str, unknown: UnknownCode) -> HttpResponse:
    """The code of a sealed report shows that it is there and how often it was opened, and nothing else."""
    try:
        state = selectors.sealed_by_code(code)
    except UnknownCode:
        fault = _miscounted(code) or str(unknown)
        return render(request, "portal/follow.html", {"fault": fault}, status=unknown.status)
    return render(request, "portal/sealed_state.html", {"sealed": state})


def _miscounted(code: str) -> str:
    """How many digits were typed, where they are not as many as a code has: that tells nothing of any case.

    The digits themselves are not given back: a code that is nearly right would stay on a screen that others use.
    """
    digits = sum(character.isdecimal() for character in code)
    if digits == DIGITS:
        return ""
    return _(
        "没有查到：您输了 %(n)d 位数字，查询码是 16 位，四位一组。请对着抄下来的再输一遍。"
    ) % {"n": digits}


def _act(request: HttpRequest, deed: Callable[[Form, str], None], said: str) -> HttpResponse:
    """Do one thing with the code, then show the case with what was done, or why not."""
    if from_elsewhere(request):
        return problem(
            request, 403, _("这份表单是从别的网站送来的，没有收下。请从本站的“查办理结果”进去。")
        )
    code = ""
    try:
        form = form_of(request)
        code = form.text("code", most=60)
        deed(form, code)
        return case_shown(request, code, said=said)
    except UnknownCode as fault:
        return render(request, "portal/follow.html", {"fault": str(fault)}, status=fault.status)
    except ChannelFault as fault:
        try:
            return case_shown(request, code, fault=str(fault), status=fault.status)
        except ChannelFault:
            return render(request, "portal/follow.html", {"fault": str(fault)}, status=fault.status)


@unkept
@posted("portal:follow")
def say(request: HttpRequest) -> HttpResponse:
    """Add words, octet for octet. A second press of the same form adds nothing and shows the same."""

    def deed(form: Form, code: str) -> None:
        def said() -> _Said:
            services.follow_up(code=code, words=form.words("words"))
            return _Said(code=code)

        once.carried_out(form, said, lambda found: _Said(code=found))

    return _act(request, deed, _("已经送到，原样附在后面。"))


@unkept
@posted("portal:follow")
def rate_answer(request: HttpRequest) -> HttpResponse:
    """Rate the answer."""
    return _act(
        request,
        lambda form, code: services.rate(code=code, verdict=form.text("verdict", most=20)),
        _("谢谢您的评价。"),
    )


@unkept
@posted("portal:follow")
def press(request: HttpRequest) -> HttpResponse:
    """Ask for speed."""
    return _act(
        request,
        lambda _form, code: services.press(code=code),
        _("已经催办，承办单位会先看到这一件。"),
    )


@unkept
@posted("portal:follow")
def escalate(request: HttpRequest) -> HttpResponse:
    """Ask the unit above to look."""
    return _act(request, lambda _form, code: services.escalate(code=code), _("已经请上一级督办。"))


@unkept
@posted("portal:follow")
def change_code(request: HttpRequest) -> HttpResponse:
    """Give a new code, shown this once."""
    if from_elsewhere(request):
        return problem(
            request, 403, _("这份表单是从别的网站送来的，没有收下。请从本站的“查办理结果”进去。")
        )
    try:
        new = services.code_change(code=form_of(request).text("code", most=60))
    except ChannelFault as fault:
        return render(request, "portal/follow.html", {"fault": str(fault)}, status=fault.status)
    return render(request, "portal/new_code.html", {"code": new})


def case_shown(
    request: HttpRequest, code: str, *, said: str = "", fault: str = "", status: int = 200
) -> HttpResponse:
    """The page of a case, with what was just done or why not."""
    view = selectors.case_by_code(code)
    words = {
        "case": view,
        "code": code,
        "said": said,
        "fault": fault,
        "progress": _progress(view),
        "messages": [
            (message, _as_came(message.octets), message.sender == Sender.CITIZEN)
            for message in view.messages
        ],
        "told": [step for step in view.steps if step.note],
        "verdicts": selectors.verdicts(),
        "form_token": once.form_token(),
    }
    return render(request, "portal/case.html", words, status=status)


def _as_came(octets: bytes) -> str:
    """The reporter's page shows the words as they came, without masks; they were UTF-8 or were never taken."""
    return octets.decode()


def _progress(view: ReporterCase) -> list[dict[str, Any]]:
    """One line per stage: done on a day, running now, or still to come with its latest day."""
    at = next((place for place, (states, _label) in enumerate(COURSE) if view.state in states), 0)
    limits = {1: view.told_by, 3: view.answer_by}
    lines = []
    for place, (states, label) in enumerate(COURSE):
        days = [step.day for step in view.steps if step.state in states]
        limit = limits.get(place)
        lines.append(
            {
                "label": label,
                "done": place <= at,
                "now": place == at,
                "day": days[-1] if days and place <= at else None,
                "due": limit.day
                if limit is not None and place > at and limit.met_on is None
                else None,
                "late": limit is not None and limit.late,
            }
        )
    return lines

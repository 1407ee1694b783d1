"""Entries (表现记录): the list, the editor, the page, and each step of the review."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.archives import services
from minqing.archives.errors import NotInArchive
from minqing.archives.selectors import desk_entries, desk_entry, desk_officials
from minqing.archives.states import State
from minqing.desk import seen
from minqing.desk.access import staff_page
from minqing.desk.archive_forms import CorrectionForm, EntryForm, ReplyForm, WordingForm
from minqing.desk.differences import differences
from minqing.desk.views.acting import Refused, carry_out, carry_out_on

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from minqing.archives.values import DeskEntryPage, DeskVersion
    from minqing.desk.differences import Piece

READERS = (Role.CLERK, Role.REVIEWER, Role.SUPERVISOR)
ASIDE = ("note", "names_person", "basis_commitment")


@dataclass(frozen=True, kw_only=True)
class VersionLine:
    """One version and what it changed against the one before."""

    row: DeskVersion
    title: tuple[Piece, ...]
    text: tuple[Piece, ...]


@staff_page(*READERS)
def entries(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List entries by state."""
    state = request.GET.get("state", "")
    if state not in State.values:
        state = ""
    tabs = [{"value": "", "label": _("全部"), "here": not state}]
    tabs += [
        {"value": value, "label": label, "here": value == state} for value, label in State.choices
    ]
    return render(
        request,
        "desk/archives/entries.html",
        {
            "entries": desk_entries(staff, state),
            "tabs": tabs,
            "may_write": staff.has_role(Role.CLERK),
        },
    )


@staff_page(*READERS)
def entry(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Show an entry: what is or will be public beside what only staff see, the next step, every version."""
    return _entry_page(request, staff, public_id)


@staff_page(Role.CLERK, methods=("GET", "POST"))
def entry_new(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Write a new entry; save it as a draft or hand it straight to review."""
    officials = desk_officials(staff)
    initial = {
        "official": request.GET.get("official", ""),
        "day": timezone.localdate(),
        "source_unit": staff.office,
    }
    form = EntryForm(officials, request.POST if request.method == "POST" else None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                return carry_out(request, lambda: _draft(request, staff, form), said=_said(request))
            except Refused as refused:
                form.refuse(refused.error)
                status = refused.status
    return _editor(request, form, _("新写一条表现记录"), status=status)


@staff_page(Role.CLERK, methods=("GET", "POST"))
def entry_edit(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Change one's own draft, also one that came back."""
    newest = _read(staff, public_id).entry.newest

    def act(form: WordingForm) -> str:
        services.entry_edit(by=staff, entry=public_id, wording=form.wording())
        if request.POST.get("then") == "submit":
            services.entry_submit(by=staff, entry=public_id)
        return _address(public_id)

    form = WordingForm(
        request.POST if request.method == "POST" else None, initial=WordingForm.initial_of(newest)
    )
    return _change(
        request, staff, public_id, form, act, _("改草稿"), returned_because=newest.returned_because
    )


@staff_page(Role.CLERK, methods=("GET", "POST"))
def entry_correct(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Write a correction of a published entry; it waits for review like a new one."""
    newest = _read(staff, public_id).entry.newest

    def act(form: WordingForm) -> str:
        services.entry_correct(
            by=staff, entry=public_id, wording=form.wording(), reason=form.cleaned_data["reason"]
        )
        return _address(public_id)

    form = CorrectionForm(
        request.POST if request.method == "POST" else None, initial=WordingForm.initial_of(newest)
    )
    return _change(request, staff, public_id, form, act, _("更正"), correction=True)


@staff_page(Role.CLERK, methods=("POST",))
def entry_submit(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Hand a draft to review."""
    return _step(
        request,
        staff,
        public_id,
        "submit",
        lambda: services.entry_submit(by=staff, entry=public_id),
        _("送审了。"),
    )


@staff_page(Role.REVIEWER, methods=("POST",))
def entry_publish(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Make what was reviewed public."""
    return _step(
        request,
        staff,
        public_id,
        "publish",
        lambda: services.entry_publish(by=staff, entry=public_id),
        _("公开了。"),
    )


@staff_page(Role.REVIEWER, methods=("POST",))
def entry_return(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Give it back to the author with a reason."""
    reason = request.POST.get("reason", "")
    return _step(
        request,
        staff,
        public_id,
        "return",
        lambda: services.entry_return(by=staff, entry=public_id, reason=reason),
        _("退回给经办人了。"),
    )


@staff_page(Role.REVIEWER, methods=("POST",))
def entry_withdraw(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Take it off the web with a reason."""
    reason = request.POST.get("reason", "")
    return _step(
        request,
        staff,
        public_id,
        "withdraw",
        lambda: services.entry_withdraw(by=staff, entry=public_id, reason=reason),
        _("撤下了。"),
    )


@staff_page(Role.CLERK, methods=("GET", "POST"))
def reply(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Enter the official's own statement."""
    page = _read(staff, public_id)
    form = ReplyForm(
        request.POST if request.method == "POST" else None, initial={"day": timezone.localdate()}
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():

            def act() -> str:
                services.reply_attach(
                    by=staff,
                    entry=public_id,
                    text=form.cleaned_data["text"],
                    day=form.cleaned_data["day"],
                )
                return _address(public_id)

            try:
                return carry_out(request, act, said=_("登记好了，等另一位同志审核。"))
            except Refused as refused:
                form.refuse(refused.error)
                status = refused.status
    return render(
        request, "desk/archives/reply.html", {"form": form, "entry": page.entry}, status=status
    )


@staff_page(Role.REVIEWER, methods=("POST",))
def reply_publish(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, reply_id: uuid.UUID
) -> HttpResponse:
    """Review a statement and show it beside the entry."""
    if all(found.public_id != reply_id for found in _read(staff, public_id).replies):
        raise Http404

    def act() -> str:
        services.reply_publish(by=staff, reply=reply_id)
        return _address(public_id)

    try:
        return carry_out(request, act, said=_("说明公开了。"))
    except Refused as refused:
        return _entry_page(request, staff, public_id, fault=str(refused), status=refused.status)


def _read(staff: Staff, public_id: uuid.UUID) -> DeskEntryPage:
    try:
        return desk_entry(staff, public_id)
    except NotInArchive as error:
        raise Http404 from error


def _address(public_id: uuid.UUID) -> str:
    return reverse("desk:entry", args=[public_id])


def _said(request: HttpRequest) -> str:
    return _("存好并送审了。") if request.POST.get("then") == "submit" else _("草稿存好了。")


def _draft(request: HttpRequest, staff: Staff, form: EntryForm) -> str:
    values = form.cleaned_data
    about = next(
        (
            one.public_id
            for one in desk_officials(staff)
            if str(one.public_id) == values["official"]
        ),
        None,
    )
    made = services.entry_draft(
        by=staff, source=values["source"], wording=form.wording(), official=about, unit_name=values["unit_name"],
        names_person=values["names_person"], basis_commitment=values["basis_commitment"],
    )  # fmt: skip
    if request.POST.get("then") == "submit":
        services.entry_submit(by=staff, entry=made.public_id)
    return _address(made.public_id)


def _change(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, form: WordingForm, act: Callable[[Any], str], heading: str, *,
    returned_because: str = "", correction: bool = False,
) -> HttpResponse:  # fmt: skip
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                return carry_out(
                    request, lambda: act(form), thing=f"entry {public_id}", read=lambda: _read(staff, public_id).entry.newest,
                    said=_("更正送审了；审核通过前，群众看到的还是原来的。") if correction else _said(request),
                )  # fmt: skip
            except Refused as refused:
                form.refuse(refused.error)
                status = refused.status
    now = _read(staff, public_id).entry
    more = {
        "entry": now,
        "stamp": seen.stamp(now.newest),
        "returned_because": returned_because,
        "correction": correction,
        "stored": now.newest if status == 409 else None,
    }
    return _editor(request, form, heading, status=status, **more)


def _editor(
    request: HttpRequest, form: WordingForm, heading: str, *, status: int, **more: object
) -> HttpResponse:
    return render(
        request,
        "desk/archives/entry_edit.html",
        {"form": form, "heading": heading, "aside": ASIDE, **more},
        status=status,
    )


def _step(
    request: HttpRequest,
    staff: Staff,
    public_id: uuid.UUID,
    name: str,
    act: Callable[[], object],
    said: str,
) -> HttpResponse:
    return carry_out_on(
        partial(_entry_page, request, staff, public_id),
        request,
        act,
        button=name,
        thing=f"entry {public_id}",
        read=lambda: _read(staff, public_id).entry.newest,
        back_to=_address(public_id),
        said=said,
    )


def _entry_page(
    request: HttpRequest,
    staff: Staff,
    public_id: uuid.UUID,
    *,
    fault: str = "",
    fault_at: str = "",
    status: int = 200,
) -> HttpResponse:
    page = _read(staff, public_id)
    moves = page.entry.moves
    about_reason = fault_at in {"return", "withdraw"} and fault_at in moves
    return render(
        request,
        "desk/archives/entry.html",
        {
            "page": page,
            "entry": page.entry,
            "versions": _lines(page.versions),
            "stamp": seen.stamp(page.entry.newest),
            "own_work": "return" in moves and "publish" not in moves,
            "may_reply": staff.has_role(Role.CLERK)
            and page.entry.official_id is not None
            and page.entry.newest.state != State.WITHDRAWN,
            "fault": "" if about_reason else fault,
            "fault_at": fault_at,
            "reason_fault": fault if about_reason else "",
            "reason_typed": request.POST.get("reason", ""),
        },
        status=status,
    )


def _lines(versions: tuple[DeskVersion, ...]) -> list[VersionLine]:
    lines: list[VersionLine] = []
    before_title, before_text = "", ""
    for version in versions:
        first = not lines
        lines.append(
            VersionLine(
                row=version,
                title=differences(version.title if first else before_title, version.title),
                text=differences(version.text if first else before_text, version.text),
            )
        )
        before_title, before_text = version.title, version.text
    return lines[::-1]

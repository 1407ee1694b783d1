"""What waits for whom: reads of each room made into lines of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.accounts.proposing import proposals
from minqing.archives.selectors import desk_entries, desk_officials
from minqing.archives.selectors.replies import replies_to_review
from minqing.archives.services import erasures_entered
from minqing.archives.states import State as EntryState
from minqing.channel.selectors import desk_cases, sealed_for, unopened
from minqing.channel.states import State
from minqing.desk.words import INCIDENTS, PEER_STATES
from minqing.desk.work import Job, section
from sync.exchange.open_incidents import open_incidents
from sync.exchange.peers import peers_with_state

if TYPE_CHECKING:
    import datetime

    from minqing.accounts.models import Staff
    from minqing.archives.values import DeskEntry
    from minqing.channel.values import DeskRow
    from minqing.desk.work import Section

MOST = 500
"""Rows looked through for one section."""


def sections_for(staff: Staff) -> list[Section]:
    """The queue of one person, by role: cases first, then what colleagues wait for, then one's own drafts, then machines."""
    today = timezone.localdate()
    found: list[Section] = []
    if staff.has_role(Role.HANDLER, Role.SUPERVISOR):
        found += _cases(staff, today)
    if staff.has_role(Role.SUPERVISOR):
        found.append(_erasures(staff, today))
    if staff.has_role(Role.REVIEWER):
        found.append(_to_review(staff, today))
    if staff.has_role(Role.CLERK):
        found.append(_drafts(staff, today))
    if staff.has_role(Role.CUSTODIAN):
        found.append(_sealed(staff, today))
    if staff.has_role(Role.OPERATOR, Role.SUPERVISOR):
        found += [_unopened(staff, today), _exchange(today)]
    if staff.has_role(Role.OPERATOR):
        found.append(_accounts(staff, today))
    return [one for one in found if one.total]


def case_job(row: DeskRow, today: datetime.date) -> Job:
    """A case as a line: its words, where it is, what to do next."""
    marks = [
        row.label,
        row.kind_label,
        row.place,
        _("催办过") if row.pressed else "",
        _("要求上级督办") if row.escalated else "",
        _("来自%(unit)s") % {"unit": row.from_unit} if row.from_unit else "",
        _("已转%(unit)s") % {"unit": row.referred_to} if row.referred_to else "",
    ]
    return Job(
        title=row.summary or row.number, about=" · ".join(mark for mark in marks if mark), href=reverse("desk:case", args=[row.number]),
        verb=_case_verb(row.state), due=row.due, today=today, when_else=f"{row.day:%Y-%m-%d}",
        number=row.number,
    )  # fmt: skip


def _case_verb(state: str) -> str:
    if state in {State.RECEIVED, State.RULED}:
        return _("受理")
    if state == State.RETURNED:
        return _("另派")
    if state in {State.ACCEPTED, State.IN_PROGRESS, State.REOPENED}:
        return _("答复")
    return _("查看")


def _cases(staff: Staff, today: datetime.date) -> list[Section]:
    rows = desk_cases(staff, limit=MOST)
    href = reverse("desk:cases")
    to_accept = [case_job(row, today) for row in rows if row.state in {State.RECEIVED, State.RULED}]
    to_answer = [
        case_job(row, today)
        for row in rows
        if row.state in {State.ACCEPTED, State.IN_PROGRESS, State.REOPENED}
    ]
    returned = [case_job(row, today) for row in rows if row.state == State.RETURNED]
    found = [
        section("answer", _("要答复"), href, to_answer),
        section("accept", _("要受理"), f"{href}?state=received", to_accept),
    ]
    if staff.has_role(Role.SUPERVISOR):
        found.append(section("assign", _("退回来的，要另派"), f"{href}?state=returned", returned))
    return found


def _to_review(staff: Staff, today: datetime.date) -> Section:
    jobs = [
        _entry_job(entry, today, _("审核"))
        for entry in reversed(desk_entries(staff, EntryState.SUBMITTED, limit=MOST))
        if "publish" in entry.moves
    ]  # the one that has waited longest first
    jobs += [
        Job(
            title=official.name, about=_("姓名、职务、分管工作、办公电话"), href=reverse("desk:official", args=[official.public_id]),
            verb=_("审核"), due=None, today=today, when_else=_("干部信息"),
        )
        for official in desk_officials(staff, limit=MOST)
        if official.can_publish
    ]  # fmt: skip
    jobs += [
        Job(
            title=_("%(name)s的说明") % {"name": reply.official_name}, about=_("本人说明"),
            href=reverse("desk:entry", args=[reply.entry_id]), verb=_("审核"), due=None, today=today, when_else=f"{reply.day:%Y-%m-%d}",
        )
        for reply in replies_to_review(staff, limit=MOST)
    ]  # fmt: skip
    return section("review", _("要审核"), f"{reverse('desk:entries')}?state=submitted", jobs)


def _drafts(staff: Staff, today: datetime.date) -> Section:
    jobs = [
        _entry_job(entry, today, _("接着写"))
        for entry in desk_entries(staff, EntryState.DRAFT, limit=MOST)
        if "edit" in entry.moves
    ]
    return section("drafts", _("要写完"), f"{reverse('desk:entries')}?state=draft", jobs)


def _entry_job(entry: DeskEntry, today: datetime.date, verb: str) -> Job:
    newest = entry.newest
    about = [
        _("退回：%(why)s") % {"why": newest.returned_because} if newest.returned_because else "",
        _("更正") if newest.number > 1 else "",
        entry.official_name,
        entry.unit_name,
        entry.source_label,
        newest.author,
    ]
    return Job(
        title=newest.title, about=" · ".join(part for part in about if part), href=reverse("desk:entry", args=[entry.public_id]),
        verb=verb, due=None, today=today, when_else=f"{newest.day:%Y-%m-%d}",
    )  # fmt: skip


def _sealed(staff: Staff, today: datetime.date) -> Section:
    href = reverse("desk:sealed")
    jobs = [
        Job(
            title=_("密件"),
            about="",
            href=href,
            verb=_("打开"),
            due=None,
            today=today,
            when_else=f"{row.day:%Y-%m-%d}",
        )
        for row in sealed_for(staff)
        if not row.opened_by_me
    ]
    return section("sealed", _("没有打开过的密件"), href, jobs)


def _erasures(staff: Staff, today: datetime.date) -> Section:
    href = reverse("desk:erasures")
    jobs = [
        Job(
            title=_("删除令：%(kind)s") % {"kind": row.get_kind_display()}, about=_("%(who)s录入的") % {"who": row.entered_by.name}, href=href,
            verb=_("核对"), due=None, today=today, when_else=f"{row.day:%Y-%m-%d}",
        )
        for row in erasures_entered(staff)
        if row.entered_by_id != staff.pk
    ]  # fmt: skip
    return section("erasures", _("等您确认的删除令"), href, jobs)


def _accounts(staff: Staff, today: datetime.date) -> Section:
    href = reverse("desk:staff-accounts")
    jobs = [
        Job(
            title=f"{one.label}：{one.name}", about=_("%(who)s提的") % {"who": one.by}, href=href, verb=_("去看"), due=None, today=today,
            when_else=f"{one.day:%Y-%m-%d}",
        )
        for one in proposals(staff)
        if one.may_agree
    ]  # fmt: skip
    return section("accounts", _("等您同意的账号改动"), href, jobs)


def _unopened(staff: Staff, today: datetime.date) -> Section:
    href = reverse("desk:second-door")
    waiting = unopened(staff)
    title = _("有 %(n)d 件反映没有人能打开：请接通上一级单位，或登记密件保管人") % {
        "n": waiting.total
    }
    jobs = [Job(title=title, about="", href=href, verb=_("去办"), due=None, today=today)]
    return section("unopened", _("没有人能打开的"), href, jobs if waiting.total else [])


def _exchange(today: datetime.date) -> Section:
    jobs = [
        Job(
            title=f"{incident.peer}：{INCIDENTS.get(incident.name, incident.name)}", about="", verb=_("查看"), due=None, today=today,
            href=reverse("desk:incident", args=[incident.number]), when_else=f"{incident.last_on:%Y-%m-%d}",
        )
        for incident in open_incidents(MOST)
    ]  # fmt: skip
    jobs += [
        Job(
            title=peer.name, about=str(PEER_STATES[peer.state]), href=reverse("desk:connection", args=[peer.origin]), verb=_("核对"),
            due=None, today=today, when_else=_("联网"),
        )
        for peer in peers_with_state()
        if peer.state in {"requested", "offered"}
    ]  # fmt: skip
    return section("exchange", _("联网和异常"), reverse("desk:incidents"), jobs)

"""The steps that a handler may take on a case, as data: which state each leads to, what it asks, what its button says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from minqing.channel.states import State

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

    from minqing.channel.values import DeskCase


@dataclass(frozen=True, kw_only=True)
class Act:
    """One step. ``asks`` is the label of its field; without it the step is one press."""

    name: str
    leads_to: tuple[State, ...]
    label: StrPromise
    button: StrPromise
    asks: StrPromise | str = ""
    required: bool = False
    says: StrPromise | str = ""


ACTS = (
    Act(
        name="accept",
        leads_to=(State.ACCEPTED,),
        label=_("受理"),
        button=_("受理"),
        says=_("受理后，反映人马上看得到。"),
    ),
    Act(
        name="assign",
        leads_to=(State.RECEIVED, State.RULED),
        label=_("另派科室"),
        button=_("派去"),
        asks=_("由哪个科室承办"),
        required=True,
    ),
    Act(name="start", leads_to=(State.IN_PROGRESS,), label=_("开始办理"), button=_("开始办理")),
    Act(
        name="close",
        leads_to=(State.CLOSED,),
        label=_("办结"),
        button=_("办结"),
        says=_("反映人评价过，或者不再评价，就可以办结。"),
    ),
    Act(
        name="ask",
        leads_to=(),
        label=_("向反映人问一句"),
        button=_("发出"),
        asks=_("问什么"),
        required=True,
    ),
    Act(
        name="refer",
        leads_to=(),
        label=_("转给别的单位"),
        button=_("转出"),
        asks=_("为什么转（对方看得到）"),
        required=True,
        says=_(
            "写明事发在哪里、为什么归对方办，例如“路段在你县境内”。转出就算受理，本单位仍要对反映人负责到底。"
        ),
    ),
    Act(
        name="return",
        leads_to=(State.RETURNED,),
        label=_("退回，不归我们办"),
        button=_("退回"),
        asks=_("为什么退，应由谁办"),
        required=True,
    ),
)


def acts_for(case: DeskCase, *, supervises: bool) -> list[Act]:
    """The steps open now, the main one first. The answer and sealing have forms of their own."""
    return [act for act in ACTS if _is_open(act, case, supervises=supervises)]


def _is_open(act: Act, case: DeskCase, *, supervises: bool) -> bool:
    if act.name == "refer":
        return case.may_refer
    if act.name == "ask":
        return case.state in {State.ACCEPTED, State.IN_PROGRESS, State.REOPENED}
    if act.name == "assign":
        return (
            supervises
            and any(state in case.moves for state in act.leads_to)
            and case.state == State.RETURNED
        )
    return any(state in case.moves for state in act.leads_to)

"""What may be public about whom (公开与保密矩阵): a whitelist, with the legal basis beside each item.

The unit's own publication plan (公开方案) names a document per item; without it nothing of that item
is published. What the matrix does not list is not public.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class PlanItem(models.TextChoices):
    """Items of the matrix that a publication plan can open."""

    OFFICIAL_FACTS = "official_facts", _("领导姓名、职务、任职经历、分管工作、办公电话")
    INSPECTION = "inspection", _("领导调研、检查督查的事项、问题、整改要求和结果")
    PLEDGE = "pledge", _("公开承诺、阶段目标、完成时间、进度")
    REPORT_OUTCOME = "report_outcome", _("群众诉求办理结果、满意度")
    EVALUATION = "evaluation", _("测评总体结果（单位）")
    COMMENDATION = "commendation", _("表彰奖励")


BASES: dict[str, str] = {
    PlanItem.OFFICIAL_FACTS: "政府网站发展指引（负责人信息）；政府信息公开条例第20条",
    PlanItem.INSPECTION: "政府信息公开条例第13、17、37条",
    PlanItem.PLEDGE: "群众考评制度“两公开”",
    PlanItem.REPORT_OUTCOME: "信访工作条例第18、21条",
    PlanItem.EVALUATION: "公务员法第38条；在一定范围内公示",
    PlanItem.COMMENDATION: "政府信息公开条例第13、20条",
}


class Source(models.TextChoices):
    """Where an entry comes from. Accusations (检举控告) and disciplinary measures have no place here."""

    VISIT = "visit", _("领导调研")
    INSPECTION = "inspection", _("检查督查")
    REPORT_OUTCOME = "report_outcome", _("群众反映办结")
    PLEDGE = "pledge", _("公开承诺")
    EVALUATION = "evaluation", _("测评")
    COMMENDATION = "commendation", _("表彰")
    ORDER = "order", _("整改督办")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How the matrix treats one source."""

    item: PlanItem
    persons: bool = True  # may stand under a person on the web; else under the unit only


RULES: dict[str, Rule] = {
    Source.VISIT: Rule(item=PlanItem.INSPECTION),
    Source.INSPECTION: Rule(item=PlanItem.INSPECTION),
    Source.ORDER: Rule(item=PlanItem.INSPECTION),
    Source.REPORT_OUTCOME: Rule(item=PlanItem.REPORT_OUTCOME),
    Source.PLEDGE: Rule(item=PlanItem.PLEDGE),
    Source.EVALUATION: Rule(item=PlanItem.EVALUATION, persons=False),
    Source.COMMENDATION: Rule(item=PlanItem.COMMENDATION),
}

"""Forms about officials, entries and the publication plan. The archives' services check the values again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from minqing.archives.matrix import PlanItem, Source
from minqing.archives.values import Wording
from minqing.desk.forms import DeskForm

if TYPE_CHECKING:
    from minqing.archives.values import DeskOfficial, DeskVersion

DAY_FORMATS = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日"]
_MONTH = re.compile(r"((?:19|20)[0-9]{2})\s*[-./年]?\s*([0-9]{1,2})\s*月?")


class DayField(forms.DateField):
    """A day, in the ways that people write one."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        messages = {"invalid": _("日期请写成 2026-11-22 这样。")}
        super().__init__(
            input_formats=DAY_FORMATS, widget=widget, error_messages=messages, **options
        )


class MonthField(forms.CharField):
    """A month, kept as ``YYYYMM``; people write 2024.03, 2024年3月 or 202403."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=12,
            widget=forms.TextInput(attrs={"inputmode": "numeric", "placeholder": "2024.03"}),
            **options,
        )

    def clean(self, value: Any) -> str:
        """Return six digits, or an empty text."""
        typed = str(super().clean(value))
        if not typed:
            return ""
        found = _MONTH.fullmatch(typed)
        if found is None or not 1 <= int(found[2]) <= 12:
            raise forms.ValidationError(gettext("年月请写成 2024.03 这样。"))
        return f"{found[1]}{int(found[2]):02d}"

    def prepare_value(self, value: Any) -> Any:
        """Show 202403 as 2024.03."""
        return (
            f"{value[:4]}.{value[4:]}"
            if isinstance(value, str) and re.fullmatch(r"[0-9]{6}", value)
            else value
        )


class WordingForm(DeskForm):
    """What an entry says."""

    day = DayField(label=_("日期"), help_text=_("事情发生的那一天"))
    source_unit = forms.CharField(
        label=_("由谁"), max_length=120, help_text=_("谁去调研、检查、统计的，例如 县委督查室")
    )
    title = forms.CharField(
        label=_("标题"), max_length=120, help_text=_("一句话说清：什么事，怎样了")
    )
    text = forms.CharField(label=_("内容"), max_length=20_000, widget=forms.Textarea())
    negative = forms.BooleanField(label=_("是负面内容（问题、滞后、不合格）"), required=False)
    expires_on = DayField(
        label=_("到期撤下"), required=False, help_text=_("负面内容必须写，到了这一天不再显示")
    )
    note = forms.CharField(
        label=_("依据和材料"),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"class": "short"}),
        help_text=_("文号、记录在哪个柜子，不公开"),
    )

    def wording(self) -> Wording:
        """The value for the archives."""
        return Wording(**{name: self.cleaned_data[name] for name in WordingForm.base_fields})

    def clean(self) -> dict[str, Any]:
        """A negative entry says until when it is shown."""
        values = super().clean() or {}
        if (
            values.get("negative")
            and not values.get("expires_on")
            and "expires_on" not in self.errors
        ):
            self.add_error("expires_on", gettext("负面内容要写明到期撤下的日期。"))
        return values

    @staticmethod
    def initial_of(version: DeskVersion) -> dict[str, Any]:
        """What a form about an existing version begins with."""
        return {name: getattr(version, name) for name in WordingForm.base_fields}


class EntryForm(WordingForm):
    """A new entry: about whom, from where, what it says."""

    official = forms.ChoiceField(label=_("关于谁"), required=False)
    unit_name = forms.CharField(
        label=_("单位"), max_length=120, required=False, help_text=_("不填就是本人现在任职的单位")
    )
    source = forms.ChoiceField(label=_("来源"), choices=[("", _("请选择")), *list(Source.choices)])
    names_person = forms.BooleanField(label=_("群众反映办结意见点名本人"), required=False)
    basis_commitment = forms.CharField(
        label=_("办结记录的存证号"),
        max_length=64,
        required=False,
        help_text=_("群众反映办结要记在本人名下时才填"),
    )

    field_order = (
        "official",
        "unit_name",
        "source",
        "day",
        "source_unit",
        "title",
        "text",
        "negative",
        "expires_on",
        "note",
    )

    def __init__(self, officials: list[DeskOfficial], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        about = self.fields["official"]
        assert isinstance(about, forms.ChoiceField)
        about.choices = [
            ("", gettext("单位（不记在个人名下）")),
            *((str(one.public_id), _who(one)) for one in officials),
        ]


class CorrectionForm(WordingForm):
    """A newer wording of a published entry, with the reason the public reads."""

    reason = forms.CharField(label=_("理由"), max_length=400, help_text=_("更正的理由会公开"))

    field_order = (
        "reason",
        "day",
        "source_unit",
        "title",
        "text",
        "negative",
        "expires_on",
        "note",
    )


class ReplyForm(DeskForm):
    """The official's own statement, from paper."""

    day = DayField(label=_("日期"))
    text = forms.CharField(
        label=_("本人说明"),
        max_length=20_000,
        widget=forms.Textarea(),
        help_text=_("照本人签字的说明原样录入"),
    )


class OfficialForm(DeskForm):
    """An official's own facts."""

    name = forms.CharField(label=_("姓名"), max_length=40)
    birth_month = MonthField(
        label=_("出生年月"), required=False, help_text=_("只用来分清同名的人，不公开")
    )
    telephone = forms.CharField(
        label=_("办公电话"),
        max_length=40,
        required=False,
        help_text=_("会公开；不写手机和家里电话"),
    )


class PostForm(DeskForm):
    """One post."""

    unit_name = forms.CharField(label=_("单位"), max_length=120)
    title = forms.CharField(label=_("职务"), max_length=120)
    duties = forms.CharField(label=_("分管工作"), max_length=400, required=False)
    from_month = MonthField(label=_("任职起"), required=False)
    to_month = MonthField(label=_("任职止"), required=False, help_text=_("还在任就空着"))
    is_public = forms.BooleanField(label=_("公开这个职务"), required=False, initial=True)


class PlanForm(DeskForm):
    """The document that opens one item."""

    item = forms.ChoiceField(label=_("事项"), choices=PlanItem.choices, widget=forms.HiddenInput())
    document_number = forms.CharField(
        label=_("文号"), max_length=80, help_text=_("例如 新组发〔2026〕12号")
    )
    document_title = forms.CharField(label=_("文件名"), max_length=200)
    document_day = DayField(label=_("成文日期"))


def _who(official: DeskOfficial) -> str:
    post = next((post for post in official.posts if not post.to_month), None)
    return f"{official.name}　{post.unit_name}{post.title}" if post else official.name

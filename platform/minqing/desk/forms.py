"""Forms that belong to no one room, and what all forms of the desk share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class DeskForm(forms.Form):
    """A form whose missing fields are named, and that puts a service's sentence beside the field it speaks of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages["required"] = gettext("请填写“%(field)s”。") % {
                "field": field.label
            }

    def refuse(self, error: Exception) -> None:
        """Put a sentence beside the field whose label it quotes, or over the whole form."""
        sentence = str(error)
        for name, field in self.fields.items():
            if f"“{field.label}”" in sentence:
                self.add_error(name, sentence)
                return
        self.add_error(None, sentence)


class SignInForm(DeskForm):
    """Name and password."""

    username = forms.CharField(
        label=_("登录名"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )
    password = forms.CharField(
        label=_("密码"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PasswordForm(DeskForm):
    """The old password and a new one twice."""

    old = forms.CharField(
        label=_("现在的密码"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=_("新密码"),
        max_length=200,
        strip=False,
        help_text=_("至少 10 个字符，不要用常见的密码。一句自己记得住的话最好。"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("再输一次新密码"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class AddressForm(DeskForm):
    """The address of another unit."""

    address = forms.CharField(
        label=_("对方网址"),
        max_length=300,
        help_text=_("例如 https://longhui.example.gov.cn"),
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )


class FingerprintForm(DeskForm):
    """What the other side read out on the telephone."""

    fingerprint = forms.CharField(
        label=_("对方念的指纹"),
        max_length=120,
        help_text=_("40 位数字，空格可有可无。要照对方念的输，不要从这一页抄。"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )

    def clean_fingerprint(self) -> str:
        """Digits without blanks."""
        digits = "".join(self.cleaned_data["fingerprint"].split())
        if not (digits.isascii() and digits.isdigit() and len(digits) == 40):
            raise forms.ValidationError(_("指纹是 40 位数字，请再听一遍。"))
        return digits

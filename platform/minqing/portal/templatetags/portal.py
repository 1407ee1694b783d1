"""Labels, links that keep the search, and highlighted stretches."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings
from django.urls import get_script_prefix
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from minqing.archives.matrix import Source
from search.text import is_han, pieces
from sync.exchange.incidents import frozen_origins
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.template import Context

    from search.query import Segment

register = template.Library()
_BREAK = SafeString("<wbr>")


@register.filter
def source_label(value: str) -> str:
    """What people call a source; an unknown one stays as it came."""
    return str(Source(value).label) if value in Source.values else value


@register.filter
def kind_label(value: str) -> str:
    """What people call a kind of document."""
    return {"official": _("干部"), "entry": _("记录")}.get(value, value)


@register.filter
def history_label(value: str) -> str:
    """What was done to an entry on a day."""
    return {
        "published": _("公开"),
        "corrected": _("更正"),
        "withdrawn": _("撤下"),
        "erased": _("依法删除"),
    }.get(value, value)


@register.inclusion_tag("portal/frozen.html")
def frozen_notice(name: str) -> dict[str, bool]:
    """Say, neutrally, that a unit's heads do not fit together at present; ``name`` is its origin or its code."""
    return {"frozen": name in frozen_origins() or name in frozen_codes()}


@register.simple_tag
def frozen_codes() -> frozenset[str]:
    """Codes of units whose heads do not fit together at present: lists mark what is theirs.

    Never this unit's own, whatever code another one gave itself.
    """
    return frozenset(origin.split("/")[1] for origin in frozen_origins()) - {current_unit().code}


@register.filter
def mounted(path: str) -> str:
    """A path of this unit's site, also where the site stands under a prefix."""
    return get_script_prefix().rstrip("/") + path


@register.filter
def telephone_link(value: str) -> str:
    """The digits of a telephone number."""
    return "".join(sign for sign in value if sign.isdigit() or sign == "+")


@register.simple_tag
def slot_length() -> str:
    """How long a citizen waits at most until his words have a proof."""
    seconds = settings.MINQING.slot_seconds
    if seconds < 120:
        return _("%(n)d 秒") % {"n": seconds}
    return _("%(n)d 分钟") % {"n": -(-seconds // 60)}


@register.filter(name="of")
def value_of(values: Mapping[Any, Any], key: object) -> Any:
    """Look up by a variable key; nothing for what is not there."""
    return values.get(key, ())


@register.filter
def phrases(text: str) -> SafeString:
    """Let a heading break between its words only: browsers break Chinese anywhere."""
    stretches = ["", *pieces(text)]
    return format_html(
        '<span class="phrases">{}</span>',
        format_html_join(
            "",
            "{}{}",
            ((_BREAK if _meet(before, word) else "", word) for before, word in pairwise(stretches)),
        ),
    )


def _meet(before: str, word: str) -> bool:
    """Whether two words meet without a sign between them; beside a sign a browser breaks as it should."""
    return bool(before and word) and is_han(before[-1]) and is_han(word[0])


@register.simple_tag
def segments(stretches: Iterable[Segment]) -> SafeString:
    """Escape each stretch and mark those that match; a dot stands where a line ends."""
    lines = ((stretch.text.replace("\n", " · "), stretch.is_match) for stretch in stretches)
    return format_html_join(
        "",
        "{}",
        ((format_html("<mark>{}</mark>", text) if is_match else text,) for text, is_match in lines),
    )


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: object) -> str:
    """The query string of this page with some parameters changed; None takes one out."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value is not None:
            parameters[name] = str(value)
    return str(parameters.urlencode())


@register.simple_tag(takes_context=True)
def query_without(context: Context, name: str, value: str) -> str:
    """The query string of this page without one value of one parameter, from the first page on."""
    parameters = context["request"].GET.copy()
    parameters.pop("page", None)
    parameters.setlist(name, [kept for kept in parameters.getlist(name) if kept != value])
    return str(parameters.urlencode())

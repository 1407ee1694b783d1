"""The second door's own form, open only where this unit's designation document stands: sealed at once, never stored plain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from minqing.channel import selectors
from minqing.channel.errors import ChannelFault, NotDesignated
from minqing.channel.octets import form_of, from_elsewhere
from minqing.channel.services import once, sealed_lodge
from minqing.portal.views.answers import problem, unkept

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@unkept
@csrf_exempt  # no ambient authority: no cookie and no sign-in is looked at, and request.POST would change octets
@require_http_methods(["GET", "HEAD", "POST"])
def sealed(request: HttpRequest) -> HttpResponse:
    """The form; by POST, seal the words to the custodians and give the code, which is all that is given."""
    own = next((one for one in selectors.competent_receivers().receivers if not one.origin), None)
    if own is None:
        return problem(request, NotDesignated.status, str(NotDesignated()))
    shown = {
        "receiver": own,
        "words": "",
        "place": "",
        "contact": "",
        "fault": "",
        "form_token": once.form_token(),
    }
    if request.method != "POST":
        return render(request, "portal/sealed.html", shown)
    if from_elsewhere(request):
        return problem(
            request, 403, _("这份表单是从别的网站送来的，没有收下。请从本站的“我要反映”写。")
        )
    try:
        form = form_of(request)
        shown |= {"place": form.text("place"), "contact": form.text("contact")}
        words = form.words("words")
        shown["words"] = words.decode()
        lodged = once.carried_out(
            form,
            lambda: sealed_lodge(
                words=words,
                place=form.text("place"),
                contact=form.text("contact"),
                photos=form.files("photo"),
            ),
            selectors.sealed_lodged_by_code,
        )
    except once.FormSpent as fault:
        return problem(request, fault.status, str(fault))
    except ChannelFault as fault:
        return render(
            request, "portal/sealed.html", shown | {"fault": str(fault)}, status=fault.status
        )
    return render(request, "portal/sealed_receipt.html", {"lodged": lodged})

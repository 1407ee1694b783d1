"""Addresses of the staff pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from minqing.desk.views import (
    cases,
    connections,
    entries,
    erasures,
    handovers,
    importing,
    incidents,
    ledger,
    lodging,
    masking,
    officials,
    plan,
    queue,
    sealed,
    second_door,
    sign_in,
    staff,
)

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

app_name = "desk"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", queue.today, name="queue"),
    path("sign-in/", sign_in.enter, name="sign-in"),
    path("sign-out/", sign_in.leave, name="sign-out"),
    path("password/", sign_in.password, name="password"),
    path("officials/", officials.officials, name="officials"),
    path("officials/new/", officials.official_new, name="official-new"),
    path("officials/<uuid:public_id>/", officials.official, name="official"),
    path("officials/<uuid:public_id>/edit/", officials.official_edit, name="official-edit"),
    path(
        "officials/<uuid:public_id>/publish/", officials.official_publish, name="official-publish"
    ),
    path(
        "officials/<uuid:public_id>/withdraw/",
        officials.official_withdraw,
        name="official-withdraw",
    ),
    path("officials/<uuid:public_id>/posts/new/", officials.post_new, name="post-new"),
    path("officials/<uuid:public_id>/posts/<int:post>/", officials.post_edit, name="post-edit"),
    path(
        "officials/<uuid:public_id>/posts/<int:post>/remove/",
        officials.post_remove,
        name="post-remove",
    ),
    path("entries/", entries.entries, name="entries"),
    path("entries/new/", entries.entry_new, name="entry-new"),
    path("entries/<uuid:public_id>/", entries.entry, name="entry"),
    path("entries/<uuid:public_id>/edit/", entries.entry_edit, name="entry-edit"),
    path("entries/<uuid:public_id>/correct/", entries.entry_correct, name="entry-correct"),
    path("entries/<uuid:public_id>/submit/", entries.entry_submit, name="entry-submit"),
    path("entries/<uuid:public_id>/publish/", entries.entry_publish, name="entry-publish"),
    path("entries/<uuid:public_id>/return/", entries.entry_return, name="entry-return"),
    path("entries/<uuid:public_id>/withdraw/", entries.entry_withdraw, name="entry-withdraw"),
    path("entries/<uuid:public_id>/reply/", entries.reply, name="reply"),
    path(
        "entries/<uuid:public_id>/reply/<uuid:reply_id>/publish/",
        entries.reply_publish,
        name="reply-publish",
    ),
    path("import/", importing.import_files, name="import"),
    path("cases/", cases.cases, name="cases"),
    path("cases/lodge/", lodging.lodge, name="lodge"),
    path("cases/lodge/sent/", lodging.lodged, name="lodged"),
    path("cases/<str:number>/", cases.case, name="case"),
    path("cases/<str:number>/photo/<uuid:photo>/", cases.case_photo, name="case-photo"),
    path(
        "cases/<str:number>/photo/<uuid:photo>/original/",
        cases.case_original,
        name="case-original",
    ),
    path("cases/<str:number>/mask/<int:n>/", masking.mask, name="mask"),
    path("cases/<str:number>/accept/", cases.case_accept, name="case-accept"),
    path("cases/<str:number>/return/", cases.case_return, name="case-return"),
    path("cases/<str:number>/assign/", cases.case_assign, name="case-assign"),
    path("cases/<str:number>/start/", cases.case_start, name="case-start"),
    path("cases/<str:number>/ask/", cases.case_ask, name="case-ask"),
    path("cases/<str:number>/answer/", cases.case_answer, name="case-answer"),
    path("cases/<str:number>/refer/", cases.case_refer, name="case-refer"),
    path("cases/<str:number>/close/", cases.case_close, name="case-close"),
    path("cases/<str:number>/seal/", cases.case_seal, name="case-seal"),
    path("sealed/", sealed.sealed, name="sealed"),
    path("sealed/<uuid:report>/open/", sealed.sealed_open, name="sealed-open"),
    path("second-door/", second_door.second_door, name="second-door"),
    path("second-door/custodians/", second_door.custodian_enter, name="custodian-enter"),
    path(
        "second-door/custodians/<str:username>/end/",
        second_door.custodian_end,
        name="custodian-end",
    ),
    path("second-door/document/", second_door.designation_enter, name="designation-enter"),
    path(
        "second-door/document/withdraw/",
        second_door.designation_withdraw,
        name="designation-withdraw",
    ),
    path("second-door/accept/", second_door.receiver_accept, name="receiver-accept"),
    path("second-door/refuse/", second_door.receiver_end, name="receiver-end"),
    path("staff/", staff.staff_accounts, name="staff-accounts"),
    path("staff/new/", staff.staff_new, name="staff-new"),
    path("staff/of/<str:username>/", staff.staff_account, name="staff-account"),
    path("staff/of/<str:username>/agree/", staff.staff_agree, name="staff-agree"),
    path("staff/of/<str:username>/refuse/", staff.staff_refuse, name="staff-refuse"),
    path("staff/of/<str:username>/shut/", staff.staff_shut, name="staff-shut"),
    path("staff/of/<str:username>/password/", staff.staff_password, name="staff-password"),
    path("plan/", plan.plan, name="plan"),
    path("plan/<slug:item>/enter/", plan.plan_enter, name="plan-enter"),
    path("plan/<slug:item>/end/", plan.plan_end, name="plan-end"),
    path("handovers/", handovers.handovers, name="handovers"),
    path("handovers/<uuid:public_id>/", handovers.handover, name="handover"),
    path("handovers/<uuid:public_id>/offer/", handovers.handover_offer, name="handover-offer"),
    path("handovers/<uuid:public_id>/notice/", handovers.handover_notice, name="handover-notice"),
    path(
        "handovers/<uuid:public_id>/<str:record>/accept/",
        handovers.handover_accept,
        name="handover-accept",
    ),
    path(
        "handovers/<uuid:public_id>/<str:record>/cancel/",
        handovers.handover_cancel,
        name="handover-cancel",
    ),
    path(
        "handovers/<uuid:public_id>/<str:record>/enter/",
        handovers.handover_enter,
        name="handover-enter",
    ),
    path(
        "handovers/<uuid:public_id>/<str:record>/confirm/",
        handovers.handover_confirm,
        name="handover-confirm",
    ),
    path(
        "handovers/<uuid:public_id>/<str:record>/object/",
        handovers.handover_object,
        name="handover-object",
    ),
    path("erasures/", erasures.erasures, name="erasures"),
    path("erasures/order/", erasures.erasure_order, name="erasure-order"),
    path("ledger/", ledger.state, name="ledger"),
    path("ledger/sheet/", ledger.sheet, name="ledger-sheet"),
    path("connections/", connections.connections, name="connections"),
    path("connections/ask/", connections.connection_ask, name="connection-ask"),
    path(
        "connections/<path:origin>/accept/", connections.connection_accept, name="connection-accept"
    ),
    path("connections/<path:origin>/grant/", connections.connection_grant, name="connection-grant"),
    path("connections/<path:origin>/end/", connections.connection_end, name="connection-end"),
    path("connections/<path:origin>/", connections.connection, name="connection"),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/<int:number>/", incidents.incident, name="incident"),
    path(
        "incidents/<int:number>/evidence/<int:item>/",
        incidents.incident_evidence,
        name="incident-evidence",
    ),
    path("incidents/<int:number>/close/", incidents.incident_close, name="incident-close"),
]

"""A check-in as staff see it, and answering it for the patient."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.forms.check_ins import StaffAnswerForm
from scheduling.models import CheckIn
from scheduling.services.answers import answer_check_in, answer_of, came_at, is_amendable
from scheduling.services.attention import alert_rows
from scheduling.services.check_in_list import history_of, safety_of
from scheduling.services.faults import Refused
from scheduling.services.reads import read_patient
from scheduling.services.running import run

from .entrance import staff_page
from .refusals import show_refusal


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.SEE_PATIENTS)
def check_in_detail(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """What was answered, when and by whom; staff can answer or amend it while that is possible."""
    now = timezone.now()
    rows = CheckIn.objects.select_related("appointment__location", "patient", "answered_by")
    check_in = get_object_or_404(rows.prefetch_related("reports"), pk=pk)
    if request.method == "POST":
        by.require(Action.ANSWER_CHECK_IN)
        form = _form(check_in, request)
        if form.is_valid() and _keep(request, by, check_in, form):
            return redirect("check_in_detail", pk)
    else:
        run(read_patient, by=by, now=now, patient=check_in.patient)
        form = _form(check_in, request)
    context = {
        "check_in": check_in,
        "visit": check_in.appointment,
        "patient": check_in.patient,
        "safety": safety_of(check_in),
        "present": [row for row in check_in.reports.all() if row.grade],
        "alerts": alert_rows(check_in.alerts.select_related("appointment", "location", "acknowledged_by")),
        "history": history_of(check_in),
        "form": form if form.is_bound or is_amendable(check_in, now) else None,
        "is_open": form.is_bound,
        "is_closed": now >= check_in.closes_at,
    }
    return render(request, "staff/check_in_detail.html", context)


def _form(check_in: CheckIn, request: HttpRequest) -> StaffAnswerForm:
    visit = check_in.appointment
    return StaffAnswerForm(
        request.POST if request.method == "POST" else None,
        since=came_at(visit),
        now=timezone.now(),
        zone=visit.tz,
        former=answer_of(check_in) if check_in.answered_at else None,
    )


def _keep(request: HttpRequest, by: Actor, check_in: CheckIn, form: StaffAnswerForm) -> bool:
    """Whether the answer was taken; a refusal stands on the form."""
    values, way = form.cleaned_data["answer"], form.cleaned_data["way"]
    try:
        alert = run(answer_check_in, by=by, now=timezone.now(), check_in=check_in, values=values, way=way)
    except Refused as refused:
        show_refusal(form, refused)
        return False
    messages.success(request, _("The answer of %(patient)s is kept.") % {"patient": check_in.patient})
    if alert:
        messages.warning(request, _("It has a red flag. It stands first on the attention list."))
    return True

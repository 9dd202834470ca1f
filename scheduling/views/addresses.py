"""A new address that is not known to be the patient's yet, for the front desk."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from scheduling.access import Action, Actor
from scheduling.models import Patient
from scheduling.services.addresses import confirm_address, send_test_link_again
from scheduling.services.faults import Refused
from scheduling.services.running import run

from .entrance import staff_page


@require_POST
@staff_page(Action.ISSUE_LINK)
def address_test(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Send the test link again."""
    patient = get_object_or_404(Patient, pk=pk)
    try:
        run(send_test_link_again, by=by, now=timezone.now(), patient=patient)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The test link is on its way to %(email)s.") % {"email": patient.email})
    return redirect("patient_detail", pk)


@require_POST
@staff_page(Action.RECORD_CONSENT)
def address_confirm(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Record that the patient confirmed the address in person."""
    patient = get_object_or_404(Patient, pk=pk)
    try:
        run(confirm_address, by=by, now=timezone.now(), patient=patient)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The address is the patient's. What is booked is sent there afresh."))
    return redirect("patient_detail", pk)

"""The ledger of messages: what is to be done by hand, what waits, what failed, and each message by itself."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from scheduling.access import Action, Actor
from scheduling.forms.messages import DoneForm, DropForm, MessageFilterForm
from scheduling.models import Message
from scheduling.services.faults import Refused
from scheduling.services.message_handling import drop_message, finish_task, resend_message
from scheduling.services.message_list import (
    WITH_PLACES,
    find_messages,
    message_counts,
    message_rows,
    preview,
)
from scheduling.services.reads import read_patient
from scheduling.services.running import run

from .entrance import staff_page
from .refusals import show_refusal

PAGE_SIZE = 50


def message_of(pk: int) -> Message:
    """One message with everything its page reads; 404 where there is none."""
    return get_object_or_404(Message.objects.select_related(*WITH_PLACES), pk=pk)


@require_safe
@staff_page(Action.SEE_MESSAGES)
def message_list(request: HttpRequest, by: Actor) -> HttpResponse:
    """A page of the ledger; without a question the calls and prints to be done."""
    form = MessageFilterForm(request.GET)
    now = timezone.now()
    found: QuerySet[Message] = Message.objects.none()
    tab = ""
    if form.is_valid():
        values, tab = form.cleaned_data, form.open_tab()
        found = find_messages(
            text=values["q"], patient=values["patient"], kind=values["kind"], state=form.open_state()
        )
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "tab": tab,
        "patient": form.cleaned_data.get("patient"),
        "counts": message_counts(now),
        "page": page,
        "rows": message_rows(list(page), now),
    }
    return render(request, "staff/messages.html", context)


@require_safe
@staff_page(Action.SEE_MESSAGES)
def message_detail(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """One message, every try and what can be done with it; opening it is recorded as a reading."""
    message = message_of(pk)
    run(read_patient, by=by, now=timezone.now(), patient=message.patient)
    return message_page(request, message)


def message_page(
    request: HttpRequest, message: Message, *, done: DoneForm | None = None, drop: DropForm | None = None
) -> HttpResponse:
    """The message's page, with a form that could not be accepted in its place."""
    found = preview(message, timezone.now())
    context = {
        "message": message,
        "row": found.row,
        "found": found,
        "done_form": done or DoneForm(),
        "drop_form": drop or DropForm(),
    }
    return render(request, "staff/message_detail.html", context)


@require_safe
@staff_page(Action.HANDLE_MESSAGES)
def message_print(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """What is to be handed over, on one page of paper with the patient's own link, in the patient's language."""
    message = message_of(pk)
    now = timezone.now()
    run(read_patient, by=by, now=now, patient=message.patient)
    found = preview(message, now)
    if found.rendered is None or message.staff_id:
        messages.error(request, _("There is nothing to print."))
        return redirect("message_detail", pk)
    return render(request, "staff/message_print.html", {"message": message, "words": found.rendered})


@require_POST
@staff_page(Action.HANDLE_MESSAGES)
def message_resend(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Send an e-mail once more."""
    message = message_of(pk)
    try:
        run(resend_message, by=by, now=timezone.now(), message=message)
        messages.success(request, _("The message to %(patient)s is sent again.") % {"patient": _to(message)})
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("message_detail", pk)


@require_POST
@staff_page(Action.HANDLE_MESSAGES)
def message_done(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Tick a call or a print off, from the list or from its page."""
    message = message_of(pk)
    form = DoneForm(request.POST)
    if not form.is_valid():
        return message_page(request, message, done=form)
    try:
        run(finish_task, by=by, now=timezone.now(), message=message, note=form.cleaned_data["note"])
        words = _("%(what)s for %(patient)s is done.")
        what = message.get_kind_display().capitalize()
        messages.success(request, words % {"what": what, "patient": message.patient})
    except Refused as refused:
        messages.error(request, f"{message.patient}: {refused}")
    return redirect("message_list") if request.POST.get("back") == "list" else redirect("message_detail", pk)


@require_POST
@staff_page(Action.HANDLE_MESSAGES)
def message_drop(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Keep a message from being sent or told."""
    message = message_of(pk)
    form = DropForm(request.POST)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            run(drop_message, by=by, now=timezone.now(), message=message, reason=reason)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The message will not be sent."))
            return redirect("message_detail", pk)
    return message_page(request, message, drop=form)


def _to(message: Message) -> str:
    return str(message.staff or message.patient)

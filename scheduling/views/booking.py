"""Booking a course on one address: ask, compare three proposals, swap single sessions, book."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.core.words import CalendarWay, LinkPurpose
from scheduling.forms.booking import BookingForm
from scheduling.forms.changes import BookForm
from scheduling.models import BookingRequest, Location, Order
from scheduling.services.booking import BookedPlace, book_series, missing_prerequisites
from scheduling.services.calendar_ways import choose_calendar_way
from scheduling.services.draft_holds import held_for, hold_for_draft
from scheduling.services.faults import Refused
from scheduling.services.links import link_for
from scheduling.services.offers import firm_places, same_times
from scheduling.services.plan_words import wish_words, zone_line
from scheduling.services.proposal_holds import booking_now, release_earlier, release_proposal
from scheduling.services.proposals import Proposal, Question, propose, signed
from scheduling.services.running import run
from scheduling.services.wishes import wishes_to_json

from .booking_desk import Desk
from .booking_holds import TRIES, hold_shown, review_of
from .booking_review import answer_session, review_page
from .entrance import staff_page
from .plan_cards import cards
from .refusals import show_refusal

STALE = frozenset(
    {
        "places_taken",
        "rules_broken",
        "claim_no_overlap",
        "appointment_one_a_day",
        "in_the_past",
        "order_not_yet",
        "chair_inactive",
        "nurse_inactive",
        "no_seat",
    }
)
"""Refusals that other times can answer."""


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.BOOK)
def book(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Every step of booking; each carries its proposal signed in the form, nothing is kept in between."""
    desk = Desk.of(request, by, pk)
    if request.method != "POST":
        return _question_page(desk, desk.form())
    step = STEPS.get(request.POST.get("action", ""))
    if step is None:
        return _question_page(desk, desk.form())
    try:
        return step(desk)
    except Refused as refused:
        return _question_page(desk, desk.form(), refused=refused)


def _propose(desk: Desk) -> HttpResponse:
    """Answer the question with proposals or with the reasons why there is none."""
    form = desk.form(desk.request.POST)
    if not form.is_valid():
        return _question_page(desk, form)
    values = form.cleaned_data
    question = Question(
        order_id=values["order"].pk,
        location_id=values["location"].pk,
        sessions=values["sessions"],
        earliest=values["earliest"],
        wishes=form.wishes(),
        request_key=values["request_key"],
    )
    order = desk.order(question.order_id)
    run(release_earlier, by=desk.by, now=desk.now, order=order, key=question.request_key)
    return _answer_page(desk, form, question)


def _back(desk: Desk) -> HttpResponse:
    """From one proposal back to all of them, as they are now."""
    question = desk.proposal().question
    return _answer_page(desk, desk.form(asked=question), question)


def _let_go(desk: Desk) -> HttpResponse:
    """Free the places of what is on screen; the question stays as it was asked."""
    question = desk.proposal().question
    run(release_proposal, by=desk.by, now=desk.now, key=question.request_key)
    messages.success(desk.request, _("The places are free again. Nothing was booked."))
    return _question_page(desk, desk.form(asked=question))


def _choose(desk: Desk) -> HttpResponse:
    """Show one proposal, as it stands now, for swapping and booking."""
    proposal = desk.proposal()
    if proposal.is_expired(desk.now):
        return _too_old(desk, proposal)
    return review_page(desk, proposal)


def _session(desk: Desk) -> HttpResponse:
    """Other times for one session, or the verdict on a typed one."""
    proposal = desk.proposal()
    if proposal.is_expired(desk.now):
        return _too_old(desk, proposal)
    return answer_session(desk, proposal)


def _book(desk: Desk) -> HttpResponse:
    """Book the proposal as one act; a stale one is answered with what changed and with fresh ones."""
    proposal = desk.proposal()
    question = proposal.question
    # Pressing twice is answered with the same course, however late the second press comes.
    is_repeated = BookingRequest.objects.filter(key=question.request_key).exists()
    if proposal.is_expired(desk.now) and not is_repeated:
        return _too_old(desk, proposal)
    form = BookForm(desk.request.POST)
    if not form.is_valid():
        return review_page(desk, proposal, form=form)
    if not is_repeated and not _keep_calendar_way(desk, form):
        return review_page(desk, proposal, form=form)
    try:
        series = run(
            book_series,
            by=desk.by,
            now=desk.now,
            order=desk.order(question.order_id),
            location=Location.objects.get(pk=question.location_id),
            places=proposal.booked_places(),
            request_key=question.request_key,
            wishes=wishes_to_json(question.wishes),
            override_reason=form.cleaned_data["override_reason"],
        )
    except Refused as refused:
        return _refused(desk, proposal, form, refused)
    count = len(proposal.places)
    words = ngettext("%(count)d visit is booked.", "%(count)d visits are booked.", count)
    messages.success(desk.request, words % {"count": count})
    return redirect("series_detail", series.pk)


def _hold(desk: Desk) -> HttpResponse:
    """Hold the proposal's places for a draft; a stale one is answered with what changed and with fresh ones."""
    proposal = desk.proposal()
    if proposal.is_expired(desk.now):
        return _too_old(desk, proposal)
    question = proposal.question
    try:
        run(
            hold_for_draft,
            by=desk.by,
            now=desk.now,
            order=desk.order(question.order_id),
            location=Location.objects.get(pk=question.location_id),
            places=proposal.booked_places(),
            wishes=wishes_to_json(question.wishes),
            request_key=question.request_key,
        )
    except Refused as refused:
        if refused.code in STALE:
            return _fresh(desk, proposal, refused)
        return _question_page(desk, desk.form(asked=question), refused=refused)
    messages.success(desk.request, _("The places are held. They can be booked once the order is signed."))
    return redirect("patient_detail", desk.patient.pk)


def _keep_calendar_way(desk: Desk, form: BookForm) -> bool:
    """Keep the chosen calendar way before anything is written by it; False where it is refused, on the form."""
    way = form.cleaned_data["way"]
    if not way or way is desk.patient.way_of_calendar:
        return True
    try:
        run(choose_calendar_way, by=desk.by, now=desk.now, patient=desk.patient, way=way)
    except Refused as refused:
        show_refusal(form, refused)
        return False
    if way is CalendarWay.FEED:
        run(link_for, by=desk.by, now=desk.now, patient=desk.patient, purpose=LinkPurpose.FEED)
    return True


STEPS: dict[str, Callable[[Desk], HttpResponse]] = {
    "propose": _propose,
    "back": _back,
    "let_go": _let_go,
    "choose": _choose,
    "offers": _session,
    "check": _session,
    "book": _book,
    "hold": _hold,
}
"""The steps by the value of the pressed button."""


def _refused(desk: Desk, proposal: Proposal, form: BookForm, refused: Refused) -> HttpResponse:
    if refused.code not in STALE:
        return _question_page(desk, desk.form(asked=proposal.question), refused=refused)
    if refused.code == "rules_broken" and desk.by.may(Action.OVERRIDE_RULES):
        found = review_of(desk, proposal)
        if found.needs_override:
            show_refusal(form, Refused(refused.code, refused.words, field="override_reason"))
            return review_page(desk, proposal, form=form)
    return _fresh(desk, proposal, refused)


def _too_old(desk: Desk, proposal: Proposal) -> HttpResponse:
    words = _("This proposal is more than an hour old. Nothing was booked; here are fresh ones.")
    return _fresh(desk, proposal, Refused("proposal_expired", words))


def _fresh(desk: Desk, proposal: Proposal, refused: Refused) -> HttpResponse:
    """The same question answered anew, with what changed and a way to keep what still fits."""
    form = desk.form(asked=proposal.question)
    found = review_of(desk, proposal)
    repaired = same_times(proposal=proposal, found=found, now=desk.now)
    kept = {
        "repaired": signed(repaired) if repaired else "",
        "kept": "" if repaired else signed(proposal.made_again(desk.now)),
        "lost": sum(map(bool, found.faults)),
        "count": len(proposal.places),
        "typed": desk.typed(),
    }
    beside = repaired.booked_places() if repaired else firm_places(proposal, found)
    return _answer_page(desk, form, proposal.question, beside, refused=refused, **kept)


def _answer_page(
    desk: Desk,
    form: BookingForm,
    question: Question,
    beside: Sequence[BookedPlace] = (),
    **context: Any,
) -> HttpResponse:
    """The proposals, or why there is none. Their places are held, and those of ``beside``, which is shown as well."""
    order = desk.order(question.order_id)
    location = Location.objects.get(pk=question.location_id)
    for _turn in range(TRIES):
        found = propose(question=question, order=order, location=location, now=desk.now)
        places = [one.booked_places() for one in found] if isinstance(found, tuple) else []
        on_hold = hold_shown(desk, order, location, question.request_key, [*places, beside])
        if on_hold or not places:
            break
    context |= {"asked": question, "asked_words": wish_words(question.wishes), "location": location}
    context["on_hold"] = on_hold
    if not isinstance(found, tuple):
        return _question_page(desk, form, order=order, none=found, **context)
    shown = cards(found, order, location, desk.now)
    starts = [visit.start for card in shown for visit in card.visits]
    context |= {"cards": shown, "zone": zone_line(starts, location.zone)}
    return _question_page(desk, form, order=order, **context)


def _question_page(
    desk: Desk, form: BookingForm, *, order: Order | None = None, **context: Any
) -> HttpResponse:
    """The form; below it what was answered."""
    wanted = desk.wanted_order()
    orders = list(form.fields["order"].queryset)  # type: ignore[attr-defined]
    order = order or (wanted if wanted in orders else next(iter(orders), None))
    context |= {
        "patient": desk.patient,
        "form": form,
        "orders": orders,
        "order": order,
        "closed_order": wanted if wanted and wanted not in orders else None,
        "missing": missing_prerequisites(desk.patient, order) if order else [],
        "others": booking_now(desk.patient, desk.by, desk.now),
        "held": held_for([order], desk.now).get(order.pk) if order else None,
    }
    return render(desk.request, "staff/book.html", context)

"""The chosen proposal: every session with other times on demand, and the button that books."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from scheduling.access import Action
from scheduling.core.planner import Place
from scheduling.core.words import OrderState
from scheduling.forms.changes import BookForm, TypedPlaceForm
from scheduling.services.booking import BookedPlace
from scheduling.services.frame import closures
from scheduling.services.ledger import may_write_to
from scheduling.services.offers import Answer, Review, check_session, firm_places, offer_sessions
from scheduling.services.plan_words import plan_words, title_words, zone_line
from scheduling.services.planning import near_visits
from scheduling.services.proposal_holds import booking_now
from scheduling.services.proposals import Proposal, booked_place, signed
from scheduling.services.reason_words import in_words

from .booking_desk import Desk
from .booking_holds import TRIES, OnHold, asked, held_review, hold_shown, review_of
from .month import week_rows
from .plan_cards import Namer, PlannedVisit, planned_marks


@dataclass(frozen=True, slots=True)
class Offer:
    """One other place for a session, and the whole proposal with it, signed."""

    visit: PlannedVisit
    text: str
    place: BookedPlace


@dataclass(frozen=True, slots=True)
class Opened:
    """The session that is being swapped: what is offered and what became of a typed time."""

    offers: list[Offer]
    beside_wishes: bool
    typed: TypedPlaceForm
    answer: Answer | None
    checked: Offer | None


@dataclass(frozen=True, slots=True)
class Session:
    """One session of the chosen proposal with what it breaks by now, in words."""

    index: int
    visit: PlannedVisit
    faults: list[str]
    opened: Opened | None = None


def review_page(
    desk: Desk,
    proposal: Proposal,
    *,
    form: BookForm | None = None,
    held: tuple[Review, OnHold | None] | None = None,
    opened: tuple[int, Opened] | None = None,
) -> HttpResponse:
    """All sessions, the calendar and the button Book; ``held``: what was found and how long its places are kept."""
    order, location = asked(desk, proposal)
    namer = Namer.of(order, location)
    found, on_hold = held or held_review(desk, proposal)
    sessions = _sessions(namer, proposal, found, opened)
    visits = [session.visit for session in sessions]
    dates = [visit.start.date() for visit in visits]
    others = near_visits(order, dates[0], dates[-1])
    marks = planned_marks(visits, others)
    shut = [*closures(location, dates[0], dates[-1]), *proposal.question.wishes.blackouts]
    context = {
        "patient": desk.patient,
        "order": order,
        "location": location,
        "proposal": proposal,
        "text": signed(proposal),
        "title": title_words(proposal.ranking, proposal.avoided)[0],
        "sessions": sessions,
        "weeks": week_rows(
            marks=marks,
            today=desk.now.astimezone(location.tz).date(),
            shut=shut,
            span=(dates[0], dates[-1]),
        ),
        "words": plan_words(
            places=proposal.places,
            location=location,
            protocol=order.protocol,
            wishes=proposal.question.wishes,
            nurses=namer.nurses,
            others=[visit.local_date for visit in others],
        ),
        "zone": zone_line([visit.start for visit in visits], location.zone),
        "found": found,
        "on_hold": on_hold,
        "others": booking_now(desk.patient, desk.by, desk.now),
        "is_draft": order.state == OrderState.DRAFT,
        "form": form or BookForm(initial={"way": desk.patient.way_of_calendar, **desk.typed()}),
        "may_write": may_write_to(desk.patient),
        "may_override": desk.by.may(Action.OVERRIDE_RULES),
    }
    return render(desk.request, "staff/book_review.html", context)


def answer_session(desk: Desk, proposal: Proposal) -> HttpResponse:
    """Other times for one session, the verdict on a typed one: a fragment for htmx, else the whole page."""
    index = _index(desk, proposal)
    is_check = desk.request.POST.get("action") == "check"
    typed = TypedPlaceForm(desk.request.POST if is_check else None)
    day = typed.cleaned_data["day"] if is_check and typed.is_valid() else None
    namer = Namer.of(*asked(desk, proposal))
    for _turn in range(TRIES):
        found = review_of(desk, proposal, reach=day)
        opened = _opened(desk, namer, proposal, found, index, typed)
        shown = [firm_places(proposal, found)]
        if opened.checked:
            # A typed time that fits is on screen as well.
            shown.append([opened.checked.place])
        on_hold = hold_shown(desk, namer.order, namer.location, proposal.question.request_key, shown)
        if on_hold:
            break
    if not desk.request.htmx:  # type: ignore[attr-defined]
        return review_page(desk, proposal, held=(found, on_hold), opened=(index, opened))
    context: dict[str, Any] = {
        "session": _sessions(namer, proposal, found, (index, opened))[index],
        "text": signed(proposal),
        "on_hold": on_hold,
        "location": namer.location,
        "may_override": desk.by.may(Action.OVERRIDE_RULES),
    }
    return render(desk.request, "staff/book_session_answer.html", context)


def _opened(
    desk: Desk, namer: Namer, proposal: Proposal, found: Review, index: int, typed: TypedPlaceForm
) -> Opened:
    def offer(place: Place) -> Offer:
        changed = proposal.with_place(index, place, desk.now)
        return Offer(namer.visit(place), signed(changed), booked_place(place))

    offers = offer_sessions(proposal=proposal, found=found, index=index)
    answer = None
    if typed.is_bound and typed.is_valid():
        answer = check_session(
            proposal=proposal,
            found=found,
            index=index,
            location=namer.location,
            now=desk.now,
            day=typed.cleaned_data["day"],
            wall=typed.cleaned_data["wall"],
        )
    return Opened(
        offers=[offer(place) for place in offers.places],
        beside_wishes=offers.beside_wishes,
        typed=typed,
        answer=answer,
        checked=offer(answer.place) if answer and answer.place else None,
    )


def _sessions(
    namer: Namer, proposal: Proposal, found: Review, opened: tuple[int, Opened] | None
) -> list[Session]:
    return [
        Session(
            index=index,
            visit=visit,
            faults=[in_words(reason, namer.location) for reason in found.faults[index]],
            opened=opened[1] if opened and opened[0] == index else None,
        )
        for index, visit in enumerate(namer.visits(proposal.places))
    ]


def _index(desk: Desk, proposal: Proposal) -> int:
    """Which session is meant; 404 for one that is not there."""
    text = desk.request.POST.get("session", "")
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) < len(proposal.places)):
        raise Http404
    return int(text)

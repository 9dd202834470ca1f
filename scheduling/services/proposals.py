"""Proposals: plans not yet booked, carried as signed text in the form and never as rows."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _

from scheduling.core.planner import Place, Plan, Ranking
from scheduling.core.timeline import from_step
from scheduling.core.wishes import Wishes
from scheduling.models import Location, Order

from .booking import BookedPlace
from .faults import Refused
from .planning import propose_course
from .reason_words import NoPlanWords, no_plan_words
from .wishes import wishes_from_json, wishes_to_json

LIFE = timedelta(hours=1)
"""How long a signed proposal may wait for its answer."""
SIGNER = signing.Signer(salt="scheduling.proposal")


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: ``sessions`` visits of an order at a location from the local date ``earliest`` on.

    ``request_key`` is the key of the one booking that may follow.
    """

    order_id: int
    location_id: int
    sessions: int
    earliest: date
    wishes: Wishes
    request_key: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Places for every session, rising by start, made at ``made_at`` (UTC).

    ``ranking`` says for what it is the best. ``avoided`` is the usual wall minute of the first plan where
    this one had to keep away from it. ``changed`` once somebody swapped a session.
    """

    question: Question
    places: tuple[Place, ...]
    made_at: datetime
    ranking: Ranking
    avoided: int | None = None
    changed: bool = False

    def is_expired(self, now: datetime) -> bool:
        """Whether it waited too long to be booked as it stands."""
        return now - self.made_at > LIFE

    def booked_places(self) -> list[BookedPlace]:
        """The places as booking wants them."""
        return [booked_place(place) for place in self.places]

    def made_again(self, now: datetime) -> "Proposal":
        """The same, good for another hour."""
        return replace(self, made_at=now)

    def with_place(self, index: int, place: Place, now: datetime) -> "Proposal":
        """The same with another place for one session, sorted by start again."""
        places = [*self.places[:index], place, *self.places[index + 1 :]]
        return replace(self, places=tuple(sorted(places)), made_at=now, changed=True)


def booked_place(place: Place) -> BookedPlace:
    """A place of the planner as booking wants it."""
    return BookedPlace(from_step(place.start), place.chair, place.nurse)


def propose(
    *, question: Question, order: Order, location: Location, now: datetime
) -> tuple[Proposal, ...] | NoPlanWords:
    """Up to three proposals, or why there is none, in words."""
    _problem, found = propose_course(
        order=order,
        location=location,
        now=now,
        sessions=question.sessions,
        earliest=question.earliest,
        wishes=question.wishes,
        holding=question.request_key,
    )
    if not isinstance(found, tuple):
        return no_plan_words(found, location)
    return tuple(_of_plan(plan, question, now) for plan in found)


def _of_plan(plan: Plan, question: Question, now: datetime) -> Proposal:
    return Proposal(question, plan.places, now, plan.ranking, plan.avoided)


def signed(proposal: Proposal) -> str:
    """The proposal as text that nobody can change without being noticed."""
    question = proposal.question
    values: dict[str, Any] = {
        "order": question.order_id,
        "location": question.location_id,
        "sessions": question.sessions,
        "earliest": question.earliest.isoformat(),
        "wishes": {name: wish for name, wish in wishes_to_json(question.wishes).items() if wish},
        "key": question.request_key,
        "places": [[place.start, place.chair, place.nurse] for place in proposal.places],
        "made": proposal.made_at.isoformat(),
        "ranking": proposal.ranking,
        "avoided": proposal.avoided,
        "changed": proposal.changed,
    }
    return SIGNER.sign_object(values, compress=True)


def unsigned(text: str) -> Proposal:
    """The proposal that ``signed`` made into this text. Raises Refused for any other text."""
    try:
        values = SIGNER.unsign_object(text)
    except (signing.BadSignature, ValueError) as error:
        words = _("This proposal was damaged on its way here. Nothing was booked. Find times again.")
        raise Refused("proposal_unreadable", words) from error
    question = Question(
        order_id=values["order"],
        location_id=values["location"],
        sessions=values["sessions"],
        earliest=date.fromisoformat(values["earliest"]),
        wishes=wishes_from_json(values["wishes"]),
        request_key=values["key"],
    )
    return Proposal(
        question=question,
        places=tuple(Place(*place) for place in values["places"]),
        made_at=datetime.fromisoformat(values["made"]),
        ranking=Ranking(values["ranking"]),
        avoided=values["avoided"],
        changed=values["changed"],
    )

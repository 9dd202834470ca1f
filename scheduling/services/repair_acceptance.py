"""Accepting a repair, all or some of it: one transaction, every visit judged again, each patient told once."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.planner import Place
from scheduling.core.repair import Change
from scheduling.core.timeline import from_step, to_step
from scheduling.core.words import RepairState, Resolution, Status
from scheduling.models import Appointment, DisruptedVisit, Disruption, RepairRun

from .appointments import tell
from .audit import record
from .booking import BookedPlace, put
from .changes import as_it_was, take_all
from .claims import claims_of, let_go, let_offers_go, release
from .faults import Refused
from .free_order import DayChange, in_free_order
from .locks import locked_visits
from .other_places import keep_for_call
from .reason_words import in_words
from .reassigning import PLACE_RULES
from .repair_runs import repair_of, repair_over_words, require_open
from .rules import broken_rules, require_rules, require_seats
from .uncovering import CALL_WITHIN, settle_visits


@transaction.atomic
def accept_repair(*, by: Actor, now: datetime, run: RepairRun, groups: Collection[int]) -> dict[str, int]:
    """Do the changes of these groups; how many visits were ``covered`` at their time, ``moved`` and ``held``.

    A visit that starts in more than 24 h moves and its patient is told at once, in one message a course; for a nearer
    one the place is held and the patient called. Whoever keeps the time only gets another nurse or chair. Moving needs
    the right to move. Raises Refused (``day_changed``) where a visit is not where the repair found it, and for all that
    moving, reassigning and holding refuse, saying whose visit it is about; then nothing changed.
    """
    by.require(Action.COVER)
    # Asking locks in this order as well; whoever lifts the disruption meanwhile comes before or after all of this.
    disruption = Disruption.objects.select_for_update(no_key=True, of=("self",)).get(pk=run.disruption_id)
    run = RepairRun.objects.select_for_update(no_key=True, of=("self",)).get(pk=run.pk)
    run.disruption = disruption
    found = repair_of(run.found)
    if run.state != RepairState.DONE or found is None:
        raise Refused("repair_over", repair_over_words())
    require_open(run.disruption, now)
    chosen = [change for change in found.changes if change.group in groups and change.place]
    if not chosen:
        raise Refused("nothing_chosen", _("Choose at least one change."), field="groups")
    visits = {
        visit.pk: visit
        for visit in locked_visits(Appointment.objects.filter(pk__in=[change.visit for change in chosen]))
    }
    _require_as_found(run, chosen, visits)
    done = _do(by, now, run, chosen, visits)
    left = {change.group for change in found.changes if change.place} - set(groups)
    RepairRun.objects.filter(pk=run.pk).update(state=RepairState.ACCEPTED)
    record(
        by=by,
        now=now,
        action="accept_repair",
        subject=run.disruption,
        repair=run.pk,
        visits=sorted(visits),
        left=sorted(left),
        **done,
    )
    return done


def _require_as_found(run: RepairRun, chosen: Sequence[Change], visits: Mapping[int, Appointment]) -> None:
    open_rows = run.disruption.visits.filter(resolution=Resolution.OPEN)
    lost = set(open_rows.values_list("appointment_id", flat=True))
    changed = [
        change
        for change in chosen
        if (visit := visits.get(change.visit)) is None
        or visit.status != Status.BOOKED
        or Place(to_step(visit.starts_at), visit.chair_id, visit.nurse_id) != change.former
        or (change.place and change.place.start != change.former.start and change.visit not in lost)
    ]
    if changed:
        named = Appointment.objects.filter(pk__in=[change.visit for change in changed])
        formers = {change.visit: change.former for change in changed}
        raise Refused(
            "day_changed",
            _("The day changed since this was found. Nothing was changed; search again."),
            details=[_news(visit, formers[visit.pk]) for visit in named.select_related("patient")],
        )


def _news(visit: Appointment, former: Place) -> str:
    """What became of a visit since the repair was found."""
    facts = {"visit": visit, "state": visit.get_status_display()}
    if visit.status != Status.BOOKED:
        return _("%(visit)s: %(state)s meanwhile.") % facts
    if to_step(visit.starts_at) != former.start:
        return _("%(visit)s: moved meanwhile.") % facts
    if (visit.chair_id, visit.nurse_id) != (former.chair, former.nurse):
        return _("%(visit)s: another chair or nurse meanwhile.") % facts
    return _("%(visit)s: needs no other place any more.") % facts


def _do(
    by: Actor,
    now: datetime,
    run: RepairRun,
    chosen: Sequence[Change],
    visits: Mapping[int, Appointment],
) -> dict[str, int]:
    stays, moves, near = list[Appointment](), list[Appointment](), list[Appointment]()
    places = {change.visit: _booked(change.place) for change in chosen if change.place}
    for pk, place in places.items():
        visit = visits[pk]
        if place.starts_at == visit.starts_at:
            stays.append(visit)
        else:
            (near if visit.starts_at - now <= CALL_WITHIN else moves).append(visit)
    if moves:
        by.require(Action.MOVE)
    changing = [*stays, *moves]
    let_offers_go(changing)
    for series in {visit.series_id: visit.series for visit in moves}.values():
        let_go(series)
    held = claims_of(changing)
    was = {visit.pk: as_it_was([visit])[0] for visit in changing}
    days = {visit.pk: visit.local_date for visit in changing}
    release(changing)
    for visit in changing:
        put(visit, visit.location, Pattern.of(visit.protocol.pattern_phases()), places[visit.pk], now)
    for visit in moves:
        visit.sequence += 1
        visit.is_confirmed = False
    _require_rules(by, now, stays, moves)
    for visit in in_free_order(DayChange(one, days[one.pk], one.local_date) for one in changing):
        visit.save()
    take_all(changing, now, held)
    settle_visits(by=by, now=now, visits=stays)
    for several in _by_course(moves):
        tell(by, now, several, [was[visit.pk] for visit in several], held, now)
    for visit in near:
        with _named(visit):
            keep_for_call(by=by, now=now, visit=visit, row=_row(run, visit), place=places[visit.pk])
    _record_each(by, now, was, stays, moves)
    return {"covered": len(stays), "moved": len(moves), "held": len(near)}


def _require_rules(
    by: Actor, now: datetime, stays: Sequence[Appointment], moves: Sequence[Appointment]
) -> None:
    """Moved visits keep every rule of their course; whoever keeps the time needs only a chair and a nurse in use."""
    for several in _by_course(moves):
        with _named(several[0]):
            require_rules(by=by, now=now, series=several[0].series, visits=several, override_reason="")
    for visit in stays:
        with _named(visit):
            _require_seats(visit, now)


def _require_seats(visit: Appointment, now: datetime) -> None:
    require_seats(visit.location, [visit])
    reasons = broken_rules(now=now, series=visit.series, visits=[visit])
    broken = [reason for reason in reasons if reason.rule in PLACE_RULES]
    if broken:
        raise Refused(
            "rules_broken",
            _("A chair or nurse does not fit any more. Nothing was changed."),
            details=[in_words(reason, visit.location) for reason in broken],
        )


@contextmanager
def _named(visit: Appointment) -> Iterator[None]:
    """What is refused of one visit among many says whose it is."""
    try:
        yield
    except Refused as refused:
        words = refused.details or (refused.words,)
        raise Refused(
            refused.code,
            _("The day changed since this was found. Nothing was changed; search again."),
            details=[_("%(patient)s: %(why)s") % {"patient": visit.patient, "why": why} for why in words],
        ) from refused


def _record_each(
    by: Actor,
    now: datetime,
    was: Mapping[int, Mapping[str, Any]],
    stays: Sequence[Appointment],
    moves: Sequence[Appointment],
) -> None:
    """What a single move or change of chair and nurse writes into the history of each visit."""
    for visit in moves:
        record(
            by=by,
            now=now,
            action="move_appointment",
            subject=visit,
            patient_id=visit.patient_id,
            before=was[visit.pk]["starts_at"],
            after=visit.starts_at.isoformat(),
            overridden=[],
        )
    for visit in stays:
        record(
            by=by,
            now=now,
            action="reassign",
            subject=visit,
            patient_id=visit.patient_id,
            before={"chair": was[visit.pk]["chair_id"], "nurse": was[visit.pk]["nurse_id"]},
            after={"chair": visit.chair_id, "nurse": visit.nurse_id},
        )


def _by_course(visits: Sequence[Appointment]) -> list[list[Appointment]]:
    courses: dict[int, list[Appointment]] = defaultdict(list)
    for visit in visits:
        courses[visit.series_id].append(visit)
    return [several for _series, several in sorted(courses.items())]


def _row(run: RepairRun, visit: Appointment) -> DisruptedVisit:
    rows = DisruptedVisit.objects.select_for_update(no_key=True, of=("self",))
    return rows.get(disruption=run.disruption_id, appointment=visit)


def _booked(place: Place) -> BookedPlace:
    return BookedPlace(from_step(place.start), place.chair, place.nurse)

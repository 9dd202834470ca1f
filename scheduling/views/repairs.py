"""A repair of a disruption: searched for, looked at before and after, accepted all or in part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.core.planner import Place
from scheduling.core.repair import Change, Repair
from scheduling.core.timeline import from_step
from scheduling.core.words import RepairState
from scheduling.models import Appointment, Chair, Disruption, RepairRun, StaffMember
from scheduling.services.faults import Refused
from scheduling.services.repair_acceptance import accept_repair
from scheduling.services.repair_runs import (
    ask_repair,
    discard_repair,
    is_cut_off,
    repair_of,
    repair_over_words,
    start_search,
    stop_repair,
)
from scheduling.services.running import run
from scheduling.services.uncovering import CALL_WITHIN

from .disruptions import disruption_of
from .entrance import staff_page
from .repair_words import what_changes


@dataclass(frozen=True, slots=True)
class Row:
    """One visit before and after, by the clock of the location; ``after`` is None where no place was found.

    ``former``: the chair and nurse it has. ``is_called``: its patient is called before it moves. ``keeps_time``: only
    nurse or chair change.
    """

    visit: Appointment
    before: datetime
    after: datetime | None
    former: tuple[str, str]
    chair: str
    nurse: str
    keeps_time: bool
    is_called: bool

    @property
    def what(self) -> str:
        """What is another time for the patient."""
        return what_changes(self.before, self.after) if self.after else ""


@dataclass(frozen=True, slots=True)
class Group:
    """Changes that only work together."""

    number: int
    rows: list[Row]

    @property
    def moves(self) -> bool:
        """Whether a patient is moved by it, which not everybody may do."""
        return any(not row.keeps_time and not row.is_called for row in self.rows)


@dataclass(frozen=True, slots=True)
class Shown:
    """A repair ready for a template: groups that can be accepted, visits without a place, and how good it is."""

    repair: Repair
    groups: list[Group]
    unplaced: list[Row]
    is_sure: str

    @property
    def moves(self) -> bool:
        """Whether it moves a patient."""
        return any(group.moves for group in self.groups)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@staff_page(Action.COVER)
def disruption_repair(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask for a repair, watch the search, accept or throw away what it found."""
    disruption, now = disruption_of(pk), timezone.now()
    if request.method != "POST":
        return _page(request, by, disruption, now)
    act = ACTS.get(request.POST.get("action", ""))
    if act is None:
        return _page(request, by, disruption, now)
    try:
        act(request, by, disruption, now)
    except Refused as refused:
        return _page(request, by, disruption, now, refused=refused)
    return redirect("disruption_repair", disruption.pk)


def _latest(disruption: Disruption) -> RepairRun | None:
    return RepairRun.objects.filter(disruption=disruption).select_related("disruption", "asked_by").first()


def _ask(request: HttpRequest, by: Actor, disruption: Disruption, now: datetime) -> None:
    before = _latest(disruption)
    asked = run(ask_repair, by=by, now=now, disruption=disruption)
    if before is None or asked.pk != before.pk:
        start_search(asked, now)


def _stop(request: HttpRequest, by: Actor, disruption: Disruption, now: datetime) -> None:
    latest = _latest(disruption)
    if latest:
        run(stop_repair, by=by, now=now, run=latest)


def _discard(request: HttpRequest, by: Actor, disruption: Disruption, now: datetime) -> None:
    run(discard_repair, by=by, now=now, run=_shown_run(request, disruption))
    messages.success(request, _("The proposal is thrown away. Nothing was changed."))


def _shown_run(request: HttpRequest, disruption: Disruption) -> RepairRun:
    """The proposal that the page showed. Raises Refused where another one took its place."""
    latest = _latest(disruption)
    if latest is None or str(latest.pk) != request.POST.get("repair"):
        raise Refused("repair_over", repair_over_words())
    return latest


def _accept(request: HttpRequest, by: Actor, disruption: Disruption, now: datetime) -> None:
    latest = _shown_run(request, disruption)
    found = repair_of(latest.found)
    every = request.POST.get("which") == "all"
    groups = {change.group for change in found.changes} if found and every else set(_chosen(request))
    done = run(accept_repair, by=by, now=now, run=latest, groups=groups)
    messages.success(request, _done_words(done))


def _chosen(request: HttpRequest) -> list[int]:
    texts = request.POST.getlist("groups")
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 9]


def _done_words(done: Mapping[str, int]) -> str:
    words = []
    if done["moved"]:
        words.append(
            ngettext("%(n)d visit is moved and told.", "%(n)d visits are moved and told.", done["moved"])
            % {"n": done["moved"]}
        )
    if done["covered"]:
        words.append(
            ngettext(
                "%(n)d visit has another nurse or chair.",
                "%(n)d visits have another nurse or chair.",
                done["covered"],
            )
            % {"n": done["covered"]}
        )
    if done["held"]:
        words.append(
            ngettext(
                "For %(n)d a place is held: call and ask.",
                "For %(n)d places are held: call and ask.",
                done["held"],
            )
            % {"n": done["held"]}
        )
    return " ".join(words)


ACTS = {"ask": _ask, "stop": _stop, "discard": _discard, "accept": _accept}
"""What the buttons do, by their values."""


def _page(
    request: HttpRequest,
    by: Actor,
    disruption: Disruption,
    now: datetime,
    refused: Refused | None = None,
) -> HttpResponse:
    latest = _latest(disruption)
    found = repair_of(latest.found) if latest else None
    is_running = latest is not None and latest.state == RepairState.RUNNING and not is_cut_off(latest, now)
    context: dict[str, Any] = {
        "disruption": disruption,
        "open_count": disruption.visits.open().count(),
        "latest": latest,
        "is_running": is_running,
        "is_cut_off": latest is not None
        and not is_running
        and latest.state in (RepairState.RUNNING, RepairState.FAILED),
        "is_ready": latest is not None and latest.state == RepairState.DONE,
        "so_far": found,
        "ran": int((now - latest.asked_at).total_seconds()) if latest else 0,
        "limit": int((latest.until - latest.asked_at).total_seconds()) if latest else 0,
        "shown": _shown(disruption, found, now) if found and not is_running else None,
        "refused": refused,
        "chosen": _chosen(request),
        "may_move": by.may(Action.MOVE),
    }
    is_piece = bool(request.htmx) and is_running  # type: ignore[attr-defined]
    template = "staff/repair_progress.html" if is_piece else "staff/repair.html"
    answer = render(request, template, context, status=409 if refused else 200)
    if request.htmx and not is_running:  # type: ignore[attr-defined]
        # The search has ended while the page was watching: show all of it.
        answer["HX-Refresh"] = "true"
    return answer


def _shown(disruption: Disruption, found: Repair, now: datetime) -> Shown:
    rows = Appointment.objects.select_related("patient", "chair", "nurse")
    visits = rows.in_bulk([change.visit for change in found.changes])
    chairs = dict(Chair.objects.filter(location=disruption.location).values_list("pk", "name"))
    nurses = dict(StaffMember.objects.filter(is_nurse=True).values_list("pk", "name"))

    def row(change: Change) -> Row:
        place: Place = change.place or change.former
        before = from_step(change.former.start)
        tz = disruption.location.tz
        return Row(
            visit=visits[change.visit],
            before=before.astimezone(tz),
            after=from_step(place.start).astimezone(tz) if change.place else None,
            former=(chairs.get(change.former.chair, ""), nurses.get(change.former.nurse, "")),
            chair=chairs.get(place.chair, ""),
            nurse=nurses.get(place.nurse, ""),
            keeps_time=place.start == change.former.start,
            is_called=before - now <= CALL_WITHIN,
        )

    shown = sorted(
        (change for change in found.changes if change.visit in visits), key=lambda one: one.former.start
    )
    numbers = dict.fromkeys(change.group for change in shown if change.place)
    return Shown(
        found,
        [
            Group(number, [row(change) for change in shown if change.group == number and change.place])
            for number in numbers
        ],
        [row(change) for change in shown if change.place is None],
        _sure_words(found),
    )


def _sure_words(found: Repair) -> str:
    """How sure it is that nothing less would do."""
    if not found.by_solver:
        return _(
            "Made by the simple method, one visit after the other: it may move more than needed. "
            "With the optimizer installed it is the least."
        )
    if found.proven:
        words = _("Proven: no other proposal leaves or moves fewer patients.")
        if found.is_capped:
            words += " " + _("Of days further away the nearest were looked at.")
        return words
    less = _less(found.cost[:2], found.bound)
    return _("The best found in %(seconds)d s; it is not proven to be the least%(less)s.") % {
        "seconds": round(found.seconds),
        "less": less,
    }


def _less(cost: Sequence[int], bound: Sequence[int]) -> str:
    if cost[0] > bound[0]:
        return _(": at best %(n)d more would find a place") % {"n": cost[0] - bound[0]}
    if cost[1] > bound[1]:
        return _(": at best %(n)d fewer would move") % {"n": cost[1] - bound[1]}
    return ""

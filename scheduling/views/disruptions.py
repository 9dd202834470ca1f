"""Bad days: declare what is missing, cover the visits, call the patients, close a day."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from scheduling.access import Action, Actor
from scheduling.core.words import UNDER_WAY, Resolution
from scheduling.forms.disruptions import ClosingForm, DisruptionForm
from scheduling.models import Disruption
from scheduling.services.closing_days import close_day
from scheduling.services.covering import cover_all
from scheduling.services.disruptions import affected, lift_disruption, open_disruption
from scheduling.services.faults import Refused
from scheduling.services.other_places import closing_time
from scheduling.services.running import run

from .days import Place, place_of
from .disrupted_visits import lines_of
from .entrance import staff_page
from .refusals import show_refusal

PAGE_SIZE = 50


def disruption_of(pk: int) -> Disruption:
    """One disruption with what its words name; 404 where there is none."""
    return get_object_or_404(
        Disruption.objects.select_related("location", "staff", "chair", "made_by"), pk=pk
    )


@require_safe
@never_cache
@staff_page(Action.SEE_BOARD)
def disruption_list(request: HttpRequest, by: Actor) -> HttpResponse:
    """In force or to come first, then those that are over or lifted."""
    now = timezone.now()
    still_open = Count("visits", filter=Q(visits__resolution=Resolution.OPEN))
    rows = Disruption.objects.select_related("location", "staff", "chair").annotate(still_open=still_open)
    current = rows.filter(lifted_at=None, ends_at__gt=now).order_by("starts_at", "pk")
    over = rows.exclude(lifted_at=None, ends_at__gt=now).order_by("-starts_at", "-pk")
    page = Paginator(over, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "staff/disruption_list.html", {"current": current, "page": page, "now": now})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.DISRUPT)
def disruption_add(request: HttpRequest, by: Actor) -> HttpResponse:
    """Declare that somebody or something is missing."""
    place = place_of(request, by)
    form = DisruptionForm(request.POST or None, initial=_from_now_on(place, timezone.now()))
    if request.method == "POST" and form.is_valid():
        try:
            made = run(open_disruption, by=by, now=timezone.now(), **form.values())
        except Refused as refused:
            show_refusal(form, refused)
        else:
            count = made.visits.count()
            words = ngettext("%(count)d visit is affected.", "%(count)d visits are affected.", count)
            messages.success(request, words % {"count": count})
            return redirect("disruption_detail", made.pk)
    return render(request, "staff/disruption_add.html", {"form": form})


def _from_now_on(place: Place | None, now: datetime) -> dict[str, Any]:
    """What is missing is mostly missing from now until closing."""
    if place is None:
        return {}
    local = now.astimezone(place.here.tz)
    initial = {
        "location": place.here,
        "first_day": local.date(),
        "first_time": local.replace(minute=local.minute - local.minute % 5).time(),
        "last_day": local.date(),
    }
    try:
        until = closing_time(place.here, now).astimezone(place.here.tz)
    except Refused:
        # It opens on no day to come: nothing to suggest.
        return initial
    return initial | {"last_day": until.date(), "last_time": until.time()}


@require_safe
@never_cache
@staff_page(Action.SEE_BOARD)
def disruption_detail(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """The visits that lost their place by start, what became of each, and the calls."""
    disruption = disruption_of(pk)
    now = timezone.now()
    here = affected(disruption).filter(status__in=UNDER_WAY).select_related("patient")
    context = {
        "disruption": disruption,
        "lines": lines_of(disruption, now),
        "open_count": disruption.visits.open().count(),
        "here": here,
        "now": now,
    }
    return render(request, "staff/disruption_detail.html", context)


@require_POST
@staff_page(Action.COVER)
def disruption_cover(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Cover all that another nurse or chair at the same time can take; nobody is moved or told."""
    covered, left = run(cover_all, by=by, now=timezone.now(), disruption=disruption_of(pk))
    words = _("%(covered)d covered by another nurse or chair, %(left)d still open.")
    messages.success(request, words % {"covered": covered, "left": left})
    return redirect("disruption_detail", pk)


@require_POST
@staff_page(Action.DISRUPT)
def disruption_lift(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Who or what was missing is back."""
    try:
        run(lift_disruption, by=by, now=timezone.now(), disruption=disruption_of(pk))
        messages.success(request, _("Lifted. What was moved or cancelled meanwhile stays so."))
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("disruption_detail", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.DISRUPT)
def closing(request: HttpRequest, by: Actor) -> HttpResponse:
    """Close a day in one act, as for snow; everybody is told at once."""
    place = place_of(request, by)
    initial = {"location": place.here, "day": place.today(timezone.now())} if place else {}
    form = ClosingForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        names = ("location", "day", "reason", "find_other_times")
        values = {name: form.cleaned_data[name] for name in names}
        try:
            made = run(close_day, by=by, now=timezone.now(), **values)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _closed_words(made))
            return redirect("disruption_detail", made.pk)
    return render(request, "staff/closing.html", {"form": form})


def _closed_words(disruption: Disruption) -> str:
    """How many were cancelled and moved, and for how many a place is held."""
    rows = disruption.visits
    cancelled = rows.filter(resolution=Resolution.CANCELLED).count()
    moved, held = rows.filter(resolution=Resolution.MOVED).count(), rows.filter(hold__isnull=False).count()
    words = [
        ngettext(
            "The day is closed; %(count)d visit is cancelled.",
            "The day is closed; %(count)d visits are cancelled.",
            cancelled,
        )
        % {"count": cancelled}
    ]
    if moved:
        words.append(
            ngettext("%(count)d is moved.", "%(count)d are moved.", moved) % {"count": moved},
        )
    if held:
        words.append(
            ngettext(
                "For %(count)d another place is held until closing: call and ask.",
                "For %(count)d another place is held until closing: call and ask.",
                held,
            )
            % {"count": held}
        )
    return " ".join(words)

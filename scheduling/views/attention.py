"""The attention list: what somebody must see, and acknowledging it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from scheduling.access import Action, Actor
from scheduling.forms.attention import AcknowledgeForm, DecideForm
from scheduling.models import Alert
from scheduling.services.acknowledging import acknowledge
from scheduling.services.attention import alert_rows, open_alerts, seen_lately
from scheduling.services.deciding import answers_to, decide
from scheduling.services.faults import Refused
from scheduling.services.running import run

from .entrance import staff_page
from .refusals import show_refusal

PAGE_SIZE = 50
MINE, ALL = "mine", "all"


@require_safe
@never_cache
@staff_page(Action.SEE_ATTENTION)
def attention(request: HttpRequest, by: Actor) -> HttpResponse:
    """What is open, for one's own roles or, with ``?show=all``, for everybody."""
    return _page(request, by)


@require_POST
@staff_page(Action.ACKNOWLEDGE)
def alert_acknowledge(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Take one alert off the list."""
    alert = get_object_or_404(Alert.objects.select_related("patient"), pk=pk)
    form = AcknowledgeForm(request.POST, pk=pk)
    if form.is_valid():
        note = form.cleaned_data["note"]
        try:
            run(acknowledge, by=by, now=timezone.now(), alert=alert, note=note)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            words = _("%(alert)s is acknowledged.") % {"alert": alert}
            messages.success(request, capfirst(words))
            return redirect(f"{reverse('attention')}?show={_shown(request, by)}")
    return _page(request, by, wrong=form, refused=alert)


@require_POST
@staff_page(Action.DECIDE)
def alert_decide(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Answer one alert that asks; the button says which answer."""
    alert = get_object_or_404(Alert.objects.select_related("patient"), pk=pk)
    form = DecideForm(request.POST, pk=pk, answers=answers_to(alert))
    if form.is_valid():
        try:
            run(decide, by=by, now=timezone.now(), alert=alert, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            words = _("%(alert)s is decided.") % {"alert": alert}
            messages.success(request, capfirst(words))
            return redirect(f"{reverse('attention')}?show={_shown(request, by)}")
    return _page(request, by, wrong=form, refused=alert)


def _shown(request: HttpRequest, by: Actor) -> str:
    """``mine`` or ``all``; whose roles own no alerts sees all."""
    wanted = request.POST.get("show") or request.GET.get("show") or MINE
    return ALL if wanted == ALL else MINE


def _page(
    request: HttpRequest,
    by: Actor,
    *,
    wrong: AcknowledgeForm | DecideForm | None = None,
    refused: Alert | None = None,
) -> HttpResponse:
    """The list; a form that was refused keeps its words, above the list where its alert is gone."""
    now, shown = timezone.now(), _shown(request, by)
    page = Paginator(open_alerts(by, only_mine=shown == MINE), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [(row, _form(row.alert, wrong)) for row in alert_rows(page)]
    is_gone = wrong is not None and all(form is not wrong for _row, form in rows)
    context = {
        "rows": rows,
        "page": page,
        "shown": shown,
        "seen": seen_lately(now),
        "now": now,
        "gone": wrong if is_gone else None,
        "gone_alert": refused,
    }
    return render(request, "staff/attention.html", context)


def _form(alert: Alert, wrong: AcknowledgeForm | DecideForm | None) -> AcknowledgeForm | DecideForm:
    if wrong and wrong.pk == alert.pk:
        return wrong
    answers = answers_to(alert)
    return DecideForm(pk=alert.pk, answers=answers) if answers else AcknowledgeForm(pk=alert.pk)

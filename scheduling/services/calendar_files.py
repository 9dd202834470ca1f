"""A patient's visits as calendar bytes: one visit, a course, or the feed with its ETag."""

from collections.abc import Iterable
from hashlib import sha256

from django.conf import settings
from django.db.models import Count, Max, OuterRef, Subquery, Sum
from django.urls import reverse
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from scheduling.core.invites import VisitEntry, calendar_bytes
from scheduling.core.words import CANCELLED
from scheduling.models import Appointment, Location, LocationLabel, Patient, Series

from .visit_words import when_words

ALARM_MINUTES = (24 * 60, 2 * 60)
"""A downloaded visit reminds a day and two hours before its start."""
WORDING = 1
"""Raise it when the words below or their translation change, so that feeds are read again."""


def visit_file(visit: Appointment) -> bytes:
    """One visit to download; a cancelled one takes itself off the calendar."""
    return _file([visit], visit.patient)


def series_file(series: Series) -> bytes:
    """The whole course to download; with cancelled visits, so that a second download corrects the first."""
    return _file(series.appointments.all(), series.patient)


def invitation_entry(visit: Appointment) -> VisitEntry:
    """One visit as an invitation shows it, in the active language; we send an update when it changes."""
    return _entry(visit, visit.location, _("We send an update when this appointment changes."))


def feed_file(patient: Patient) -> bytes:
    """Every visit of the patient, for calendars that subscribe."""
    with translation.override(patient.language):
        entries = _entries(patient.appointments.all(), is_feed=True)
        return calendar_bytes(entries, name=_("Appointments"), alarms=False, feed=True)


def feed_etag(patient: Patient) -> str:
    """A strong ETag of ``feed_file``, from one query and without building it.

    Whatever the bytes show changes it: every change of a visit raises ``changed_at`` or SEQUENCE.
    """
    label = LocationLabel.objects.filter(location=OuterRef("location_id"), language=patient.language)
    places = ("location_id", "own_label", "location__calendar_label", "location__address", "location__phone")
    state = (
        patient.appointments.order_by("location_id")
        .annotate(own_label=Subquery(label.values("calendar_label")[:1]))
        .values_list(*places)
        .annotate(Count("pk"), Max("changed_at"), Sum("sequence"))
    )
    text = repr((WORDING, settings.BASE_URL, patient.language, [tuple(map(str, row)) for row in state]))
    return f'"{sha256(text.encode()).hexdigest()}"'


def _file(visits: Iterable[Appointment], patient: Patient) -> bytes:
    with translation.override(patient.language):
        entries = _entries(visits, is_feed=False)
        return calendar_bytes(entries, name=_("Appointments"), alarms=True, feed=False)


def _entries(visits: Iterable[Appointment], *, is_feed: bool) -> list[VisitEntry]:
    """In the active language. Places are fetched once each: reading a phone number per visit is slow."""
    visits = list(visits)
    places = Location.objects.prefetch_related("labels").in_bulk({visit.location_id for visit in visits})
    about = (
        _("Changes may take up to a day to appear in this calendar.")
        if is_feed
        else _("A downloaded file does not change when your visit does.")
    )
    return [_entry(visit, places[visit.location_id], about) for visit in visits]


def _entry(visit: Appointment, place: Location, about: str) -> VisitEntry:
    is_cancelled, label = visit.status in CANCELLED, place.label_in(get_language())
    summary = _("Cancelled: appointment – %(label)s") if is_cancelled else _("Appointment – %(label)s")
    phone = _("Phone: %(phone)s") % {"phone": place.phone}
    return VisitEntry(
        uid=visit.uid,
        sequence=visit.sequence,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        changed_at=visit.changed_at,
        is_cancelled=is_cancelled,
        summary=summary % {"label": label},
        description="\n".join((when_words(visit), phone, about)),
        address=", ".join((label, *place.address.splitlines())),
        url=settings.BASE_URL + reverse("my_appointment", args=(visit.pk,)),
        alarm_minutes=ALARM_MINUTES,
    )

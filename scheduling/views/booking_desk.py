"""What every step of booking needs to know: who books for whom, which orders and which days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db.models import Max
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _

from scheduling.access import Actor
from scheduling.core.wishes import Wishes
from scheduling.core.words import OrderState
from scheduling.forms.booking import BookingForm
from scheduling.forms.changes import BookForm
from scheduling.forms.wishes import initial_wishes
from scheduling.models import Appointment, Location, Order, Patient, Series
from scheduling.services.faults import Refused
from scheduling.services.frame import last_day
from scheduling.services.proposals import Proposal, Question, unsigned
from scheduling.services.wishes import wishes_from_json

from .patients import opened_patient


@dataclass(frozen=True, slots=True)
class Desk:
    """One request to book for one patient."""

    request: HttpRequest
    by: Actor
    patient: Patient
    now: datetime

    @classmethod
    def of(cls, request: HttpRequest, by: Actor, pk: int) -> "Desk":
        """The desk of a request; opening the page is recorded as a reading."""
        return cls(request, by, opened_patient(request, by, pk), timezone.now())

    def orders(self) -> list[Order]:
        """The patient's orders that can be booked today, then drafts to hold places for; each the oldest first."""
        today = self.now.astimezone(self.patient.home_location.tz).date()
        rows = Order.objects.bookable(today) | Order.objects.holdable(today)
        found = rows.filter(patient=self.patient).select_related("protocol").order_by("pk")
        return sorted(found, key=lambda order: order.state == OrderState.DRAFT)

    def bounds(self) -> dict[int, tuple[date, date]]:
        """The first and the last local date that may be booked, by location."""
        return {
            location.pk: (self.now.astimezone(location.tz).date(), last_day(location, self.now))
            for location in Location.objects.filter(is_active=True)
        }

    def order(self, pk: int) -> Order:
        """One order of this patient, whatever its state; 404 for any other."""
        rows = Order.objects.select_related("protocol", "patient")
        return get_object_or_404(rows, pk=pk, patient=self.patient)

    def wanted_order(self) -> Order | None:
        """The order named by ``?order=``, or that of the visit to book again; None without one.

        404 for what is no order of this patient.
        """
        again = self.again()
        if again:
            return again.series.order
        number = self._number("order")
        return None if number is None else self.order(number)

    def again(self) -> Appointment | None:
        """The visit named by ``?again=`` whose session is booked anew; 404 for what is no visit of this patient."""
        number = self._number("again")
        if number is None:
            return None
        rows = Appointment.objects.select_related("series__order__protocol", "series__order__patient")
        return get_object_or_404(rows, pk=number, patient=self.patient)

    def _number(self, name: str) -> int | None:
        named = self.request.GET.get(name, "")
        if not named:
            return None
        if not (named.isascii() and named.isdigit() and len(named) < 19):
            raise Http404
        return int(named)

    def proposal(self) -> Proposal:
        """The proposal in the posted form; 404 for another patient's.

        Raises Refused where it is damaged or its location was deleted meanwhile.
        """
        proposal = unsigned(self.request.POST.get("proposal", ""))
        self.order(proposal.question.order_id)
        if not Location.objects.filter(pk=proposal.question.location_id).exists():
            raise Refused(
                "location_gone", _("The location of these times is no longer there. Find times again.")
            )
        return proposal

    def typed(self) -> dict[str, str]:
        """What was typed beside the button Book, as posted; it goes along while other times are looked for."""
        return {name: self.request.POST[name] for name in BookForm.base_fields if self.request.POST.get(name)}

    def form(self, data: Mapping[str, Any] | None = None, *, asked: Question | None = None) -> BookingForm:
        """The form: as posted, as asked before, or with what suggests itself."""
        orders, bounds = self.orders(), self.bounds()
        if asked is None:
            wanted = self.wanted_order()
            order = wanted if wanted in orders else next(iter(orders), None)
            initial = self._suggested(order, bounds)
        else:
            initial = _asked_before(asked)
        return BookingForm(data, initial=initial, orders=orders, bounds=bounds)

    def _suggested(self, order: Order | None, bounds: Mapping[int, tuple[date, date]]) -> dict[str, Any]:
        course = Series.objects.filter(order=order).first() if order else None
        home = self.patient.home_location_id
        location = course.location_id if course else home if home in bounds else next(iter(bounds), None)
        initial: dict[str, Any] = {"request_key": str(uuid4()), "location": location}
        if location is not None and location in bounds:
            initial["earliest"] = bounds[location][0]
        if order:
            initial |= {"order": order.pk, "sessions": order.left}
            initial["earliest"] = max(initial.get("earliest", order.valid_from), order.valid_from)
        again = self.again()
        if again:
            # A make-up stands at the end of the course (facts: missed sessions are appended).
            last = again.series.appointments.counted().aggregate(last=Max("local_date"))["last"]
            after = last + timedelta(days=1) if last else initial.get("earliest", again.local_date)
            initial |= {"sessions": 1, "earliest": max(after, initial.get("earliest", after))}
        return initial | initial_wishes(wishes_from_json(course.wishes) if course else Wishes())


def _asked_before(asked: Question) -> dict[str, Any]:
    return {
        "order": asked.order_id,
        "location": asked.location_id,
        "sessions": asked.sessions,
        "earliest": asked.earliest,
        "request_key": asked.request_key,
        **initial_wishes(asked.wishes),
    }

"""What a clerk asks for when booking a course: an order, how many visits, and when the patient can come."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import date
from typing import Any, cast
from uuid import UUID, uuid4

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Div, Field, Fieldset, Row
from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import OrderState
from scheduling.models import Location, Order

from .patients import DayInput, plain_helper
from .wishes import WishesForm


class OrderField(forms.ModelChoiceField):
    """An order with what tells it from another."""

    def label_from_instance(self, obj: Any) -> str:
        """Stage, protocol, dose as written and what is left; whether it is a draft."""
        words = gettext("%(stage)s, %(protocol)s, %(dose)s: %(left)d of %(all)d to book")
        if obj.state == OrderState.DRAFT:
            words = gettext("%(stage)s, %(protocol)s, %(dose)s: %(all)d, not signed yet")
        return words % {
            "stage": obj.get_stage_display().capitalize(),
            "protocol": obj.protocol.name,
            "dose": obj.dose,
            "left": obj.left,
            "all": obj.sessions,
        }


class BookingForm(WishesForm):
    """The question to the planner. All dates and times are the location's."""

    order = OrderField(label=_("Order"), queryset=Order.objects.none(), empty_label=None)
    location = forms.ModelChoiceField(label=_("Location"), queryset=Location.objects.none(), empty_label=None)
    sessions = forms.IntegerField(label=_("Visits"), min_value=1, max_value=100)
    earliest = forms.DateField(label=_("Not before"), widget=DayInput())
    request_key = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        orders: Collection[Order],
        bounds: Mapping[int, tuple[date, date]],
        **kwargs: Any,
    ) -> None:
        """``orders`` can be booked; ``bounds`` are the first and the last local date by location."""
        super().__init__(*args, **kwargs)
        self.bounds = bounds
        chosen = cast(forms.ModelChoiceField, self.fields["order"])
        keys = [order.pk for order in orders]
        # By state: the signed come before the drafts.
        chosen.queryset = (
            Order.objects.filter(pk__in=keys).select_related("protocol").order_by("-state", "pk")
        )
        places = cast(forms.ModelChoiceField, self.fields["location"])
        places.queryset = Location.objects.filter(pk__in=bounds)
        if len(bounds) == 1:
            places.widget = places.hidden_widget()
        if bounds:
            self.fields["earliest"].widget.attrs |= {
                "min": min(first for first, _last in bounds.values()).isoformat(),
                "max": max(last for _first, last in bounds.values()).isoformat(),
            }
        else:
            places.error_messages["required"] = gettext("No location is in use.")

    @property
    def helper(self) -> FormHelper:
        """Two columns: what is booked, and when the patient can come."""
        what = [
            Field("order"),
            Field("location"),
            Row(Column("sessions", css_class="col-5"), Column("earliest", css_class="col-7")),
            "request_key",
        ]
        return plain_helper(
            Div(
                Fieldset(_("What"), *what, css_class="book-what"),
                Div(
                    Fieldset(_("Days"), HTML('{% include "staff/book_days.html" %}')),
                    Fieldset(_("Times"), HTML('{% include "staff/book_windows.html" %}')),
                    Fieldset(_("Away"), HTML('{% include "staff/book_absences.html" %}')),
                    css_class="book-when",
                ),
                css_class="book-form",
            )
        )

    def clean_request_key(self) -> str:
        """The key of the one booking that may follow; a new one where it was lost."""
        with suppress(ValueError):
            return str(UUID(self.cleaned_data["request_key"]))
        return str(uuid4())

    def clean(self) -> dict[str, Any]:
        """Refuse what contradicts itself or the order."""
        cleaned = super().clean() or self.cleaned_data
        self._check_earliest(cleaned)
        self._check_order(cleaned)
        return cleaned

    def _check_earliest(self, cleaned: dict[str, Any]) -> None:
        day, location = cleaned.get("earliest"), cleaned.get("location")
        if day is None or location is None:
            return
        first, last = self.bounds[location.pk]
        if day < first:
            self.add_error("earliest", _("This day is in the past."))
        elif day > last:
            words = gettext("Bookings are possible until %(day)s.") % {"day": last.isoformat()}
            self.add_error("earliest", words)

    def _check_order(self, cleaned: dict[str, Any]) -> None:
        order, sessions = cleaned.get("order"), cleaned.get("sessions")
        if order is None:
            return
        if sessions and sessions > order.left:
            self.add_error("sessions", gettext("The order has %(left)d left.") % {"left": order.left})
        earliest = cleaned.get("earliest")
        if earliest and earliest > order.valid_until:
            words = gettext("The order ends on %(day)s.") % {"day": order.valid_until.isoformat()}
            self.add_error("earliest", words)
        series = order.series.select_related("location").first()
        location = cleaned.get("location")
        if series and location and series.location != location:
            words = gettext("This course is treated at %(place)s.") % {"place": series.location}
            self.add_error("location", words)

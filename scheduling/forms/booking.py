"""What a clerk asks for when booking a course: an order, how many visits, and when the patient can come."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date, time
from typing import Any, cast
from uuid import UUID, uuid4

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Div, Field, Fieldset, Row
from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scheduling.core.wishes import DAY_MINUTES, Wishes
from scheduling.models import Location, Order
from scheduling.models.places import WEEKDAYS

from .patients import DayInput, plain_helper

WINDOW_ROWS = 3
AWAY_ROWS = 3
KINDS = [("prefer", _("prefers")), ("only", _("can only")), ("never", _("cannot"))]
DAY_KINDS = ("prefer", "only", "never")


class OrderField(forms.ModelChoiceField):
    """An order with what tells it from another."""

    def label_from_instance(self, obj: Any) -> str:
        """Stage, protocol, dose as written and what is left."""
        return gettext("%(stage)s, %(protocol)s, %(dose)s: %(left)d of %(all)d to book") % {
            "stage": obj.get_stage_display().capitalize(),
            "protocol": obj.protocol.name,
            "dose": obj.dose,
            "left": obj.left,
            "all": obj.sessions,
        }


class TimeInput(forms.TimeInput):
    """The browser's own time field in steps of five minutes."""

    input_type = "time"

    def __init__(self) -> None:
        """Show a time as the browser wants it."""
        super().__init__(format="%H:%M", attrs={"step": 300})


def _small(widget: forms.Widget, css_class: str = "form-control") -> forms.Widget:
    widget.attrs["class"] = f"{css_class} {css_class}-sm"
    return widget


class BookingForm(forms.Form):
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
        chosen.queryset = Order.objects.filter(pk__in=keys).select_related("protocol").order_by("pk")
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
        self._add_days()
        self._add_windows()
        self._add_absences()

    def _add_days(self) -> None:
        for kind, label in KINDS:
            self.fields[f"{kind}_days"] = forms.TypedMultipleChoiceField(
                label=label,
                choices=WEEKDAYS,
                coerce=int,
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    def _add_windows(self) -> None:
        for row in range(WINDOW_ROWS):
            self.fields[f"window_kind_{row}"] = forms.ChoiceField(
                label=_("Wish"),
                choices=KINDS,
                initial="prefer",
                required=False,
                widget=_small(forms.Select(), "form-select"),
            )
            self.fields[f"window_from_{row}"] = forms.TimeField(
                label=_("from"), required=False, widget=_small(TimeInput())
            )
            self.fields[f"window_to_{row}"] = forms.TimeField(
                label=_("until"), required=False, widget=_small(TimeInput())
            )

    def _add_absences(self) -> None:
        for row in range(AWAY_ROWS):
            for edge, label in (("from", _("from")), ("to", _("until"))):
                self.fields[f"away_{edge}_{row}"] = forms.DateField(
                    label=label, required=False, widget=_small(DayInput())
                )

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

    @property
    def day_rows(self) -> list[forms.BoundField]:
        """The three fields of weekdays."""
        return [self[f"{kind}_days"] for kind in DAY_KINDS]

    @property
    def window_rows(self) -> list[tuple[forms.BoundField, ...]]:
        """Kind, from and until of every row."""
        return [
            tuple(self[f"window_{part}_{row}"] for part in ("kind", "from", "to"))
            for row in range(WINDOW_ROWS)
        ]

    @property
    def away_rows(self) -> list[tuple[forms.BoundField, ...]]:
        """From and to of every row."""
        return [tuple(self[f"away_{part}_{row}"] for part in ("from", "to")) for row in range(AWAY_ROWS)]

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
        self._check_days(cleaned)
        for row in range(WINDOW_ROWS):
            begin, end = cleaned.get(f"window_from_{row}"), cleaned.get(f"window_to_{row}")
            if begin and end and end <= begin:
                self.add_error(f"window_to_{row}", _("It ends before it starts."))
        for row in range(AWAY_ROWS):
            first, last = cleaned.get(f"away_from_{row}"), cleaned.get(f"away_to_{row}")
            if last and not first and f"away_from_{row}" not in self.errors:
                self.add_error(f"away_from_{row}", _("Say from when."))
            if first and last and last < first:
                self.add_error(f"away_to_{row}", _("It ends before it starts."))
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

    def _check_days(self, cleaned: dict[str, Any]) -> None:
        prefer, only, never = (set(cleaned.get(f"{kind}_days", ())) for kind in DAY_KINDS)
        names = dict(WEEKDAYS)

        def said(days: set[int]) -> str:
            return ", ".join(str(names[day]) for day in sorted(days))

        if never & (prefer | only):
            words = gettext("Wished for and excluded at once: %(days)s.")
            self.add_error("never_days", words % {"days": said(never & (prefer | only))})
        elif only and prefer - only:
            words = gettext("Preferred, but not among the possible days: %(days)s.")
            self.add_error("prefer_days", words % {"days": said(prefer - only)})
        elif len(never) == len(names):
            self.add_error("never_days", _("Leave at least one day."))

    def wishes(self) -> Wishes:
        """The wishes of a valid form."""
        values = self.cleaned_data
        windows: dict[str, list[tuple[int, int]]] = {kind: [] for kind in DAY_KINDS}
        for row in range(WINDOW_ROWS):
            begin, end = values[f"window_from_{row}"], values[f"window_to_{row}"]
            if begin or end:
                kind = values[f"window_kind_{row}"] or "prefer"
                windows[kind].append((_minute(begin) or 0, _minute(end) or DAY_MINUTES))
        return Wishes(
            only_weekdays=frozenset(values["only_days"]),
            never_weekdays=frozenset(values["never_days"]),
            prefer_weekdays=frozenset(values["prefer_days"]),
            only_windows=tuple(windows["only"]),
            never_windows=tuple(windows["never"]),
            prefer_windows=tuple(windows["prefer"]),
            blackouts=tuple(self._absences()),
        )

    def _absences(self) -> Iterator[tuple[date, date]]:
        for row in range(AWAY_ROWS):
            first, last = (self.cleaned_data[f"away_{edge}_{row}"] for edge in ("from", "to"))
            if first:
                yield first, last or first


def initial_wishes(wishes: Wishes) -> dict[str, Any]:
    """Wishes as the form's initial values, as many as it has rows."""
    initial: dict[str, Any] = {
        "only_days": sorted(wishes.only_weekdays),
        "never_days": sorted(wishes.never_weekdays),
        "prefer_days": sorted(wishes.prefer_weekdays),
    }
    windows = [
        (kind, window)
        for kind in DAY_KINDS
        for window in cast(tuple[tuple[int, int], ...], getattr(wishes, f"{kind}_windows"))
    ]
    for row, (kind, (begin, end)) in enumerate(windows[:WINDOW_ROWS]):
        initial[f"window_kind_{row}"] = kind
        initial[f"window_from_{row}"] = _time(begin)
        initial[f"window_to_{row}"] = _time(end) if end < DAY_MINUTES else None
    for row, (first, last) in enumerate(wishes.blackouts[:AWAY_ROWS]):
        initial[f"away_from_{row}"], initial[f"away_to_{row}"] = first, last
    return initial


def _minute(wall: time | None) -> int | None:
    return wall.hour * 60 + wall.minute if wall else None


def _time(minute: int) -> time:
    return time(minute // 60, minute % 60)

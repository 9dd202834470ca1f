"""When a patient can and would like to come, as fields: weekdays, times of day and absences."""

from collections.abc import Iterator
from datetime import date, time
from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scheduling.core.wishes import DAY_MINUTES, Wishes
from scheduling.models.places import WEEKDAYS

from .patients import DayInput

WINDOW_ROWS = 3
AWAY_ROWS = 3
KINDS = [("prefer", _("prefers")), ("only", _("can only")), ("never", _("cannot"))]
DAY_KINDS = ("prefer", "only", "never")


class TimeInput(forms.TimeInput):
    """The browser's own time field in steps of five minutes."""

    input_type = "time"

    def __init__(self) -> None:
        """Show a time as the browser wants it."""
        super().__init__(format="%H:%M", attrs={"step": 300})


def small(widget: forms.Widget, css_class: str = "form-control") -> forms.Widget:
    """The widget in its small form."""
    widget.attrs["class"] = f"{css_class} {css_class}-sm"
    return widget


class WishesForm(forms.Form):
    """The fields of a patient's wishes; all dates and times are the location's. Beside them stand a form's own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the fields, row by row."""
        super().__init__(*args, **kwargs)
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
                widget=small(forms.Select(), "form-select"),
            )
            self.fields[f"window_from_{row}"] = forms.TimeField(
                label=_("from"), required=False, widget=small(TimeInput())
            )
            self.fields[f"window_to_{row}"] = forms.TimeField(
                label=_("until"), required=False, widget=small(TimeInput())
            )

    def _add_absences(self) -> None:
        for row in range(AWAY_ROWS):
            for edge, label in (("from", _("from")), ("to", _("until"))):
                self.fields[f"away_{edge}_{row}"] = forms.DateField(
                    label=label, required=False, widget=small(DayInput())
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

    def clean(self) -> dict[str, Any]:
        """Refuse wishes that contradict one another."""
        cleaned = super().clean() or self.cleaned_data
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

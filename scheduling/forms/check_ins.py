"""The form of a check-in: four safety questions, ten effects with their times, a note."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from scheduling.core.check_ins import NOTE_LENGTH, Answer, EffectAnswer, Fault, problems
from scheduling.core.words import AnswerWay, Effect, SafetyQuestion
from scheduling.models import EFFECT_LABELS, FAULT_WORDS, GRADE_LABELS, SAFETY_LABELS

YES, NO = "yes", "no"
CHOOSE = {"required": FAULT_WORDS[Fault.UNANSWERED], "invalid_choice": FAULT_WORDS[Fault.GRADE]}
MINUTES = "%Y-%m-%dT%H:%M"


class MomentField(forms.DateTimeField):
    """A day and wall time in ``zone``, in the browser's own field; the value is an instant."""

    def __init__(self, *, label: Any, zone: ZoneInfo) -> None:
        """Whole minutes, as browsers send them."""
        widget = forms.DateTimeInput(
            attrs={"type": "datetime-local", "class": "form-control"}, format=MINUTES
        )
        words = {"invalid": _("Please give the day and the time.")}
        super().__init__(
            label=label, required=False, widget=widget, input_formats=[MINUTES], error_messages=words
        )
        self.zone = zone

    def to_python(self, value: Any) -> datetime | None:
        """The instant. Raises ValidationError also around a clock change."""
        with timezone.override(self.zone):
            try:
                return super().to_python(value)
            except forms.ValidationError as error:
                if error.code != "ambiguous_timezone":
                    raise
                words = _("The clocks change at that hour. Please give a time before or after it.")
                raise forms.ValidationError(words, code=error.code) from error

    def prepare_value(self, value: Any) -> Any:
        """Wall time in the zone."""
        with timezone.override(self.zone):
            return super().prepare_value(value)


@dataclass(frozen=True, slots=True)
class EffectFields:
    """The fields of one effect, for the template."""

    grade: forms.BoundField
    began: forms.BoundField
    over: forms.BoundField
    stopped: forms.BoundField


class AnswerForm(forms.Form):
    """One answer; ``cleaned_data["answer"]`` is what the service takes. Nothing is chosen beforehand."""

    note = forms.CharField(
        label=_("Anything else you want to tell us?"),
        required=False,
        max_length=NOTE_LENGTH,
        error_messages={"max_length": FAULT_WORDS[Fault.NOTE_TOO_LONG]},
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control"}),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        since: datetime,
        now: datetime,
        zone: ZoneInfo,
        former: Answer | None = None,
    ) -> None:
        """``since``: when the patient came to the visit; ``zone``: of every time; ``former``: what was answered."""
        super().__init__(data, initial=_initial(former) if former else None)
        self.since, self.now = since, now
        for name, label in SAFETY_LABELS:
            self.fields[name] = _choice(label, [(YES, _("Yes")), (NO, _("No"))])
        for name, label in EFFECT_LABELS:
            self.fields[name] = _choice(label, [(str(grade), words) for grade, words in GRADE_LABELS])
            self.fields[f"{name}_began"] = MomentField(label=_("When did it begin?"), zone=zone)
            over = [(NO, _("Still there")), (YES, _("It has stopped"))]
            self.fields[f"{name}_over"] = _choice(_("Is it still there?"), over, required=False)
            self.fields[f"{name}_stopped"] = MomentField(label=_("When did it stop?"), zone=zone)
        for name in self.errors if self.is_bound else ():
            self._point_to_error(name)

    def _point_to_error(self, name: str) -> None:
        """Screen readers read the words with the field."""
        if name in self.fields:
            attrs = self.fields[name].widget.attrs
            attrs["aria-describedby"] = f"{name}-error"
            attrs["aria-invalid"] = "true"

    @property
    def safety(self) -> list[forms.BoundField]:
        """The four questions."""
        return [self[name] for name, _label in SAFETY_LABELS]

    @property
    def effects(self) -> Iterator[EffectFields]:
        """The ten effects."""
        for name, _label in EFFECT_LABELS:
            yield EffectFields(
                self[name], self[f"{name}_began"], self[f"{name}_over"], self[f"{name}_stopped"]
            )

    @property
    def faulty(self) -> list[forms.BoundField]:
        """Every field that is wrong, in the order of the page."""
        order = [*self.safety]
        for one in self.effects:
            order += [one.grade, one.began, one.over, one.stopped]
        return [field for field in (*order, self["note"]) if field.errors]

    def clean(self) -> dict[str, Any]:
        """Build the answer and say everything that is wrong with it, each where it stands."""
        cleaned: dict[str, Any] = super().clean() or {}
        safety = {one: cleaned[one] == YES for one in SafetyQuestion if cleaned.get(one)}
        effects = tuple(self._effect(one, cleaned) for one in Effect if cleaned.get(one))
        answer = cleaned["answer"] = Answer(safety, effects, cleaned.get("note", ""))
        for problem in problems(answer, self.since, self.now):
            if problem.where not in self.errors:
                self.add_error(problem.where, FAULT_WORDS[problem.fault])
        return cleaned

    def _effect(self, one: Effect, cleaned: dict[str, Any]) -> EffectAnswer:
        """Times of what is not there, or has not stopped, were hidden when the form was sent: left out."""
        grade, stopped = int(cleaned[one]), f"{one}_stopped"
        if not grade:
            for name in (f"{one}_began", stopped):
                self.errors.pop(name, None)
            return EffectAnswer(one, 0)
        over = cleaned.get(f"{one}_over") == YES
        if not over:
            self.errors.pop(stopped, None)
        elif not cleaned.get(stopped) and stopped not in self.errors:
            self.add_error(stopped, _("Please say when it stopped."))
        return EffectAnswer(one, grade, cleaned.get(f"{one}_began"), cleaned.get(stopped) if over else None)


class StaffAnswerForm(AnswerForm):
    """The same, taken down by staff."""

    way = forms.ChoiceField(
        label=_("Answered"),
        choices=[(AnswerWay.PHONE.value, _("by phone")), (AnswerWay.IN_PERSON.value, _("in person"))],
        widget=forms.RadioSelect,
        error_messages=CHOOSE,
    )

    def clean_way(self) -> AnswerWay:
        """One of the two."""
        return AnswerWay(self.cleaned_data["way"])

    @property
    def faulty(self) -> list[forms.BoundField]:
        """With the way first."""
        return [field for field in (self["way"],) if field.errors] + super().faulty


def _choice(label: Any, choices: list[tuple[str, Any]], *, required: bool = True) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, widget=forms.RadioSelect, required=required, error_messages=CHOOSE
    )


def _initial(former: Answer) -> dict[str, Any]:
    """An answer as the form's fields."""
    initial: dict[str, Any] = {one: YES if yes else NO for one, yes in former.safety.items()}
    for one in former.effects:
        initial |= {
            one.effect: str(one.grade),
            f"{one.effect}_began": one.began_at,
            f"{one.effect}_over": (YES if one.stopped_at else NO) if one.grade else None,
            f"{one.effect}_stopped": one.stopped_at,
        }
    return initial | {"note": former.note}

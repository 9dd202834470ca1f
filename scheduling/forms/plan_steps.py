"""Rows of steps in a form: n infusions a week or one every k weeks, for some weeks; empty rows are no step."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.core.plan_steps import MOST_BETWEEN, MOST_PER_WEEK, MOST_WEEKS, Step, StepError
from scheduling.models.plans import STEP_WORDS

STEP_ROWS = 6
PARTS = (
    ("per_week", _("infusions a week"), MOST_PER_WEEK),
    ("every_weeks", _("one every … weeks"), MOST_BETWEEN),
    ("weeks", _("for … weeks"), MOST_WEEKS),
)


def step_name(row: int, part: str) -> str:
    """The field of one part of a row, counted from 1."""
    return f"step_{row}_{part}"


STEP_NAMES = tuple(
    tuple(step_name(row, part) for part, _label, _most in PARTS) for row in range(1, STEP_ROWS + 1)
)
"""The names of the fields, row by row."""


def step_fields() -> dict[str, forms.Field]:
    """Three whole numbers a row, none of them required."""
    return {
        step_name(row, part): forms.IntegerField(
            label=label,
            min_value=1,
            max_value=most,
            required=False,
            error_messages={"invalid": _("A whole number.")},
        )
        for row in range(1, STEP_ROWS + 1)
        for part, label, most in PARTS
    }


def initial_steps(steps: Sequence[Any]) -> dict[str, int | None]:
    """Steps, as values or rows of a model, as the form's initial values; as many as it has rows."""
    return {
        step_name(row, part): getattr(step, part)
        for row, step in enumerate(steps[:STEP_ROWS], 1)
        for part, _label, _most in PARTS
    }


def typed_steps(form: forms.BaseForm) -> list[Step]:
    """The steps of a form's cleaned rows; what is wrong with a row is said at its first field."""
    steps = []
    for names in STEP_NAMES:
        values = [form.cleaned_data.get(name) for name in names]
        if set(names) & set(form.errors) or not any(values):
            continue
        try:
            steps.append(Step(*values))
        except StepError as error:
            form.add_error(
                names[2] if error.code in ("step_weeks", "step_too_short") else names[0],
                STEP_WORDS[error.code],
            )
    return steps


class StepRows:
    """What a form with step rows has beside its fields; mixed in before the form class."""

    @property
    def step_rows(self) -> list[tuple[int, tuple[forms.BoundField, ...]]]:
        """Number and fields of every row."""
        rows = []
        for number, names in enumerate(STEP_NAMES, 1):
            rows.append((number, tuple(self[name] for name in names)))  # type: ignore[index]
        return rows

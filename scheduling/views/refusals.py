"""Where a service's refusal appears on a form: next to its field, with everything it lists."""

from django.forms import BaseForm

from scheduling.services.faults import Refused


def show_refusal(form: BaseForm, refused: Refused) -> None:
    """Add the refusal's words to its field, or to the form's top where the form has no such field."""
    field = refused.field if refused.field in form.fields else None
    form.add_error(field, str(refused.words))
    for detail in refused.details:
        form.add_error(field, str(detail))

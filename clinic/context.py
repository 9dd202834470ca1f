"""What every template may name."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """Give templates the clinic's name and whether this is the demo."""
    return {"clinic_name": settings.CLINIC_NAME, "is_demo": settings.DEMO}

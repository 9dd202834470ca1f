"""The one application of the project."""

from django.apps import AppConfig


class SchedulingConfig(AppConfig):
    """Scheduling of infusion courses."""

    name = "scheduling"
    verbose_name = "Infusion scheduling"
    default_auto_field = "django.db.models.BigAutoField"

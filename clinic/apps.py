"""The project as an application: it registers the checks that run at start-up."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ClinicConfig(AppConfig):
    """Registers the system checks of the installation."""

    name = "clinic"

    def ready(self) -> None:
        """Register the checks."""
        from clinic import checks  # noqa: F401, PLC0415 - models must be loaded before checks are


class ClinicAdminConfig(AdminConfig):
    """Django's admin with our own site class."""

    default_site = "clinic.sites.ClinicAdminSite"

"""The project as an application: it registers the checks that run at start-up."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import ImproperlyConfigured


class ClinicConfig(AppConfig):
    """Registers the system checks of the installation."""

    name = "clinic"

    def ready(self) -> None:
        """Register the checks, and refuse to start with other zone data: a web server runs no checks."""
        from clinic import checks  # noqa: PLC0415 - models must be loaded before checks are

        for fault in checks.zone_data(None):
            raise ImproperlyConfigured(f"{fault.msg} {fault.hint or ''}")


class ClinicAdminConfig(AdminConfig):
    """Django's admin with our own site class."""

    default_site = "clinic.sites.ClinicAdminSite"

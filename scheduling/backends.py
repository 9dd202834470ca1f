"""Django's permissions, which only the admin asks for, answered from the one table of roles."""

from allauth.account.auth_backends import AuthenticationBackend
from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model

from scheduling.access import MAY, Action
from scheduling.models import (
    Chair,
    Closure,
    Location,
    OnCallShift,
    OpeningHours,
    Phase,
    Prerequisite,
    Protocol,
    ProtocolInstruction,
    Shift,
    ShiftException,
    StaffMember,
)

CONFIGURATION: tuple[type[Model], ...] = (
    Chair,
    Closure,
    Location,
    OnCallShift,
    OpeningHours,
    Phase,
    Prerequisite,
    Protocol,
    ProtocolInstruction,
    Shift,
    ShiftException,
    StaffMember,
)
"""What a manager may change in the admin. All other rows belong to services and are only looked at."""

ACCOUNT_PERMISSIONS = frozenset({"auth.view_user", "auth.change_user"})
"""Accounts are made together with a member of staff and are never deleted, so neither is granted here."""


class StaffBackend(AuthenticationBackend):  # type: ignore[misc]
    """Logs in by user name and password; permissions follow the roles of the StaffMember, nothing else.

    Groups, user permissions and ``is_staff`` mean nothing; an active superuser may everything, as in Django.
    """

    def get_user_permissions(
        self, user_obj: AbstractBaseUser | AnonymousUser, obj: Model | None = None
    ) -> set[str]:
        """``app.verb_model`` names for a person who may configure; an empty set for everybody else."""
        if obj is not None or not user_obj.is_active:
            return set()
        staff = StaffMember.objects.filter(user_id=user_obj.pk, is_active=True).first()
        if staff is None or not staff.roles & MAY[Action.CONFIGURE]:
            return set()
        return (
            _permissions("view", *apps.get_app_config("scheduling").get_models())
            | _permissions("add change delete", *CONFIGURATION)
            | ACCOUNT_PERMISSIONS
        )

    def get_group_permissions(
        self, user_obj: AbstractBaseUser | AnonymousUser, obj: Model | None = None
    ) -> set[str]:
        """Groups play no part."""
        return set()


def _permissions(verbs: str, *models: type[Model]) -> set[str]:
    return {f"{m._meta.app_label}.{verb}_{m._meta.model_name}" for m in models for verb in verbs.split()}

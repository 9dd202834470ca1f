"""How django-allauth is used here: a manager makes the accounts (clinic/urls.py has no sign-up)."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.urls import reverse


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Staff accounts: a mail never carries an address taken from the Host header of a request."""

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the address in a password-reset mail; `key` is `<user>-<token>`."""
        user, token = key.split("-", 1)
        return settings.BASE_URL + reverse("account_reset_password_from_key", args=[user, token])

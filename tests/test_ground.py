"""What every page gets from the project around it: protection, error pages, log-in."""

from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.urls import reverse

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
PASSWORD = "correct-horse"


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ann", "ann@clinic.example", PASSWORD)


@pytest.mark.django_db
def test_healthz_answers_without_a_session_and_is_never_stored(client: Client) -> None:
    response = client.get("/healthz")
    assert response.json() == {"status": "ok"}
    assert "no-store" in response.headers["Cache-Control"]
    assert not response.cookies


@pytest.mark.django_db
def test_healthz_says_when_the_database_is_gone(client: Client) -> None:
    with patch.object(connection, "cursor", side_effect=OperationalError("gone")):
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (503, {"status": "database unavailable"})


@pytest.mark.django_db
def test_every_page_carries_the_strict_policy(client: Client) -> None:
    for path in (reverse("account_login"), "/nothing-here/", "/healthz"):
        headers = client.get(path).headers
        assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.django_db
def test_no_page_of_ours_has_inline_style_or_script(client: Client) -> None:
    html = client.get(reverse("account_login")).content.decode()
    assert "style=" not in html
    assert "<style" not in html
    assert "<script>" not in html
    assert "//cdn" not in html


def test_the_favicon_is_served(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"] == "/static/scheduling/favicon.png"
    response = client.get("/static/scheduling/favicon.png")
    assert b"".join(response).startswith(b"\x89PNG")


# --- requests that no page can mean ---


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json"]
)
def test_a_ten_megabyte_body_is_refused_in_words(client: Client, content_type: str) -> None:
    response = client.post(reverse("account_login"), "login=" + "a" * 10_000_000, content_type=content_type)
    assert response.status_code == 413
    assert "This is too large" in response.content.decode()


@pytest.mark.django_db
def test_a_ten_megabyte_form_with_parts_is_refused(client: Client) -> None:
    response = client.post(reverse("account_login"), {"login": "a" * 10_000_000})
    assert response.status_code == 413


@pytest.mark.django_db
def test_a_form_above_its_own_limit_is_refused_even_below_that_of_files(client: Client) -> None:
    response = client.post(reverse("account_login"), {"login": "a" * 2_000_000})
    assert response.status_code == 413


@pytest.mark.django_db
@pytest.mark.parametrize(
    "request_",
    [
        {"path": "/accounts/login/?next=/%00"},
        {"path": "/accounts/log%00in/"},
        {"path": "/accounts/login/", "data": {"login": "a\x00b", "password": "x"}},
        {"path": "/accounts/login/", "data": {"lo\x00gin": "a"}},
        {
            "path": "/accounts/login/",
            "data": "login=a%00b",
            "content_type": "application/x-www-form-urlencoded",
        },
    ],
)
def test_nul_characters_are_refused(client: Client, request_: dict[str, Any]) -> None:
    response = client.post(**request_) if "data" in request_ else client.get(**request_)
    assert response.status_code == 400
    assert "This request cannot be read" in response.content.decode()


@pytest.mark.django_db
def test_a_nul_character_in_a_cookie_is_refused(client: Client) -> None:
    response = client.get(reverse("account_login"), headers={"cookie": r'sessionid="\000aaaaaaaaaaaa"'})
    assert response.status_code == 400


@pytest.mark.django_db
def test_a_broken_form_is_refused(client: Client) -> None:
    response = client.post("/accounts/login/", b"--nothing", content_type="multipart/form-data")
    assert response.status_code == 400


@override_settings(ALLOWED_HOSTS=["clinic.example"])
def test_another_host_name_is_refused(client: Client) -> None:
    assert client.get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.django_db
def test_an_address_that_does_not_exist(client: Client) -> None:
    response = client.get("/nothing-here/")
    assert response.status_code == 404
    assert "This page does not exist" in response.content.decode()


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_in_words() -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "ann"})
    assert response.status_code == 403
    assert "This form is out of date" in response.content.decode()


@pytest.mark.django_db
def test_a_failure_of_ours_has_a_page_that_asks_no_database(client: Client) -> None:
    client.raise_request_exception = False
    with patch("scheduling.views.health.connection.cursor", side_effect=RuntimeError("boom")):
        response = client.get("/healthz")
    assert response.status_code == 500
    assert "Something went wrong here" in response.content.decode()


# --- log-in ---


@pytest.mark.django_db
def test_without_a_log_in_the_admin_sends_to_our_log_in_page(client: Client) -> None:
    response = client.get("/admin/", follow=True)
    assert [target for target, _ in response.redirect_chain][-1].startswith("/accounts/login/")


def test_a_user_logs_in_by_name_and_out_by_post(client: Client, user: User) -> None:
    response = client.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(user.pk)
    client.get("/accounts/logout/")
    assert "_auth_user_id" in client.session
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_log_in_does_not_lead_to_another_site(client: Client, user: User) -> None:
    response = client.post(
        "/accounts/login/?next=https://evil.example/", {"login": "ann", "password": PASSWORD}
    )
    assert response.headers["Location"] == "/"


def test_after_five_wrong_passwords_even_the_right_one_must_wait(client: Client, user: User) -> None:
    for _ in range(5):
        client.post("/accounts/login/", {"login": "ann", "password": "wrong"})
    response = client.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    assert "Too many" in response.content.decode()


@pytest.mark.django_db
def test_there_is_no_sign_up(client: Client) -> None:
    assert client.get("/accounts/signup/").status_code == 404


def test_a_password_is_reset_by_a_link_that_begins_with_our_address(client: Client, user: User) -> None:
    client.post("/accounts/password/reset/", {"email": user.email}, headers={"host": "localhost"})
    (message,) = mail.outbox
    (link,) = [line for line in str(message.body).splitlines() if line.startswith("http")]
    assert link.startswith("http://127.0.0.1:8000/accounts/password/reset/key/")

    form = client.get(link.removeprefix("http://127.0.0.1:8000"), follow=True)
    target = form.redirect_chain[-1][0]
    client.post(target, {"password1": "battery-staple-9", "password2": "battery-staple-9"})
    user.refresh_from_db()
    assert user.check_password("battery-staple-9")


def test_a_reset_says_the_same_whether_the_account_exists_or_not(client: Client, user: User) -> None:
    known = client.post("/accounts/password/reset/", {"email": user.email}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@clinic.example"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("account_change_password", "Change password"),
        ("account_logout", "Log out"),
        ("account_reauthenticate", "Confirm that it is you"),
        ("account_inactive", "This account is switched off"),
        ("account_reset_password", "Forgot your password?"),
        ("account_reset_password_done", "Look into your mail"),
        ("account_reset_password_from_key_done", "Your password is changed"),
    ],
)
def test_pages_of_the_account_are_in_our_look(client: Client, user: User, name: str, heading: str) -> None:
    client.force_login(user)
    html = client.get(reverse(name)).content.decode()
    assert heading in html
    assert "scheduling/app.css" in html


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "rot13"])
def test_a_form_in_another_charset_is_refused_and_never_a_server_error(client: Client, charset: str) -> None:
    response = client.generic(
        "POST",
        "/accounts/login/",
        b"login=ann&password=x",
        content_type=f"application/x-www-form-urlencoded; charset={charset}",
    )
    assert response.status_code == 400


@pytest.mark.django_db
def test_a_length_that_is_no_number_is_refused(client: Client) -> None:
    assert client.post("/accounts/login/", CONTENT_LENGTH="many").status_code == 400

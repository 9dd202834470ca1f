"""Seeded garbage in every field of every form and in every address: never a fault of the server."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduling.core.words import Role
from scheduling.models import Order
from tests.factories import make_order, make_protocol, make_staff
from tests.page_forms import PageForm, forms_of
from tests.test_access import TABLE, World, client_for
from tests.test_access import kept_world as kept_world  # noqa: PLC0414 - a fixture
from tests.test_access import world as world  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.django_db

GARBAGE = [
    *("", "x" * 5000, "😀" * 40, "a\r\nBcc: evil@example.org", "'\"`", "'; DROP TABLE x; --", "-1", "0"),
    *("99999999999999999999", "-99999999999999999999", "1e999999", "NaN", "Infinity", "9" * 5000, "²", "٣"),
    *("0000-00-00", "0001-01-01", "2026-02-30", "9999-12-31", "25:61", "00:00", "23:59:59.999999"),
    *(
        "\ud800",
        "<script>alert(1)</script>",
        "{{ 7*7 }}",
        "%s%n%(name)s",
        "{0.__class__}",
        "../../etc/passwd",
    ),
    *("\u202e", "=1+1", "on", "null", "[]", "2026-01-06"),
]
ADDRESSES = [
    *(
        "/?day={}",
        "/?location={}",
        "/board/{}/",
        "/week/{}/",
        "/board/2026-01-06/?location={}",
        "/patients/{}/",
    ),
    *(
        "/patients/?q={}",
        "/patients/?page={}",
        "/patients/1/book/?order={}",
        "/v/{}/",
        "/v/1.{}/",
        "/feed/{}.ics",
    ),
    *(
        "/patients/1/orders/add/?protocol={}",
        "/patients/1/prerequisites/add/?prerequisite={}",
        "/series/{}/print/",
    ),
    *("/my/appointments/{}.ics", "/accounts/login/?next={}", "/accounts/password/reset/key/{}-abc/"),
    *("/appointments/1/discharge/?back={}", "/admin/scheduling/patient/{}/change/"),
    *("/admin/scheduling/appointment/?q={}", "/admin/scheduling/appointment/?starts_at__year={}"),
]
seeded = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False
)


def raw(text: str) -> bytes:
    """UTF-8 as a hostile client sends it: lone surrogates too."""
    return text.encode("utf-8", "surrogatepass")


def send(client: Client, form: PageForm, values: dict[str, list[str]]) -> Any:
    """Submit a form and take back what it did."""
    body = urlencode([(raw(name), raw(one)) for name, many in values.items() for one in many])
    with transaction.atomic():
        if form.method == "post":
            kind = "application/x-www-form-urlencoded"
            answer = client.post(form.action, body, content_type=kind)
        else:
            answer = client.get(f"{form.action.partition('?')[0]}?{body}")
        transaction.set_rollback(True)
    return answer


def every_form(world: World, staff: Client) -> list[tuple[Client, PageForm]]:
    """Each different form that staff, a patient and a stranger meet, also those of every step of booking."""
    order = make_order(world.other, make_protocol("fuzz"))
    draft = make_order(world.other, make_protocol("draft"), signed=False)
    people = (staff, client_for("patient_a", world), Client())
    urls = [reverse(name, args=arguments(world)) for name, (arguments, _met) in sorted(TABLE.items())]
    urls += [f"/orders/{draft.pk}/{page}/" for page in ("edit", "sign", "withdraw")]
    urls += [f"/patients/{world.other.pk}/orders/add/?protocol={order.protocol_id}", "/accounts/login/"]
    urls += [f"/appointments/{world.arrived.pk}/", "/accounts/password/reset/", "/accounts/password/change/"]
    met = [(client, url, client.get(url)) for url in urls for client in people]
    met += [(staff, *step) for step in booking_steps(order, staff)]
    found: dict[tuple[Any, ...], tuple[Client, PageForm]] = {}
    for client, url, page in met:
        if "html" in page.get("Content-Type", ""):
            for form in forms_of(url, page):
                if "logout" not in form.action:
                    found.setdefault((form.action, form.method, *sorted(form.values)), (client, form))
    return list(found.values())


def booking_steps(order: Order, staff: Client) -> list[tuple[str, Any]]:
    """The pages of booking after the first."""
    url, fixed = f"/patients/{order.patient_id}/book/", {"session": "1", "day": "2026-01-20", "wall": "09:00"}
    question = {"order": order.pk, "location": order.patient.home_location_id, "sessions": "3"}
    first = staff.post(url, {"action": "propose", "earliest": "2026-01-05", **question})
    fixed["proposal"] = first.context["cards"][0].text
    later = [staff.post(url, {"action": action, **fixed}) for action in ("choose", "offers", "check")]
    return [(url, page) for page in (first, *later)]


def test_no_garbage_in_a_form_is_a_fault_of_the_server(world: World) -> None:
    staff = Client()
    staff.force_login(make_staff(Role.FRONT_DESK, Role.NURSE, Role.PRESCRIBER, username="everything").user)
    forms = every_form(world, staff)
    assert len(forms) >= 30
    turn = 0
    for client, form in forms:
        for name in form.values:
            turn += 1
            answer = send(client, form, form.values | {name: [GARBAGE[turn * 7 % len(GARBAGE)]]})
            assert answer.status_code < 500, (form.action, name)

    @settings(seeded, max_examples=700)
    @given(st.sampled_from(forms), st.data())
    def throw(met: tuple[Client, PageForm], data: st.DataObject) -> None:
        client, form = met
        garbage = st.sampled_from(GARBAGE) | st.text(max_size=30)
        typed = {
            name: [data.draw(garbage)] if data.draw(st.booleans()) else kept
            for name, kept in form.values.items()
        }
        assert send(client, form, typed).status_code < 500

    throw()


def test_no_garbage_in_an_address_is_a_fault_of_the_server(world: World) -> None:
    people = [client_for("prescriber", world), client_for("patient_a", world), client_for("manager", world)]

    @settings(seeded, max_examples=500)
    @given(
        st.sampled_from(people), st.sampled_from(ADDRESSES), st.sampled_from(GARBAGE) | st.text(max_size=30)
    )
    def throw(client: Client, address: str, text: str) -> None:
        assert client.get(address.format(quote(raw(text), safe=""))).status_code < 500

    throw()

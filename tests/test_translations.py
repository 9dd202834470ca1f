"""Everything a patient reads has its Spanish words, and the compiled catalogue is that of the text file."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import cast

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.translation.template import templatize

from scheduling.models import EFFECT_LABELS, FAULT_WORDS, GRADE_LABELS, SAFETY_LABELS
from scheduling.models.places import CALENDAR_WAY_LABELS

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "scheduling" / "locale" / "es" / "LC_MESSAGES" / "django.po"
COMPILE = "Run: .venv/bin/pybabel compile -D django -d scheduling/locale"
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "_": None,
    "pgettext": ((1, "c"), 2),
    "ngettext": (1, 2),
}
Key = tuple[str | None, tuple[str, ...]]
"""Context, then the text, with its plural where it has one."""

#: The mail about a red flag goes to staff, whose language is always English.
STAFF_MAIL = ROOT / "templates" / "messages" / "red_flag"
#: What patients read: their pages, their mail, what is printed for them.
TEMPLATES = [
    *sorted((ROOT / "templates" / "patient").glob("*.html")),
    *sorted(
        path for path in (ROOT / "templates" / "messages").rglob("*.*") if STAFF_MAIL not in path.parents
    ),
    ROOT / "templates" / "partials" / "check_in_questions.html",
    *sorted((ROOT / "templates" / "staff").glob("*_print.html")),
]
#: Where words for patients are made: calendar files, forms, and what services refuse patients.
MODULES = [
    ROOT / "scheduling" / folder / name
    for folder, name in (
        ("forms", "calendar_ways.py"),
        ("forms", "check_ins.py"),
        ("forms", "my_requests.py"),
        ("services", "answers.py"),
        ("services", "calendar_files.py"),
        ("services", "calendar_ways.py"),
        ("services", "my_requests.py"),
        ("services", "offer_answers.py"),
        ("services", "visit_words.py"),
        ("services", "waitlist.py"),
    )
]
#: Reasons that these modules keep in the ledger for staff. A translation would be stored when a patient acts.
FOR_STAFF = {
    "The check-in is answered.",
    "The patient chose another calendar way.",
    "The address changed.",
    "The new address is proven: it goes by e-mail again.",
    "The address is proven.",
    "The patient no longer agrees to e-mail.",
    "Sent again.",
    "The offered place is no longer kept.",
    "A prescriber has to sign this order first.",
    "This patient is no longer on the waiting list.",
}
#: Choices of models that patients see; all other words of those modules are for staff.
LABELS = [*EFFECT_LABELS, *GRADE_LABELS, *SAFETY_LABELS, *FAULT_WORDS.items(), *CALENDAR_WAY_LABELS]


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="es")


def strings(path: Path) -> Iterator[Key]:
    """Every marked string of a template or module that patients read."""
    source = path.read_text()
    if path.suffix != ".py":
        # What is left of the mark-up would be wrongly indented Python.
        source = "\n".join(line.strip() for line in templatize(source).splitlines())
    for _line, function, words, _comments in extract_python(BytesIO(source.encode()), KEYWORDS, (), {}):
        # Babel's types do not say that one argument comes alone.
        found = cast("str | tuple[str | None, ...]", words)
        parts = (found,) if isinstance(found, str) else tuple(word for word in found if word)
        context = parts[0] if function == "pgettext" else None
        texts = parts[1:] if context else parts[: 2 if function == "ngettext" else 1]
        if texts[0] not in FOR_STAFF:
            yield context, texts


def labels() -> Iterator[Key]:
    """The choices as they are marked."""
    with translation.override(None):
        yield from [(None, (str(words),)) for _value, words in LABELS]


def untranslated(keys: Iterable[Key], catalogue: Catalog) -> list[str]:
    return [texts[0] for context, texts in keys if not is_translated(catalogue.get(texts[0], context), texts)]


def is_translated(message: Message | None, texts: tuple[str, ...]) -> bool:
    if message is None or message.fuzzy:
        return False
    return key_of(message)[1] == texts and all(forms(message))


def key_of(message: Message) -> Key:
    return message.context, message.id if isinstance(message.id, tuple) else (str(message.id),)


def forms(message: Message) -> tuple[str, ...]:
    """Its translations: one, or one for each plural form."""
    found: str | tuple[str, ...] = cast("str | tuple[str, ...]", message.string)
    return (found,) if isinstance(found, str) else found


@pytest.mark.parametrize("path", [*TEMPLATES, *MODULES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_string_a_patient_reads_is_translated(path: Path, catalogue: Catalog) -> None:
    assert untranslated(strings(path), catalogue) == []


def test_every_choice_a_patient_reads_is_translated(catalogue: Catalog) -> None:
    assert untranslated(labels(), catalogue) == []


def test_both_forms_of_a_plural_are_wanted() -> None:
    """Guards the two tests above: Babel shows a plural as a tuple, which is true even when it is empty."""
    texts = ("%(number)s day", "%(number)s days")
    assert not is_translated(Message(texts, ("%(number)s día", "")), texts)
    assert not is_translated(Message(texts[0], "%(number)s día"), texts)
    assert is_translated(Message(texts, ("%(number)s día", "%(number)s días")), texts)


def test_no_translation_loses_or_invents_a_placeholder(catalogue: Catalog) -> None:
    faults = {message.id: list(map(str, message.check(catalogue))) for message in catalogue if message.id}
    assert {text: found for text, found in faults.items() if found} == {}


def test_the_catalogue_holds_no_string_that_is_gone(catalogue: Catalog) -> None:
    used = {key for path in (*TEMPLATES, *MODULES) for key in strings(path)} | set(labels())
    assert [message.id for message in catalogue if message.id and key_of(message) not in used] == []


def test_the_compiled_catalogue_is_that_of_the_text_file(catalogue: Catalog) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compiled.getvalue(), COMPILE

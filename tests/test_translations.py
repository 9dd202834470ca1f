"""Everything a patient reads has its Spanish words, and the compiled catalogue is that of the text file."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import cast

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "scheduling" / "locale" / "es" / "LC_MESSAGES" / "django.po"
COMPILE = "Run: .venv/bin/pybabel compile -D django -d scheduling/locale"
KEYWORDS = {"gettext": None, "_": None, "pgettext": ((1, "c"), 2), "ngettext": (1, 2)}

#: What patients read: their pages, their mail, the printed course, calendar files.
TEMPLATES = [
    *sorted((ROOT / "templates" / "patient").glob("*.html")),
    *sorted((ROOT / "templates" / "messages").rglob("*.*")),
    ROOT / "templates" / "staff" / "series_print.html",
]
MODULES = [ROOT / "scheduling" / "services" / name for name in ("visit_words.py", "calendar_files.py")]


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="es")


def strings(path: Path) -> Iterator[tuple[str | None, str]]:
    """Context and text of every marked string of a template or module."""
    source = path.read_text()
    if path.suffix != ".py":
        # What is left of the mark-up would be wrongly indented Python.
        source = "\n".join(line.strip() for line in templatize(source).splitlines())
    for _line, function, words, _comments in extract_python(BytesIO(source.encode()), KEYWORDS, (), {}):
        # Babel's types do not say that one argument comes alone.
        found = cast("str | tuple[str | None, ...]", words)
        parts = [found] if isinstance(found, str) else [word for word in found if word]
        yield (parts[0], parts[1]) if function == "pgettext" else (None, parts[0])


@pytest.mark.parametrize("path", [*TEMPLATES, *MODULES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_string_a_patient_reads_is_translated(path: Path, catalogue: Catalog) -> None:
    missing = [text for context, text in strings(path) if not translated(catalogue.get(text, context))]
    assert missing == []


def translated(message: Message | None) -> bool:
    return message is not None and bool(message.string) and not message.fuzzy


def test_no_translation_loses_or_invents_a_placeholder(catalogue: Catalog) -> None:
    faults = {message.id: list(map(str, message.check(catalogue))) for message in catalogue if message.id}
    assert {text: found for text, found in faults.items() if found} == {}


def test_the_catalogue_holds_no_string_that_is_gone(catalogue: Catalog) -> None:
    used = {pair for path in (*TEMPLATES, *MODULES) for pair in strings(path)}
    assert [
        message.id for message in catalogue if message.id and (message.context, message.id) not in used
    ] == []


def test_the_compiled_catalogue_is_that_of_the_text_file(catalogue: Catalog) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compiled.getvalue(), COMPILE

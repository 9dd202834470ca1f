"""Sixty made-up people and what is on record for them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from unicodedata import normalize

from django.db.models import Q

from scheduling.core.words import Channel, RequiredBefore, TrialOutcome
from scheduling.models import Location, MedicationTrial, Patient, Prerequisite
from scheduling.services.patients import add_medication_trial, give_consent, record_prerequisite, save_patient

from .clinic import DemoClinic

NAMES = """
Beatrice Holloway, Samuel Ortega*, Priya Raman, Walter Grimshaw, Lucía Fuentes*, Devon Marsh, Hana Sugimoto,
Oskar Lindahl, Yolanda Prieto*, Thomas Abernathy, Noor Haddad, Gwendolyn Price, Emeka Nwosu, Ruth Feldmann,
Mateo Villanueva*, Clara Winslow, Ivan Petkov, Josephine Tran, Harold Beckett, Adriana Quiroga*, Simone Laurent,
Terrence Boyd, Mei-Ling Chau, Patrick Donnelly, Rosario Ibáñez*, Kiran Bhatt, Eleanor Strand, Luis Carranza*,
Wanda Kowalczyk, Isaac Mbeki, Philippa Crane, Diego Salcedo*, Anneliese Vogt, Marcus Tillman, Farah Nazari,
Gordon McAllister, Teresa Montoya*, Julia Sorensen, Andre Baptiste, Olive Pemberton, Rafael Espinoza*, Nadia Orlov,
Calvin Hurst, Miriam Goldfarb, Esteban Rivas*, Charlotte Ames, Kwame Asante, Vivian Locke, Bruno Castellano,
Ximena Duarte*, Arthur Pelletier, Leila Farouk, Russell Whitaker, Ingrid Haugen, Omar Siddiqui, Delia Navarro*,
Frances Okonkwo, Gabriel Stern, Penelope Ashworth, Victor Lam
"""
"""First and last names; a star marks those who read Spanish."""
PREFERRED = {"Samuel": "Sam", "Josephine": "Jo", "Gwendolyn": "Gwen", "Eleanor": "Nell", "Penelope": "Penny"}
NOTES = {
    3: "Hard of hearing on the left side.",
    7: "Please call rather than write.",
    18: "Uses a wheelchair; chair 1 is nearest to the door.",
    33: "Works nights: no calls before noon.",
}
MEDICINES = (
    ("Sertraline", "150 mg daily"),
    ("Escitalopram", "20 mg daily"),
    ("Venlafaxine", "225 mg daily"),
    ("Bupropion", "300 mg daily"),
    ("Duloxetine", "60 mg daily"),
    ("Mirtazapine", "30 mg at night"),
    ("Lithium", "600 mg daily"),
    ("Aripiprazole", "5 mg daily"),
)
OUTCOMES = (
    *(TrialOutcome.NO_EFFECT, TrialOutcome.NO_EFFECT, TrialOutcome.PARTIAL, TrialOutcome.NOT_TOLERATED),
    *(TrialOutcome.PARTIAL, TrialOutcome.UNKNOWN),
)
AREA_CODES = ("212", "310")
PREFIXES = ("H", "P")


@dataclass(frozen=True, slots=True)
class Person:
    """One of the sixty; ``number`` counts from 0."""

    number: int
    first_name: str
    last_name: str
    language: str


def everybody() -> list[Person]:
    """The sixty in their order."""
    words = [name.strip() for name in NAMES.replace("\n", " ").split(",")]
    people = []
    for number, name in enumerate(words):
        first, _blank, last = name.rstrip("*").partition(" ")
        people.append(Person(number, first, last, "es" if name.endswith("*") else "en"))
    return people


def mrn(site: int, number: int) -> str:
    """The record number of a made-up person at a site."""
    return f"{PREFIXES[site]}-{1001 + number}"


def register(clinic: DemoClinic, person: Person, site: int, chance: Random, now: datetime) -> Patient:
    """Add one of the sixty with medicines tried before and consents; ``chance`` is theirs alone."""
    patient = _patient(person, site, clinic.sites[site], chance)
    save_patient(by=clinic.front_desk, now=now, patient=patient)
    for trial in _trials(patient, chance, now.date()):
        add_medication_trial(by=clinic.prescribers[person.number % 3], now=now, trial=trial)
    if chance.random() < 0.8:
        give_consent(by=clinic.front_desk, now=now, patient=patient, channel=Channel.EMAIL)
    if chance.random() < 0.4:
        give_consent(by=clinic.front_desk, now=now, patient=patient, channel=Channel.SMS)
    return patient


def plain(person: Person) -> str:
    """The name as it stands in the e-mail address."""
    name = f"{person.first_name}.{person.last_name}".lower()
    return normalize("NFKD", name).encode("ascii", "ignore").decode()


def _patient(person: Person, site: int, location: Location, chance: Random) -> Patient:
    escort = chance.choice(("Robin", "Jamie", "Alex", "Morgan", "Casey"))
    has_escort = chance.random() < 0.85
    return Patient(
        mrn=mrn(site, person.number),
        first_name=person.first_name,
        last_name=person.last_name,
        preferred_name=PREFERRED.get(person.first_name, ""),
        birth_date=date(1948, 1, 1) + timedelta(days=chance.randrange(365 * 56)),
        email=f"{plain(person)}@example.org",
        phone=f"+1{AREA_CODES[site]}55501{20 + person.number:02d}",
        language=person.language,
        needs_interpreter=person.language == "es" and chance.random() < 0.3,
        home_location=location,
        escort_name=f"{escort} {person.last_name}" if has_escort else "",
        escort_phone=f"+1{AREA_CODES[site]}55501{80 + person.number % 19:02d}" if has_escort else "",
        note=NOTES.get(person.number, ""),
    )


def _trials(patient: Patient, chance: Random, today: date) -> list[MedicationTrial]:
    trials = []
    since = today - timedelta(days=chance.randrange(1200, 3000))
    for medicine, dose in chance.sample(MEDICINES, chance.choice((2, 2, 3, 4))):
        until = since + timedelta(days=chance.randrange(60, 240))
        trials.append(
            MedicationTrial(
                patient=patient,
                medicine=medicine,
                dose=dose,
                started=since,
                stopped=until,
                outcome=chance.choice(OUTCOMES),
            )
        )
        since = until + timedelta(days=14)
    return trials


def meet_prerequisites(
    clinic: DemoClinic, patient: Patient, code: str, now: datetime, *, without: str = ""
) -> None:
    """Record what a protocol wants before booking, except the prerequisite ``without``."""
    for wanted in Prerequisite.objects.filter(protocols=clinic.protocols[code]).exclude(
        Q(code=without) | Q(required_before=RequiredBefore.EVERY)
    ):
        record_prerequisite(
            by=clinic.front_desk,
            now=now,
            patient=patient,
            prerequisite=wanted,
            reference=f"{wanted.code} {patient.mrn}, scanned {now:%Y-%m-%d}",
        )

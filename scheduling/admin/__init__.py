"""The manager's pages: configuration to change, records to look at. Each file is one group of nouns."""

from . import accounts, care, days, messages, orders, patients, places, protocols, records, staff, visits

__all__ = [
    "accounts",
    "care",
    "days",
    "messages",
    "orders",
    "patients",
    "places",
    "protocols",
    "records",
    "staff",
    "visits",
]

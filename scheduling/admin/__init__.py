"""The manager's pages: configuration to change, records to look at. Each file is one group of nouns."""

from . import accounts, orders, patients, places, protocols, records, staff, visits

__all__ = ["accounts", "orders", "patients", "places", "protocols", "records", "staff", "visits"]

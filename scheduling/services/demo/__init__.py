"""A made-up clinic of two sites with a past, a busy today and a future; the same for a given date.

Everything goes through the real services, in the order in which it would have happened.
"""

from .clinic import LOGINS, PASSWORD
from .loading import is_empty, load, local_day, open_sites, sample_link, stored_day, the_time

__all__ = [
    "LOGINS",
    "PASSWORD",
    "is_empty",
    "load",
    "local_day",
    "open_sites",
    "sample_link",
    "stored_day",
    "the_time",
]

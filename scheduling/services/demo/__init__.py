"""A made-up clinic of two sites with a past, a busy today and a future; the same for a given date.

Everything goes through the real services, in the order in which it would have happened.
"""

from .loading import LOGINS, PASSWORD, is_empty, load, sample_link, stored_day, the_time

__all__ = ["LOGINS", "PASSWORD", "is_empty", "load", "sample_link", "stored_day", "the_time"]

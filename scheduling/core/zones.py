"""How a time zone is named to people who never heard of IANA names."""

from datetime import datetime, timedelta


def zone_words(local: datetime, zone: str) -> str:
    """The city of ``zone`` and the offset in force at ``local`` (aware): ``Vancouver, UTC-7``."""
    city = zone.rpartition("/")[2].replace("_", " ")
    minutes = (local.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    offset = f"{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")
    return f"{city}, UTC{offset}"

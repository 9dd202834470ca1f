"""Plain Python rules of scheduling: no Django, no clock, no database."""

"""Races between real processes, each on a database of its own."""

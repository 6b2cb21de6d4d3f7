"""Reads of the ground floor: querysets or frozen dataclasses, in a fixed number of queries."""

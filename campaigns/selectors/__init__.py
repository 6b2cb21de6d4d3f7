"""Reads of campaigns: what would happen, and what came of it."""

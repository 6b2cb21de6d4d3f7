"""Pages of campaigns: list and draft, rehearsal, result."""

"""What staff type, checked before a service sees it."""

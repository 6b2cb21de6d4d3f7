"""Pages of outgoing messages."""

"""What speaks to machines of others."""

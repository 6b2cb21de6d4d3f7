"""The doors for other systems: JSON in, JSON out, every error in one format."""

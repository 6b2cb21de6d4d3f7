"""The doors for messages, recommendations and the family's inbox."""

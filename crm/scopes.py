"""What a server key may do."""

SCOPES = (
    "families:read", "families:write", "interactions:read", "interactions:write", "messages:send",
    "preferences:read", "preferences:write", "consent:read", "consent:write", "tasks:read", "tasks:write",
    "analytics:read", "portal", "webhooks",
)  # fmt: skip

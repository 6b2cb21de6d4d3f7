"""Log-in and one's own account: name, password, second factor."""

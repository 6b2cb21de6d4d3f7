"""Lists on their way out, a few rows at a time, in the very columns of the import."""

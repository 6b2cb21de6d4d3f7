"""What the log tells, read in a fixed number of queries."""

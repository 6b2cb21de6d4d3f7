"""SQL over the whole log; what PostgreSQL and SQLite say differently stands in `engine` alone."""

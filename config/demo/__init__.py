"""Demo data: a made-up homeschool co-op named Riverbend, and a year of its conversations."""

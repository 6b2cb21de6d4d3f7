"""Families from a CSV file, one row per member, all or nothing.

tablib and django-import-export were looked at: they map one row to one model, while a row here makes a family, a
person, addresses and consent through our services, so Python's own csv module in strict mode is the smaller part.
"""

from crm.importing.columns import COLUMNS, Column
from crm.importing.reading import Problem
from crm.importing.writing import ImportReport, import_families

__all__ = ["COLUMNS", "Column", "ImportReport", "Problem", "import_families"]

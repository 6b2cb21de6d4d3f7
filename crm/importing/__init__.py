"""Files of families, calls and attendance: checked and shown before anything is written, and taken back as a whole.

tablib and django-import-export were looked at: they map one row to one model, while a row here makes a family, a
person, addresses and consent through our services, and both hold a whole file in memory. Python's own csv module in
strict mode and openpyxl's read-only workbook read the files; the rest is the smaller part.
"""

#!/usr/bin/env python
"""Runs Earshot's administrative commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        sys.stderr.write(f"Earshot cannot use its database: {str(error).strip().splitlines()[-1]}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()

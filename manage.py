#!/usr/bin/env python
"""Entry point of every management command; see `manage.py help`."""

import os
import sys

ROLE_BY_COMMAND = {
    "migrate": "owner",
    "makemigrations": "owner",
    "seed": "owner",
    "createcachetable": "owner",
    "ledger verify": "worker",  # web cannot write that the record is sound
    "worker": "worker",
    "qcluster": "worker",
    "dispatch": "dispatch",
}


def main() -> None:
    """Pick the database role the command needs, unless the caller named one, and run it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if len(sys.argv) > 1:
        role = ROLE_BY_COMMAND.get(" ".join(sys.argv[1:3])) or ROLE_BY_COMMAND.get(sys.argv[1], "web")
        os.environ.setdefault("PORTAL_ROLE", role)
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from portal.environment import EnvironmentInvalid

    try:
        execute_from_command_line(sys.argv)
    except EnvironmentInvalid as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    except OperationalError as error:
        sys.stderr.write(f"The database does not answer: {error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()

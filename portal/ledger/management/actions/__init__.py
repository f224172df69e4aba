"""What `manage.py ledger ACTION` can do: a module an action, each with HELP, `add_arguments` and `handle`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, Final, Protocol

from django.core.management.base import OutputWrapper

from portal.ledger.management.actions import checkpoint, export, prune, verify


class Action(Protocol):
    """One action. `handle` writes its report to `out` and returns the exit status.

    0: sound or done. 1: not sound, or refused. 2: could not be checked or done.
    """

    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def handle(self, out: OutputWrapper, options: Mapping[str, Any]) -> int: ...


ACTIONS: Final[Mapping[str, Action]] = {"verify": verify, "checkpoint": checkpoint, "export": export, "prune": prune}

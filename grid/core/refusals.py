"""What an operation may refuse, by kind. Each app subclasses these beside the function that raises them.

An entry point turns the kind into its own words: an HTTP status, a form error, an exit code.
`str()` makes the sentence.
"""

from __future__ import annotations


class Refusal(Exception):
    """An anticipated refusal; nothing was changed. `field` names the input at fault, if one is."""

    field: str | None = None


class Invalid(Refusal):
    """The request is well-formed but asks for something that cannot be (HTTP 422)."""


class NotAllowed(Refusal):
    """This person may not do this (HTTP 403)."""


class NotFound(Refusal):
    """There is no such thing (HTTP 404)."""


class Conflict(Refusal):
    """Someone was first, or the content moved on (HTTP 409)."""

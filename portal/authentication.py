"""`Authorization: Token <api_token>` of a person."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from portal.ledger import context
from portal.models import ApiToken, User
from portal.sign_ins import note_refused_token


class ApiTokenAuthentication(BaseAuthentication):
    """Find the person behind the key; 401 with a reason otherwise."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The person and the token, or None when the header speaks another scheme."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"token":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Send exactly: Authorization: Token <api_token>")
        try:
            key = parts[1].decode("ascii")
        except UnicodeDecodeError as error:
            raise AuthenticationFailed("The API token is not valid.") from error
        token = (
            ApiToken.objects.select_related("user")
            .filter(digest=ApiToken.digest_of(key), revoked_at=None, user__is_active=True)
            .first()
        )
        if token is None:
            note_refused_token(request)
            raise AuthenticationFailed("The API token is not valid, was revoked, or its owner is not active.")
        context.say(request, person_id=token.user_id, known_by="token")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 (DRF's signature)
        """Makes DRF answer 401, not 403, to anonymous callers."""
        return "Token"


def _schema_extension() -> type[Any]:
    from drf_spectacular.extensions import OpenApiAuthenticationExtension

    class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
        target_class = "portal.authentication.ApiTokenAuthentication"
        name = "token"

        def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
            return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token <api_token>"}

    return ApiTokenScheme


_schema_extension()

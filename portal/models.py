"""People, and the keys their scripts use."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models

TOKEN_BYTES = 32


class User(AbstractUser):
    """A person. `is_superuser` opens the admin site but grants no right over plans (see `has_perm`)."""

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        permissions = [("review_access", "Can see who may do what")]

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Rights over plans come from groups only: a superuser flag must never be a vote."""
        if perm.startswith("planning.") and self.is_superuser:
            return self.is_active and perm in self._group_permissions()
        return super().has_perm(perm, obj)

    def _group_permissions(self) -> set[str]:
        pairs = self.groups.values_list("permissions__content_type__app_label", "permissions__codename")
        return {f"{app}.{codename}" for app, codename in pairs}


class ApiToken(models.Model):
    """A person's API key. Only its SHA-256 is kept: whoever reads the table cannot use it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)
    label = models.CharField(max_length=100, default="default")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user} ({self.label})"

    @staticmethod
    def digest_of(key: str) -> str:
        """Lower-case hex SHA-256 of the key as the client sends it."""
        return hashlib.sha256(key.encode()).hexdigest()

    @staticmethod
    def new_key() -> str:
        """A fresh random key: shown once, never stored."""
        return secrets.token_urlsafe(TOKEN_BYTES)


class SignIn(models.Model):
    """Somebody signed in or out, or tried to. Append-only; the name that was tried may be erased."""

    class Outcome(models.TextChoices):
        SIGNED_IN = "SIGNED_IN", "signed in"
        SIGNED_OUT = "SIGNED_OUT", "signed out"
        FAILED = "FAILED", "wrong name or password"
        TOKEN_REFUSED = "TOKEN_REFUSED", "API token refused"

    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=13, choices=Outcome.choices)
    tried_name = models.CharField(max_length=150, blank=True, help_text="when there is no such person")
    address = models.GenericIPAddressField(null=True)
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.user or self.tried_name}: {self.get_outcome_display()}"


class Erasure(models.Model):
    """What named a person was erased. Append-only."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    wall_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="erasure_gives_a_reason")]

    def __str__(self) -> str:
        return f"erasure of person {self.person_id}"

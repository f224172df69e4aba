"""People, for the role admin: who they are and which roles they have. Tokens are not shown, rights come from roles."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path

from grid import clock
from grid.core.refusals import Refusal
from planning.operations import passkeys_of, reset_passkeys
from portal.models import User

RESET = "planning.reset_passkeys"

# The table in portal/roles.py says what a role may do; nobody edits it by hand.
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Create and edit people. Nobody is deleted: what they decided stays theirs; untick `active` instead."""

    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Roles", {"fields": ("is_active", "is_staff", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        ("Roles", {"fields": ("is_staff", "groups")}),
    )
    readonly_fields = ("last_login", "date_joined")
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_staff", "is_active")
    list_filter = ("groups", "is_staff", "is_active")
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    filter_horizontal = ()
    actions = None

    def get_urls(self) -> list[URLPattern]:
        """One page beside Django's own."""
        own = path("<int:number>/passkeys/", self.admin_site.admin_view(self.passkeys), name="portal_user_passkeys")
        return [own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """With the way to that page, for who may use it."""
        context["may_reset_passkeys"] = request.user.has_perm(RESET)
        return super().render_change_form(request, context, *args, **kwargs)

    def passkeys(self, request: HttpRequest, number: int) -> HttpResponse:
        """A person's passkeys, and their reset."""
        found = self.get_object(request, str(number))
        if found is None:
            raise Http404
        if not request.user.has_perm(RESET):
            raise PermissionDenied(f"Your role does not carry the right for this page (it needs {RESET}).")
        if request.method == "POST":
            return self._reset(request, found)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Passkeys of {found.username}",
            "person": found,
            "keys": passkeys_of(found),
        }
        return render(request, "admin/portal/user/passkeys.html", context)

    def _reset(self, request: HttpRequest, found: User) -> HttpResponse:
        reason = request.POST.get("reason", "")
        try:
            reset_passkeys(user_id=found.pk, by=request.user, reason=reason, at=clock.now())
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"Recorded: the passkeys of {found.username} are reset; the password enrols one.")
        return redirect("admin:portal_user_passkeys", found.pk)

    @admin.display(description="roles")
    def roles(self, person: User) -> str:
        """Names of the groups."""
        return ", ".join(sorted(group.name for group in person.groups.all())) or "none"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Superusers are not for others to edit: who could set their password would be one."""
        people: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        return people if request.user.is_superuser else people.filter(is_superuser=False)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Nobody gives themselves a role."""
        own = ("is_active", "is_staff", "groups") if obj is not None and obj.pk == request.user.pk else ()
        return (*self.readonly_fields, *own)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never."""
        return False

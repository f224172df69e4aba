"""The pages. Every one is a plain GET that can be bookmarked; what changes something is a POST to its own address."""

from __future__ import annotations

from django.urls import URLPattern, path

from portal.views import (
    clock,
    clock_page,
    cohorts,
    decisions,
    events,
    generate,
    grid,
    history,
    keys,
    overview,
    plans,
    preferences,
    sign_in,
    signals,
    styleguide,
)

urlpatterns: list[URLPattern] = [
    path("", overview.overview, name="overview"),
    path("grid/", grid.grid, name="grid"),
    path("frame/", clock.frame, name="frame"),
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-in/stay/", sign_in.stay, name="stay"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("plans/", plans.plan_list, name="plans"),
    path("plans/new/", generate.generate, name="generate"),
    path("plans/<int:plan_id>/", plans.plan, name="plan"),
    path("plans/<int:plan_id>/approve/", decisions.approve, name="approve"),
    path("plans/<int:plan_id>/reject/", decisions.reject, name="reject"),
    path("plans/<int:plan_id>/edit/", decisions.edit, name="edit"),
    path("plans/<int:plan_id>/abort/", decisions.abort, name="abort"),
    path("events/", events.events, name="events"),
    path("events/<int:plan_id>/", events.event, name="event"),
    path("cohorts/", cohorts.cohorts, name="cohorts"),
    path("cohorts/<int:cohort_id>/", cohorts.cohort, name="cohort"),
    path("history/", history.history, name="history"),
    path("signals/", signals.signals, name="signals"),
    path("clock/", clock_page.clock_page, name="clock_page"),
    path("keys/", keys.keys, name="keys"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("clock/<str:action>/", clock.control, name="clock"),
]

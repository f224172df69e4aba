"""Static files under names that carry their hash; imports of our JavaScript modules are rewritten to those."""

from __future__ import annotations

from typing import Any, Final

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]

# Django's own pattern would apply to every package's scripts, and to what their comments quote.
OUR_MODULES: Final = "portal/js/*.js"
IMPORT: Final = r"""(?P<matched>import\s*(?P<names>\{[^}]*\})\s*from\s*["'](?P<url>\./[^"']+)["'];)"""
REWRITTEN: Final = 'import %(names)s from "%(url)s";'


class HashedModulesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no types
    """A module that imports another asks for exactly the version it was built with, and may keep it for ever."""

    patterns: Any = (*CompressedManifestStaticFilesStorage.patterns, (OUR_MODULES, ((IMPORT, REWRITTEN),)))

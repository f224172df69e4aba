"""What browsers get from npm packages: named files of node_modules, served as `/static/npm/...`; and icons as text.

`make setup` fills node_modules from package-lock.json; nothing of it stands in this repository.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.checks import Error as CheckError
from django.core.files.storage import FileSystemStorage, Storage

PREFIX: Final = "npm/"
SERVED: Final = {
    "echarts.common.min.js": "echarts/dist",
    "idiomorph.min.js": "idiomorph/dist",
}
SVG: Final = "{http://www.w3.org/2000/svg}"
HINT: Final = "Run `make setup` (it runs `npm ci`)."


class PackageFileMissing(Exception):
    """A file of an npm package is not where `make setup` puts it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} is missing. {HINT}")


def package_file(name: str) -> Path:
    """The path of a file in node_modules. Raises PackageFileMissing."""
    path: Path = settings.NODE_MODULES / name
    if not path.is_file():
        raise PackageFileMissing(path)
    return path


@cache
def icon_shapes(name: str) -> str:
    """What is drawn inside an icon's 24 by 24 box, as SVG text. Raises PackageFileMissing."""
    ElementTree.register_namespace("", SVG.strip("{}"))
    root = ElementTree.parse(package_file(f"lucide-static/icons/{name}.svg")).getroot()  # noqa: S314 - pinned by hash
    shapes = (ElementTree.tostring(shape, encoding="unicode").strip() for shape in root)
    return "".join(shape.replace(f' xmlns="{SVG.strip("{}")}"', "") for shape in shapes)


class NpmFinder(BaseFinder):
    """A staticfiles finder for the files named in SERVED and no others."""

    def check(self, **_kwargs: Any) -> list[CheckMessage]:
        missing = [name for name, folder in SERVED.items() if not (settings.NODE_MODULES / folder / name).is_file()]
        words = f"Not in node_modules: {', '.join(missing)}."
        return [CheckError(words, hint=HINT, id="portal.E001")] if missing else []

    def find(self, path: str, find_all: bool = False, **_kwargs: Any) -> Any:
        """The file's path, or an empty list for what is not served."""
        folder = SERVED.get(path.removeprefix(PREFIX)) if path.startswith(PREFIX) else None
        if folder is None:
            return []  # Django's word for "not mine", whether asked for one or for all
        found = str(package_file(f"{folder}/{path.removeprefix(PREFIX)}"))
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:  # noqa: ARG002
        """Each file with the storage of its package."""
        for name, folder in SERVED.items():
            package_file(f"{folder}/{name}")
            storage = FileSystemStorage(location=settings.NODE_MODULES / folder)
            storage.prefix = PREFIX.rstrip("/")  # type: ignore[attr-defined]
            yield name, storage

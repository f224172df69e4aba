"""Find guards in the code as it stands, and take one away for a while."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from django.db import connection

from tests.planning.guards.record import FOREIGN
from tests.planning.guards.terms import PYTHON_TERMS, TERMS

TABLES = r"^(planning_|dispatch_(claim|signal))"
NOT_GUARDS = r"^(tell_|hold_clock|a_freeze_|ledger_record|record_is_sound|pgtrigger_)"
"""News for pages, the clock that waits, locks (`test_locks` takes those away), the record and the history."""
OPERATIONS = (
    "planning.operations.approving",
    "planning.operations.asking",
    "planning.operations.commenting",
    "planning.operations.deciding",
    "planning.operations.delegating",
    "planning.operations.forcing",
    "planning.operations.freezing",
    "planning.operations.governing",
    "planning.operations.noting",
    "planning.operations.opening",
    "planning.operations.stepping_up",
    "planning.passkeys",
    "planning.record",
)
SEEN_BY_TWO = {("propose_policy", "PolicyOvertaken")}
"""What takes two sessions at once: `test_locks` takes it away."""

CONDITION = re.compile(
    r"(?<!EXCEPTION )\b(?P<word>IF|ELSIF|WHEN)\s+(?P<condition>(?:(?!\bTHEN\b|;).)+?)\s+THEN\s+"
    r"(?P<then>RAISE EXCEPTION\s*(?P<raised>'(?:[^']|'')*')|RETURN objection\b|RETURN FALSE\b"
    r"|(?:RETURN |objection := )?(?:CASE (?:(?!END).)*?|format\()?(?P<said>'(?:[^']|'')*'))",
    re.DOTALL,
)


@dataclass(frozen=True)
class Guard:
    """One thing that stands in the way. `removed()` takes it away until the block, or the transaction, ends."""

    name: str
    where: str
    removed: Callable[[], AbstractContextManager[None]]


def all_guards() -> list[Guard]:
    return [*_conditions(), *_terms(), *_triggers(), *_constraints(), *_rights(), *_raises(), *_python_terms()]


def _sql(text: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(text, values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _executed(text: str) -> Iterator[None]:
    _sql("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    _sql(text)
    yield


# PostgreSQL


def _functions() -> dict[str, str]:
    """Definitions by name, of the functions that decide about plans and signals."""
    rows = _sql(
        "SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'public' AND p.proname ~ '^(planning|dispatch)_' AND p.prokind = 'f'"
        " AND p.proname <> 'planning_hold_clock' ORDER BY p.proname"
    )
    return dict(rows)


def _conditions() -> Iterator[Guard]:
    """Each `IF … THEN RAISE`, `IF … THEN RETURN 'why not'`, `WHEN … THEN 'why not'`."""
    for function, source in _functions().items():
        for found in CONDITION.finditer(source):
            said = (found["raised"] or found["said"] or "'an objection'")[1:-1].replace("''", "'")
            start, end = found.span("condition")
            changed = f"{source[:start]}false AND ({source[start:end]}){source[end:]}"
            name = f"“{said}”" if said else "a refusal"
            yield Guard(name, f"`{function}`", _replacing(changed))


def _replacing(definition: str) -> Callable[[], AbstractContextManager[None]]:
    return lambda: _executed(definition)


def _terms() -> Iterator[Guard]:
    """Single terms of longer conditions: `TERMS` names each with what it becomes."""
    functions = _functions()
    for function, terms in TERMS.items():
        for needle, (becomes, name) in terms.items():
            source = functions[function]
            assert source.count(needle) >= 1, f"{function} has no {needle!r} any more"
            yield Guard(name, f"`{function}`", _replacing(source.replace(needle, becomes, 1)))


def _triggers() -> Iterator[Guard]:
    rows = _sql(
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND c.relname ~ %s AND t.tgname !~ %s ORDER BY 1, 2",
        TABLES,
        NOT_GUARDS,
    )
    for table, name in rows:
        yield Guard(f"trigger {name}", f"`{table}`", _replacing(f"DROP TRIGGER {name} ON {table}"))


def _constraints() -> Iterator[Guard]:
    """Those that say something about decisions; Django's own checks of positive numbers and the record's are none."""
    rows = _sql(
        "SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        " WHERE k.contype IN ('c', 'u', 'x') AND c.relname ~ %s"
        " AND k.conname !~ '(_check$|^instant_|_is_a_number$|_are_numbers$)' ORDER BY 1, 2",
        TABLES,
    )
    for table, name in rows:
        yield Guard(f"constraint {name}", f"`{table}`", _replacing(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))


def _rights() -> Iterator[Guard]:
    for table, roles in FOREIGN.items():
        for role in roles:
            grant = f"GRANT INSERT ON {table} TO portal_{role}"
            yield Guard(f"{role} may not write it", f"`{table}`", _replacing(grant))


# Python


def _raises() -> Iterator[Guard]:
    """Each `raise` of the operations, by what it raises; raising anew what another raised is no guard."""
    for module_name in OPERATIONS:
        module = importlib.import_module(module_name)
        assert module.__file__
        text = Path(module.__file__).read_text()
        for function, node in _raises_in(ast.parse(text)):
            kind = ast.unparse(node.exc).split("(")[0].strip() if node.exc else ""
            where = f"`{module_name.removeprefix('planning.')}.{function}`"
            if not kind or (function, kind) in SEEN_BY_TWO:
                continue
            change = _without(module, text, function, node.lineno)
            yield Guard(kind, where, change)


def _raises_in(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.Raise]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _raises_in(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Raise):
            yield prefix.rstrip("."), node
        else:
            yield from _raises_in(node, prefix)


class _Silenced(ast.NodeTransformer):
    def __init__(self, line: int) -> None:
        self.line = line

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        return ast.copy_location(ast.Pass(), node) if node.lineno == self.line else node


def _without(module: ModuleType, text: str, function: str, line: int) -> Callable[[], AbstractContextManager[None]]:
    """The function with that one `raise` passed over."""
    return lambda: _with_code(module, _Silenced(line).visit(ast.parse(text)), function)


def _python_terms() -> Iterator[Guard]:
    """What else in Python stands in the way: `PYTHON_TERMS` names each with what it becomes."""
    for (module_name, function), terms in PYTHON_TERMS.items():
        module = importlib.import_module(module_name)
        assert module.__file__
        text = Path(module.__file__).read_text()
        for needle, (becomes, name) in terms.items():
            assert needle in text, f"{module_name} has no {needle!r} any more"
            where = f"`{module_name.removeprefix('planning.')}.{function}`"
            yield Guard(name, where, _changed(module, text.replace(needle, becomes), function))


def _changed(module: ModuleType, text: str, function: str) -> Callable[[], AbstractContextManager[None]]:
    return lambda: _with_code(module, ast.parse(text), function)


@contextmanager
def changed_function(path: str, needle: str, becomes: str) -> Iterator[None]:
    """A function of a module (`planning.record.move_plan`) with another text, for a while."""
    module_name, _dot, function = path.rpartition(".")
    module = importlib.import_module(module_name)
    assert module.__file__
    text = Path(module.__file__).read_text()
    assert needle in text
    with _with_code(module, ast.parse(text.replace(needle, becomes)), function):
        yield


def definition_of(function: str) -> str:
    """PostgreSQL's own text of a function that decides about plans or signals."""
    return _functions()[function]


@contextmanager
def _with_code(module: ModuleType, tree: ast.Module, function: str) -> Iterator[None]:
    """Callers keep the function they have, with the code of another text."""
    code = _code_of(compile(ast.fix_missing_locations(tree), module.__file__ or "", "exec"), function)
    target = _function(module, function)
    before = target.__code__
    target.__code__ = code
    try:
        yield
    finally:
        target.__code__ = before


def _code_of(code: CodeType, qualified: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == qualified:
                return constant
            if qualified.startswith(f"{constant.co_qualname}."):
                return _code_of(constant, qualified)
    raise LookupError(qualified)


def _function(module: ModuleType, qualified: str) -> FunctionType:
    found: Any = module
    for name in qualified.split("."):
        found = found.__dict__[name]
    found = getattr(found, "fget", found)
    assert isinstance(found, FunctionType)
    return found

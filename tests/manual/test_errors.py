"""The catalogue of errors and the errors that the code can raise are the same set."""

from __future__ import annotations

import ast
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import mbuscli.errors
from mbuscli.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from mbuscli.errors import MbuscliError, Reason
from mbuscli.manual.errors_table import ERRORS, LAYERS

PACKAGE = Path(mbuscli.errors.__file__).parent
CLASSES = {
    name: kind
    for name, kind in vars(mbuscli.errors).items()
    if isinstance(kind, type) and issubclass(kind, MbuscliError)
}
# Calls whose layer is found at run time, and the names that can come of it.
AT_RUN_TIME = {
    # The network denies a join; all other causes are the modem's.
    "services/lora_steps.py": (
        "network.refused",
        "device.refused",
        "device.duty-cycle",
        "device.invalid",
        "device.unsupported",
        "device.too-long",
        "device.counter",
    ),
    # What an earlier run has noted under these names is shown again.
    "capture/json_lines.py": (),
    "cli/talk.py": (),
    "services/recorded.py": (),
    "telegram/body.py": (),
    "telegram/model.py": (),
    "telegram/unseal.py": (),
    "telegram/wireless.py": (),
}
# The keys of _REASONS there are verdicts about keys.
PASSED_ON = {
    "telegram/unseal.py": "security",
    "services/lorawan_decrypt.py": "security",
    "services/lorawan_join.py": "security",
}


class Found(NamedTuple):
    """What the source says: each name with the exit codes of the classes that carry it, and the reasons that
    are passed on to a call with a layer of its own."""

    codes: dict[str, set[int]]
    at_run_time: set[str]


def collect() -> Found:
    codes: dict[str, set[int]] = defaultdict(set)
    at_run_time: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path != PACKAGE / "errors.py":
            _collect_file(path, codes, at_run_time)
    return Found(codes, at_run_time)


def _collect_file(path: Path, codes: dict[str, set[int]], at_run_time: set[str]) -> None:
    where = path.relative_to(PACKAGE).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = _constants(tree)
    spelt: set[int] = set()
    passing: list[tuple[str, type[MbuscliError] | None]] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in CLASSES and name not in ("Problem", "add_problem"):
            continue
        given = (
            dict(zip(("layer", "offset", "reason"), node.args, strict=False)) if name not in CLASSES else {}
        )
        given.update({word.arg: word.value for word in node.keywords if word.arg})
        kind = CLASSES.get(name)
        layer = _layer(given.get("layer"), kind, constants)
        reasons = _reasons(given.get("reason"))
        spelt |= {id(reason) for reason in reasons}
        if layer is None:
            at_run_time.add(where)
            continue
        for reason in reasons:
            _note(codes, layer, reason.attr, kind)
        if not reasons and isinstance(given.get("reason"), ast.Name | ast.Attribute):
            passing.append((layer, kind))
    loose = {node.attr for node in ast.walk(tree) if _is_reason(node) and id(node) not in spelt}
    if where in PASSED_ON:
        passing.append((PASSED_ON[where], None))
        loose -= {"CONFIGURATION_IGNORED"}
    for layer, kind in passing:
        for reason in loose:
            _note(codes, layer, reason, kind)


def _note(codes: dict[str, set[int]], layer: str, reason: str, kind: type[MbuscliError] | None) -> None:
    value = Reason[reason].value
    if kind is None:
        codes[f"{layer}.{value}"].add(6 if layer == "security" else 5)
    elif kind is MbuscliError:
        codes[f"{layer}.{value}"].add(1)
    else:
        codes[f"{layer}.{value}"].add(int(exit_code_of(kind("", reason=Reason[reason], layer=layer))))


def _constants(tree: ast.Module) -> dict[str, str]:
    """Names of the module that are texts, LAYER = "application", or may be so where they are imported from."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mbuscli."):
            capitals = [alias.name for alias in node.names if alias.name == "LAYER"]
            names = {name: getattr(import_module(node.module or ""), name) for name in capitals}
        else:
            continue
        found.update({name: value for name, value in names.items() if isinstance(value, str)})
    return found


def _layer(node: ast.expr | None, kind: type[MbuscliError] | None, constants: dict[str, str]) -> str | None:
    if node is None:
        return None if kind is None else kind.default_layer
    if isinstance(node, ast.Constant):
        return str(node.value)
    return constants.get(node.id) if isinstance(node, ast.Name) else None


def _is_reason(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"


def _reasons(node: ast.expr | None) -> list[ast.Attribute]:
    """All that a reason's expression can be: `A if x else B` is two."""
    if node is None:
        return []
    return [part for part in ast.walk(node) if isinstance(part, ast.Attribute) and _is_reason(part)]


FOUND = collect()
NAMES = {*FOUND.codes, *(name for names in AT_RUN_TIME.values() for name in names)}


def test_every_error_is_explained() -> None:
    missing = sorted(NAMES - set(ERRORS))
    assert not missing, "add them to mbuscli/manual/errors_table.py"


def test_nothing_is_explained_that_cannot_happen() -> None:
    assert not sorted(set(ERRORS) - NAMES)


def test_layers_that_are_found_at_run_time_are_known() -> None:
    assert FOUND.at_run_time == set(AT_RUN_TIME)


def test_the_collection_sees_what_it_should() -> None:
    """Of each kind one: default layer, own layer, a problem, a constant as layer, a reason that is passed."""
    assert {
        "port.permission",
        "network.no-answer",
        "transport.fragment",
        "application.record-truncated",
        "transport.length-mismatch",
        "security.key-wrong",
    } <= set(FOUND.codes)


@pytest.mark.parametrize("name", ERRORS)
def test_an_entry(name: str) -> None:
    entry = ERRORS[name]
    layer, _, reason = name.partition(".")
    assert layer in LAYERS
    assert reason in {each.value for each in Reason}
    assert ExitCode(entry.code) in MEANINGS
    assert entry.code in FOUND.codes.get(name, {entry.code})
    for text in (entry.meaning, *entry.tries):
        assert text == text.strip()
        assert text.isascii()
    assert entry.meaning.endswith(".")
    assert entry.tries


def test_layers_are_those_of_errors() -> None:
    described = MbuscliError.__doc__ or ""
    assert all(layer in described for layer in LAYERS if layer != "internal")

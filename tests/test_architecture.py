"""The arrows between the rooms, and what may be imported where (checked on the source and in a child)."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mbuscli"
FILES = sorted(PACKAGE.rglob("*.py"))

# Rooms from top to bottom: a file may import from its own rank or below, siblings only where listed.
RANKS = {
    "repl": 6,
    "cli": 5,
    "render": 4,
    "services": 3,
    "devices": 2,
    "meters": 2,
    "capture": 2,
    "settings": 2,
    "simulator": 2,
    "telegram": 2,
    "ports": 1,
    "protocol": 1,
    "manual": 1,
    "errors": 0,
}

# Inside protocol: application and transport data is plain, each folder may use those to its right.
EXCEPTIONS = {
    # The simulator is a port among others, loaded when its name is asked for.
    ("mbuscli/ports/opener.py", "simulator"),
    # A command among others, loaded when it is called.
    ("mbuscli/cli/shell.py", "repl"),
}

ONLY_IMPORTERS = {
    "rich": ("mbuscli/render/table.py", "mbuscli/render/live.py"),
    "serial": ("mbuscli/ports/serial_port.py", "mbuscli/ports/rfc2217.py"),
    "cryptography": ("mbuscli/protocol/security/ciphers.py", "mbuscli/settings/vault.py"),
    "prompt_toolkit": ("mbuscli/repl/",),
    "click": ("mbuscli/cli/",),
    "tomlkit": ("mbuscli/settings/config_edit.py",),
}

POSIX_ONLY = {"termios", "fcntl", "pty", "tty", "pwd", "grp", "resource"}


def imports(path: Path) -> Iterator[tuple[str, ast.stmt, bool]]:
    """(module, statement, at module level) of every import that is executed; type checking ones are not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
        else:
            continue
        top_level = True
        checking = False
        above = parents.get(node)
        while above is not None:
            if isinstance(above, ast.FunctionDef):
                top_level = False
            if isinstance(above, ast.If) and "TYPE_CHECKING" in ast.dump(above.test):
                checking = True
            above = parents.get(above)
        if not checking:
            for name in names:
                yield name, node, top_level


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).as_posix()


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_arrows_run_down_only(path: Path) -> None:
    own = room(path)
    if own in ("__init__", "__main__"):
        return
    for module, node, _ in imports(path):
        parts = module.split(".")
        if parts[0] != "mbuscli" or len(parts) < 2:
            continue
        other = parts[1]
        allowed = RANKS[other] < RANKS[own] or other == own or (relative(path), other) in EXCEPTIONS
        allowed |= own in ("services", "simulator", "devices") and other == "telegram"
        assert allowed, f"{relative(path)}:{node.lineno} {own} must not import {module}"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_libraries_have_few_importers(path: Path) -> None:
    for module, node, top_level in imports(path):
        library = module.split(".")[0]
        if library in ONLY_IMPORTERS:
            assert relative(path).startswith(ONLY_IMPORTERS[library]), (
                f"{relative(path)}:{node.lineno} {module}"
            )
        assert library != "asyncio", f"{relative(path)}:{node.lineno}"
        if library in POSIX_ONLY:
            assert not top_level, f"{relative(path)}:{node.lineno} imports {library} at module level"


@pytest.mark.parametrize(
    "path", [p for p in FILES if "protocol" in p.parts or p.name == "telegram.py"], ids=relative
)
def test_protocol_does_no_input_or_output(path: Path) -> None:
    banned = {"time", "socket", "threading", "subprocess", "os", "sys", "selectors", "logging", "random"}
    for module, node, _ in imports(path):
        assert module.split(".")[0] not in banned, f"{relative(path)}:{node.lineno} {module}"
    for node_ in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node_, ast.Call) and isinstance(node_.func, ast.Name):
            assert node_.func.id not in ("print", "open", "input"), f"{relative(path)}:{node_.lineno}"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "table" not in path.stem:
        assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{relative(path)}:{node.lineno} {node.name}"


def modules_after(code: str) -> set[str]:
    """sys.modules of a fresh interpreter after `code`, without what a developer's environment loads at start
    (-S: an editable install alone brings a dozen modules)."""
    paths = [str(PACKAGE.parent), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    script = f"import sys\nsys.path += {paths!r}\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


RUN = """
from mbuscli.cli import main
import sys
try:
    sys.argv = ["mbuscli", *{args!r}]
    main.run()
except SystemExit as end:
    assert not end.code, end.code
"""

FRAME = "6819196808017278563412937C0127042A0000000C1367452301040600000000"


def frame() -> str:
    body = bytes.fromhex(FRAME[8:])
    start = bytes((0x68, len(body), len(body), 0x68))
    return (start + body + bytes((sum(body) & 0xFF, 0x16))).hex()


def test_help_loads_little() -> None:
    loaded = modules_after(RUN.format(args=["--help"]))
    assert len(loaded) <= 110, len(loaded)


@pytest.mark.parametrize("output", ["json", "plain", "ndjson"])
def test_decrypt_loads_no_terminal_libraries(output: str) -> None:
    loaded = modules_after(RUN.format(args=["decrypt", frame(), "-o", output]))
    assert not loaded & {"rich", "serial", "prompt_toolkit", "asyncio", "cryptography"}
    assert len(loaded) <= 155, len(loaded)


BLOCKED = """
import sys
for name in ("termios", "fcntl", "pty", "tty", "pwd", "grp", "resource"):
    sys.modules[name] = None
"""


@pytest.mark.parametrize(
    "args", [["--help"], ["decrypt", frame(), "-o", "json"], ["scan", "--port", "sim:", "--range", "0-5"]]
)
def test_runs_without_posix_modules(args: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + RUN.format(args=args)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout

"""Start-up beside other tools of the trade, in one run on one machine.

    python tests/bench/startup.py [--rounds 15] [--folder /tmp/mbuscli-peers] [--write]

Makes two fresh environments in the folder, one with the peers from PyPI (kept between runs), one with a wheel
built from this tree, and runs every command once a round in turn, so that a busy machine is unfair to all
alike. A prompt is timed at a pseudo-terminal until it shows. Modules are counted by the interpreter's own log
of imports. `--write` puts the table into tests/bench/README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import select
import shutil
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
README = Path(__file__).with_name("README.md")
PEERS = ("esptool", "mpremote", "httpie", "sqlite-utils", "litecli")
SOURCES = ("mbuscli", "completions", "man", "pyproject.toml", "README.md", "LICENSE")
PROMPT_S = 20.0
WARM_UPS = 2
FRAME = (
    "68 29 29 68 08 02 72 14 39 20 08 49 6A 88 16 55 00 00 00 0C 13 67 45 23 01 4C 13 02 73 18 01 42 6C 3F"
    " 3C 3B 3B 13 01 00 02 FD 17 00 00 3C 16"
)


class Case(NamedTuple):
    """One command: its group in the table, words, variables; `prompt`: what shows at a terminal when it is up."""

    group: str
    name: str
    words: tuple[str, ...]
    environ: tuple[tuple[str, str], ...] = ()
    prompt: str = ""


class Row(NamedTuple):
    """A case with its times in ms and the number of modules it imports."""

    case: Case
    times_ms: list[float]
    modules: int


def cases(ours: Path, theirs: Path) -> list[Case]:
    """All commands; `ours` and `theirs` are folders of executables."""

    def tab(name: str, words: str, folder: Path = theirs) -> Case:
        variable = f"_{name.upper().replace('-', '_')}_COMPLETE"
        typed = (("COMP_WORDS", words), ("COMP_CWORD", str(words.count(" "))))
        shown = " ".join((*words.split(" ")[:-1], words.split(" ")[-1] + "<TAB>"))
        return Case("TAB", shown, (str(folder / name),), ((variable, "bash_complete"), *typed))

    mbuscli, python = str(ours / "mbuscli"), str(ours / "python")
    names = {"esptool": "esptool", "mpremote": "mpremote", "httpie": "http"}
    found = [Case("bare", "python -c pass", (python, "-c", "pass"))]
    for flag in ("--help", "--version"):
        found.append(Case(flag, f"mbuscli {flag}", (mbuscli, flag)))
        for peer in PEERS:
            program = names.get(peer, peer)
            # These two have a command instead of the option.
            word = "version" if flag == "--version" and peer in ("esptool", "mpremote") else flag
            found.append(Case(flag, f"{program} {word}", (str(theirs / program), word)))
    found += [
        tab("mbuscli", "mbuscli sc", ours),
        tab("mbuscli", "mbuscli scan --ba", ours),
        tab("mbuscli", "mbuscli scan --port ", ours),
        tab("esptool", "esptool read"),
        tab("sqlite-utils", "sqlite-utils in"),
        tab("litecli", "litecli --ta"),
        Case("prompt", "mbuscli shell", (mbuscli, "shell"), prompt="mbuscli>"),
        Case("prompt", "litecli", (str(theirs / "litecli"), "--no-warn", ":memory:"), prompt=":memory:>"),
        Case("work", "mbuscli decrypt HEX -o json", (mbuscli, "decrypt", FRAME, "-o", "json")),
        Case("work", "python -c 'import mbuscli'", (python, "-c", "import mbuscli")),
        Case("work", "python -c 'from mbuscli import decode'", (python, "-c", "from mbuscli import decode")),
    ]
    return found


def main() -> None:
    """Prepare, measure, print, and say if ours is not the fastest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/mbuscli-peers"))
    parser.add_argument("--only", default="", help="groups or names that contain this")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    ours, theirs = prepare(options.folder)
    home = options.folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    wanted = [
        case for case in cases(ours, theirs) if options.only in case.group + case.name or case.group == "bare"
    ]
    rows = measure(wanted, home, options.rounds)
    text = table(rows, options.rounds, versions(theirs))
    print(text)
    if options.write:
        write(text)
    slower = overtaken(rows)
    sys.exit(f"not the fastest: {', '.join(slower)}" if slower else 0)


def prepare(folder: Path) -> tuple[Path, Path]:
    """The executables of a fresh environment with this tree's wheel, and of the peers' environment."""
    folder.mkdir(parents=True, exist_ok=True)
    peers, own, source = folder / "peers", folder / "own", folder / "source"
    if not (peers / "complete").exists():
        environment(peers, *PEERS)
        (peers / "complete").touch()
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, source / name)
    environment(own, str(source))
    return own / "bin", peers / "bin"


def environment(folder: Path, *packages: str) -> None:
    """A virtual environment with these packages, compiled, none of them editable."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages], check=True, stderr=subprocess.DEVNULL)


def measure(wanted: list[Case], home: Path, rounds: int) -> list[Row]:
    """Each command once a round, in turn; the warm-ups do not count."""
    rows = [Row(case, [], modules_of(case, home)) for case in wanted]
    for number in range(rounds + WARM_UPS):
        for row in rows:
            took = run(row.case, home)
            if number >= WARM_UPS:
                row.times_ms.append(took)
        print(f"\rround {number + 1}/{rounds + WARM_UPS}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * 20 + "\r", end="", file=sys.stderr)
    return rows


def run(case: Case, home: Path) -> float:
    """One run in ms; every program must end well."""
    environ = variables(case, home)
    began = time.perf_counter()
    if case.prompt:
        return (at_terminal(case, environ, home) - began) * 1000
    code = subprocess.call(
        case.words, env=environ, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    took = time.perf_counter() - began
    if code:
        raise SystemExit(f"{case.name} ended with {code}")
    return took * 1000


def at_terminal(case: Case, environ: dict[str, str], home: Path, log: str = os.devnull) -> float:
    """The time at which the prompt stood at the end of what a terminal shows; `log` gets stderr."""
    import pty

    near, far = pty.openpty()
    with open(log, "wb") as errors:
        child = subprocess.Popen(
            case.words, stdin=far, stdout=far, stderr=errors, env=environ, cwd=home, start_new_session=True
        )
    os.close(far)
    shown = ""
    try:
        while case.prompt not in plain(shown):
            if not select.select([near], [], [], PROMPT_S)[0]:
                raise SystemExit(f"{case.name} shows no prompt: {shown!r}")
            try:
                shown += os.read(near, 65536).decode("utf-8", "replace")
            except OSError:
                raise SystemExit(f"{case.name} ended: {shown!r}") from None
        return time.perf_counter()
    finally:
        child.kill()
        child.wait()
        os.close(near)


def plain(shown: str) -> str:
    """What a terminal shows, without the sequences that steer it."""
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)", "", shown)


def variables(case: Case, home: Path) -> dict[str, str]:
    """A clean environment with a home of its own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        **dict(case.environ),
    }


def modules_of(case: Case, home: Path) -> int:
    """How many modules the run imports, counted from the interpreter's log."""
    environ = {**variables(case, home), "PYTHONPROFILEIMPORTTIME": "1"}
    if case.prompt:
        log = home / "imports"
        at_terminal(case, environ, home, str(log))
        text = log.read_text(encoding="utf-8", errors="replace")
    else:
        done = subprocess.run(case.words, env=environ, cwd=home, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{case.name} ended with {done.returncode}: {done.stderr[-300:]}")
        if case.group == "TAB" and not done.stdout:
            raise SystemExit(f"{case.name} completes nothing")
        text = done.stderr
    return len(re.findall(r"^import time: +\d+", text, re.MULTILINE))


def overtaken(rows: list[Row]) -> list[str]:
    """The groups in which another program starts faster than each of ours."""
    found = []
    for group in dict.fromkeys(row.case.group for row in rows):
        ours = [min(r.times_ms) for r in rows if r.case.group == group and "mbuscli" in r.case.name]
        others = [min(r.times_ms) for r in rows if r.case.group == group and "mbuscli" not in r.case.name]
        if ours and others and max(ours) > min(others):
            found.append(group)
    return found


def table(rows: list[Row], rounds: int, found: str) -> str:
    """The result as a Markdown table, with what it was measured on."""
    bare = min(rows[0].times_ms)
    lines = [
        f"{date.today().isoformat()}, {rounds} rounds, {cpu()}, {os.cpu_count()} CPUs, {platform.system()}, "
        f"Python {platform.python_version()}. {found}.",
        "",
        "| command | min ms | median ms | × bare Python | modules |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        least, middle = min(row.times_ms), statistics.median(row.times_ms)
        name = f"**{row.case.name}**" if "mbuscli" in row.case.name else row.case.name
        lines.append(f"| {name} | {least:.0f} | {middle:.0f} | {least / bare:.1f} | {row.modules} |")
    return "\n".join(lines)


def versions(theirs: Path) -> str:
    """The peers and libraries as installed."""
    names = (*PEERS, "click", "prompt_toolkit")
    code = (
        "import sys, importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"
    )
    done = subprocess.run(
        [str(theirs / "python"), "-c", code, *names], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def cpu() -> str:
    """The name of the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"model name\s*: (.+)", text)
    return found[1] if found else platform.processor()


def write(text: str) -> None:
    """Put the table between its marks in the README."""
    old = README.read_text(encoding="utf-8")
    marks = re.compile(r"(<!-- startup -->\n).*?(<!-- end -->)", re.DOTALL)
    README.write_text(marks.sub(lambda found: f"{found[1]}{text}\n{found[2]}", old), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Prints a page into a PDF with the browser that is there: it knows its own style sheets best."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mbuscli.errors import InputError, Reason
from mbuscli.settings.files import read_file, write_private

VARIABLE = "MBUSCLI_BROWSER"
_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "microsoft-edge-stable",
    "microsoft-edge",
    "msedge",
    "brave-browser",
)
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_WINDOWS = (
    r"Google\Chrome\Application\chrome.exe",
    r"Microsoft\Edge\Application\msedge.exe",
    r"Chromium\Application\chrome.exe",
)
_WINDOWS_ROOTS = ("ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA")
# A browser of a user's desktop asks for updates, first steps and default settings when it starts.
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pdf-header-footer",
)
_LIMIT_S = 120.0
_LARGEST = 256 << 20
_HINT = "open the HTML page in a browser, and print it from there"


def find_browser(environ: Mapping[str, str] = os.environ) -> str:
    """The browser to print with: $MBUSCLI_BROWSER, else the first one that is installed.

    InputError `input.missing` if there is none.
    """
    chosen = environ.get(VARIABLE)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise InputError(f"{VARIABLE} names no program: {chosen}", reason=Reason.MISSING, hint=(_HINT,))
        return found
    for candidate in _candidates(environ):
        found = shutil.which(candidate)
        if found is not None:
            return found
    raise InputError(
        "no browser was found that can print into a PDF",
        reason=Reason.MISSING,
        hint=(f"install Chromium, Chrome or Edge, or name one in {VARIABLE}", _HINT),
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    yield from _NAMES
    if sys.platform == "darwin":
        yield from _MAC
    if sys.platform == "win32":
        for root in _WINDOWS_ROOTS:
            if root in environ:
                yield from (os.path.join(environ[root], path) for path in _WINDOWS)


def print_pdf(page: str, target: Path, browser: str, *, limit_s: float = _LIMIT_S) -> None:
    """Write the page as a PDF to `target`: all of it or nothing. InputError if the browser fails."""
    with tempfile.TemporaryDirectory(prefix="mbuscli-", ignore_cleanup_errors=True) as folder:
        source, result = Path(folder, "handover.html"), Path(folder, "handover.pdf")
        source.write_text(page, encoding="utf-8")
        command = [
            browser,
            *_FLAGS,
            *(["--no-sandbox"] if _is_root() else []),
            f"--user-data-dir={Path(folder, 'profile')}",
            f"--print-to-pdf={result}",
            source.as_uri(),
        ]
        said = _run(command, limit_s)
        if not result.exists():
            raise _failed(browser, said or "it wrote no PDF")
        write_private(target, read_file(result, _LARGEST))


def _run(command: list[str], limit_s: float) -> str:
    """Run the browser; the last line of what it says."""
    try:
        # A session of its own, so that its children end with it.
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=sys.platform != "win32",
        )
    except OSError as error:
        raise _failed(command[0], error.strerror or str(error)) from None
    try:
        _, said = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise _failed(command[0], f"it did not end within {limit_s:.0f} s") from None
    finally:
        _end(child)
    lines = said.decode("utf-8", "replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave nothing running behind."""
    if child.poll() is None:
        if sys.platform == "win32":
            child.kill()
        else:
            import signal

            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stderr is not None:
        child.stderr.close()


def _is_root() -> bool:
    """True for root, for whom the browser refuses its sandbox."""
    geteuid = getattr(os, "geteuid", None)
    return geteuid is not None and geteuid() == 0


def _failed(browser: str, why: str) -> InputError:
    return InputError(
        f"{os.path.basename(browser)} did not print the PDF: {why}", reason=Reason.UNWRITABLE, hint=(_HINT,)
    )

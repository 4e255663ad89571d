"""Answers a shell that asks at TAB what may stand at the cursor.

The shell's script (mbuscli/manual/shells) calls the program with `_MBUSCLI_COMPLETE=<shell>_complete` and the
line up to the cursor: bash as COMP_LINE, the others as words in COMP_WORDS, one a line, the last one perhaps
empty. One line a candidate goes back: its kind, a tab, the text, and for shells that show it a tab and help.
Kinds: `word`; `open`, a word behind which no blank belongs; `file`: offer files that begin with the text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import click

VARIABLE = "_MBUSCLI_COMPLETE"
SHELLS = ("bash", "zsh", "fish", "powershell")
# Behind these something else follows.
_OPEN_ENDS = (":", "=", "/", ",")
# Of COMP_TYPE: a list of candidates is about to be shown, as opposed to a word that is to be completed.
_BASH_LISTS = ("63", "33", "64")
_BASH_BREAKS = ":=@"
_BASH_SPECIAL = frozenset(" \t\\\"'`$&|;<>(){}[]*?!#~")


class Candidate(NamedTuple):
    """What may stand at the cursor: one of the kinds above, the whole word, and a help of one sentence."""

    kind: str
    text: str
    help: str = ""


def answer(cli: click.Command, instruction: str, environ: Mapping[str, str] = os.environ) -> int:
    """Do what `_MBUSCLI_COMPLETE` says: `bash_source` prints the script, `bash_complete` the candidates."""
    shell, _, what = instruction.partition("_")
    if shell not in SHELLS or what not in ("source", "complete"):
        return 1
    if what == "source":
        from mbuscli.manual.files import completion_script

        text = completion_script(shell)
    else:
        text = "".join(line + "\n" for line in _ANSWERS[shell](cli, environ))
    sys.stdout.flush()
    # Windows would write other line ends, and its code page.
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()
    return 0


def candidates(
    cli: click.Command, words: list[str], incomplete: str, session: object = None
) -> list[Candidate]:
    """What may stand behind `words` (the program's name first) and begins with `incomplete`.

    `session`: what our own shell knows, such as the meters seen in it.
    """
    from click.shell_completion import ShellComplete

    head = incomplete.partition("=")[0] + "=" if incomplete.startswith("--") and "=" in incomplete else ""
    try:
        complete = ShellComplete(cli, {"obj": session}, "mbuscli", VARIABLE)
        found = complete.get_completions(words[1:], incomplete)
    except Exception:  # noqa: BLE001  a shell that completes has no place for a message
        return []
    return [_candidate(item.type, head + str(item.value), item.help or "") for item in found]


def _candidate(kind: str, text: str, help_text: str) -> Candidate:
    if kind != "plain":
        return Candidate("file", text)
    return Candidate("open" if text.endswith(_OPEN_ENDS) else "word", text, first_sentence(help_text))


def first_sentence(text: str) -> str:
    """The first sentence of a help text, without its full stop."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def _bash(cli: click.Command, environ: Mapping[str, str]) -> Iterable[str]:
    line = environ.get("COMP_LINE") or environ.get("COMP_WORDS", "")
    words, quote = split_line(line)
    found = candidates(cli, words[:-1], words[-1])
    # Bash replaces what stands behind the last of its break characters, unless it is quoted.
    breaks = [c for c in _BASH_BREAKS if c in environ.get("COMP_WORDBREAKS", "") and not quote]
    cut = max((words[-1].rfind(c) + 1 for c in breaks), default=0)
    cut_found = [each._replace(text=each.text[cut:]) for each in found]
    rest = [each for each in cut_found if each.kind != "file"]
    if environ.get("COMP_TYPE") in _BASH_LISTS and len(rest) > 1:
        columns = environ.get("COLUMNS", "")
        yield from _bash_list(rest, int(columns) if columns.isdecimal() else 80)
    else:
        yield from (f"{each.kind}\t{each.text if quote else _escaped(each.text)}" for each in rest)
    yield from (f"file\t{each.text}" for each in cut_found if each.kind == "file")


def _bash_list(found: list[Candidate], columns: int) -> Iterable[str]:
    """Bash shows nothing but candidates, so that the help becomes part of them; it is never inserted, as no
    two candidates have it in common."""
    width = max(len(each.text) for each in found)
    for each in found:
        text = f"{each.text.ljust(width)}  {each.help}".rstrip() if each.help else each.text
        yield f"word\t{text[: columns - 2]}"


def split_line(line: str) -> tuple[list[str], str]:
    """The words of a command line as a POSIX shell takes them, the last one up to the line's end, and the
    quotation mark that is still open in it."""
    words: list[str] = []
    word, quote, begun = "", "", False
    characters = iter(line)
    for c in characters:
        if c == "\\" and quote != "'":
            word, begun = word + next(characters, ""), True
        elif quote:
            word, quote = (word, "") if c == quote else (word + c, quote)
        elif c in "'\"":
            quote, begun = c, True
        elif not c.isspace():
            word, begun = word + c, True
        elif begun:
            words, word, begun = [*words, word], "", False
    return [*words, word], quote


def _escaped(text: str) -> str:
    return "".join("\\" + c if c in _BASH_SPECIAL else c for c in text)


def _words(environ: Mapping[str, str]) -> list[str]:
    return environ.get("COMP_WORDS", "").split("\n")


def _others(cli: click.Command, environ: Mapping[str, str]) -> Iterable[str]:
    *words, incomplete = _words(environ)
    # A word that is being quoted; the shell itself takes care of the mark.
    for each in candidates(cli, words, incomplete.lstrip("'\"")):
        yield f"{each.kind}\t{each.text}\t{each.help}"


_ANSWERS: dict[str, Callable[[click.Command, Mapping[str, str]], Iterable[str]]] = {
    "bash": _bash,
    "zsh": _others,
    "fish": _others,
    "powershell": _others,
}

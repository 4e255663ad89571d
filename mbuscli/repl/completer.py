"""What TAB offers: the commands' own completion, and the words that the shell adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mbuscli.cli.commands import COMMANDS
from mbuscli.cli.shell_tree import complete
from mbuscli.cli.tab import Candidate
from mbuscli.repl.builtins import BUILTINS, settable, setting_name
from mbuscli.repl.words import quoted, split
from mbuscli.settings.config_kinds import Choice, Flag

if TYPE_CHECKING:
    from mbuscli.repl.shell import Shell


def candidates(shell: Shell, line: str) -> tuple[list[Candidate], int]:
    """What may stand at the end of `line`, and how many of its characters it replaces."""
    words, open_quote = split(line)
    texts = [word.text for word in words]
    last = ""
    length = 0
    if words and (open_quote or words[-1].end == len(line)):
        last = texts.pop()
        length = len(line) - words[-1].start
    if texts[:1] == ["mbuscli"]:
        del texts[0]
    found = _candidates(shell, texts, last)
    return [each if each.kind == "file" else each._replace(text=quoted(each.text)) for each in found], length


def _candidates(shell: Shell, words: list[str], last: str) -> list[Candidate]:
    if not words:
        offers = {name: builtin.help for name, builtin in BUILTINS.items()}
        commands = complete([], last, shell.session)
        return [*_those(offers, last), *(each for each in commands if each.text not in BUILTINS)]
    own = _OF_BUILTINS.get(words[0])
    if own is None:
        return [] if words[0] in BUILTINS else complete(words, last, shell.session)
    return list(own(shell, words[1:], last))


def _use(shell: Shell, words: list[str], last: str) -> Iterable[Candidate]:
    return [] if words else complete(["read"], last, shell.session)


def _set(shell: Shell, words: list[str], last: str) -> Iterable[Candidate]:
    by_name = {setting_name(setting): setting for setting in settable()}
    if not words:
        return _those({name: setting.text for name, setting in by_name.items()}, last)
    setting = by_name.get(words[0])
    if setting is None:
        return []
    if isinstance(setting.kind, Flag):
        return _those({"true": "", "false": ""}, last)
    if isinstance(setting.kind, Choice):
        return _those({str(value): "" for value in setting.kind.values}, last)
    return complete([setting.commands[0], setting.option], last, shell.session)


def _unset(shell: Shell, words: list[str], last: str) -> Iterable[Candidate]:
    names = [key.removesuffix("_s").replace("_", "-") for key in shell.session.values]
    return [] if words else _those(dict.fromkeys(names, ""), last)


def _run(_shell: Shell, _words: list[str], last: str) -> Iterable[Candidate]:
    return [*_those({"--keep-going": "go on after a line that fails"}, last), Candidate("file", last)]


def _help(shell: Shell, words: list[str], last: str) -> Iterable[Candidate]:
    offers = {name: builtin.help for name, builtin in BUILTINS.items()}
    offers |= {name: entry.help for name, entry in COMMANDS.items()}
    topics = complete(["help", *words], last, shell.session) if "help" in COMMANDS else []
    own = [] if words else list(_those(offers, last))
    return [*own, *(topic for topic in topics if topic.text not in offers)]


def _stop(shell: Shell, words: list[str], last: str) -> Iterable[Candidate]:
    return [] if words else _those({str(job.number): job.line for job in shell.jobs.running}, last)


def _those(offers: dict[str, str], last: str) -> Iterator[Candidate]:
    wanted = last.casefold()
    for text, help_text in offers.items():
        if text.casefold().startswith(wanted):
            yield Candidate("word", text, help_text.rstrip("."))


_OF_BUILTINS = {"use": _use, "set": _set, "unset": _unset, "run": _run, "help": _help, "stop": _stop}

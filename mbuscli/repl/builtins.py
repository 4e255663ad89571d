"""The words that the shell adds to the commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.shell_tree import help_words, is_command, run
from mbuscli.errors import Reason, UsageError
from mbuscli.render.streams import standard_streams
from mbuscli.render.text import inert
from mbuscli.settings.config_kinds import Value
from mbuscli.settings.config_table import SETTINGS, Setting

if TYPE_CHECKING:
    from mbuscli.repl.shell import Shell

_KEEP_GOING = "--keep-going"
# They mean another thing to each command.
_NOT_SET = ("fields",)
_SECRETS = ("key", "app-key", "nwk-key", "passphrase")


class Builtin(NamedTuple):
    """One word: what it does with the words behind it (its exit code), how it is written, what it is for."""

    run: Callable[[Shell, list[str]], int]
    usage: str
    help: str


def _use(shell: Shell, words: list[str]) -> int:
    _expect(words, 1, "use")
    session = shell.session
    if words:
        session.meter = None if words[0] == "-" else _meter(words[0])
    standard_streams().talk(f"meter: {session.meter}" if session.meter else "no meter is selected")
    return ExitCode.DONE


def _meter(text: str) -> str:
    from mbuscli.services.read import parse_address

    return str(parse_address(text))


def _set(shell: Shell, words: list[str]) -> int:
    if not words:
        return _list_settings(shell)
    setting = _setting(words[0])
    if len(words) == 1:
        return _list_settings(shell, setting)
    try:
        shell.session.values[setting.key] = setting.kind.parse(" ".join(words[1:]))
    except ValueError:
        raise UsageError(
            f"{setting_name(setting)} is {setting.kind.allowed}, not {' '.join(words[1:])!r}",
            reason=Reason.INVALID,
        ) from None
    return ExitCode.DONE


def _unset(shell: Shell, words: list[str]) -> int:
    _expect(words, 1, "unset", least=1)
    setting = _setting(words[0])
    if shell.session.values.pop(setting.key, None) is None:
        raise UsageError(f"{setting_name(setting)} is not set in this shell", reason=Reason.INVALID)
    return ExitCode.DONE


def setting_name(setting: Setting) -> str:
    """As it is typed behind `set`: timeout, stick-port."""
    return setting.key.removesuffix("_s").replace("_", "-")


def settable() -> list[Setting]:
    """What `set` takes."""
    return [setting for setting in SETTINGS if setting.key not in _NOT_SET]


def _setting(text: str) -> Setting:
    name = text.lstrip("-").replace("_", "-")
    by_name = {setting_name(setting): setting for setting in settable()}
    found = by_name.get(name) or by_name.get(name.removesuffix("-s"))
    if found is not None:
        return found
    if name in _SECRETS:
        raise UsageError(
            "a key is not kept in the shell",
            reason=Reason.INVALID,
            hint=("keep it in the key ring: keys add METER", "or in a file: set key-file FILE"),
        )
    from mbuscli.settings.config import suggestion

    raise UsageError(
        f"there is no option {inert(text)!r} that can be set",
        reason=Reason.INVALID,
        hint=suggestion(name, tuple(by_name)),
    )


def _list_settings(shell: Shell, only: Setting | None = None) -> int:
    from mbuscli.settings.config import DEFAULTS, load_config, toml_text

    config = load_config()
    rows = []
    for setting in settable() if only is None else [only]:
        variable = setting.variable
        in_file = config.table(DEFAULTS).get(setting.key)
        shown: Value | None
        if setting.key in shell.session.values:
            shown, origin = shell.session.values[setting.key], "set here"
        elif variable is not None and os.environ.get(variable):
            shown, origin = os.environ[variable], variable
        elif in_file is not None:
            shown, origin = in_file, config.where((DEFAULTS,), setting.key)
        elif only is not None:
            shown, origin = setting.built_in or "-", "built in"
        else:
            continue
        text = shown if isinstance(shown, str) else toml_text(shown)
        rows.append((setting_name(setting), text, origin))
    streams = standard_streams()
    if not rows:
        streams.talk("nothing is set; for example: set port /dev/ttyUSB0")
    for row in rows:
        name, text, origin = map(inert, row)
        streams.data(f"{name:12}  {text:20}  {origin}" if streams.out_is_terminal else "\t".join(row))
    return ExitCode.DONE


def _run(shell: Shell, words: list[str]) -> int:
    keep_going = _KEEP_GOING in words
    words = [word for word in words if word != _KEEP_GOING]
    _expect(words, 1, "run", least=1)
    return shell.run_file(words[0], keep_going=keep_going)


def _history(shell: Shell, words: list[str]) -> int:
    _expect(words, 1, "history")
    if words and not words[0].isdecimal():
        raise UsageError(f"{inert(words[0])!r} is no number of lines", reason=Reason.INVALID)
    lines = shell.history.lines
    for line in lines[-int(words[0]) :] if words else lines:
        standard_streams().data(inert(line))
    return ExitCode.DONE


def _jobs(shell: Shell, words: list[str]) -> int:
    _expect(words, 0, "jobs")
    streams = standard_streams()
    for job in shell.jobs.running:
        streams.data(f"{job.number}\t{inert(job.line)}")
    if not shell.jobs.running:
        streams.talk("nothing runs in the background; for example: sniff --port sim:stick &")
    return ExitCode.DONE


def _stop(shell: Shell, words: list[str]) -> int:
    _expect(words, 1, "stop")
    number = words[0].lstrip("%") if words else None
    if number is not None and not number.isdecimal():
        raise UsageError(f"{inert(number)!r} is no number of a job", reason=Reason.INVALID, hint=("jobs",))
    shell.jobs.stop(None if number is None else int(number))
    return ExitCode.DONE


def _close(shell: Shell, words: list[str]) -> int:
    _expect(words, 0, "close")
    names = shell.session.keeper.close_idle()
    standard_streams().talk(inert(f"closed: {', '.join(names)}") if names else "no port is open")
    return ExitCode.DONE


def _help(shell: Shell, words: list[str]) -> int:
    streams = standard_streams()
    if not words:
        from mbuscli.cli.commands import COMMANDS

        _two_columns("In the shell", {builtin.usage: builtin.help for builtin in BUILTINS.values()})
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            own = {name: entry.help for name, entry in COMMANDS.items() if entry.section == section}
            _two_columns(section, own)
        streams.talk("help COMMAND, or COMMAND --help, shows more")
        return ExitCode.DONE
    builtin = BUILTINS.get(words[0])
    if builtin is not None and not is_command(words[0]):
        streams.data(f"{builtin.usage}\n  {builtin.help}")
        return ExitCode.DONE
    return run(help_words(words), shell.session)


def _two_columns(title: str, rows: dict[str, str]) -> None:
    from textwrap import wrap

    from mbuscli.render.streams import terminal_width

    streams = standard_streams()
    columns = terminal_width() - 1
    width = max(map(len, rows)) + 4
    streams.data(f"{title}:")
    for left, right in rows.items():
        if width > columns / 2:
            streams.data("\n".join([f"  {left}", *(f"      {line}" for line in wrap(right, columns - 6))]))
            continue
        first, *more = wrap(right, columns - width)
        streams.data("\n".join([f"  {left:{width - 4}}  {first}", *(" " * width + line for line in more)]))


def _exit(shell: Shell, words: list[str]) -> int:
    _expect(words, 0, "exit")
    shell.is_over = True
    return ExitCode.DONE


def _expect(words: list[str], most: int, name: str, *, least: int = 0) -> None:
    if not least <= len(words) <= most:
        raise UsageError(f"write: {BUILTINS[name].usage}", reason=Reason.INVALID)


BUILTINS = {
    "use": Builtin(_use, "use [METER]", "Select the meter for commands that are given none; - for none."),
    "set": Builtin(_set, "set [OPTION [VALUE]]", "Give an option to all commands that have it; list them."),
    "unset": Builtin(_unset, "unset OPTION", "Take back what was set."),
    "run": Builtin(_run, "run FILE [--keep-going]", "Run the commands in a file, up to the first failure."),
    "jobs": Builtin(_jobs, "jobs", "List what runs in the background: sniff ... &"),
    "stop": Builtin(_stop, "stop [NUMBER]", "Stop a job, the last one by itself."),
    "close": Builtin(_close, "close", "Release the ports that are kept open, for other programs."),
    "history": Builtin(_history, "history [N]", "List the last lines; keys are not kept in them."),
    "help": Builtin(_help, "help [COMMAND]", "List the commands, or show how one is used."),
    "exit": Builtin(_exit, "exit", "Leave the shell, as Ctrl-D and quit do."),
    "quit": Builtin(_exit, "quit", "Leave the shell."),
}

"""Topics of `mbuscli help` and of man pages: their texts, with what the program's own tables say in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mbuscli.manual.files import topic_text
from mbuscli.manual.markup import Block, Heading, Items, Paragraph, Topic, parse


def load_topic(name: str, *, in_full: bool = False) -> Topic:
    """The topic of this name, one of `topic_names`. `in_full`: with what can be asked for one by one."""

    def supply(what: str) -> Sequence[Block]:
        return list(_errors(in_full=True)) if in_full and what == "errors" else _SUPPLY[what]()

    return parse(topic_text(name), supply)


def error_topic(name: str) -> Topic:
    """What is said of one error, by its name."""
    from mbuscli.cli.exit_codes import MEANINGS, ExitCode
    from mbuscli.manual.errors_table import ERRORS, LAYERS

    entry = ERRORS[name]
    layer = name.partition(".")[0]
    rows = [("try", text) for text in entry.tries]
    rows.append(("exit code", f"{entry.code}: {MEANINGS[ExitCode(entry.code)]}"))
    rows.append(("layer", f"{layer}: {LAYERS[layer]}"))
    return Topic(name, (Paragraph(entry.meaning), Items(tuple(rows))))


def exit_code_rows() -> tuple[tuple[str, str], ...]:
    """Exit codes and what they mean."""
    from mbuscli.cli.exit_codes import MEANINGS

    return tuple((str(int(code)), meaning) for code, meaning in MEANINGS.items())


def option_variables() -> dict[str, str]:
    """The variables of options, and what they set: those of the settings, and those that options name."""
    from mbuscli.settings.config_table import SETTINGS

    found = {
        setting.variable: f"{setting.option}: {setting.text}." for setting in SETTINGS if setting.variable
    }
    for option, variable in _named_variables():
        found.setdefault(variable, f"{option}.")
    return found


def _named_variables() -> Iterable[tuple[str, str]]:
    """Options that name a variable of their own, of all commands."""
    import click

    from mbuscli.cli.commands import LazyCommands

    def of(command: click.Command) -> Iterable[tuple[str, str]]:
        for param in command.params:
            names = [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
            yield from ((param.opts[-1], name) for name in names)
        for sub in getattr(command, "commands", {}).values():
            yield from of(sub)

    for command in LazyCommands().values():
        yield from of(command)


def other_variables() -> dict[str, str]:
    """The variables of no option, those of LoRaWAN keys included."""
    from mbuscli.cli.lora_options import variable
    from mbuscli.manual.environment_table import VARIABLES
    from mbuscli.settings.lora_keys import ROLES

    keys = {variable(role): f"The {role} of lora-join, in hexadecimal." for role in ROLES}
    return {**VARIABLES, **keys}


def _settings() -> Iterable[Block]:
    from mbuscli.settings.config_table import DATA, SETTINGS, WIRED

    def whose(commands: tuple[str, ...]) -> str:
        if set(commands) >= set(DATA):
            return "Of all commands that put out data"
        return "Of all commands on a wired bus" if commands == WIRED else f"Of {', '.join(commands)}"

    rows = []
    for setting in SETTINGS:
        place = "" if setting.everywhere else " (one command)"
        place += " (profile)" if setting.in_profile else ""
        built_in = f" Built in: {setting.built_in}." if setting.built_in else ""
        text = f"{setting.text[:1].upper()}{setting.text[1:]}{place}."
        rows.append((setting.key, f"{text}{built_in} {whose(setting.commands)}."))
    return [Items(tuple(rows))]


def _errors(*, in_full: bool = False) -> Iterable[Block]:
    from mbuscli.manual.errors_table import ERRORS, LAYERS, Entry

    def said(entry: Entry) -> str:
        if not in_full:
            return entry.meaning
        return f"{entry.meaning} Try: {' Or: '.join(entry.tries)} (Exit code {entry.code}.)"

    for layer, text in LAYERS.items():
        rows = tuple((name, said(entry)) for name, entry in ERRORS.items() if name.startswith(layer + "."))
        if rows:
            yield Heading(f"{layer.upper()}: {text}")
            yield Items(rows)


def file_rows() -> tuple[tuple[str, str], ...]:
    """The files of the user and what they are."""
    from mbuscli.manual.files_table import FILES

    return tuple((file.path, file.text) for file in FILES)


_SUPPLY: dict[str, Callable[[], Sequence[Block]]] = {
    "exit-codes": lambda: [Items(exit_code_rows())],
    "settings": lambda: list(_settings()),
    "settings-variables": lambda: [Items(tuple(option_variables().items()))],
    "variables": lambda: [Items(tuple(other_variables().items()))],
    "files": lambda: [Items(file_rows())],
    "errors": lambda: list(_errors()),
}

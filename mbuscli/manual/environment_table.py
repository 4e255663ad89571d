"""Environment variables that belong to no single option: what they do."""

from __future__ import annotations

VARIABLES = {
    "MBUSCLI_KEY": "The key of decrypt and sniff, in hexadecimal; behind --key and before the key ring.",
    "MBUSCLI_PASSPHRASE": "The passphrase of an encrypted key ring; else it is asked for.",
    "MBUSCLI_CONFIG_DIR": "The folder of settings, key ring and your own meter drivers.",
    "MBUSCLI_STATE_DIR": "The folder of what the program learns: inventory, journal, searches.",
    "MBUSCLI_DEBUG": "If not empty, errors show their traceback, as with --debug.",
    "XDG_CONFIG_HOME": "Without MBUSCLI_CONFIG_DIR: settings are in its folder mbuscli. Else "
    "~/.config/mbuscli.",
    "XDG_STATE_HOME": "Without MBUSCLI_STATE_DIR: what is learnt is in its folder mbuscli. Else "
    "~/.local/state/mbuscli.",
    "APPDATA": "On Windows: settings are in its folder mbuscli.",
    "LOCALAPPDATA": "On Windows: what is learnt is in its folder mbuscli.",
    "NO_COLOR": "If not empty: no colours. It wins over the next two.",
    "FORCE_COLOR": "If not empty and not 0: colours, in a pipe too.",
    "CLICOLOR_FORCE": "The same as FORCE_COLOR.",
    "TERM": "dumb: no colours and no live table.",
    "COLUMNS": "The width of tables, in place of the terminal's.",
    "PAGER": "The program that shows long help, on a terminal only; cat for none.",
    "SHELL": "The shell of mbuscli completion.",
    "MBUSCLI_BROWSER": "The browser that prints the PDF of mbuscli report.",
    "VISUAL": "The editor of mbuscli config edit; else EDITOR.",
    "EDITOR": "The editor of mbuscli config edit.",
}

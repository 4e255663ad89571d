"""`mbuscli lora-join`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mbuscli.cli.complete import complete_modem, complete_modem_port, complete_region
from mbuscli.cli.durations import Duration
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.lora_options import lora_key_options
from mbuscli.cli.options import output_options
from mbuscli.cli.secrets import DiscreetCommand, discreet
from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.cli.lora_options import RoleKeys
    from mbuscli.protocol.lorawan.region_table import Region
    from mbuscli.render.report import Output
    from mbuscli.settings.lora_qr import DeviceLabel

_MAX_PORT = 223


def _eui(_ctx: click.Context, param: click.Parameter, text: str | None) -> bytes | None:
    if text is None:
        return None
    from mbuscli.protocol.lorawan.fields import parse_eui

    return parse_eui(text, param.opts[0])


def _dev_addr(_ctx: click.Context, _param: click.Parameter, text: str | None) -> bytes | None:
    if text is None:
        return None
    from mbuscli.protocol.lorawan.fields import parse_dev_addr

    return parse_dev_addr(text)


def _label(_ctx: click.Context, _param: click.Parameter, text: str | None) -> DeviceLabel | None:
    if text is None:
        return None
    from mbuscli.settings.lora_qr import parse_qr

    return parse_qr(text)


def _region(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Region | None:
    if text is None:
        return None
    from mbuscli.protocol.lorawan.region import parse_region

    return parse_region(text)


def _payloads(
    _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> tuple[tuple[int, bytes], ...]:
    return tuple(map(_payload, texts))


def _payload(text: str) -> tuple[int, bytes]:
    from mbuscli.services.hex_text import octets_of

    number, colon, digits = text.partition(":")
    if not (colon and number.isascii() and number.isdigit() and 1 <= int(number) <= _MAX_PORT):
        raise UsageError(
            f"--send takes PORT:HEX, with a port from 1 to {_MAX_PORT}",
            reason=Reason.INVALID,
            hint=("two octets to port 5: --send 5:CAFE",),
        )
    octets = octets_of(digits, "--send") if digits.strip() else b""
    return int(number), octets


@click.command("lora-join", cls=DiscreetCommand)
@click.option(
    "-p",
    "--port",
    is_eager=True,  # it may name a profile, which says what other options are
    default="auto",
    envvar="MBUSCLI_MODEM_PORT",
    metavar="PORT",
    shell_complete=complete_modem_port,
    help="The modem: /dev/ttyUSB0, COM3, id:..., auto, tcp://host:port, sim:modem, a profile. Default: auto.",
)
@click.option(
    "--modem",
    "family",
    metavar="FAMILY",
    envvar="MBUSCLI_MODEM",
    shell_complete=complete_modem,
    help="What the modem is, so that it is not asked.",
)
@click.option(
    "--region",
    callback=_region,
    envvar="MBUSCLI_REGION",
    metavar="NAME",
    shell_complete=complete_region,
    help="EU868, US915, AU915, AS923-1 ... AS923-4, IN865, KR920.  [env: MBUSCLI_REGION]",
)
@click.option(
    "--sub-band",
    type=click.IntRange(1, 8),
    envvar="MBUSCLI_SUB_BAND",
    metavar="1-8",
    help="Of US915 and AU915.",
)
@click.option("--otaa", is_flag=True, help="Join over the air; so it is if nothing is said.")
@click.option("--abp", is_flag=True, help="The session is given: DevAddr and session keys.")
@click.option("--dev-eui", callback=_eui, metavar="HEX", help="The device. Default: the modem's own.")
@click.option(
    "--join-eui", callback=_eui, envvar="MBUSCLI_JOIN_EUI", metavar="HEX", help="The join server (AppEUI)."
)
@click.option("--qr", callback=_label, metavar="TEXT", help="Both, as on the label: LW:D0:...")
@click.option("--dev-addr", callback=_dev_addr, metavar="HEX", help="With --abp: address in the network.")
@click.option(
    "--f-cnt",
    type=click.IntRange(0, 0xFFFFFFFF),
    metavar="N",
    help="With --abp: counter of the next uplink. Default: where the last run ended.",
)
@click.option(
    "--class",
    "class_name",
    type=click.Choice(("A", "B", "C"), case_sensitive=False),
    default="A",
    envvar="MBUSCLI_CLASS",
    metavar="A|B|C",
    help="Device class; B and C where the modem can be that. Default: A.",
)
@click.option(
    "--dr", "data_rate", type=click.IntRange(0, 15), envvar="MBUSCLI_DR", metavar="N", help="Data rate."
)
@click.option(
    "--adr/--no-adr", envvar="MBUSCLI_ADR", default=None, help="Let the network choose the data rate, or not."
)
@click.option(
    "--timeout",
    "join_s",
    type=click.FloatRange(1, 3600),
    default=60.0,
    envvar="MBUSCLI_JOIN_TIMEOUT",
    metavar="SECONDS",
    help="Wait this long for the end of a join. Default: 60.",
)
@click.option("--link-check", is_flag=True, help="Ask the network how well it hears; goes with an uplink.")
@click.option(
    "--send", "payloads", multiple=True, callback=_payloads, metavar="PORT:HEX", help="Send an uplink."
)
@click.option("--confirmed", is_flag=True, help="Uplinks are to be acknowledged.")
@click.option("--listen", "listen_s", type=Duration(), metavar="30s", help="Then listen for downlinks.")
@click.option("--resume", is_flag=True, help="Go on with the session of the last run; join nothing.")
@click.option(
    "--dry-run", is_flag=True, help="Ask the modem who it is, show what would be sent, keys masked."
)
@click.option("--yes", is_flag=True, help="Go on where a counter would be used twice.")
@output_options("lora")
@lora_key_options
def command(
    port: str, family: str | None, dry_run: bool, keys: RoleKeys, output: Output, **choices: Any
) -> ExitCode:
    """Join a LoRaWAN network, and prove that link and keys work.

    Each step is shown as it happens. If nobody answers, a list says what it may be, and what to try. Keys
    come from options, files, the environment (MBUSCLI_APP_KEY ...) or the key ring (mbuscli keys add DEVEUI
    --role AppKey); else they are asked for. They are never shown.

    \b
    Examples:
      mbuscli lora-join --region EU868 --qr LW:D0:70B3D57ED0000001:0004A30B001A2B3C:AABB1122
      mbuscli lora-join --region US915 --sub-band 2 --join-eui 70B3D57ED0000001 --app-key -
      mbuscli lora-join --abp --region EU868 --dev-addr 26011BDA --send 5:CAFE --confirmed
      mbuscli lora-join --port sim:modem --region EU868 --join-eui 70B3D57ED0000001 \\
        --app-key 2B7E151628AED2A6ABF7158809CF4F3C --link-check --send 5:CAFE --listen 10s

    Exit codes: 0 joined, 2 usage, 3 the modem is missing, busy or lost, 4 nobody answered, 6 a key is missing
    or wrong, 7 refused, 9 a counter would be used twice, 10 a file or the QR text is unusable.
    """
    from mbuscli.cli.lora_wanted import Wanted, join
    from mbuscli.render.text import inert
    from mbuscli.services.lora_modem import open_modem
    from mbuscli.settings.profiles import port_of

    if (choices["qr"] or choices["abp"]) and not _is_typed("join_eui"):
        choices["join_eui"] = None  # the usual one is not this device's
    wanted = Wanted(keys=keys, **choices)
    wanted.check()
    name = port_of(port)
    output.streams.progress(f"asking {inert(name)} which modem it is")
    with discreet():
        opened = open_modem(name, family=family)
    with opened as modem:
        return join(modem, wanted, output, dry_run=dry_run)


def _is_typed(name: str) -> bool:
    """True if an option stands on the command line."""
    from click.core import ParameterSource

    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE

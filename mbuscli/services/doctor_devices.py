"""Checks of what stands behind ports: profiles, sticks, and the port that the user has named.

Only the named port, and sticks that their USB texts name, are spoken to: on a wired bus all meters hear a
question.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from mbuscli.errors import MbuscliError
from mbuscli.protocol.octets import counted, spaced_hex
from mbuscli.protocol.wired.fields import ADDRESS_SELECTED, SND_NKE
from mbuscli.protocol.wired.frames import encode_short
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.services.doctor_case import Case, Finding, Kind, found_bug, found_error
from mbuscli.services.doctor_ports import access_fault
from mbuscli.services.ports import choose_port
from mbuscli.settings.config import read_config
from mbuscli.settings.files import reading
from mbuscli.settings.profiles import Profile

if TYPE_CHECKING:
    from mbuscli.services.stick_list import FoundStick

_DEFAULT_BAUD = 2400
_REACH_S = 3.0
_PROFILES_S = 6.0
_UNREACHABLE = "mbuscli help errors port.unreachable"
_PROGRAMS = ("rtl_wmbus", "rtl_433")


# -- profiles ------------------------------------------------------------------------------------------------


def look_at_profiles(case: Case) -> Iterator[Finding]:
    """Whether the ports of the profiles are there: nodes and files by their names, gateways by a connection
    that is closed at once."""
    profiles = _profiles()
    wanted = {f"profile {name}": profile.port for name, profile in profiles.items()}
    if case.environ.get("MBUSCLI_PORT"):
        wanted["MBUSCLI_PORT"] = _resolved(case.environ["MBUSCLI_PORT"], profiles).port
    if not wanted:
        yield Finding("ok", "there are no profiles")
        return
    yield from _presences(wanted)


def _presences(wanted: Mapping[str, str]) -> Iterator[Finding]:
    """All looked for at the same time, by daemons: a name server that hangs must not keep us."""
    found: dict[str, Finding] = {}

    def look(subject: str, text: str) -> None:
        try:
            found[subject] = _presence(text)
        except Exception as error:  # noqa: BLE001  a thread has nobody who would catch it
            found[subject] = found_bug(error)

    threads = {item[0]: Thread(target=look, args=item, daemon=True) for item in wanted.items()}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + _PROFILES_S
    for subject, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        late = Finding("warning", f"{wanted[subject]}: no answer within {_PROFILES_S:g} s", (_UNREACHABLE,))
        yield found.get(subject, late)._replace(subject=subject)


def _presence(text: str) -> Finding:
    """Whether a port is there. One of another site may well be away: that is no failure."""
    try:
        _require_present(text)
    except MbuscliError as error:
        return found_error(error, state="warning")
    return Finding("ok", f"{text} {'answers' if text.startswith('tcp:') else 'is there'}")


def _require_present(text: str) -> None:
    """Raise UsageError, InputError or PortError if nothing is where `text` points."""
    from mbuscli.ports.diagnose import missing
    from mbuscli.ports.serial_port import present_names, present_ports
    from mbuscli.ports.tcp import TcpPort, split_host_port

    scheme, _, rest = text.partition(":")
    if scheme in ("tcp", "rfc2217"):
        host, number = split_host_port(text)
        TcpPort(host, number, timeout_s=_REACH_S).close()
    elif scheme == "id":
        if rest.casefold() not in {(port.usb_serial or "").casefold() for port in present_ports()}:
            raise missing(
                text, lambda: [f"id:{port.usb_serial}" for port in present_ports() if port.usb_serial]
            )
    elif scheme == "replay":
        from mbuscli.services.sticks import split_replay

        with reading(Path(split_replay(text)[0])):
            pass
    elif scheme == "sim":
        from mbuscli.ports.opener import open_port

        open_port(text).close()
    elif text not in ("auto", *_PROGRAMS) and not os.path.exists(text) and text not in present_names():
        raise missing(text, present_names)


def _names_by_id() -> list[str]:
    from mbuscli.ports.serial_port import present_ports

    return [f"id:{port.usb_serial}" for port in present_ports() if port.usb_serial]


# -- sticks --------------------------------------------------------------------------------------------------


def look_at_sticks(_case: Case) -> Iterator[Finding]:
    """Sticks that their USB texts name are asked who they are; receivers in software are looked for."""
    from mbuscli.devices.sticks.registry import family_of_text
    from mbuscli.ports.serial_port import present_ports
    from mbuscli.services.ports import STICK, guess
    from mbuscli.services.stick_list import list_sticks

    named = [
        port.device
        for port in present_ports()
        if guess(port).kind == STICK and family_of_text(f"{port.manufacturer} {port.product}")
    ]
    found = list_sticks(named) if named else []
    programs = list_sticks(present=())
    for each in (*found, *programs):
        yield _stick(each)
    if not found and not programs:
        hint = "if one is behind an adapter: mbuscli doctor --as stick --port PORT"
        yield Finding("skipped", "no USB device calls itself a radio stick", (hint,))


def _stick(found: FoundStick) -> Finding:
    if found.error is not None:
        return found_error(found.error, found.port)
    identity = found.identity
    if identity is None:
        hint = (
            f"mbuscli sticks {found.port}",
            "plug it in again: one that was stopped in mid-message needs that",
        )
        return Finding("failed", "no radio stick answers", hint, found.port)
    firmware = f"firmware {identity.firmware}" if identity.firmware else ""
    number = f"number {identity.serial}" if identity.serial else ""
    hears = f"hears {' '.join(sorted(found.hears[0]))}" if found.hears else ""
    text = ", ".join(filter(None, (identity.model, firmware, number, hears)))
    return Finding("ok", text, subject=found.port)


# -- the named port ------------------------------------------------------------------------------------------


def look_at_named_port(case: Case) -> Iterator[Finding]:
    """The port of --port: it opens, and what stands behind it answers."""
    if case.port is None:
        hint = "mbuscli doctor --port PORT opens it, and asks the converter, stick or modem behind it"
        yield Finding("skipped", "no port was named, so none was opened", (hint,))
        return
    profile = _resolved(case.port, _profiles())
    if profile.port in _PROGRAMS:
        yield from _programs(profile.port)
        return
    if profile.port == "auto":
        profile = profile._replace(port=choose_port().name)
    fault = access_fault(profile.port)
    if fault is not None and fault.state == "failed":
        yield fault
        return
    try:
        finding = _asked((case.kind,) if case.kind else _kinds_behind(profile.port), profile)
    except MbuscliError as error:
        finding = found_error(error)
    yield finding._replace(subject=case.port)


def _programs(name: str) -> Iterator[Finding]:
    from mbuscli.services.stick_list import list_sticks

    found = [_stick(each) for each in list_sticks(present=()) if each.port == name]
    yield from found or [Finding("failed", f"{name} is not installed, or not on PATH", subject=name)]


def _profiles() -> Mapping[str, Profile]:
    """The sound ones; what is wrong in the file is the business of another check."""
    try:
        return read_config().profiles
    except MbuscliError:
        return {}


def _resolved(text: str, profiles: Mapping[str, Profile]) -> Profile:
    return profiles.get(text, Profile(text))


def _kinds_behind(text: str) -> tuple[Kind, ...]:
    """What to ask for, in this order: a bare adapter is taken for a converter, whose bus must not be
    disturbed by questions for others."""
    from mbuscli.devices.sticks.registry import family_of_text
    from mbuscli.ports.serial_port import present_ports
    from mbuscli.services.ports import OTHER_USB, STICK, guess

    if text.startswith("sim:stick"):
        return ("stick",)
    if text.startswith("sim:modem"):
        return ("modem",)
    real, serial = os.path.realpath(text), text.removeprefix("id:").casefold()
    for port in present_ports():
        if port.device in (text, real) or (port.usb_serial or "").casefold() == serial:
            kind = guess(port).kind
            if kind == STICK:
                return ("stick",) if family_of_text(f"{port.manufacturer} {port.product}") else ("modem",)
            if kind == OTHER_USB:
                return ("stick", "modem")
    return ("converter",)


def _asked(kinds: tuple[Kind, ...], profile: Profile) -> Finding:
    if kinds == ("converter",):
        return _echo(profile)
    if "stick" in kinds:
        from mbuscli.services.stick_list import list_sticks

        (found,) = list_sticks([profile.port])
        if found.identity is not None or found.error is not None or "modem" not in kinds:
            return _stick(found)
    return _modem(profile.port)


def _modem(text: str) -> Finding:
    from mbuscli.services.lora_modem import open_modem

    with open_modem(text) as modem:
        identity = modem.identity
    firmware = f"firmware {identity.firmware}" if identity.firmware else ""
    number = f"DevEUI {identity.dev_eui.hex().upper()}" if identity.dev_eui else ""
    return Finding("ok", ", ".join(filter(None, (f"LoRaWAN modem {identity.model}", firmware, number))))


def _echo(profile: Profile) -> Finding:
    """Send one link reset to the address of selected meters: nothing comes back, or an echo."""
    from mbuscli.ports.opener import open_port
    from mbuscli.services.link import Link

    baud = profile.baud if isinstance(profile.baud, int) else _DEFAULT_BAUD
    with open_port(profile.port, baud=baud) as port:
        link = Link(port, timeout_s=profile.timeout_s, margin_s=profile.margin_s)
        reply = link.converter.run(link.session.reset(ADDRESS_SELECTED))
        echo = link.converter.echo
        note = getattr(port, "parity_note", None)
    finding = _judged_echo(reply, echo, f"opened at {baud} baud")
    if note and finding.state == "ok":
        return finding._replace(state="warning", text=f"{finding.text}; {note}")
    return finding


def _judged_echo(reply: Reply, echo: bool, opened: str) -> Finding:
    sent = f"{opened}; sent {spaced_hex(encode_short(SND_NKE, ADDRESS_SELECTED))}"
    words = "it echoes what it is sent, which mbuscli leaves out" if echo else "it does not echo"
    if reply.kind is ReplyKind.SILENCE and not reply.note:
        return Finding("ok", f"{sent}: {words}, and nobody answered, as it should be")
    if reply.kind is ReplyKind.ACK:
        return Finding("ok", f"{sent}: {words}; a meter that was still selected has answered")
    heard = f"{sent}: {counted(len(reply.raw), 'octet')} came that nobody should have sent"
    return Finding(
        "warning",
        f"{heard} ({reply.note})" if reply.note else heard,
        (
            "check wiring and termination, and whether another master uses the bus",
            "a radio stick or modem behind this port: --as stick or --as modem",
        ),
    )

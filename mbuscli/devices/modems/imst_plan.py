"""What configures an IMST modem, as requests and in words."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.devices.modems.base import Abp, Activation, Command, DeviceClass, Settings
from mbuscli.errors import KeyProblemError, Reason, RefusedError
from mbuscli.protocol.receivers import wimod_lorawan as hci


class Step(NamedTuple):
    """One request while configuring."""

    sap: int
    number: int
    body: bytes
    shown: str
    meaning: str

    @property
    def command(self) -> Command:
        """As `--dry-run` shows it: access point, message, and what follows in words."""
        octets = hci.encode_request(self.sap, self.number, self.body)
        return Command(octets, f"{self.sap:02X} {self.number:02X} {self.shown}".rstrip(), self.meaning)


def steps(
    settings: Settings, activation: Activation, stack: hci.Stack, classes: tuple[DeviceClass, ...]
) -> list[Step]:
    """The requests that configure a modem with this stack; RefusedError for what it cannot do."""
    _check(settings, activation, classes)
    wanted = _stack(stack, settings).encode()
    last = Step(hci.LORAWAN, hci.SET_STACK, wanted, wanted.hex().upper(), _stack_words(settings))
    if isinstance(activation, Abp):
        return [last]
    eui, join_eui = activation.dev_eui, activation.join_eui
    parameters = join_eui + activation.app_key.octets
    shown = f"{join_eui.hex().upper()} <AppKey>"
    return [
        _mode(hci.CUSTOMER_MODE, "customer mode, in which the DevEUI can be set"),
        Step(hci.LORAWAN, hci.SET_EUI, eui, eui.hex().upper(), "DevEUI"),
        _mode(hci.APPLICATION_MODE, "application mode"),
        Step(hci.LORAWAN, hci.SET_JOIN_PARAMETER, parameters, shown, "JoinEUI and AppKey"),
        last,
    ]


def activation_step(activation: Activation) -> Step:
    """What joins, or activates; KeyProblemError if a session key is missing."""
    if not isinstance(activation, Abp):
        return Step(hci.LORAWAN, hci.JOIN, b"", "", "join")
    nwk_s, app_s = activation.keys.f_nwk_s_int, activation.keys.app_s
    if nwk_s is None or app_s is None:
        raise KeyProblemError(
            f"the {'NwkSKey' if nwk_s is None else 'AppSKey'} is missing",
            reason=Reason.KEY_MISSING,
            hint=("activation by personalisation needs NwkSKey and AppSKey",),
        )
    address = activation.dev_addr
    return Step(
        hci.LORAWAN,
        hci.ACTIVATE_ABP,
        address[::-1] + nwk_s.octets + app_s.octets,
        f"{address.hex().upper()} <NwkSKey> <AppSKey>",
        "activate with DevAddr, NwkSKey and AppSKey",
    )


def _mode(mode: int, meaning: str) -> Step:
    return Step(hci.DEVICE, hci.SET_MODE, bytes((mode,)), f"{mode:02X}", meaning)


def _stack(stack: hci.Stack, settings: Settings) -> hci.Stack:
    """The configuration that is wanted; answers to link checks only come with MAC commands handed on."""
    options = stack.options | hci.EXTENDED_OUTPUT | hci.MAC_FORWARD
    options = options & ~hci.CLASS_C | (hci.CLASS_C if settings.device_class == "C" else 0)
    if settings.adr is not None:
        options = options & ~hci.ADR | (hci.ADR if settings.adr else 0)
    rate = stack.data_rate if settings.data_rate is None else settings.data_rate
    band = hci.BANDS[settings.region.name]
    # The band of EU868 is also written with another data rate in RX2: that is the user's business.
    if stack.band & 0x7F == band:
        band = stack.band
    return stack._replace(data_rate=rate, options=options, band=band)


def _stack_words(settings: Settings) -> str:
    words = [f"radio stack: {settings.region.name}", f"class {settings.device_class}"]
    if settings.data_rate is not None:
        words.append(f"data rate {settings.data_rate}")
    if settings.adr is not None:
        words.append(f"ADR {'on' if settings.adr else 'off'}")
    return ", ".join(words)


def _check(settings: Settings, activation: Activation, classes: tuple[DeviceClass, ...]) -> None:
    """RefusedError `device.unsupported` for what the modem cannot do."""
    what = ""
    if settings.region.name not in hci.BANDS:
        what = f"the region {settings.region.name}"
    elif settings.sub_band is not None:
        what = "sub-bands"
    elif settings.device_class not in classes:
        what = f"class {settings.device_class}"
    elif activation.keys.is_1_1 if isinstance(activation, Abp) else activation.nwk_key is not None:
        what = "LoRaWAN 1.1"
    if what:
        raise RefusedError(f"IMST modems do not have {what}", reason=Reason.UNSUPPORTED, layer="device")


def refused(step: Step, answer: bytes) -> RefusedError:
    """The error for an answer whose status is not good."""
    words = hci.DEVICE_STATUS if step.sap == hci.DEVICE else hci.STATUS
    why = words.get(answer[0], f"status {answer[0]:02X}")
    if step.number == hci.SET_STACK and len(answer) > 1:
        parts = [name for bit, name in hci.STACK_ERRORS.items() if answer[1] & bit]
        why += f" ({', '.join(parts)})" if parts else ""
    return RefusedError(
        f"the modem refuses {step.meaning}: {why}",
        reason=Reason.REFUSED,
        layer="device",
        hint=(f"the command was: {step.command.shown}",),
    )

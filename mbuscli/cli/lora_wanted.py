"""What `mbuscli lora-join` was asked for, made into a job for the modem that was found; and the job done."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.devices.modems.base import Abp, Activation, DeviceClass, Otaa, Settings
from mbuscli.errors import InputError, MbuscliError, NotConfirmedError, Reason, UsageError
from mbuscli.protocol.lorawan.region import parse_region, sub_band_channels
from mbuscli.protocol.lorawan.region_table import REGIONS, Region
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.render.lora_view import LoraReport
from mbuscli.services.lora_join import plan, run
from mbuscli.services.lora_steps import Job, NotJoined, NotSent, Uplink
from mbuscli.settings.lora_keys import (
    APP_KEY,
    APP_S_KEY,
    F_NWK_S_INT_KEY,
    NWK_KEY,
    NWK_S_ENC_KEY,
    NWK_S_KEY,
    S_NWK_S_INT_KEY,
)
from mbuscli.settings.lora_state import DeviceState, load_state

if TYPE_CHECKING:
    from mbuscli.cli.lora_options import RoleKeys
    from mbuscli.render.report import Output
    from mbuscli.services.lora_modem import OpenModem
    from mbuscli.settings.lora_qr import DeviceLabel

_KEYS_1_1 = (F_NWK_S_INT_KEY, S_NWK_S_INT_KEY, NWK_S_ENC_KEY)


class Wanted(NamedTuple):
    """The options of the command."""

    keys: RoleKeys
    region: Region | None
    sub_band: int | None
    otaa: bool
    abp: bool
    dev_eui: bytes | None
    join_eui: bytes | None
    qr: DeviceLabel | None
    dev_addr: bytes | None
    f_cnt: int | None
    class_name: str
    data_rate: int | None
    adr: bool | None
    join_s: float
    link_check: bool
    payloads: tuple[tuple[int, bytes], ...]
    confirmed: bool
    listen_s: float | None
    resume: bool
    yes: bool

    @property
    def personalised(self) -> bool:
        """A device address alone says so as well."""
        return self.abp or (self.dev_addr is not None and not self.otaa)

    def check(self) -> None:
        """UsageError for what cannot be, before any port is opened."""
        if self.region is None and not self.resume:
            raise UsageError(
                "no region is given: on the frequencies of another one sending is forbidden",
                reason=Reason.EMPTY,
                hint=(f"--region with one of: {', '.join(REGIONS)}", "or set MBUSCLI_REGION"),
            )
        if self.region is not None:
            self._check_region(self.region)
        self._check_activation()
        if self.confirmed and not self.payloads:
            raise _odd("--confirmed needs something to send", "add --send PORT:HEX")

    def _check_region(self, region: Region) -> None:
        if self.sub_band is not None:
            sub_band_channels(region, self.sub_band)
        number = self.data_rate
        if number is not None and (number >= len(region.rates) or region.rates[number] is None):
            known = ", ".join(str(index) for index, rate in enumerate(region.rates) if rate is not None)
            raise _odd(f"{region.name} has no data rate {number}", f"it has {known}")

    def _check_activation(self) -> None:
        if self.otaa and self.abp:
            raise _odd("a device joins, or is personalised: not both", "--otaa or --abp")
        if self.personalised and self.dev_addr is None:
            raise _odd("a personalised device needs its address", "add --dev-addr 26011BDA")
        if self.personalised and (self.qr or self.join_eui):
            raise _odd("a personalised device has no JoinEUI", "leave --abp out, or --qr and --join-eui")
        if not self.personalised and (self.dev_addr is not None or self.f_cnt is not None):
            raise _odd("--dev-addr and --f-cnt go with --abp", "a join gives the device its address")
        for given, on_label in ((self.dev_eui, "dev_eui"), (self.join_eui, "join_eui")):
            if self.qr is not None and given not in (None, getattr(self.qr, on_label)):
                name = f"--{on_label.replace('_', '-')}"
                raise _odd(f"{name} differs from the one in the QR text", f"leave {name} out")

    # -- with the modem ----------------------------------------------------------------------------------

    def job(self, own_eui: bytes | None) -> Job:
        """The job for a modem with this DevEUI of its own. Raises errors about keys, state and counters."""
        device = self._device(own_eui)
        state = load_state(device)
        region = self.region or _region_of(state, device)
        settings = Settings(region, self.sub_band, self._class, self.data_rate, self.adr)
        activation = None if self.resume else self._activation(device, state)
        return Job(
            settings,
            device,
            activation,
            self.link_check,
            tuple(Uplink(f_port, octets, self.confirmed) for f_port, octets in self.payloads),
            self.listen_s or 0.0,
            self.join_s,
        )

    @property
    def _class(self) -> DeviceClass:
        return "B" if self.class_name == "B" else "C" if self.class_name == "C" else "A"

    def _device(self, own_eui: bytes | None) -> bytes:
        if self.dev_addr is not None:
            return self.dev_addr
        device = self.dev_eui or (self.qr.dev_eui if self.qr else None) or own_eui
        if device is None:
            raise _odd("no DevEUI is given, and the modem does not tell its own", "--dev-eui, or --qr")
        return device

    def _activation(self, device: bytes, state: DeviceState) -> Activation:
        if self.personalised:
            return Abp(device, self._session_keys(device), self._counter(device, state))
        join_eui = self.join_eui or (self.qr.join_eui if self.qr else None)
        if join_eui is None:
            raise UsageError(
                "no JoinEUI is given",
                reason=Reason.EMPTY,
                hint=("--join-eui, or --qr: it is printed on the label, also as AppEUI",),
            )
        keys = self.keys.of(device, (APP_KEY,), (NWK_KEY,))
        return Otaa(device, join_eui, keys[APP_KEY], keys.get(NWK_KEY))

    def _session_keys(self, device: bytes) -> SessionKeys:
        known = self.keys.known(device, (NWK_S_KEY, APP_S_KEY), _KEYS_1_1)
        if not any(role in known for role in _KEYS_1_1):
            keys = self.keys.of(device, (NWK_S_KEY, APP_S_KEY))
            return SessionKeys.v1_0(keys[NWK_S_KEY], keys[APP_S_KEY])
        keys = self.keys.of(device, (*_KEYS_1_1, APP_S_KEY))
        return SessionKeys(
            "1.1", keys[F_NWK_S_INT_KEY], keys[S_NWK_S_INT_KEY], keys[NWK_S_ENC_KEY], keys[APP_S_KEY]
        )

    def _counter(self, device: bytes, state: DeviceState) -> int:
        """Of the next uplink. A counter that was used hides the payload no more, and the network drops it."""
        if self.f_cnt is None:
            return state.f_cnt_up
        if self.f_cnt < state.f_cnt_up and not self.yes:
            raise NotConfirmedError(
                f"counter {self.f_cnt} of {device.hex().upper()} was used: the last run ended before "
                f"{state.f_cnt_up}",
                reason=Reason.UNSAFE,
                hint=(
                    "leave --f-cnt out, to go on where it ended",
                    "--yes if the network has reset its counters, and the keys are new",
                ),
            )
        return self.f_cnt


def _region_of(state: DeviceState, device: bytes) -> Region:
    """The region of the session that is to be gone on with."""
    if not state.region:
        raise InputError(
            f"no session of {device.hex().upper()} is known here",
            reason=Reason.MISSING,
            hint=("join first: leave --resume out",),
        )
    return parse_region(state.region)


def _odd(text: str, hint: str) -> UsageError:
    return UsageError(text, reason=Reason.INVALID, hint=(hint,))


def join(modem: OpenModem, wanted: Wanted, output: Output, *, dry_run: bool) -> ExitCode:
    """Do it, or show what would be sent. Raises the error that it ended with, after its steps are shown."""
    output.streams.end_progress()
    job = wanted.job(modem.identity.dev_eui)
    report = LoraReport(output)
    steps = (
        plan(modem.modem, modem.name, job, modem.identity)
        if dry_run
        else run(modem.modem, modem.name, job, modem.identity, modem.now)
    )
    told = False
    try:
        for step in steps:
            told |= isinstance(step, NotJoined | NotSent) and bool(step.advice)
            report.add(step)
    except MbuscliError as error:
        if told and output.is_table:
            error.hint = ()  # the list above says more
        raise
    finally:
        report.finish()
    if dry_run:
        output.streams.talk("dry run: the modem was asked who it is, and nothing else was sent")
    return ExitCode.DONE

"""From the name of a modem to its twin in a network that knows it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Final

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.lorawan.region import parse_region, sub_band_channels
from mbuscli.protocol.lorawan.region_table import Region
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.protocol.security.keys import Key, parse_key
from mbuscli.simulator.lora.device import Device, Session
from mbuscli.simulator.lora.network import Behaviour, Network, Registration
from mbuscli.simulator.modems.faults import ModemFaults
from mbuscli.simulator.modems.twin import Twin

DEFAULT_MODEM: Final = "rn2483"
# Module and class; twins are loaded when they are asked for.
MODEMS: Final = {
    "rn2483": ("rn2483", "Rn2483Twin"),
    "rn2903": ("rn2483", "Rn2903Twin"),
    "rak3172": ("rak3172", "Rak3172Twin"),
    "rak811": ("rak811", "Rak811Twin"),
    "rak811-rui": ("rak811", "Rak811RuiTwin"),
    "lora_e5": ("lora_e5", "LoraE5Twin"),
    "st_at_slave": ("st_at_slave", "StAtSlaveTwin"),
    "murata_abz": ("murata_abz", "MurataAbzTwin"),
    "la66": ("la66", "La66Twin"),
    "imst": ("imst", "ImstTwin"),
}
# Those whose hardware serves another region than the default one.
_REGIONS: Final = {"rn2903": "US915"}
DEFAULT_REGION: Final = "EU868"

# What the network knows: a device that joins, and one that is activated by personalisation.
DEV_EUI: Final = bytes.fromhex("0004A30B001A2B3C")
JOIN_EUI: Final = bytes.fromhex("70B3D57ED0000001")
APP_KEY: Final = Key(bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"))
DEV_ADDR: Final = bytes.fromhex("26011BDA")
NWK_S_KEY: Final = Key(bytes.fromhex("00112233445566778899AABBCCDDEEFF"))
APP_S_KEY: Final = Key(bytes.fromhex("FFEEDDCCBBAA99887766554433221100"))

_FACTORY_KEY: Final = Key(bytes(16))
_ON: Final = ("", "1", "on", "true", "yes")
_SWITCHES: Final = {"silent": "silent", "bad-mic": "bad_mic"}
_OPTIONS: Final = (
    "family",
    "region",
    "fault",
    "window",
    "loss",
    "nonces",
    "nwk-key",
    "refuse",
    "sub-band",
    *_SWITCHES,
)


def default_network(
    behaviour: Behaviour, region: str = DEFAULT_REGION, nwk_key: Key | None = None
) -> Network:
    """The network that knows the default device, joining or personalised; UsageError for the region."""
    network = Network(
        (Registration(DEV_EUI, JOIN_EUI, APP_KEY, nwk_key),),
        region=parse_region(region),
        behaviour=behaviour,
    )
    network.activate(DEV_EUI, Session(DEV_ADDR, SessionKeys.v1_0(NWK_S_KEY, APP_S_KEY)))
    return network


def use_up_nonces(network: Network, count: int, nwk_key: Key | None = None) -> None:
    """Let the default device have joined so many times before, with another modem."""
    before = Device(DEV_EUI, JOIN_EUI, APP_KEY, nwk_key=nwk_key)
    for _ in range(count):
        network.hear(before.join_request())


def open_twin(
    modem: str = DEFAULT_MODEM,
    network: Network | None = None,
    faults: str = "",
    start_s: float = 0.0,
    *,
    scale: float = 1.0,
) -> Twin:
    """The twin of a modem as it leaves the factory: with its DevEUI, and no keys.

    Raises UsageError `usage.invalid` for an unknown modem or fault.
    """
    name = modem.lower().replace("-", "_") if modem.lower() not in MODEMS else modem.lower()
    place = MODEMS.get(name)
    if place is None:
        near = difflib.get_close_matches(name, MODEMS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(MODEMS)}"
        raise UsageError(f"there is no simulated modem {modem!r}", reason=Reason.INVALID, hint=(hint,))
    module, kind = place
    twin: type[Twin] = getattr(import_module(f"mbuscli.simulator.modems.{module}"), kind)
    if network is None:
        network = default_network(Behaviour(), _REGIONS.get(name, DEFAULT_REGION))
    device = Device(DEV_EUI, bytes(8), _FACTORY_KEY)
    return twin(device, network, ModemFaults.parse(faults), start_s, scale=scale)


def open_twin_by_options(options: Mapping[str, str], start_s: float = 0.0) -> Twin:
    """The twin that the options behind `sim:modem?` name. Raises UsageError for unknown ones.

    family, region; fault: words; refuse: the word with which a join or an uplink is refused; of the network:
    silent, bad-mic, window (1 or 2), loss (0 to 1), nonces (so many joins before), nwk-key (it is a 1.1 one),
    sub-band (where it listens).
    """
    unknown = options.keys() - set(_OPTIONS)
    if unknown:
        raise _invalid(f"sim:modem has no option {min(unknown)!r}", f"{', '.join((*_OPTIONS, 'pace'))}")
    family = options.get("family", DEFAULT_MODEM)
    switches = {field: options.get(name, "0") in _ON for name, field in _SWITCHES.items()}
    behaviour = Behaviour(window=_window(options), loss=_loss(options), **switches)  # type: ignore[arg-type]
    nwk_key = parse_key(options["nwk-key"]) if "nwk-key" in options else None
    region = options.get("region", _REGIONS.get(family.lower(), DEFAULT_REGION))
    network = default_network(behaviour, region, nwk_key)
    nonces = options.get("nonces", "0")
    if not nonces.isdecimal():
        raise _invalid(f"{nonces!r} is no number of joins", "0 to 65535")
    use_up_nonces(network, int(nonces), nwk_key)
    twin = open_twin(family, network, options.get("fault", ""), start_s)
    twin.refuse = options.get("refuse", "")
    twin.sub_band = _sub_band(options, network.region)
    return twin


def _sub_band(options: Mapping[str, str], region: Region) -> int | None:
    text = options.get("sub-band")
    if text is None:
        return None
    sub_band_channels(region, int(text) if text.isdecimal() else 0)
    return int(text)


def _window(options: Mapping[str, str]) -> int:
    window = options.get("window", "1")
    if window not in ("1", "2"):
        raise _invalid(f"{window!r} is no receive window", "1 and 2")
    return int(window)


def _loss(options: Mapping[str, str]) -> float:
    text = options.get("loss", "0")
    try:
        loss = float(text)
    except ValueError:
        loss = -1.0
    if not 0 <= loss <= 1:
        raise _invalid(f"{text!r} is no share of lost uplinks", "0 to 1")
    return loss


def _invalid(text: str, known: str) -> UsageError:
    return UsageError(text, reason=Reason.INVALID, hint=(f"known are: {known}",))

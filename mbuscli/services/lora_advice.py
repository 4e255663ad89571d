"""Why a join or an uplink came to nothing: possible reasons from what was observed, the likeliest first.

A network does not say why it is silent: a wrong key, a used DevNonce and an unknown EUI all look as if no
gateway was near. So the reasons that something speaks for come first, then the others by how common they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from mbuscli.devices.modems.base import Failed, Identity, Otaa
from mbuscli.protocol.lorawan.region_table import REGIONS
from mbuscli.services.lora_steps import Advice, Job
from mbuscli.settings.lora_state import DeviceState

# Blocks of EUIs of common makers and networks; none of them makes sense from the other end.
_KNOWN_BLOCKS: Final = ("70B3D5", "0004A3", "2CF7F1")
# The EUI-64 of a maker is no group address and not locally made up (IEEE 802: bits 0 and 1 of its first
# octet).
_GROUP, _LOCAL = 0x01, 0x02


class Observed(NamedTuple):
    """What there is to go by. `before`: what was known of the device when the command began.

    `requests` join-requests have gone out, `data_rate` of the last one.
    """

    failed: Failed
    identity: Identity
    job: Job
    before: DeviceState
    requests: int = 0
    data_rate: int | None = None
    remarks: tuple[str, ...] = ()


def why_not_joined(observed: Observed) -> tuple[Advice, ...]:
    """Possible reasons for a join that failed."""
    cause = observed.failed.cause
    if cause in ("no-answer", "denied"):
        found = list(_silence(observed))
    elif cause == "bad-accept":
        found = list(_wrong_key(observed))
    else:
        found = list(_modem(observed))
    return tuple(sorted(found, key=lambda advice: not advice.likely))


def why_not_sent(observed: Observed) -> tuple[Advice, ...]:
    """Possible reasons for an uplink that failed, or was not acknowledged."""
    if observed.failed.cause not in ("no-answer", "not-acknowledged"):
        return tuple(_modem(observed))
    found = [_range(observed)]
    if observed.job.is_personalised:
        behind = observed.before.f_cnt_up == 0
        found.append(
            Advice(
                "counter",
                behind,
                "the network has seen higher frame counters of this device, and drops lower ones",
                (
                    "see the counter in the network's console, and go on from there: --f-cnt N",
                    "or reset the frame counters of the device in the network",
                ),
            )
        )
        found.append(
            Advice(
                "keys",
                False,
                "DevAddr, NwkSKey or AppSKey are not those that the network has",
                ("compare them with the network's, all digits",),
            )
        )
    else:
        found.append(
            Advice(
                "session",
                observed.job.activation is None,
                "the network has ended this session, or another modem has joined with the same DevEUI since",
                ("join anew: leave --resume out",),
            )
        )
    return tuple(sorted(found, key=lambda advice: not advice.likely))


def reversed_euis(activation: Otaa, identity: Identity | None = None) -> tuple[str, ...]:
    """Which of DevEUI and JoinEUI look as if their octets stand in the wrong order."""
    own = None if identity is None else identity.dev_eui
    given = activation.dev_eui
    names = []
    if given != own and (given[::-1] == own or _looks_reversed(given)):
        names.append("DevEUI")
    if _looks_reversed(activation.join_eui):
        names.append("JoinEUI")
    return tuple(names)


def _looks_reversed(eui: bytes) -> bool:
    text, other = eui.hex().upper(), eui[::-1].hex().upper()
    if text.startswith(_KNOWN_BLOCKS):
        return False
    return other.startswith(_KNOWN_BLOCKS) or bool(eui[0] & _GROUP and not eui[-1] & (_GROUP | _LOCAL))


# -- no answer -------------------------------------------------------------------------------------------


def _silence(observed: Observed) -> Iterator[Advice]:
    activation = observed.job.activation
    if not isinstance(activation, Otaa):
        return
    yield from _sub_band(observed)
    yield _registration(activation)
    yield _nonce(observed)
    yield _byte_order(observed, activation)
    yield _range(observed)
    yield from _region(observed)


def _registration(activation: Otaa) -> Advice:
    eui = activation.dev_eui.hex().upper()
    keys = "AppKey" if activation.nwk_key is None else "NwkKey"
    version = (
        "a device that the network knows as LoRaWAN 1.1 signs with its NwkKey: give --nwk-key"
        if activation.nwk_key is None
        else "a device that the network knows as LoRaWAN 1.0.x signs with its AppKey: leave --nwk-key out"
    )
    return Advice(
        "registration",
        False,
        f"the network does not know this DevEUI with this JoinEUI, or has another {keys}: then it is silent",
        (
            f"in the network's console, look at the live data of {eui}: a join-request that is seen there "
            "and not answered is a matter of keys or DevNonce, one that is not seen a matter of radio",
            f"compare DevEUI, JoinEUI and {keys} with the network's, all digits",
            version,
        ),
    )


def _byte_order(observed: Observed, activation: Otaa) -> Advice:
    suspects = reversed_euis(activation, observed.identity)
    dev_eui, join_eui = (eui[::-1].hex().upper() for eui in (activation.dev_eui, activation.join_eui))
    words = (
        f"{' and '.join(suspects)} look{'s' * (len(suspects) == 1)} reversed"
        if suspects
        else "an EUI may be reversed: some tools print the least significant octet first"
    )
    options = []
    if not suspects or "DevEUI" in suspects:
        options.append(f"--dev-eui {dev_eui}")
    if (not suspects and any(activation.join_eui)) or "JoinEUI" in suspects:
        options.append(f"--join-eui {join_eui}")
    return Advice("eui-order", bool(suspects), words, (f"run it with {' '.join(options)}",))


def _nonce(observed: Observed) -> Advice:
    before = observed.before
    joined_before = bool(before.joined)
    other = joined_before and before.modem != observed.identity.model
    if other:
        text = (
            f"DevNonce: this device joined before with another modem ({before.modem}), whose count is ahead"
        )
    elif joined_before:
        text = f"DevNonce: this device joined on {before.joined[:10]}; a modem that was reset counts anew"
    else:
        text = "DevNonce: the network has seen this one before, and drops the request without a word"
    return Advice(
        "dev-nonce",
        other,
        text,
        (
            'in the network\'s console, reset the join nonces of the device ("reset used DevNonces")',
            "or join again several times: the modem counts up with each",
        ),
    )


def _sub_band(observed: Observed) -> Iterator[Advice]:
    settings = observed.job.settings
    if not settings.region.has_sub_bands:
        return
    if settings.sub_band is None:
        yield Advice(
            "sub-band",
            True,
            f"no sub-band is set: {settings.region.name} has 64 channels, and most gateways hear 8 of them",
            ("ask the network for its sub-band; The Things Network: --sub-band 2",),
        )
    else:
        yield Advice(
            "sub-band",
            False,
            f"the gateways may listen to another sub-band than {settings.sub_band}",
            ("ask the network for its sub-band, and try the others: --sub-band 1 to 8",),
        )


def _region(observed: Observed) -> Iterator[Advice]:
    wanted = observed.job.settings.region.name
    claimed = _claimed_region(observed.identity)
    if claimed is not None and claimed != wanted:
        yield Advice(
            "region",
            True,
            f"the modem says {claimed}, and {wanted} is set",
            (f"run it with --region {claimed}",),
        )
    else:
        yield Advice(
            "region",
            False,
            f"the network here may not be one of {wanted}",
            ("use the region of the network's gateways: --region",),
        )


def _claimed_region(identity: Identity) -> str | None:
    """The region that a model or firmware names in its text, as those do that are made for one."""
    words = f"{identity.model} {identity.firmware}".replace(",", " ").split()
    return next((word for word in words if word in REGIONS), None)


def _range(observed: Observed) -> Advice:
    rate = observed.data_rate
    slower = () if not rate else ("send slower, which reaches further: --dr 0",)
    return Advice(
        "range",
        False,
        "no gateway hears the modem, or the modem not the gateway",
        (
            "go to a window or outdoors, and look at the antenna: one for the right band, screwed on",
            *slower,
            "not within a metre of the gateway either: it is then too loud",
        ),
    )


# -- something was heard, or the modem says why ----------------------------------------------------------


def _wrong_key(observed: Observed) -> Iterator[Advice]:
    activation = observed.job.activation
    two = isinstance(activation, Otaa) and activation.nwk_key is not None
    yield Advice(
        "keys",
        True,
        "the network heard the request and accepted it, but its answer does not fit the key in the modem",
        (
            "AppKey and NwkKey may be exchanged: try them the other way round"
            if two
            else "compare the AppKey with the network's, all digits",
            "a device that the network knows as LoRaWAN 1.1 needs both keys: --app-key and --nwk-key"
            if not two
            else "a device that the network knows as LoRaWAN 1.0.x has one key: leave --nwk-key out",
        ),
    )
    yield Advice(
        "other-device",
        False,
        "the answer may have been for another device that joined at the same moment",
        ("join once more",),
    )


def _modem(observed: Observed) -> Iterator[Advice]:
    failed, settings = observed.failed, observed.job.settings
    if failed.cause == "duty-cycle":
        wait = "" if failed.wait_s is None else f" {failed.wait_s:.0f} s"
        yield Advice(
            "duty-cycle",
            True,
            "the law allows little time on air here, and it is used up",
            (f"wait{wait or ' some minutes'}, and run this again", "send faster, which is shorter: --dr 5"),
        )
    elif failed.cause == "no-channel":
        yield Advice(
            "channels",
            True,
            "every channel is switched off, or occupied",
            ("wait a minute, and run this again", *_channel_tries(settings.region.has_sub_bands)),
        )
    elif failed.cause == "busy":
        yield Advice("busy", True, "the modem is still at something else", _BUSY)
    elif failed.cause == "payload-length":
        yield Advice(
            "payload-length",
            True,
            "slow data rates carry little: 11 octets at DR0 of US915, 51 at DR0 of EU868",
            ("send less at once", "or send faster: --dr with a higher number"),
        )
    elif failed.cause == "region":
        yield Advice("region", True, "the firmware was made for other regions", _FIRMWARE)
    elif failed.cause == "not-joined":
        yield Advice("not-joined", True, "the modem has no session", ("join: leave --resume out",))
    elif failed.cause == "counter":
        yield Advice("counter", True, "the modem's frame counter is at its end", ("join anew",))
    else:
        yield Advice("modem", True, "the modem refuses, in its own words", _AGAIN)


_BUSY = ("wait until it is quiet (half a minute), and run this again", "unplug it, and plug it in again")
_FIRMWARE = ("use a modem, or a firmware, for this region",)
_AGAIN = ("see what would be sent: --dry-run", "unplug it, and plug it in again")


def _channel_tries(has_sub_bands: bool) -> tuple[str, ...]:
    return ("name the sub-band of the network: --sub-band 2",) if has_sub_bands else ()

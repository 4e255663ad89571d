"""What must outlast a run of a LoRaWAN device: how far its counters are, and the session it is in.

One file a device, named by DevEUI (joined over the air) or DevAddr (personalised), in the state folder. A
counter is stored before the frame that uses it is sent, so that no power cut makes it go back.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mbuscli.errors import InputError, Reason
from mbuscli.settings.files import locked, read_private, unwritable, write_private
from mbuscli.settings.paths import state_folder

_SCHEMA = "mbuscli-lorawan/1"
_FOLDER = "lorawan"
_LIMIT = 1 << 16
_MAX_COUNTER = 0xFFFFFFFF


class DeviceState(NamedTuple):
    """What is known of a device; no key is in it.

    join_requests  begun from here: how far they have taken the DevNonce of a stack that counts
    dev_addr       of the session, in hexadecimal; "" if it never joined
    joined         when, ISO 8601
    modem          which modem holds the session, as it calls itself
    region         of the session
    f_cnt_up       the next uplink's counter of a personalised device
    """

    join_requests: int = 0
    dev_addr: str = ""
    joined: str = ""
    modem: str = ""
    region: str = ""
    f_cnt_up: int = 0


def state_path(device: bytes) -> Path:
    """The file of the device with this DevEUI or DevAddr."""
    return state_folder() / _FOLDER / f"{device.hex().upper()}.json"


def load_state(device: bytes) -> DeviceState:
    """What is known, nothing of a new device. InputError `input.invalid`, or as `read_private`."""
    path = state_path(device)
    if not path.exists():
        return DeviceState()
    try:
        return _checked(json.loads(read_private(path, _LIMIT)))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise InputError(
            f"{path} is damaged: what it knows of the device cannot be used",
            reason=Reason.INVALID,
            hint=(
                "delete it; the next join begins with nothing known",
                "of a personalised device, then say where its counter is: --f-cnt",
            ),
        ) from None


def update_state(device: bytes, change: Callable[[DeviceState], DeviceState]) -> DeviceState:
    """Change what is known, on disk before this returns; no other process changes it meanwhile.

    Raises as `load_state`, and InputError `input.unwritable`.
    """
    path = state_path(device)
    try:
        with locked(path):
            state = change(load_state(device))
            document = {"schema": _SCHEMA, **state._asdict()}
            write_private(path, json.dumps(document, indent=1).encode() + b"\n")
            return state
    except OSError as error:
        raise unwritable(path, error) from None


def _checked(document: Any) -> DeviceState:
    if document["schema"] != _SCHEMA:
        raise ValueError
    counters = {name: int(document[name]) for name in ("join_requests", "f_cnt_up")}
    if not all(0 <= value <= _MAX_COUNTER for value in counters.values()):
        raise ValueError
    bytes.fromhex(document["dev_addr"])
    texts = {name: str(document[name]) for name in ("dev_addr", "joined", "modem", "region")}
    return DeviceState(**counters, **texts)  # type: ignore[arg-type]

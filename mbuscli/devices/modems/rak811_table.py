"""Words and numbers of the RAK811."""

from __future__ import annotations

from typing import Final

from mbuscli.devices.modems.line_modem import Meanings

REGIONS: Final = {
    "EU868": "EU868",
    "US915": "US915",
    "AU915": "AU915",
    "AS923-1": "AS923",
    "IN865": "IN865",
    "KR920": "KR920",
}

OLD_ERRORS: Final[Meanings] = {
    "ERROR-1": ("parameter", "it does not take one of the values"),
    "ERROR-2": ("modem", "this firmware does not know the command"),
    "ERROR-3": ("parameter", "it cannot activate with these values"),
    "ERROR-4": ("parameter", "it cannot join with these values"),
    "ERROR-5": ("not-joined", "the modem has not joined"),
    "ERROR-6": ("busy", "the stack is not idle"),
    "ERROR-7": ("modem", "it could not send"),
    "ERROR-8": ("modem", "internal error"),
    "ERROR-11": ("modem", "it could not write its settings"),
    "ERROR-12": ("modem", "it could not read its settings"),
    "ERROR-13": ("payload-length", "too long for this data rate"),
    "ERROR-20": ("modem", "an error that it does not know itself"),
}

RECEIVE_STATUS: Final = {
    4: "nobody answered the join in both windows, or not for this device",
    5: "the radio could not send",
    6: "nothing came in the second window",
    7: "a downlink came again",
    8: "the modem woke up",
    9: "a transmission without network is done",
    100: "unknown status",
}

RUI_ERRORS: Final[Meanings] = {
    "ERROR: 1": ("modem", "this firmware does not know the command"),
    "ERROR: 2": ("parameter", "it does not take one of the values"),
    "ERROR: 3": ("modem", "its flash memory failed"),
    "ERROR: 4": ("modem", "its I2C bus failed"),
    "ERROR: 5": ("modem", "its serial line failed"),
    "ERROR: 41": ("modem", "its Bluetooth failed"),
    "ERROR: 80": ("busy", "the stack is not idle"),
    "ERROR: 81": ("modem", "unknown service of the stack"),
    "ERROR: 82": ("parameter", "the stack does not take one of the values"),
    "ERROR: 83": ("parameter", "the stack does not take one of the values"),
    "ERROR: 84": ("parameter", "not with this data rate"),
    "ERROR: 85": ("parameter", "not with this frequency and data rate"),
    "ERROR: 86": ("not-joined", "the modem has not joined"),
    "ERROR: 87": ("payload-length", "too long for this data rate"),
    "ERROR: 88": ("modem", "this service of the stack is closed"),
    "ERROR: 89": ("region", "this firmware is without that region"),
    "ERROR: 90": ("duty-cycle", "the duty cycle is used up"),
    "ERROR: 91": ("no-channel", "no valid channel"),
    "ERROR: 92": ("no-channel", "no free channel"),
    "ERROR: 93": ("modem", "wrong status of the stack"),
    "ERROR: 94": ("modem", "the radio could not send"),
    "ERROR: 95": ("no-answer", "nothing came in the first window"),
    "ERROR: 96": ("no-answer", "nothing came in the second window"),
    "ERROR: 97": ("modem", "reception failed in the first window"),
    "ERROR: 98": ("modem", "reception failed in the second window"),
    "ERROR: 99": ("no-answer", "the join failed: nobody answered, or not for this device"),
    "ERROR: 100": ("modem", "a downlink came again"),
    "ERROR: 101": ("payload-length", "too long for this data rate"),
    "ERROR: 102": ("counter", "too many frames of the network were lost"),
    "ERROR: 103": ("modem", "a frame with another address came"),
    "ERROR: 104": ("bad-accept", "the MIC of what came does not fit: is the key right?"),
}

"""MAC commands by identifier: names and sizes in both directions (LoRaWAN 1.0.2 and 1.1, clause 5)."""

from __future__ import annotations

from typing import NamedTuple


class MacEntry(NamedTuple):
    """Name and count of octets after the identifier; `size` None: not sent in this direction."""

    name: str
    size: int | None


UPLINK = {
    0x01: MacEntry("ResetInd", 1),
    0x02: MacEntry("LinkCheckReq", 0),
    0x03: MacEntry("LinkADRAns", 1),
    0x04: MacEntry("DutyCycleAns", 0),
    0x05: MacEntry("RXParamSetupAns", 1),
    0x06: MacEntry("DevStatusAns", 2),
    0x07: MacEntry("NewChannelAns", 1),
    0x08: MacEntry("RXTimingSetupAns", 0),
    0x09: MacEntry("TxParamSetupAns", 0),
    0x0A: MacEntry("DlChannelAns", 1),
    0x0B: MacEntry("RekeyInd", 1),
    0x0C: MacEntry("ADRParamSetupAns", 0),
    0x0D: MacEntry("DeviceTimeReq", 0),
    0x0F: MacEntry("RejoinParamSetupAns", 1),
    0x10: MacEntry("PingSlotInfoReq", 1),
    0x11: MacEntry("PingSlotChannelAns", 1),
    0x12: MacEntry("BeaconTimingReq", 0),
    0x13: MacEntry("BeaconFreqAns", 1),
    0x20: MacEntry("DeviceModeInd", 1),
}

DOWNLINK = {
    0x01: MacEntry("ResetConf", 1),
    0x02: MacEntry("LinkCheckAns", 2),
    0x03: MacEntry("LinkADRReq", 4),
    0x04: MacEntry("DutyCycleReq", 1),
    0x05: MacEntry("RXParamSetupReq", 4),
    0x06: MacEntry("DevStatusReq", 0),
    0x07: MacEntry("NewChannelReq", 5),
    0x08: MacEntry("RXTimingSetupReq", 1),
    0x09: MacEntry("TxParamSetupReq", 1),
    0x0A: MacEntry("DlChannelReq", 4),
    0x0B: MacEntry("RekeyConf", 1),
    0x0C: MacEntry("ADRParamSetupReq", 1),
    0x0D: MacEntry("DeviceTimeAns", 5),
    0x0E: MacEntry("ForceRejoinReq", 2),
    0x0F: MacEntry("RejoinParamSetupReq", 1),
    0x10: MacEntry("PingSlotInfoAns", 0),
    0x11: MacEntry("PingSlotChannelReq", 4),
    0x12: MacEntry("BeaconTimingAns", 3),
    0x13: MacEntry("BeaconFreqReq", 3),
    0x20: MacEntry("DeviceModeConf", 1),
}

# Maximum EIRP in dBm by the code of TxParamSetupReq.
EIRP_DBM = (8, 10, 12, 13, 14, 16, 18, 20, 21, 24, 26, 27, 29, 30, 33, 36)

# Answers whose octet says bit by bit what the device accepted.
ACCEPTED_BITS = {
    0x03: ("channel_mask", "data_rate", "power"),
    0x05: ("frequency", "rx2_data_rate", "rx1_offset"),
    0x07: ("frequency", "data_rate_range"),
    0x0A: ("frequency", "uplink_frequency_exists"),
    0x0F: ("time",),
    0x11: ("frequency", "data_rate"),
    0x13: ("frequency",),
}

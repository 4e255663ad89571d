"""MAC commands: every one of the tables, cut ones, unknown ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.protocol.lorawan.mac_commands import parse_mac_commands
from mbuscli.protocol.lorawan.mac_table import DOWNLINK, UPLINK, MacEntry


@given(data=st.binary(max_size=40), uplink=st.booleans())
def test_no_octet_is_lost(data: bytes, uplink: bool) -> None:
    commands = parse_mac_commands(data, uplink=uplink)
    assert b"".join(bytes((each.cid,)) + each.raw for each in commands) == data
    assert all(each.name for each in commands[:-1])


@pytest.mark.parametrize(("table", "uplink"), [(UPLINK, True), (DOWNLINK, False)])
def test_every_command_and_every_cut(table: dict[int, MacEntry], uplink: bool) -> None:
    for cid, (name, size) in table.items():
        assert size is not None
        whole = bytes((cid,)) + bytes(range(size))
        (command,) = parse_mac_commands(whole, uplink=uplink)
        assert command.name == name
        if size:
            (cut,) = parse_mac_commands(whole[:-1], uplink=uplink)
            assert (cut.name, cut.fields) == ("", {})


@pytest.mark.parametrize(
    ("octets", "uplink", "name", "fields"),
    [
        ("021402", False, "LinkCheckAns", {"margin_db": 20, "gateways": 2}),
        ("06FE3F", True, "DevStatusAns", {"battery_percent": 100, "margin_db": -1, "external_power": False}),
        ("060020", True, "DevStatusAns", {"battery_percent": None, "margin_db": -32, "external_power": True}),
        ("06FF05", True, "DevStatusAns", {"battery_percent": None, "margin_db": 5, "external_power": False}),
        (
            "03F1070061",
            False,
            "LinkADRReq",
            {
                "data_rate": None,
                "tx_power": 1,
                "channel_mask": "0007",
                "mask_control": 6,
                "transmissions": 1,
            },
        ),
        ("0305", True, "LinkADRAns", {"channel_mask": True, "data_rate": False, "power": True}),
        ("0407", False, "DutyCycleReq", {"duty_cycle_divisor": 128}),
        (
            "05 13 D2AD84",
            False,
            "RXParamSetupReq",
            {"rx1_offset": 1, "rx2_data_rate": 3, "frequency_hz": 869_525_000},
        ),
        (
            "07 03 184F84 50",
            False,
            "NewChannelReq",
            {"channel": 3, "frequency_hz": 867_100_000, "data_rate_min": 0, "data_rate_max": 5},
        ),
        ("0800", False, "RXTimingSetupReq", {"delay_s": 1}),
        ("0935", False, "TxParamSetupReq", {"downlink_dwell": True, "uplink_dwell": True, "eirp_dbm": 16}),
        ("0B01", True, "RekeyInd", {"minor": 1}),
        ("0D 00CA9A3B 80", False, "DeviceTimeAns", {"gps_seconds": 1_000_000_000, "milliseconds": 500}),
        ("0E 231A", False, "ForceRejoinReq", {"period": 3, "retries": 2, "rejoin_type": 2, "data_rate": 3}),
        ("2002", True, "DeviceModeInd", {"device_class": "C"}),
    ],
)
def test_meaning(octets: str, uplink: bool, name: str, fields: dict[str, object]) -> None:
    (command,) = parse_mac_commands(bytes.fromhex(octets), uplink=uplink)
    assert (command.name, command.fields) == (name, fields)


def test_an_unknown_command_ends_the_list() -> None:
    commands = parse_mac_commands(bytes.fromhex("02800203"), uplink=True)
    assert [(each.cid, each.name, each.raw.hex()) for each in commands] == [
        (0x02, "LinkCheckReq", ""),
        (0x80, "", "0203"),
    ]

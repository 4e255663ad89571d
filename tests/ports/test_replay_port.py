from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import InputError, PortError
from mbuscli.ports.replay import ReplayPort, decode_line
from mbuscli.ports.tap import MAX_LINE, Transfer, encode_line

REQUEST, ANSWER = bytes.fromhex("105B015C16"), bytes.fromhex("680303680801728016")
TALK = [
    Transfer(100.0, "baud", b"2400"),
    Transfer(100.1, "tx", bytes.fromhex("1040014116")),
    Transfer(100.2, "rx", b"\xe5"),
    Transfer(100.5, "tx", REQUEST),
    Transfer(100.6, "rx", ANSWER[:4]),
    Transfer(100.7, "rx", ANSWER[4:], frozenset({1})),
    Transfer(101.0, "baud", b"300"),
    Transfer(101.5, "rx", b"\x00"),
]


def capture(path, transfers=TALK, tail: bytes = b""):
    path.write_bytes(b"".join(map(encode_line, transfers)) + tail)
    return str(path)


@pytest.fixture
def port(tmp_path):
    with ReplayPort(capture(tmp_path / "talk.ndjson"), baud=9600) as port:
        yield port


def test_the_conversation_comes_back_in_its_time(port) -> None:
    assert (port.baud, port.now(), port.cut) == (2400, 0.0, False)
    port.write(bytes.fromhex("1040014116"))
    sent = port.now()
    assert sent == pytest.approx(5 * 11 / 2400)
    assert port.read(sent + 0.05) == (b"", frozenset())
    assert port.now() == pytest.approx(sent + 0.05)
    assert port.read(sent + 1).data == b"\xe5"
    assert port.now() == pytest.approx(sent + 0.1)
    port.write(REQUEST)
    sent = port.now()
    assert port.read(math.inf).data == ANSWER[:4]
    assert port.read(math.inf) == (ANSWER[4:], frozenset({1}))
    assert port.now() == pytest.approx(sent + 0.2)
    port.set_baud(300)
    assert port.baud == 300
    switched = port.now()
    assert port.read(math.inf).data == b"\x00"
    assert port.now() == pytest.approx(switched + 0.5)
    assert port.read(port.now() + 5).data == b""
    with pytest.raises(PortError) as caught:
        port.read(math.inf)
    assert caught.value.name == "port.closed"


def test_what_was_not_read_before_the_next_request_waits(port) -> None:
    port.write(bytes.fromhex("1040014116"))
    port.write(REQUEST)
    assert port.read(port.now()).data == b"\xe5"
    assert port.read(port.now() + 1).data == ANSWER[:4]


def test_another_request_is_a_mismatch_that_says_where(port) -> None:
    port.write(bytes.fromhex("1040014116"))
    with pytest.raises(PortError) as caught:
        port.write(bytes.fromhex("105B025D16"))
    assert caught.value.name == "port.replay-mismatch"
    assert "sent 10 5B 02 5D 16 at line 4" in caught.value.text
    assert "where 10 5B 01 5C 16 was recorded" in caught.value.text
    port.write(REQUEST)
    assert port.read(port.now() + 1).data == b"\xe5"
    with pytest.raises(PortError, match="at line 7 of the capture, where 300 baud was recorded"):
        port.write(REQUEST)
    with pytest.raises(PortError, match="change to 9600 baud at line 7"):
        port.set_baud(9600)
    port.set_baud(300)
    with pytest.raises(PortError, match="after the end of the capture, where nothing was recorded"):
        port.write(REQUEST)


def test_after_close(port) -> None:
    port.close()
    port.close()
    for use in (lambda: port.read(0), lambda: port.write(REQUEST), lambda: port.set_baud(300)):
        with pytest.raises(PortError) as caught:
            use()
        assert caught.value.name == "port.closed"


def test_runs_that_were_appended_play_one_after_the_other(tmp_path) -> None:
    run = [Transfer(5.0, "baud", b"2400"), Transfer(5.1, "tx", REQUEST), Transfer(5.2, "rx", ANSWER)]
    with ReplayPort(capture(tmp_path / "two.ndjson", [*run, *run])) as port:
        for _ in range(2):
            port.write(REQUEST)
            assert port.read(port.now() + 1).data == ANSWER


def test_an_empty_capture_is_silence(tmp_path) -> None:
    with ReplayPort(capture(tmp_path / "empty.ndjson", []), baud=9600) as port:
        assert port.baud == 9600
        assert port.read(3.0).data == b""
        assert port.now() == 3.0


def test_a_cut_anywhere_keeps_every_complete_line(tmp_path) -> None:
    path = tmp_path / "cut.ndjson"
    whole = b"".join(map(encode_line, TALK))
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        port = ReplayPort(str(path))
        complete = whole[:length].count(b"\n")
        # the last line is complete, too, if only its newline is missing
        lines = complete + (length < len(whole) and whole[length : length + 1] == b"\n")
        assert len(port._lines) == max(0, lines - 1), "the first line is the baud rate"
        assert port.cut == (length > 0 and not whole[:length].endswith((b"\n", b"}")))


@pytest.mark.parametrize(
    "line",
    [
        b"68 03 03 68",
        b"[1]",
        b'{"time":1,"dir":"up","data":""}',
        b'{"time":1,"dir":"rx","data":"E"}',
        b'{"time":1,"dir":"rx","data":"XY"}',
        b'{"time":1,"dir":"rx","data":5}',
        b'{"time":1,"dir":"rx"}',
        b'{"time":"1","dir":"rx","data":"E5"}',
        b'{"time":NaN,"dir":"rx","data":"E5"}',
        b'{"time":1e999,"dir":"rx","data":"E5"}',
        b'{"time":' + b"9" * 400 + b',"dir":"rx","data":"E5"}',
        b'{"time":1,"dir":"baud","data":"0"}',
        b'{"time":1,"dir":"baud","data":"fast"}',
        '{"time":1,"dir":"baud","data":"²"}'.encode(),
        b'{"time":1,"dir":"rx","data":"E5","bad":[1]}',
        b'{"time":1,"dir":"rx","data":"E5","bad":[-1]}',
        b'{"time":1,"dir":"rx","data":"E5","bad":["0"]}',
        b'{"time":1,"dir":"rx","data":"E5","bad":[[]]}',
        b'{"time":1,"dir":"rx","data":"E5","bad":0}',
        b'{"time":1,"dir":["rx"],"data":"E5"}',
        b"\xff\xfe",
        b"[" * 60000,
        b"x" * (MAX_LINE + 10),
    ],
    ids=lambda line: line[:50].decode("latin-1"),
)
def test_a_bad_line_is_named(tmp_path, line: bytes) -> None:
    path = capture(tmp_path / "bad.ndjson", TALK[:2], b"\n" + line + b"\n" + encode_line(TALK[2]))
    with pytest.raises(InputError, match=r"bad\.ndjson, line 4: ") as caught:
        ReplayPort(path)
    assert caught.value.name == "input.unrecognised"


def test_files_that_cannot_be_read(tmp_path) -> None:
    for path in (str(tmp_path), str(tmp_path / "none"), "", "a\0b"):
        with pytest.raises(InputError) as caught:
            ReplayPort(path)
        assert caught.value.name == "input.unreadable"


transfers = st.one_of(
    st.builds(
        lambda time, direction, data, bad: Transfer(
            round(time, 6), direction, data, frozenset(i for i in bad if i < len(data))
        ),
        st.floats(0, 1e9),
        st.sampled_from(["tx", "rx"]),
        st.binary(max_size=20),
        st.frozensets(st.integers(0, 19)),
    ),
    st.builds(lambda baud: Transfer(0.0, "baud", b"%d" % baud), st.integers(1, 115200)),
)


@given(transfers)
def test_lines_come_back(transfer: Transfer) -> None:
    line = encode_line(transfer)
    assert line.count(b"\n") == 1
    assert decode_line(line) == transfer


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("rxE5²", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
    max_leaves=4,
)


@given(
    st.dictionaries(
        st.sampled_from(["time", "dir", "data", "bad"]), st.sampled_from(["rx", "baud", "E5"]) | json_values
    )
)
def test_any_json_gives_a_transfer_or_a_value_error(line: dict[str, object]) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(decode_line(json.dumps(line).encode()), Transfer)

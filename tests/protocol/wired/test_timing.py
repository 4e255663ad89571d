from __future__ import annotations

import pytest

from mbuscli.protocol.wired.timing import octets_s, timing_for


# The standard's longest reply delay: 330 bit times + 50 ms.
@pytest.mark.parametrize(
    ("baud", "reply_ms"),
    [(300, 1150), (600, 600), (1200, 325), (2400, 187.5), (4800, 118.75), (9600, 84.375)],
)
def test_reply_window_of_the_standard(baud: int, reply_ms: float) -> None:
    assert timing_for(baud, margin_s=0).reply_timeout_s == pytest.approx(reply_ms / 1000)


def test_margin_and_own_timeout() -> None:
    timing = timing_for(2400, margin_s=0.2)
    assert timing.reply_timeout_s == pytest.approx(0.3875)
    assert timing.gap_s == pytest.approx(33 / 2400 + 0.2)
    assert timing.idle_s == pytest.approx(33 / 2400)
    assert timing_for(2400, timeout_s=2.0).reply_timeout_s == 2.0


def test_eleven_bits_an_octet() -> None:
    assert octets_s(17, 2400) == pytest.approx(0.0779, abs=1e-4)

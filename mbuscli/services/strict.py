"""Only values that something proves."""

from __future__ import annotations

from mbuscli.errors import Reason
from mbuscli.telegram import Telegram
from mbuscli.telegram.model import CHECK_BYTES, MAC, PAYLOAD_CRC


def is_proved(telegram: Telegram) -> bool:
    """True if a MAC vouches for the content, or it was encrypted and a check tells that the key was right.

    What was sent again is not proved to be of now.
    """
    security = telegram.security
    if security.replayed:
        return False
    opened = security.state == "decrypted" and security.proof in (PAYLOAD_CRC, CHECK_BYTES)
    return opened or security.proof == MAC


def withhold(telegram: Telegram) -> None:
    """Take away the values of a telegram that are not proved, and say why."""
    if is_proved(telegram):
        return
    security = telegram.security
    why = (
        "it was sent again"
        if security.replayed
        else f"the proof is {security.proof}"
        if security.state == "decrypted"
        else "it is not encrypted"
    )
    telegram.withhold()
    if not any(problem.layer == "security" and not problem.warning for problem in telegram.problems):
        text = f"the values are left out, as nothing proves them: {why}"
        telegram.add_problem("security", 0, Reason.UNPROVED, text)

"""Which meters a command meets: told to our own shell, which counts them and offers their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from mbuscli.protocol.address import MeterAddress


class Session(Protocol):
    """Our shell, as its commands see it: `obj` of click's outermost context, None outside of it."""

    def meet(self, address: str) -> None:
        """A telegram of this meter was received."""
        ...


def session_of_command() -> Session | None:
    """The shell's session that the current command belongs to."""
    ctx = click.get_current_context(silent=True)
    session: Session | None = None if ctx is None else ctx.find_root().obj
    return session


def note_met(meter: MeterAddress | None, primary: int | None = None) -> None:
    """A telegram was received: of this meter, or, where it does not say who it is, from a primary address."""
    session = session_of_command()
    who = primary if meter is None else meter
    if session is not None and who is not None:
        session.meet(str(who))

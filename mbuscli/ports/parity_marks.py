"""The escapes by which a POSIX tty marks octets with a parity or framing error (termios, PARMRK)."""

from __future__ import annotations

from mbuscli.ports.base import Received

MARK = 0xFF


class ParityMarks:
    """Undoes the escapes: `FF FF` is a good FF, `FF 00 xx` a bad xx. An escape may be cut anywhere."""

    def __init__(self) -> None:
        self._cut = b""

    def feed(self, raw: bytes) -> Received:
        """The octets that `raw` completes, and which of them were bad."""
        raw = self._cut + raw
        data = bytearray()
        bad = set()
        at = 0
        while at < len(raw):
            if raw[at] != MARK:
                data.append(raw[at])
                at += 1
                continue
            escape = raw[at : at + 3]
            if len(escape) == 1 or escape == b"\xff\x00":
                break
            if escape[1] == 0:
                bad.add(len(data))
                data.append(escape[2])
                at += 3
            else:
                data.append(MARK)
                # A lone FF is not in the book: keep it and what follows it.
                at += 2 if escape[1] == MARK else 1
        self._cut = raw[at:]
        return Received(bytes(data), frozenset(bad))


def mark_parity_errors(fd: int) -> bool:
    """Ask the tty to mark bad octets and breaks; False where it refuses. POSIX only."""
    import termios

    try:
        attributes = termios.tcgetattr(fd)
        attributes[0] &= ~(termios.IGNPAR | termios.BRKINT | termios.IGNBRK | termios.ISTRIP)
        attributes[0] |= termios.INPCK | termios.PARMRK
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
    except termios.error:
        pass  # it may have taken the marks all the same: look
    try:
        return bool(termios.tcgetattr(fd)[0] & termios.PARMRK)
    except termios.error:
        return False

"""An encrypted or authenticated message, cut into the fields that opening it needs.

Addresses are eight octets in the order of the long header: identification (4), manufacturer (2), version,
device type, each as sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mbuscli.protocol.security.extension import NO_EXTENSION, Extension

if TYPE_CHECKING:
    from datetime import date


class Mac(NamedTuple):
    """Message authentication code of the authentication and fragmentation layer (EN 13757-7).

    type      authentication type, the low half of the message control octet
    octets    the code as sent
    covered   what it is computed over: MCL, KI, MCR, ML as present, then all from the TPL's CI field on,
              encrypted as sent, fragments joined
    counter   message counter MCR, four octets as sent, None where the layer has none
    """

    type: int
    octets: bytes
    covered: bytes
    counter: bytes | None = None


class Sealed(NamedTuple):
    """Transport layer payload with what its header says.

    configuration   the 16-bit configuration field
    payload         all octets behind the configuration field and its extension
    lla             address of the sender in the radio frame's link layer; None on a wired bus
    ala             address in the long header, None where the header is short
    header          from the CI field to the extension and key version: what mode 10 authenticates in clear
    from_meter      False for what a reading device sends to a meter
    received_on     date of reception, local to the meter, which mode 3 needs
    intact          True where a CRC or checksum of the link layer was there and right
    """

    configuration: int
    payload: bytes
    lla: bytes | None = None
    ala: bytes | None = None
    acc: int = 0
    extension: Extension = NO_EXTENSION
    header: bytes = b""
    mac: Mac | None = None
    from_meter: bool = True
    received_on: date | None = None
    intact: bool = False

    @property
    def mode(self) -> int:
        """Security mode: bits 12-8 of the configuration field."""
        return self.configuration >> 8 & 0x1F

    @property
    def message_counter(self) -> bytes | None:
        """The counter that keys derive from: the transport layer's, else the authentication layer's."""
        if self.extension.counter is not None:
            return self.extension.counter
        return self.mac.counter if self.mac is not None else None


class SealedEll(NamedTuple):
    """Extended link layer with session number (CI 8D, 8F; EN 13757-4).

    lla       address of the sender in the link layer
    cc        communication control octet as sent
    session   session number, four octets as sent
    payload   payload CRC and what follows it, as sent
    """

    lla: bytes
    cc: int
    session: bytes
    payload: bytes
    intact: bool = False

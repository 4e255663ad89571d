"""mbuscli: read M-Bus meters from a terminal. The public names load on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mbuscli.errors import MbuscliError
    from mbuscli.ports.opener import open_port
    from mbuscli.protocol.application.records import Record
    from mbuscli.services.batch import decode_batch
    from mbuscli.settings.keystore import KeyRing
    from mbuscli.telegram import Telegram, decode

__all__ = [
    "KeyRing",
    "MbuscliError",
    "Record",
    "Telegram",
    "__version__",
    "decode",
    "decode_batch",
    "open_port",
]

_PUBLIC = {
    "KeyRing": "mbuscli.settings.keystore",
    "MbuscliError": "mbuscli.errors",
    "Record": "mbuscli.protocol.application.records",
    "Telegram": "mbuscli.telegram",
    "decode": "mbuscli.telegram",
    "decode_batch": "mbuscli.services.batch",
    "open_port": "mbuscli.ports.opener",
}


def __getattr__(name: str) -> Any:
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module 'mbuscli' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(module), name)

"""Random but well-formed wireless telegrams, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st


def telegrams(max_body: int = 246) -> st.SearchStrategy[bytes]:
    """Telegrams without CRCs: L, C, M, A and up to `max_body` octets from the CI field on."""
    body = st.binary(max_size=min(40, max_body)) | st.binary(max_size=max_body)
    return st.builds(
        _telegram, st.sampled_from((0x44, 0x46, 0x08, 0x5B)), st.binary(min_size=8, max_size=8), body
    )


def _telegram(c_field: int, address: bytes, body: bytes) -> bytes:
    return bytes((9 + len(body), c_field)) + address + body

"""KEM files as their maker writes them: XML inside XML Encryption."""

from __future__ import annotations

from base64 import b64encode

from mbuscli.protocol.security.ciphers import aes_cbc_encrypt

PASSWORD = "1234567"
KEYS = ("c0ffee15dead5ec4e7f00d1e55beefca", "00112233445566778899AABBCCDDEEFF")
OLD = """<?xml version="1.0" encoding="utf-8"?>
<MetersInOrder orderid="1">
<Meter><MeterName>MULTICAL® 21</MeterName><MeterNo>777</MeterNo><SerialNo>12345678</SerialNo><VendorId>KAM</VendorId>
<ConsumptionType>Cold water</ConsumptionType><ConfigNo/><TypeNo></TypeNo><DEK>{}</DEK></Meter>
<Meter><MeterName>MULTICAL 302</MeterName><MeterNo>7654321</MeterNo><SerialNo>7654321</SerialNo><VendorId>KAM</VendorId>
<DEK>{}</DEK></Meter>
</MetersInOrder>""".format(*KEYS)
NEW = """<Devices><Device><ShortName>flowIQ 2200</ShortName><ConsumptionTypeName>Water</ConsumptionTypeName>
<CustomerDeviceNumber>12345678</CustomerDeviceNumber><SerialNumber>12345678</SerialNumber><ManufacturerId>KAM</ManufacturerId>
<Keys><Key><Name>GPK1</Name><Value></Value></Key><Key><Name>DEK</Name><Value>{}</Value></Key>
<Key><Name>PK1</Name><Value>11111111111111111111111111111111</Value></Key></Keys></Device></Devices>""".format(
    *KEYS
)


def encrypt_kem(inner: str | bytes, password: str = PASSWORD) -> bytes:
    """The file for `inner`, which is filled up to whole blocks."""
    data = inner.encode() if isinstance(inner, str) else inner
    key = password.encode().ljust(16, b"\0")
    filled = data + bytes(-len(data) % 16 or 16)
    value = b64encode(aes_cbc_encrypt(key, key, filled)).decode()
    return (
        '<?xml version="1.0"?>\n<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#">'
        f"<xenc:CipherData><xenc:CipherValue>{value[:40]}\n{value[40:]}</xenc:CipherValue></xenc:CipherData>"
        "</xenc:EncryptedData>"
    ).encode()

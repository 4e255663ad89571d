"""Titles and colours of the layers in an annotated dump, and what the short names of its fields stand for."""

from __future__ import annotations

# Layer: title, what it is for, code of its colour on a terminal.
LAYERS = {
    "lorawan": ("LORAWAN", "which device, which frame, and whether it is authentic", "36"),
    "commands": ("MAC COMMANDS", "what network and device tell each other", "94"),
    "link": ("LINK LAYER", "who sends, and whether the frame is whole", "36"),
    "ell": ("EXTENDED LINK LAYER", "how the radio works together, and its own encryption", "94"),
    "afl": ("AUTHENTICATION AND FRAGMENTATION LAYER", "proves that nobody changed it", "35"),
    "transport": ("TRANSPORT LAYER", "whose data it is, how the meter feels, how the data is secured", "32"),
    "security": ("SECURITY", "what it takes to read the data", "33"),
    "application": ("APPLICATION LAYER", "the data itself", "39"),
}

SHORT_NAMES = {
    "MHDR": "header of the frame: its type, and the version of LoRaWAN",
    "DevAddr": "address of the device in its network, for one session",
    "FCtrl": "frame control: data rate, acknowledgement, length of FOpts",
    "FCnt": "frame counter, whose low half alone is sent",
    "FOpts": "frame options: MAC commands in front of the data",
    "FPort": "port: which application, or MAC commands",
    "MIC": "message integrity code: only who has the key can make it",
    "CFList": "channel list of a join-accept",
    "C field": "control: what kind of message it is",
    "A field": "address of the meter on the wire, 1 to 250",
    "CI field": "control information: which layer, and which kind of data, follows",
    "CC field": "communication control: how the radio may be spoken to",
    "AFLL": "length of the authentication and fragmentation layer",
    "FCL": "fragmentation control: parts of a long message, and which fields follow",
    "MCL": "message control: how the message is authenticated",
    "KI": "key information",
    "MCR": "message counter",
    "MAC": "message authentication code: only who has the key can make it",
    "ML": "message length",
    "DIF": "data information field: how many bytes of data a record has, and their type",
    "DIFE": "its extension: storage number (earlier values), tariff, subunit",
    "VIF": "value information field: the quantity and its unit",
    "VIFE": "its extension: more about quantity or unit",
    "LVAR": "length of data whose length varies",
}

"""Which columns of a list of meters hold what: by heading, else by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mbuscli.protocol.wired.fields import ADDRESS_LAST
from mbuscli.settings.sheet import heading_word


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Headings as delivery notes have them, as `heading_word` leaves them; where a list has several of a kind,
# the first one here wins. No word that means one thing in one list and another in the next.
_METER = _words(
    "secondaryaddress secondaryaddr secondary sekundaradresse sekundaeradresse sekundar sekundaer "
    "adressesecondaire indirizzosecondario direccionsecundaria secundairadres sekundarnaadresa adreswtorny "
    "meteraddress meter meterid meternumber meterno serial serialnumber serialno deviceid devicenumber "
    "identification identificationnumber idnumber idno fabricationnumber fabricationno "
    "zahler zaehler zahlernummer zaehlernummer zahlernr zaehlernr zahlerid geratenummer geraetenummer "
    "geratenr geraetenr gerateid seriennummer seriennr fabriknummer fabriknr fabnr eigentumsnummer "
    "identnummer identnr compteur numerodecompteur nocompteur ncompteur numerodeserie ndeserie nodeserie "
    "nserie noserie matricule contatore matricola numeromatricola numerodiserie contador numerodecontador "
    "meternummer metersnummer serienummer malernummer malernr målernummer målernr matarnummer matarnr "
    "numerlicznika nrlicznika numerseryjny cislomeridla cislomerice vyrobnicislo id"
)
_NEW = _words(
    "newprimaryaddress newprimary newaddress new targetaddress target setaddress "
    "neueprimaradresse neueprimaeradresse neueadresse neu zieladresse ziel solladresse soll "
    "nouvelleadresse nouvelle nuovoindirizzo nuovo nuevadireccion nueva nieuwadres nieuw"
)
_PRIMARY = _words(
    "primaryaddress primaryaddr primary primaradresse primaeradresse primar primaer primadr pa "
    "busaddress busadresse mbusaddress mbusadresse adresseprimaire primaire indirizzoprimario "
    "direccionprimaria primairadres"
)
# These may be a primary address, a meter's address or a street: what stands in them tells.
_ADDRESS = _words("address addr adresse adr indirizzo direccion adres adresa")
_OTHERS = {
    "manufacturer": _words(
        "manufacturer manufacturerid maker vendor vendorid hersteller fabricant fabbricante "
        "fabricante fabrikant mfct"
    ),
    "name": _words(
        "name metername label bezeichnung zahlername customer kunde mieter tenant nutzer nom nome nombre naam"
    ),
    "place": _words(
        "place location site ort standort einbauort wohnung wohneinheit raum room flat apartment "
        "emplacement lieu luogo posizione ubicacion lugar plaats"
    ),
    "key": _words(
        "key aeskey aes aes128 aes128key encryptionkey decryptionkey schlussel schluessel aesschlussel "
        "aesschluessel cle chiave clave sleutel dek"
    ),
    "note": _words("note comment remark remarks bemerkung kommentar notiz remarque nota notas opmerking"),
}
_METER_TEXT = re.compile(
    r"[0-9A-Ea-e]{5,8}(?:\.(?:[A-Za-z]{3}|[0-9A-Fa-f]{4})(?:\.[0-9A-Fa-f]{2}){0,2})?|\d{8}[0-9A-Fa-f]{8}"
)
_PRIMARY_TEXT = re.compile(r"\d{1,3}(?:[.,]0)?")
# A list whose one column holds words such as DECADE would read as numbers without this.
_HAS_DIGIT = re.compile(r"\d")


class ListColumns(NamedTuple):
    """Places of columns, from 0, by field of a `ListedMeter`; `heading` if the first row names them.

    `score` counts the rows in which a meter's number was recognised.
    """

    meter: int
    others: dict[str, int]
    heading: bool
    score: int


def find_columns(rows: Sequence[list[str]]) -> ListColumns | None:
    """The columns of a list that begins with these rows, None if no column holds meters' numbers."""
    return _by_heading(rows[0], rows[1:]) or _by_content(rows)


def is_meter_text(cell: str) -> bool:
    """True for what looks like a meter's number or address."""
    text = "".join(cell.split()).removesuffix(".0")
    return _METER_TEXT.fullmatch(text) is not None and _HAS_DIGIT.search(text) is not None


def primary_of(cell: str) -> int | None:
    """The number in a column of primary addresses, even one that no meter can have; None for other text."""
    return int(re.split("[.,]", cell)[0]) if cell.isascii() and _PRIMARY_TEXT.fullmatch(cell) else None


def _by_heading(first: Sequence[str], rows: Sequence[list[str]]) -> ListColumns | None:
    words = [heading_word(cell) for cell in first]
    scores = {place: _score(rows, place) for place in range(len(words))}
    named = _places(words, _METER)
    doubtful = _places(words, _ADDRESS)
    candidates = named + [place for place in doubtful if scores[place]]
    if not candidates:
        return None
    meter = max(candidates, key=lambda place: scores[place])  # of equals the first, which is preferred
    others = {field: places[0] for field, known in _OTHERS.items() if (places := _places(words, known))}
    small = [place for place in doubtful if place != meter and _holds_primaries(rows, place)]
    primary = _places(words, _NEW) + _places(words, _PRIMARY) + small
    if primary:
        others["primary"] = primary[0]
    streets = [place for place in doubtful if place not in (meter, *small)]
    if streets:
        others.setdefault("place", streets[0])
    return ListColumns(meter, others, True, scores[meter])


def _by_content(rows: Sequence[list[str]]) -> ListColumns | None:
    """Without headings: the one column with meters' numbers, and the one with addresses, if there is one."""
    first = rows[0]
    meters = [place for place, cell in enumerate(first) if is_meter_text(cell)]
    if len(meters) != 1:
        return None
    numbers = [place for place, cell in enumerate(first) if _is_primary(cell)]
    others = {"primary": numbers[0]} if len(numbers) == 1 else {}
    return ListColumns(meters[0], others, False, _score(rows, meters[0]))


def _places(words: Sequence[str], known: Sequence[str]) -> list[int]:
    """Where the headings stand that are known, the preferred one first."""
    found = [place for place, word in enumerate(words) if word in known]
    return sorted(found, key=lambda place: known.index(words[place]))


def _score(rows: Sequence[list[str]], place: int) -> int:
    return sum(len(cells) > place and is_meter_text(cells[place]) for cells in rows)


def _holds_primaries(rows: Sequence[list[str]], place: int) -> bool:
    cells = [cells[place] for cells in rows if len(cells) > place and cells[place]]
    return bool(cells) and all(primary_of(cell) is not None for cell in cells)


def _is_primary(cell: str) -> bool:
    number = primary_of(cell)
    return number is not None and number <= ADDRESS_LAST

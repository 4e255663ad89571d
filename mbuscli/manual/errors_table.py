"""Every error by its name: what it means and what to try, for `mbuscli help errors` and its man page.

`code`: the exit code of a command that ends with it, or that shows it as a problem of a telegram.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """What an error's name stands for; `tries`: what to do about it, the likeliest first."""

    code: int
    meaning: str
    tries: tuple[str, ...]


LAYERS = {
    "usage": "what was typed",
    "input": "files and settings",
    "port": "the port of this computer, a gateway, a capture",
    "device": "the stick or modem",
    "bus": "the wired bus and who answers on it",
    "network": "the LoRaWAN network",
    "link": "frames: start, length, check sums",
    "transport": "headers between frame and data",
    "security": "keys and authenticity",
    "application": "the meter's records, and what it says of a command",
    "internal": "the program itself",
}

ERRORS = {
    # what was typed
    "usage.ambiguous": Entry(
        2,
        "What was named fits several things, and one is needed.",
        ("Name it with more digits: mbuscli inventory lists the addresses.",),
    ),
    "usage.empty": Entry(
        2,
        "Something that is needed was not given: a port, a telegram, a key, a region.",
        (
            "The message says which option it is.",
            "A port for all commands: set MBUSCLI_PORT, or mbuscli profile add.",
            "Without hardware: --port sim:",
        ),
    ),
    "usage.invalid": Entry(
        2,
        "An option, a value or a combination of options cannot be.",
        ("mbuscli COMMAND --help shows what is allowed.", "Names of columns: --fields '?'"),
    ),
    "usage.key-length": Entry(
        2,
        "A key has too few or too many digits: AES keys have 32 hexadecimal digits (16 bytes).",
        ("Compare with the delivery note; a digit is easily lost in copying.",),
    ),
    "usage.missing": Entry(
        2,
        "What is needed to do this is not there, such as an editor for mbuscli config edit.",
        ("Set VISUAL or EDITOR to the name of your editor.",),
    ),
    "usage.not-confirmed": Entry(
        9,
        "A step that changes a meter or a file was not confirmed: nothing was done.",
        (
            "Type what is asked for, at a terminal.",
            "In scripts, which have no terminal: --yes, after a run with --dry-run.",
        ),
    ),
    "usage.not-hex": Entry(
        2,
        "Bytes or a key hold a character that is no hexadecimal digit (0-9, A-F).",
        ("The message says where. The letter O is not the digit 0.",),
    ),
    "usage.odd-hex": Entry(
        2,
        "Hexadecimal with an odd number of digits: half a byte is missing.",
        ("Copy the telegram again, from its first digit to its last.",),
    ),
    "usage.too-long": Entry(
        2,
        "More bytes than a frame, or the data rate of the network, can carry.",
        ("Send less at once.", "LoRaWAN: a higher data rate carries more (--dr)."),
    ),
    "usage.unknown": Entry(
        2,
        "There is no setting of this name.",
        ("mbuscli config list shows them all.", "mbuscli help config tells what they mean."),
    ),
    "usage.unreadable": Entry(
        2,
        "The editor cannot be started.",
        ("Set VISUAL or EDITOR to the name of a program that is installed.",),
    ),
    "usage.unrecognised": Entry(
        2,
        "The form of a port, or the name of a shell, is not known.",
        ("mbuscli help ports lists the forms of --port.", "mbuscli completion --help lists the shells."),
    ),
    "usage.unsafe": Entry(
        9,
        "This would harm, and is refused even with --yes: a broadcast to all meters, an address that no "
        "master can reach (251-255), a frame counter that was used before.",
        (
            "Address one meter: by its primary address, or its own 12345678.KAM.1B.16.",
            "Counters: let --f-cnt out, so that the last run's is continued.",
        ),
    ),
    "usage.unsupported": Entry(
        2,
        "What was asked for does not go together with this port, platform or installation.",
        ("The message names what does.",),
    ),
    # files and settings
    "input.busy": Entry(
        10,
        "Another program is writing the same capture or inventory.",
        ("End the other program, or name another file.", "mbuscli sniff --no-inventory goes on without."),
    ),
    "input.empty": Entry(
        10,
        "A file holds nothing that can be used.",
        ("Look into it. A list needs one meter's number a line.",),
    ),
    "input.exists": Entry(
        10,
        "Something is there already under this name: a key, a driver, a profile, a file.",
        ("Take another name, or replace it with the option that the message names.",),
    ),
    "input.invalid": Entry(
        10,
        "A file is not written as it should be: settings, a list, a scenario, a meter driver, a key ring.",
        (
            "The message names the file, and the line or key.",
            "mbuscli help config, mbuscli help keys tell how they are written.",
            "mbuscli doctor checks all of your files.",
        ),
    ),
    "input.missing": Entry(
        10,
        "There is no such file, key, meter, driver or setting.",
        ("Check the name; a near one is suggested.", "The inventory is filled by mbuscli sniff."),
    ),
    "input.not-hex": Entry(
        5,
        "A line of a log holds a character that is no hexadecimal digit.",
        ("Look at the line that the message names; the lines after it are read.",),
    ),
    "input.odd-hex": Entry(
        5,
        "A line of a log holds an odd number of hexadecimal digits: it was cut or disturbed.",
        ("Nothing: the lines after it are read. Many of them hint at a bad cable or a full disk.",),
    ),
    "input.passphrase": Entry(
        6,
        "The passphrase or password is missing, or does not open the key ring or the KEM file.",
        (
            "Type it again. A KEM file's password is on the delivery note or in the maker's portal.",
            "In scripts: MBUSCLI_PASSPHRASE, or --password-file for KEM files.",
        ),
    ),
    "input.permission": Entry(
        10,
        "Others can open a file with keys. It is refused until it is private.",
        ("chmod 600 FILE", "Change the keys in it if others may have read them."),
    ),
    "input.too-long": Entry(
        10,
        "A file or line is longer than anything of its kind.",
        ("Check that it is the right file.",),
    ),
    "input.too-short": Entry(
        10,
        "A log, or a line of it, ends in the middle of a telegram.",
        ("Copy it again; the telegrams before the cut are read.",),
    ),
    "input.unreadable": Entry(
        10,
        "A file cannot be read: no permission, a damaged disk, a damaged archive.",
        ("ls -l FILE", "Take it from a backup if it is damaged."),
    ),
    "input.unrecognised": Entry(
        10,
        "A file is of another kind than what it was named for.",
        (
            "Captures and logs of receivers: mbuscli decrypt --help lists what is read.",
            "Name the file itself, not the folder or archive around it.",
        ),
    ),
    "input.unsupported": Entry(
        10,
        "A file was written by a newer version of mbuscli, or in a way that a program cannot change.",
        ("Use the newer version.", "Settings: change them by hand, mbuscli config edit."),
    ),
    "input.unwritable": Entry(
        10,
        "A file cannot be written: no permission, or the disk is full.",
        ("df -h shows the room that is left.", "Another folder: MBUSCLI_CONFIG_DIR, MBUSCLI_STATE_DIR."),
    ),
    # ports
    "port.ambiguous": Entry(
        3,
        "--port auto found several adapters, sticks or modems, and does not guess between them.",
        ("Name one: --port /dev/ttyUSB0; mbuscli ports and mbuscli sticks list them.",),
    ),
    "port.blocked": Entry(
        3,
        "The port takes no more bytes: its other end does not read.",
        (
            "Gateway: restart it. Its buffer is full, or its serial side is stuck.",
            "Adapter: unplug it and plug it in again.",
        ),
    ),
    "port.busy": Entry(
        3,
        "Another program has the port open.",
        (
            "mbuscli ports shows who (column held_by); close that program.",
            "ModemManager tries out new ports for 20 seconds: wait, or stop it.",
        ),
    ),
    "port.closed": Entry(
        3,
        "The port, or the program behind it, ended before the work did.",
        ("Gateway: it may allow one connection only. A capture: it has nothing more to play.",),
    ),
    "port.failed": Entry(
        3,
        "The operating system reports an error of the port.",
        ("Plug the adapter in again, into another socket.", "Try another adapter."),
    ),
    "port.missing": Entry(
        3,
        "There is no such port, or no program of that name.",
        (
            "mbuscli ports lists what is there; plug the adapter in, with a cable that carries data too.",
            "A name that lasts: id:SERIAL, or /dev/serial/by-id/...",
        ),
    ),
    "port.not-serial": Entry(
        3,
        "The name leads to something else than a serial port.",
        ("A capture is played with --port replay:FILE, a scenario with --port sim:FILE.toml",),
    ),
    "port.permission": Entry(
        3,
        "You may not open the port: it belongs to a group that you are not in.",
        (
            "Linux: sudo usermod -aG dialout $USER (the message names the group), then log out and in.",
            "At once, until it is plugged in again: sudo chmod a+rw /dev/ttyUSB0",
        ),
    ),
    "port.replay-mismatch": Entry(
        3,
        "A capture is replayed to another command than the one that was recorded.",
        ("Give the same command and options as when it was recorded.",),
    ),
    "port.unplugged": Entry(
        3,
        "The adapter was unplugged, or lost its power for a moment.",
        (
            "Plug it in again, straight into the computer rather than a hub.",
            "A long secondary scan goes on with --resume.",
        ),
    ),
    "port.unreachable": Entry(
        3,
        "The gateway cannot be reached through the network.",
        ("ping the host; is the port number right?", "Some gateways allow one connection at a time."),
    ),
    "port.unsupported": Entry(
        3,
        "The port cannot do what is needed: this baud rate, sending at all.",
        (
            "A TCP gateway's rate is set in the gateway, not by --baud.",
            "What is only read (a pipe, a program) cannot send: use another port.",
        ),
    ),
    # sticks and modems
    "device.busy": Entry(
        3,
        "The modem is still at work with what came before, or another program has the SDR dongle.",
        ("Wait a few seconds and repeat.", "Unplug it and plug it in again, and close other programs."),
    ),
    "device.counter": Entry(
        7,
        "The modem refuses to go on with this frame counter.",
        ("Join again: a new session begins at 0.", "With --abp: --f-cnt above the last one used."),
    ),
    "device.duty-cycle": Entry(
        7,
        "The modem may not send now: the law limits the share of time on air, or all channels are taken.",
        ("Wait some minutes.", "A higher data rate is shorter on air: --dr 5."),
    ),
    "device.failed": Entry(
        3,
        "The modem or stick reports an error of its own.",
        ("Unplug it and plug it in again.", "Is its firmware the maker's latest?"),
    ),
    "device.invalid": Entry(
        7,
        "The modem does not accept one of the settings.",
        ("Check DevEUI, JoinEUI, data rate and channel against the network's.",),
    ),
    "device.missing": Entry(
        3,
        "The program that receives finds no SDR dongle.",
        ("Plug it in, straight into the computer rather than a hub.", "rtl_test shows whether it is there."),
    ),
    "device.no-answer": Entry(
        3,
        "The stick or modem does not answer: it is another kind, at another rate, or hangs.",
        (
            "Unplug it and plug it in again.",
            "Say what it is: --stick or --modem; mbuscli sticks asks who is there.",
        ),
    ),
    "device.permission": Entry(
        3,
        "You may not open the SDR dongle.",
        ("Install the udev rules that come with librtlsdr, and plug it in again.",),
    ),
    "device.refused": Entry(
        7,
        "The modem refuses a command, or has not joined.",
        ("The message shows the modem's own words.", "Join again without --resume."),
    ),
    "device.too-long": Entry(
        7,
        "The payload is longer than this data rate carries.",
        ("Send less at once, or at a higher data rate: --dr 5.",),
    ),
    "device.unexpected": Entry(
        3,
        "The stick answers something else than it should.",
        ("Unplug it and plug it in again.", "Is it the kind that --stick says?"),
    ),
    "device.unplugged": Entry(
        3,
        "The SDR dongle has stopped to deliver.",
        ("Plug it in again; a hub or a long cable may give it too little power.",),
    ),
    "device.unsupported": Entry(
        3,
        "This stick or modem, or its firmware, cannot do that: a link mode, a region, a class.",
        ("mbuscli sticks shows what a stick hears.", "A modem's region is often part of its firmware."),
    ),
    # the bus
    "bus.collision": Entry(
        5,
        "Several meters answer at once: they share an address, or a selection fits more than one.",
        (
            "mbuscli scan --secondary tells them apart by their numbers.",
            "Then give each its own: mbuscli set-address 12345678 17.",
        ),
    ),
    "bus.endless": Entry(
        5,
        "A readout of several telegrams does not come to an end.",
        ("Read once more; note the meter's type, its firmware may be at fault.",),
    ),
    "bus.no-answer": Entry(
        4,
        "Nobody answered in time.",
        (
            "Is the bus powered, about 36 V between its wires, and the level converter's lamp on?",
            "Another rate: --baud auto. Slow meters or gateways: --timeout 2, --margin 0.5.",
            "Is the address right? mbuscli scan",
        ),
    ),
    "bus.noise": Entry(
        5,
        "Bytes came that are no frame: disturbance, another rate, or several meters at once.",
        (
            "Another rate: --baud auto. Look at the bytes with --trace.",
            "A bad joint, a missing screen, or too many meters for the converter.",
        ),
    ),
    "bus.taken": Entry(
        9,
        "The new address is that of another meter: two would answer at once. Nothing was written.",
        ("Take a free address (mbuscli scan), or let meters change places with --plan.",),
    ),
    "bus.unexpected": Entry(
        5,
        "A valid frame came, but not the one that belongs here.",
        ("Is a second master on the bus? Look at the frames with --trace.",),
    ),
    "bus.unknown": Entry(
        4,
        "A change was sent and then the meter was silent: nobody knows whether it took it.",
        ("Read the meter, at its old and its new address or rate.", "mbuscli journal shows what was sent."),
    ),
    "bus.wrong-address": Entry(
        5,
        "Another meter answered than the one that was asked.",
        ("Two meters may share an address: mbuscli scan --secondary.",),
    ),
    # LoRaWAN
    "network.no-answer": Entry(
        4,
        "No gateway of the network answered.",
        (
            "Is the device registered, with this DevEUI, JoinEUI and key, and in this region?",
            "US915, AU915: the sub-band, often --sub-band 2.",
            "Closer to a gateway, antenna on.",
        ),
    ),
    "network.refused": Entry(
        7,
        "The network heard the device and denied the join.",
        ("Look at the device in the network's console: its log says why.",),
    ),
    # frames
    "link.checksum": Entry(
        5,
        "The check sum of a wired frame, or of a stick's message, does not fit: a bit was turned.",
        ("Read again. If it stays: cable length, joints, power of the bus.",),
    ),
    "link.coding": Entry(
        5,
        "The radio's chips are no valid code: the telegram was disturbed on its way.",
        ("Wait for the next one. Closer to the meter, or another place for the antenna.",),
    ),
    "link.crc": Entry(
        5,
        "A CRC does not fit: the telegram was disturbed on its way.",
        ("Wait for the next one. Pasted by hand: compare the digits.",),
    ),
    "link.garbage": Entry(
        5,
        "Bytes that belong to no frame.",
        ("Wrong baud rate, or noise. With a log: is it the right kind of file?",),
    ),
    "link.header-truncated": Entry(
        5,
        "The telegram ends inside the header of the extended link layer.",
        ("It was cut: copy or receive it again.",),
    ),
    "link.length-mismatch": Entry(
        5,
        "The length that a frame gives of itself does not fit its bytes.",
        ("It was cut, or bytes of two frames are mixed: copy or receive it again.",),
    ),
    "link.odd-hex": Entry(
        5,
        "A receiver's line has an odd number of hexadecimal digits.",
        ("It was cut or disturbed on its way to the computer: the next ones are read.",),
    ),
    "link.parity": Entry(
        5,
        "A byte of a wired frame came with a wrong parity bit.",
        ("Read again. The bus talks 8E1; a gateway must be set so, too.",),
    ),
    "link.start-byte": Entry(
        5,
        "A wired frame begins with 68, 10 or E5; this one does not.",
        ("With pasted bytes: is the beginning there? With a bus: wrong rate, or noise.",),
    ),
    "link.stop-byte": Entry(
        5,
        "A wired frame ends with 16; this one does not.",
        ("It was cut or disturbed: read or copy it again.",),
    ),
    "link.too-long": Entry(
        5,
        "More bytes than the frame's length says, or than a frame may have.",
        ("Paste one telegram at a time, or give them as a file, one a line.",),
    ),
    "link.too-short": Entry(
        5,
        "Bytes are missing at the end of the frame.",
        ("It was cut: copy or receive it again.", "CUL sticks cut long telegrams by their firmware."),
    ),
    "link.unexpected": Entry(
        5,
        "A frame's fields contradict each other, or it is of a kind that does not belong here.",
        ("LoRaWAN: --lorawan says that bare hexadecimal is LoRaWAN; leave it out for M-Bus.",),
    ),
    "link.unrecognised": Entry(
        5,
        "The bytes are no M-Bus, and were taken for a LoRaWAN frame because header and length fit.",
        ("Say what they are: --lorawan. If it is no such frame, the telegram is damaged.",),
    ),
    "link.unsupported": Entry(
        5,
        "A kind of extended link layer that this version does not read.",
        ("Report the telegram: its first 20 bytes are enough.",),
    ),
    # transport
    "transport.fragment": Entry(
        5,
        "A part of a message that came in several telegrams; the others are missing.",
        ("Receive longer, so that all parts come: mbuscli sniff --for 10m.",),
    ),
    "transport.header-truncated": Entry(
        5,
        "The telegram ends inside the transport header.",
        ("It was cut: copy or receive it again.",),
    ),
    "transport.length-mismatch": Entry(
        5,
        "The lengths that the transport layer gives do not fit its bytes.",
        ("It was cut, or the meter deviates from the standard: see it with decrypt --explain.",),
    ),
    "transport.too-long": Entry(
        5,
        "A message in parts is longer than any meter's.",
        ("The parts belong to different messages: receive anew.",),
    ),
    # keys
    "transport.configuration-ignored": Entry(
        5,
        "The header says how the data is encrypted, and the data shows that it is not so.",
        ("Nothing: what was read is shown. It tells that the meter deviates from the standard.",),
    ),
    "security.key-missing": Entry(
        6,
        "The telegram is encrypted, and no key of yours is meant for this meter.",
        (
            "mbuscli keys add 12345678.KAM, or mbuscli keys import FILE for a delivery.",
            "For once: --key-file FILE. The key comes from whoever sold the meter.",
        ),
    ),
    "security.key-wrong": Entry(
        6,
        "The key does not open the telegram: the check bytes are not what they must be.",
        (
            "Is it the key of this meter, and of this one only? Compare the number on its face.",
            "mbuscli decrypt --explain shows what was checked.",
        ),
    ),
    "security.mode-unsupported": Entry(
        6,
        "The telegram is encrypted in a way that this version does not know.",
        ("mbuscli decrypt --explain names the mode.",),
    ),
    "security.replayed": Entry(
        6,
        "The telegram's counter is behind one that was seen before: an old telegram was sent again.",
        ("Logs that were joined out of order show this too; else do not trust the telegram.",),
    ),
    "security.unproved": Entry(
        6,
        "With --strict: nothing proves that the values come from the meter, so they are left out.",
        (
            "Leave --strict out to see them.",
            "The message says what is missing: encryption, or a message code.",
        ),
    ),
    "security.unauthentic": Entry(
        6,
        "The message code shows that a telegram was changed, or was made with another key.",
        ("Is it the key of this meter? If it surely is, do not trust these values.",),
    ),
    # the meter's records
    "application.application-error": Entry(
        7,
        "The meter answers with an error: it does not know the command, or does not allow it.",
        ("Some meters must be opened first: a key, a seal, a service mode. See the maker's manual.",),
    ),
    "application.crc": Entry(
        5,
        "The check sum of a compact telegram does not fit: its full telegram has another layout.",
        ("Receive longer, until the meter has sent a full telegram again.",),
    ),
    "application.header-truncated": Entry(
        5,
        "A compact telegram ends inside its header.",
        ("It was cut: copy or receive it again.",),
    ),
    "application.length-mismatch": Entry(
        5,
        "The application data is not as long as its kind requires.",
        ("It was cut, or the meter deviates from the standard: see it with decrypt --explain.",),
    ),
    "application.record-truncated": Entry(
        5,
        "A record needs more bytes than the telegram has; the records before it are shown.",
        ("It was cut: copy or receive it again.",),
    ),
    "application.reserved-dif": Entry(
        5,
        "A record begins with a code that the standard keeps free; what follows cannot be read.",
        ("Wrong key, or a maker's own format. mbuscli decrypt --explain shows the place.",),
    ),
    "application.reserved-lvar": Entry(
        5,
        "A record of variable length has a length code that the standard keeps free.",
        ("Wrong key, or a maker's own format. mbuscli decrypt --explain shows the place.",),
    ),
    "application.signature-unknown": Entry(
        5,
        "A compact telegram: its layout is known once the meter has sent a full one.",
        ("Receive longer; layouts that were seen are kept for the next time.",),
    ),
    "application.too-many-dife": Entry(
        5,
        "A record's header is longer than the standard allows.",
        ("Wrong key, or damage that no check sum has found.",),
    ),
    "application.too-many-vife": Entry(
        5,
        "A record's header is longer than the standard allows.",
        ("Wrong key, or damage that no check sum has found.",),
    ),
    "application.unchanged": Entry(
        7,
        "The meter acknowledged the change and did not make it.",
        ("It may be locked: a seal, a service mode, a password. See the maker's manual.",),
    ),
    "application.unknown-ci": Entry(
        5,
        "The CI field, which says what follows, is none that is known.",
        ("A maker's own format, which nobody but the maker can read. mbuscli decrypt --explain shows it.",),
    ),
    "application.unrecognised": Entry(
        5,
        "The bytes are neither a wired frame, nor a wireless telegram, nor application data.",
        ("Is the beginning there? For LoRaWAN: --lorawan.",),
    ),
    # the program
    "internal.failed": Entry(
        1,
        "A part of the program ended by itself, such as for want of memory.",
        ("Try again, with less at once.",),
    ),
    "internal.unexpected": Entry(
        1,
        "A fault of the program.",
        ("Run it again with --debug, and report what it shows; it holds no keys.",),
    ),
}

"""The checks, on files and devices that are really broken."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from mbuscli.ports.serial_port import PresentPort
from mbuscli.services import doctor_ports
from mbuscli.services.doctor import EXAMINATIONS, Check, Examination, examine
from mbuscli.services.doctor_case import Case, Screen, without_home
from mbuscli.services.doctor_shell import look_for_completion, look_for_manual
from mbuscli.settings.inventory_file import FILE_NAME, open_inventory
from mbuscli.settings.journal import Entry, Journal

SCREEN = Screen("utf-8", True, 80, True)
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="files and signals of POSIX")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("MBUSCLI_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MBUSCLI_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MBUSCLI_STATE_DIR", str(tmp_path / "state"))
    for folder in ("config", "state"):
        (tmp_path / folder).mkdir(mode=0o700)
    return tmp_path


def checks(*names: str, screen: Screen = SCREEN, port: str | None = None, **environ: str) -> list[Check]:
    """What these checks find, with these changes of the environment."""
    wanted = tuple(each for each in EXAMINATIONS if each.name in names)
    assert len(wanted) == len(names)
    return list(examine(Case(screen, {**os.environ, **environ}, port), wanted))


def check(name: str, **environ: str) -> Check:
    (found,) = checks(name, **environ)
    return found


# -- the engine --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("home")
def test_every_check_can_be_made_and_says_something() -> None:
    found = checks(*(each.name for each in EXAMINATIONS))
    assert {each.name for each in found} == {each.name for each in EXAMINATIONS}
    for each in found:
        assert each.text
        assert "the check itself failed" not in each.text
        assert each.state != "failed" or each.hint, each


@posix_only
def test_a_check_that_hangs_is_a_failed_line(home: Path) -> None:
    os.mkfifo(home / "state" / "compact_formats.txt")  # opening it waits for a writer that never comes
    began = time.monotonic()
    hangs = Examination("formats", "files.look_at_formats", 0.3)
    rest = Examination("journal", "files.look_at_journal", 10)
    first, second = examine(Case(SCREEN), (hangs, rest))
    assert (first.state, second.state) == ("failed", "ok")
    assert "within 0.3 s" in first.text
    assert time.monotonic() - began < 5


def test_a_check_that_throws_is_a_failed_line() -> None:
    broken = Examination("broken", "computer.no_such_function", 5)
    good = Examination("python", "computer.look_at_python", 5)
    first, second = examine(Case(SCREEN), (broken, good))
    assert (first.state, second.state) == ("failed", "ok")
    assert "no_such_function" in first.text
    assert "doctor.py, line" in first.text
    assert "report" in first.hint[0]


@posix_only
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("chmod 600 /home/jo/.config/keys.toml", "chmod 600 ~/.config/keys.toml"),
        ("mv '/home/jo/my files/a' '/home/jo/my files/b'", "mv ~/'my files/a' ~/'my files/b'"),
        ("in /home/jo", "in ~"),
        ("in /home/joan/x", "in /home/joan/x"),
    ],
)
def test_the_home_folder_is_not_told(text: str, shown: str) -> None:
    assert without_home(text, {"HOME": "/home/jo"}) == shown
    assert without_home(text, {"HOME": "/home/jo/"}) == shown


# -- the computer ------------------------------------------------------------------------------------------------


def test_an_encoding_that_cannot_carry_units() -> None:
    for encoding in ("cp1252", "ascii", "ANSI_X3.4-1968"):
        (found,) = checks("encoding", screen=SCREEN._replace(encoding=encoding))
        assert found.state == "warning"
        assert encoding in found.text
        assert "PYTHONUTF8=1" in found.hint[0] or "PYTHONIOENCODING" in found.hint[0]
    assert check("encoding").state == "ok"


def test_the_terminal() -> None:
    (narrow,) = checks("terminal", screen=SCREEN._replace(columns=40))
    assert narrow.state == "warning"
    (plain,) = checks("terminal", screen=SCREEN._replace(colour=False), NO_COLOR="1")
    assert "NO_COLOR is set" in plain.text
    (dumb,) = checks("terminal", screen=SCREEN._replace(colour=False), TERM="dumb", NO_COLOR="")
    assert "TERM=dumb" in dumb.text
    (pipe,) = checks("terminal", screen=SCREEN._replace(is_terminal=False, colour=False))
    assert pipe.text.startswith("stdout is no terminal")


def test_the_shell_finds_another_program(tmp_path: Path) -> None:
    assert check("program", PATH=str(tmp_path)).state == "warning"
    other = tmp_path / ("mbuscli.exe" if os.name == "nt" else "mbuscli")
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    found = check("program", PATH=str(tmp_path))
    assert (found.state, "finds another one" in found.text) == ("warning", True)


def test_variables_are_shown_and_secrets_are_not() -> None:
    key = "000102030405060708090A0B0C0D0E0F"
    found = check("environment", MBUSCLI_PORT="/dev/ttyUSB0", MBUSCLI_KEY=key, MBUSCLI_BAUD=key)
    assert "MBUSCLI_PORT=/dev/ttyUSB0" in found.text
    assert "MBUSCLI_KEY (set" in found.text
    assert key not in found.text


def test_a_clock_that_was_set_back(home: Path) -> None:
    file = home / "state" / "journal.ndjson"
    file.touch()
    assert check("clock").state == "ok"
    os.utime(file, (time.time() + 86400,) * 2)
    found = check("clock")
    assert (found.state, "set back" in found.text) == ("failed", True)


# -- shell and man -----------------------------------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", ".local/share/bash-completion/completions/mbuscli"),
        ("zsh", ".zfunc/_mbuscli"),
        ("fish", ".config/fish/completions/mbuscli.fish"),
        ("fish", ".local/share/fish/vendor_completions.d/mbuscli.fish"),
    ],
)
def test_completions_are_found_where_shells_look(tmp_path: Path, shell: str, place: str) -> None:
    environ = {"HOME": str(tmp_path), "SHELL": f"/bin/{shell}", "XDG_DATA_DIRS": str(tmp_path / "none")}
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).touch()
    (found,) = look_for_completion(Case(SCREEN, environ))
    assert (found.state, found.text) == ("ok", f"{shell}: {tmp_path / place}")


@posix_only
def test_a_start_up_file_counts_if_it_names_the_program(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "SHELL": "/bin/zsh", "XDG_DATA_DIRS": str(tmp_path / "none")}
    own = Path(sys.prefix, "share/zsh/site-functions/_mbuscli")
    if own.exists():
        pytest.skip("this Python has its own")
    start = tmp_path / ".zshrc"
    start.write_text("autoload -U compinit\n")
    assert next(look_for_completion(Case(SCREEN, environ))).state == "warning"
    start.write_text('eval "$(mbuscli completion zsh)"\n')
    assert next(look_for_completion(Case(SCREEN, environ))).state == "ok"


@posix_only
def test_an_unknown_shell_and_man_pages(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "SHELL": "/usr/bin/tcsh", "PATH": str(tmp_path / "opt" / "bin")}
    assert next(look_for_completion(Case(SCREEN, environ))).state == "skipped"
    page = tmp_path / "opt" / "share" / "man" / "man1" / "mbuscli.1.gz"
    page.parent.mkdir(parents=True)
    page.touch()
    (found,) = look_for_manual(Case(SCREEN, {**environ, "XDG_DATA_HOME": str(tmp_path / "opt" / "share")}))
    assert (found.state, found.text) == ("ok", str(page))


# -- files -------------------------------------------------------------------------------------------------------


def test_a_broken_file_of_settings(home: Path) -> None:
    assert check("config").state == "ok"
    file = home / "config" / "config.toml"
    file.write_text("[defaults\n")
    found = check("config")
    assert (found.state, found.hint[-1]) == ("failed", "mbuscli config edit")
    file.write_text('[profile.a]\nport = "sim:"\nbuad = 300\n[profile.b]\nport = 3\n')
    both = checks("config")
    assert [each.state for each in both] == ["failed", "failed"]
    assert "line 3" in both[0].text
    assert any("baud" in hint for hint in both[0].hint)
    file.write_text('[defaults]\nbuad = 300\n[profile.b]\nport = "sim:"\n')
    assert [(each.state, each.subject) for each in checks("profiles")] == [("ok", "profile b")]
    file.write_bytes(b"\xff\xfe\x00")
    assert check("config").state == "failed"


def test_a_key_ring_is_counted_and_not_shown(home: Path) -> None:
    assert check("keys").state == "skipped"
    key = "5065747269612D4D65746572732D3031"
    file = home / "config" / "keys.toml"
    file.write_text(f'version = 1\n[[key]]\nname = "hall"\nmeters = "12345678"\nkey = "{key}"\n')
    file.chmod(0o600)
    found = check("keys")
    assert (found.state, "1 key" in found.text, key in found.text) == ("ok", True, False)
    file.write_text(file.read_text() + '[[key]]\nname = "half"\nmeters = "1"\nkey = "00"\n')
    found = checks("keys")[-1]
    assert (found.state, found.hint) == ("failed", ("mbuscli keys check",))
    file.write_text(f'[[key]]\nname = "hall\nkey = "{key}"\n')
    found = check("keys")
    assert (found.state, key in found.text) == ("failed", False)
    assert found.hint


def test_factory_keys_in_use(home: Path) -> None:
    from mbuscli.protocol.security.keys import FACTORY_KEYS

    text = next(iter(FACTORY_KEYS)).key.octets.hex()
    file = home / "config" / "keys.toml"
    file.write_text(f'version = 1\n[[key]]\nname = "hall"\nmeters = "12345678"\nkey = "{text}"\n')
    file.chmod(0o600)
    assert [each.state for each in checks("keys")] == ["ok", "warning"]


def test_an_encrypted_ring(home: Path) -> None:
    from mbuscli.settings.ring_file import write_contents

    file = home / "config" / "keys.toml"
    write_contents(file, [], "open sesame")
    found = check("keys")
    assert (found.state, "not opened" in found.text) == ("ok", True)
    assert check("keys", MBUSCLI_PASSPHRASE="wrong").state == "failed"
    found = check("keys", MBUSCLI_PASSPHRASE="open sesame")
    assert (found.state, "encrypted, 0 keys" in found.text) == ("ok", True)


def test_own_meter_drivers(home: Path) -> None:
    folder = home / "config" / "meters"
    folder.mkdir()
    assert "0 of your own" in check("drivers").text
    (folder / "mine.toml").write_text("serves = 7\n")
    found = check("drivers")
    assert (found.state, found.subject) == ("failed", "mine")
    assert "mine.toml" in found.hint[-1]


def test_a_state_folder_that_is_a_file(home: Path) -> None:
    (home / "state").rmdir()
    (home / "state").write_text("in the way")
    found = check("state")
    assert (found.state, "in the way" in found.text) == ("failed", True)
    assert not Path(str(home / "state") + ".old").exists()


def test_a_state_folder_leaves_nothing_behind(home: Path) -> None:
    assert check("state").state == "ok"
    assert list((home / "state").iterdir()) == []


def test_the_end_of_a_write_is_not_known(home: Path) -> None:
    assert check("journal").state == "ok"
    entry = Entry("set-address", "sim:", 2400, "12345678.KAM.1B.16", "1", "1", "5")
    Journal().begin(entry).end("written")
    assert check("journal").state == "ok"
    Journal().begin(entry)
    found = check("journal")
    assert (found.state, "mbuscli journal" in found.hint[0]) == ("warning", True)
    (home / "state" / "journal.ndjson").unlink()
    (home / "state" / "journal.ndjson").mkdir()
    assert check("journal").state == "failed"


def test_damaged_learnt_formats(home: Path) -> None:
    file = home / "state" / "compact_formats.txt"
    file.write_text("rubbish\n")
    found = check("formats")
    assert (found.state, "1 damaged" in found.text) == ("warning", True)
    file.unlink()
    assert check("formats").state == "ok"


# -- the inventory -----------------------------------------------------------------------------------------------


@pytest.fixture
def inventory(home: Path) -> Path:
    path = home / "state" / FILE_NAME
    connection = open_inventory(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.executemany(
        "INSERT INTO routes VALUES (?, 0, 0)", [(f"{number:06d}" * 20,) for number in range(400)]
    )
    connection.close()
    return path


def test_a_sound_inventory_is_not_changed(inventory: Path) -> None:
    before = inventory.read_bytes()
    found = check("inventory")
    assert (found.state, "0 meters, format" in found.text) == ("ok", True)
    assert inventory.read_bytes() == before
    assert [each.name for each in inventory.parent.iterdir()] == [FILE_NAME]


def test_broken_inventories(inventory: Path) -> None:
    whole = inventory.read_bytes()
    size = int.from_bytes(whole[16:18], "big")
    pages = len(whole) // size
    for damaged in (
        b"no database at all, but some text that is long enough to be one" * 20,
        whole[: size * (pages // 2)],
        whole[: size * (pages - 2)] + b"\xff" * size * 2,
    ):
        inventory.write_bytes(damaged)
        found = check("inventory")
        assert found.state == "failed", found
        assert any("mv " in hint for hint in found.hint)


def test_a_database_of_another_program_or_of_the_future(inventory: Path) -> None:
    with sqlite3.connect(inventory) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "newer mbuscli" in check("inventory").text
    inventory.unlink()
    with sqlite3.connect(inventory) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    found = check("inventory")
    assert (found.state, "another program" in found.text) == ("failed", True)


def test_an_inventory_that_somebody_has_locked(inventory: Path) -> None:
    holder = sqlite3.connect(inventory, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        found = check("inventory")
        assert (found.state, "another program holds" in found.text) == ("failed", True)
    finally:
        holder.close()


# -- ports -------------------------------------------------------------------------------------------------------


ADAPTER = PresentPort("/dev/ttyUSB0", "x", "A1", 0x0403, 0x6001, "FTDI", "FT232R")


def test_the_rule_that_keeps_the_modem_manager_away() -> None:
    rule = doctor_ports.udev_rule(ADAPTER)
    assert rule == 'ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6001", ENV{ID_MM_DEVICE_IGNORE}="1"'
    assert doctor_ports.is_left_alone("E:ID_BUS=usb\nE:ID_MM_DEVICE_IGNORE=1\n")
    assert not doctor_ports.is_left_alone("E:ID_BUS=usb\nE:ID_MM_CANDIDATE=1\n")


def test_an_adapter_without_a_port(tmp_path: Path) -> None:
    """Folders as Linux has them: an adapter with its port, one without, a modem's port, and a hub."""
    for name, vendor, product, below in (
        ("1-1", "0403", "6001", "1-1:1.0/ttyUSB0"),
        ("1-2", "1a86", "7523", "1-2:1.0"),
        ("1-3", "0483", "5740", "1-3:1.0/tty/ttyACM0"),
        ("usb1", "1d6b", "0002", "1-0:1.0"),
    ):
        (tmp_path / name / below).mkdir(parents=True)
        (tmp_path / name / "idVendor").write_text(f"{vendor}\n")
        (tmp_path / name / "idProduct").write_text(f"{product}\n")
    (found,) = doctor_ports.without_port(str(tmp_path))
    assert (found.state, found.subject) == ("warning", "USB 1a86:7523")
    assert found.hint[0].startswith("sudo modprobe ch341;")


@pytest.mark.skipif(sys.platform != "linux", reason="processes tell their names in /proc")
def test_programs_that_take_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that bears the name of one, as the kernel tells it."""
    import subprocess

    monkeypatch.setattr(doctor_ports, "present_ports", lambda: [ADAPTER])
    code = "import sys; open('/proc/self/comm', 'w').write(sys.argv[1]); print(flush=True); sys.stdin.read()"
    for name in ("ModemManager", "brltty"):
        with subprocess.Popen(
            [sys.executable, "-c", code, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"\n"
            found = [each for each in checks("claimants") if each.state == "warning"]
            child.communicate()
        assert len(found) == 1
        assert name in found[0].text
        assert any(command.startswith(("echo", "sudo")) for command in found[0].hint)


def test_ports_of_profiles(home: Path) -> None:
    (home / "config" / "config.toml").write_text(
        f"""
        [profile.away]
        port = "/dev/ttyNOSUCH9"
        [profile.here]
        port = "{Path(os.devnull).as_posix()}"
        [profile.number]
        port = "id:NOSUCH"
        [profile.tape]
        port = "replay:/no/such/file"
        [profile.bus]
        port = "sim:"
        """
    )
    found = {each.subject: each for each in checks("profiles", MBUSCLI_PORT="away")}
    states = {subject: each.state for subject, each in found.items()}
    assert states == {
        "profile away": "warning",
        "profile here": "ok",
        "profile number": "warning",
        "profile tape": "warning",
        "profile bus": "ok",
        "MBUSCLI_PORT": "warning",
    }
    assert all(each.hint or each.subject == "profile tape" for each in found.values() if each.state != "ok")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("port", "shown"),
    [
        ("sim:", "sent 10 40 FD 3D 16: it does not echo"),
        ("sim:stick", "iM871A, firmware"),
        ("sim:modem", "LoRaWAN modem RN2483, firmware"),
    ],
)
def test_who_is_behind_a_simulated_port(port: str, shown: str) -> None:
    (found,) = checks("port", port=port)
    assert (found.state, found.subject, shown in found.text) == ("ok", port, True), found


@pytest.mark.usefixtures("home")
def test_a_named_port_that_is_not_there() -> None:
    for port in ("/dev/ttyNOSUCH7", "tcp://127.0.0.1:1", "wrong:thing", "sim:nosuch.toml"):
        (found,) = checks("port", port=port)
        assert (found.state, found.subject) == ("failed", port)
        assert found.hint

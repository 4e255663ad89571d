"""Long logs: several processes write what one writes; a run that was broken off goes on to the same file."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.wired.frames import encode_long
from tests.capture import telegrams as lines
from tests.cli.program import COMMAND, Result, environment, run
from tests.cli.test_learnt_formats import RECORDS, compact
from tests.services.lorawan_frames import TEXT_1_0, frame
from tests.services.test_decrypt import KEY, PLAIN, sealed
from tests.telegram.samples import radio

KEY_TEXT = KEY.octets.hex()


def water(number: int) -> str:
    values = (("0C13", f"{number / 1000:.3f}"), ("4C13", f"{number / 2000:.3f}"), ("426C", "2025-12-31"))
    body = b"".join(encode_record(bytes.fromhex(header), value) for header, value in values)
    header = (
        (10_000_000 + number).to_bytes(4, "big") + bytes.fromhex("2D2C1B16") + bytes((number & 255, 0, 0, 0))
    )
    return encode_long(8, number % 250, 0x72, header + body).hex()


def fragments() -> list[str]:
    message = PLAIN[10:]
    parts = [(0x4001, message[:9]), (0x0002, message[9:])]
    rest = [b"\x90\x02" + control.to_bytes(2, "little") + body for control, body in parts]
    data = [PLAIN[1:10] + each for each in rest]
    return [lines.rtl_wmbus(bytes((len(each),)) + each) for each in data]


def mixed(count: int) -> list[str]:
    """Lines of all kinds. A full frame early teaches the format of compact frames that come much later;
    fragments of one message stand far from each other."""
    first, second = fragments()
    special = {
        5: radio(b"\x78" + RECORDS),
        7: first,
        1990: compact(),
        2010: second,
        2015: compact(),
        2200: frame(bytes.fromhex("0102"), 5, 7).hex(),
        2201: frame(bytes.fromhex("0304"), 5, 8).hex(),
        2300: lines.amber(sealed(), 0x12).hex(),
        3999: compact(),
    }
    kinds = {0: "-- the receiver was restarted --", 1: lines.rtl_wmbus(sealed()), 2: sealed().hex(), 3: "E5"}
    kinds[4] = lines.rtl_wmbus(sealed())[:-4]
    return [special.get(n) or kinds.get(n % 23) or water(n) for n in range(count)]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "walk.log"
    path.write_text("\n".join(mixed(4100)) + "\n")
    return path


def decrypt(log: Path, *words: str, state: str = "state") -> Result:
    folder = log.parent / state
    keys = ("--key", KEY_TEXT, "--lorawan-keys", TEXT_1_0)
    return run(
        "decrypt", log.name, *keys, *words, cwd=log.parent, MBUSCLI_STATE_DIR=str(folder), HOME=str(folder)
    )


@pytest.mark.parametrize("output", ["ndjson", "csv"])
def test_several_processes_write_what_one_writes(log: Path, output: str) -> None:
    alone = decrypt(log, "-o", output, state=f"alone-{output}")
    several = decrypt(log, "-o", output, "--jobs", "3", state=f"several-{output}")
    assert alone.code == several.code == 8
    assert several.out == alone.out
    assert several.err == alone.err
    if output == "ndjson":
        rows = [json.loads(row) for row in alone.out.splitlines()]
        assert len(rows) > 3000
        compacts = [row for row in rows if row["link"].get("ci_field") == 0x79]
        assert [len(row["records"]) for row in compacts] == [4, 4, 4]
        assert sum(row["security"]["state"] == "decrypted" for row in rows) > 300
        assert sum("lorawan" in row for row in rows) == 2


def test_chosen_columns(log: Path) -> None:
    words = ("-o", "tsv", "--fields", "address,reading,value,unit", "--unit", "l")
    assert decrypt(log, *words, "--jobs", "2").out == decrypt(log, *words).out


@pytest.mark.parametrize("output", ["json", "table"])
def test_documents_are_made_by_one(log: Path, output: str) -> None:
    result = decrypt(log, "-o", output, "--jobs", "2")
    assert result.code == 2
    assert "--jobs does not go with" in result.err


def test_a_short_log_needs_no_second_process(tmp_path: Path) -> None:
    short = tmp_path / "short.log"
    short.write_text("\n".join(mixed(30)))
    assert decrypt(short, "--jobs", "4").out == decrypt(short).out != ""


def test_a_file_is_not_written_over(log: Path) -> None:
    out = log.parent / "kept.csv"
    out.write_text("mine\n")
    result = decrypt(log, "--out", out.name)
    assert result.code == 10
    assert "exists already" in result.err
    assert out.read_text() == "mine\n"


def test_the_suffix_tells_the_format(log: Path) -> None:
    told = decrypt(log, "--out", "told.csv", "--jobs", "2")
    assert told.code == 8
    assert re.search(r"^told\.csv: [0-9]+ telegrams$", told.err, re.MULTILINE)
    assert (log.parent / "told.csv").read_text() == decrypt(log, "-o", "csv").out
    assert not (log.parent / "told.csv.resume").exists()


class BrokenOff:
    """A run that is ended by a signal while it writes to `out.csv`."""

    def __init__(self, folder: Path, log: str) -> None:
        self.folder = folder
        self.out, self.resume = folder / "out.csv", folder / "out.csv.resume"
        self.talk = folder / "talk.txt"
        keys = ("--key", KEY_TEXT, "--lorawan-keys", TEXT_1_0)
        self.words = ("decrypt", log, *keys, "--out", self.out.name, "--jobs", "2")
        self.homes = {"MBUSCLI_STATE_DIR": str(folder / "state"), "HOME": str(folder)}

    def end_by(self, how: signal.Signals) -> int:
        """The exit code. SIGKILL leaves what the last checkpoint says; the others write one as they end."""
        with self.talk.open("wb") as talk:
            child = subprocess.Popen(
                [*COMMAND, *self.words], cwd=self.folder, env=environment(**self.homes), stderr=talk
            )
            while child.poll() is None:
                seen = self.resume if how == signal.SIGKILL else self.out
                if seen.exists() and seen.stat().st_size > (0 if how == signal.SIGKILL else 1000):
                    child.send_signal(how)
                    break
                time.sleep(0.002)
            return child.wait(50)


@pytest.mark.parametrize(
    ("how", "zipped"),
    [(signal.SIGKILL, False), (signal.SIGKILL, True), (signal.SIGINT, False), (signal.SIGTERM, False)],
)
def test_going_on_where_it_was_broken_off(tmp_path: Path, how: signal.Signals, zipped: bool) -> None:
    text = "".join(f"{line}\n" for line in mixed(10_000)).encode()
    log = "walk.log.gz" if zipped else "walk.log"
    (tmp_path / log).write_bytes(gzip.compress(text) if zipped else text)
    run_off = BrokenOff(tmp_path, log)
    codes = []
    for _ in range(5):  # on a busy machine it may be done before the signal comes
        codes.append(run_off.end_by(how))
        if run_off.resume.exists():
            break
        run_off.out.unlink()
    assert codes[-1] == {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[how], codes
    talk = run_off.talk.read_text()
    assert "Traceback" not in talk
    assert ("--resume goes on where it stood" in talk) == (how != signal.SIGKILL)
    assert 0 < json.loads(run_off.resume.read_text())["written"] <= run_off.out.stat().st_size
    result = run(*run_off.words, "--resume", cwd=tmp_path, **run_off.homes)
    assert result.code == 8
    assert not run_off.resume.exists()
    (tmp_path / "state").rename(tmp_path / "other")
    whole = run(*run_off.words[:6], "-o", "csv", cwd=tmp_path, **run_off.homes)
    assert whole.code == 8, whole.err
    assert run_off.out.read_text() == whole.out


def test_nothing_to_go_on_with(log: Path) -> None:
    result = decrypt(log, "--out", "new.csv", "--resume")
    assert result.code == 10
    assert "nothing to go on with" in result.err
    assert decrypt(log, "--resume").code == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"log": "/other.log:1:00"}, "belongs to another log"),
        ({"asked": "csv id"}, "other options"),
        ({"written": 10**9}, "more than"),
        ({"place": "here"}, "is damaged"),
    ],
)
def test_a_checkpoint_that_does_not_fit(tmp_path: Path, change: dict[str, object], text: str) -> None:
    from mbuscli.services.checkpoint import identity_of

    log = tmp_path / "walk.log"
    log.write_text("\n".join(mixed(30)))
    (tmp_path / "out.csv").write_text("rows\n")
    values = {
        "log": identity_of(str(log)),
        "asked": "csv",
        "place": [3, 20],
        "written": 5,
        "codes": [0],
        **change,
    }
    (tmp_path / "out.csv.resume").write_text(json.dumps(values))
    result = decrypt(log, "--out", "out.csv", "--resume")
    assert result.code == 10
    assert text in result.err
    assert (tmp_path / "out.csv").read_text() == "rows\n"


def test_a_full_disk(log: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    result = decrypt(log, "--out", "/dev/full", "--jobs", "2")
    assert result.code == 10
    assert "cannot write to /dev/full" in result.err


def test_keys_stay_out_of_what_is_written(log: Path) -> None:
    decrypt(log, "--out", "secret.csv", "--jobs", "2")
    for path in log.parent.rglob("*"):
        assert path.is_dir() or KEY_TEXT.encode() not in path.read_bytes().lower(), path


def test_parquet(log: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert decrypt(log, "--out", "walk.parquet", "--jobs", "2").code == 8
    table = parquet.read_table(log.parent / "walk.parquet").to_pylist()
    rows = [row.split("\t") for row in decrypt(log, "-o", "plain").out.splitlines()]
    assert len(table) == len(rows)
    for cells, row in zip(table, rows, strict=True):
        number = cells["number"]
        texts = [cell for name, cell in cells.items() if name != "number"]
        assert ["" if cell is None else str(cell) for cell in texts] == row
        if number is not None:
            assert number == float(cells["value"])
    assert sum(row["number"] is not None for row in table) > 5000
    assert not (log.parent / "walk.parquet.part").exists()


def test_parquet_goes_to_a_file(log: Path) -> None:
    result = decrypt(log, "-o", "parquet")
    assert result.code == 2
    assert "--out" in result.err


def test_without_pyarrow(log: Path) -> None:
    script = "import sys; sys.modules['pyarrow'] = None\nfrom mbuscli.cli.main import run\nrun()"
    done = subprocess.run(
        [*COMMAND[:1], "-c", script, "decrypt", log.name, "--out", "none.parquet"],
        cwd=log.parent,
        env=environment(HOME=str(log.parent)),
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 2
    assert "mbuscli[archive]" in done.stderr

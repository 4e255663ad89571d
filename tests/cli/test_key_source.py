"""--key, --key-file and --keys as a decorator for commands that open telegrams."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from mbuscli.cli.options import output_options
from mbuscli.cli.secrets import key_source_options
from mbuscli.errors import InputError, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import KeySource

KEY = "000102030405060708090a0b0c0d0e0f"
METER = MeterAddress.parse("12345678.KAM.1B.16")


@click.command()
@output_options("telegram")
@key_source_options
def probe(output: object, keys: KeySource) -> None:
    for candidate in keys.candidates([METER]):
        click.echo(f"{candidate.name}: {candidate.key!r}")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MBUSCLI_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("MBUSCLI_KEY", raising=False)


def test_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keys.toml").write_text(f'[[key]]\nname = "mine"\nmeters = "12345678"\nkey = "{"11" * 16}"\n')
    (tmp_path / "keys.toml").chmod(0o600)
    monkeypatch.setenv("MBUSCLI_KEY", "22" * 16)
    probe.main(["--key", KEY], standalone_mode=False)
    shown = capsys.readouterr()
    assert [line.split(": ")[0] for line in shown.out.splitlines()] == ["--key", "MBUSCLI_KEY", "mine"]
    assert "check be7e" in shown.out
    assert KEY not in shown.out


@pytest.mark.parametrize(
    "args", [["--key", KEY + "0"], ["--key-file", KEY], ["--keys", KEY], ["--keys", "absent"]]
)
def test_what_is_wrong(args: list[str]) -> None:
    with pytest.raises((UsageError, InputError)) as caught:
        probe.main(args, standalone_mode=False)
    assert KEY[:12] not in str(caught.value)

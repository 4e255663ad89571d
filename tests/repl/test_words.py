"""Lines into words, on both kinds of systems."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import UsageError
from mbuscli.repl.words import command_words, quoted, split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("read 1", ["read", "1"]),
        ("  read   1\t ", ["read", "1"]),
        ("read 1 # the cellar", ["read", "1"]),
        ("# nothing", []),
        ("", []),
        ("sniff --filter 'a # b'", ["sniff", "--filter", "a # b"]),
        ("read a#b", ["read", "a#b"]),
        ('keys add 1 --name "flat 3"', ["keys", "add", "1", "--name", "flat 3"]),
        ("read ''", ["read", ""]),
        ("mbuscli read 1", ["read", "1"]),
        ("mbuscli", ["mbuscli"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert command_words(line) == (words, False)


def test_windows_keeps_its_backslashes() -> None:
    line = r"scan --port \\.\COM10 --capture C:\data\x.ndjson"
    expected = ["scan", "--port", r"\\.\COM10", "--capture", r"C:\data\x.ndjson"]
    assert command_words(line, escapes=False) == (expected, False)
    assert command_words(r"read a\ b", escapes=True) == (["read", "a b"], False)
    assert command_words(r'read "C:\my files\x"', escapes=False)[0] == ["read", r"C:\my files\x"]


def test_the_background() -> None:
    assert command_words("sniff --port sim:stick &") == (["sniff", "--port", "sim:stick"], True)
    assert command_words("sniff '&'") == (["sniff", "&"], False)


@pytest.mark.parametrize("line", ["read 'a", 'read "a', "read 1 | head", "read 1 > x", "a ; b", "a & b"])
def test_what_is_no_line(line: str) -> None:
    with pytest.raises(UsageError):
        command_words(line)


@pytest.mark.parametrize("escapes", [True, False])
@given(words=st.lists(st.text(st.characters(blacklist_categories=("Cs", "Cc"))), max_size=5))
def test_quoted_words_come_back(escapes: bool, words: list[str]) -> None:
    words = [word for word in words if escapes or not ("'" in word and '"' in word)]
    line = " ".join(quoted(word, escapes=escapes) for word in words)
    assert split(line, escapes=escapes).texts == words


@given(st.text())
def test_every_word_is_where_it_says(line: str) -> None:
    end = 0
    for word in split(line, escapes=False).words:
        assert end <= word.start < word.end <= len(line)
        assert not word.bare or line[word.start : word.end] == word.text
        end = word.end

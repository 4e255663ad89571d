"""The handover in a real browser: on A4, on narrow and wide screens, without a word on the console."""

from __future__ import annotations

import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from mbuscli.errors import InputError
from mbuscli.render.handover.page import page
from mbuscli.services.handover import Facts, Handover, MissingMeter
from mbuscli.services.handover_pdf import _FLAGS, _is_root, find_browser, print_pdf
from mbuscli.services.history import Series
from tests.render.handover_samples import HOSTILE, NOW, meter, sample

A4 = (595, 842)
WIDTHS = (360, 500, 800, 1200)
PROBE = (
    "<script>addEventListener('load',()=>{const page=document.documentElement;"
    "parent.postMessage(location.hash.slice(1)+' '+page.scrollWidth+' '+page.clientWidth,'*')})</script></body>"
)
MARGIN = 35  # points; the page's own is 14 mm


def browser() -> str:
    try:
        return find_browser()
    except InputError:
        pytest.skip("no browser that can print is installed")


def walk(count: int = 300) -> Handover:
    """Many meters in many places, some of them with words that are long."""
    gain = Series("volume", "m³", ("2026-01-01", "2026-01-31"), (Decimal("10.1"), Decimal("12.5")))
    meters = [
        meter(
            number,
            None if number % 17 == 0 else f"{number * 37}.125",
            unread="encrypted, and there is no key for it" if number % 17 == 0 else "",
            name=f"Flat {number}, bathroom" if number % 31 else "Flat-without-a-single-blank-in-its-name",
            place=f"House {number // 20}, second staircase",
            signal_dbm=-50.0 - number % 60,
            heard=number,
            history=gain if number % 3 else None,
            status=["power low", "permanent error"] if number % 23 == 0 else [],
        )
        for number in range(1, count + 1)
    ]
    missing = [
        MissingMeter(each.address, 5, each.name, each.place, "no answer from address 5 (3 tries)")
        for each in meters[:9]
        if each.address is not None
    ]
    return sample()._replace(meters=meters, missing=missing, expected=count)


PAGES = {
    "sample": sample(),
    "walk": walk(),
    "hostile": sample()._replace(facts=Facts(*[HOSTILE] * 5, notes=(HOSTILE * 9, "W" * 400))),
    "nothing": Handover(Facts(), NOW, [], [], [], [], [], [], [], None, False, [], []),
}


def run_browser(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [browser(), *_FLAGS, *(["--no-sandbox"] if _is_root() else [])]
    command += [f"--user-data-dir={tmp_path / 'profile'}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=50)


def test_nothing_runs_over_the_edge_of_a_screen(tmp_path: Path) -> None:
    """Each page is framed at each width and tells how wide its contents are; its policy is lifted for that."""
    frames = ""
    for name, handover in PAGES.items():
        inner = tmp_path / f"{name}.html"
        made = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page(handover))
        inner.write_text(made.replace("</body>", PROBE), encoding="utf-8")
        for width in WIDTHS:
            style = f"width:{width}px;height:600px;border:0"
            frames += f'<iframe src="{inner.as_uri()}#{name}-{width}" style="{style}"></iframe>'
    outer = tmp_path / "outer.html"
    listener = "addEventListener('message',event=>document.body.append('['+event.data+']'))"
    outer.write_text(f"<!DOCTYPE html><body><script>{listener}</script>{frames}</body>", encoding="utf-8")
    done = run_browser(tmp_path, "--virtual-time-budget=8000", "--dump-dom", outer.as_uri())
    told = re.findall(r"\[([a-z]+-\d+) (\d+) (\d+)\]", done.stdout)
    assert len(told) == len(PAGES) * len(WIDTHS), done.stderr[-500:]
    assert [(name, wide, room) for name, wide, room in told if wide != room] == []


def test_the_number_of_a_meter_is_never_broken(tmp_path: Path) -> None:
    """In no table and at no width: each number is one line high, beside long words too."""
    made = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page(PAGES["sample"]))
    probe = (
        "<script>addEventListener('load',()=>{document.title=[...document.querySelectorAll('td.meter b')]"
        ".map(each=>each.getClientRects().length).join(' ')})</script></body>"
    )
    path = tmp_path / "page.html"
    path.write_text(made.replace("</body>", probe), encoding="utf-8")
    for width in (730, 900):
        done = run_browser(tmp_path, f"--window-size={width},900", "--dump-dom", path.as_uri())
        lines = re.search(r"<title>([\d ]+)</title>", done.stdout)
        assert lines is not None, done.stderr[-500:]
        assert set(lines[1].split()) == {"1"}, width


def test_the_console_stays_silent(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page(PAGES["hostile"]), encoding="utf-8")
    done = run_browser(tmp_path, "--enable-logging=stderr", "--dump-dom", path.as_uri())
    assert "</html>" in done.stdout
    assert "CONSOLE" not in done.stderr


def test_a_script_would_not_run(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    script = "<script>document.title='it ran'</script></body>"
    path.write_text(page(sample()).replace("</body>", script), encoding="utf-8")
    done = run_browser(tmp_path, "--enable-logging=stderr", "--dump-dom", path.as_uri())
    assert "<title>it ran" not in done.stdout
    assert "CONSOLE" in done.stderr


def pages_of(pdf: Path) -> list[tuple[float, float]]:
    """The sizes of the pages of a PDF, in points."""
    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", pdf.read_bytes())
    return [(float(width), float(height)) for width, height in boxes]


@pytest.mark.parametrize(("name", "least", "most"), [("sample", 2, 3), ("walk", 10, 22)])
def test_it_prints_on_a4(tmp_path: Path, name: str, least: int, most: int) -> None:
    target = tmp_path / "handover.pdf"
    print_pdf(page(PAGES[name]), target, browser())
    sizes = pages_of(target)
    assert least <= len(sizes) <= most
    assert {(round(width), round(height)) for width, height in sizes} == {A4}
    if shutil.which("pdftotext"):
        check_words(target, tmp_path, len(sizes), PAGES[name])


def check_words(pdf: Path, folder: Path, count: int, handover: Handover) -> None:
    """Every word stands inside the margins, each page has its number, and no row of a meter is cut."""
    subprocess.run(["pdftotext", "-bbox", str(pdf), str(folder / "words.xml")], check=True, timeout=50)
    text = (folder / "words.xml").read_text(encoding="utf-8")
    pages = re.split(r"<page ", text)[1:]
    assert len(pages) == count
    for number, content in enumerate(pages, 1):
        words = re.findall(
            r'xMin="([\d.-]+)" yMin="[\d.-]+" xMax="([\d.-]+)" yMax="[\d.-]+">([^<]*)<', content
        )
        assert min(float(left) for left, _, _ in words) >= MARGIN
        assert max(float(right) for _, right, _ in words) <= A4[0] - MARGIN
        tail = [word for _, _, word in words]
        at = tail.index("Page")
        assert tail[at : at + 4] == ["Page", str(number), "of", str(count)]
    # A row of meters: the head of its table stands above it, on each page.
    for content in pages[1:]:
        if re.search(r">\d{8}\.SEN\.68\.07<", content):
            assert ">Medium<" in content
    for each in handover.meters:
        numbers = [place for place, content in enumerate(pages) if f">{each.number}<" in content]
        addresses = [place for place, content in enumerate(pages) if f">{each.address_text}<" in content]
        assert set(addresses) <= set(numbers)

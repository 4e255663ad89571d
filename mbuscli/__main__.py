"""`python -m mbuscli`."""

from __future__ import annotations

from mbuscli.cli.main import run

if __name__ == "__main__":
    run()

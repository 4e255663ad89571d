"""Makes `drivers/index.txt` from the TOML files: `python -m mbuscli.meters.build`."""

from __future__ import annotations

import os

from mbuscli.meters.registry import (
    BASE_LINE,
    BASES,
    DRIVER_LINE,
    FOLDER,
    INDEX,
    SUFFIX,
    drivers_in,
    read_toml,
    served_by,
)


def index_text(folder: str = FOLDER) -> str:
    """The index of a folder: `KAM.1B.16 multical21`, `=multical21 {...}` (without tests), `~water {...}`."""
    lines = [f"{served} {name}" for served, name in sorted(served_by(folder).items())]
    for mark, place in ((DRIVER_LINE, folder), (BASE_LINE, BASES)):
        for name in drivers_in(place):
            table = read_toml(os.path.join(place, name + SUFFIX))
            table.pop("test", None)
            lines.append(f"{mark.decode()}{name} {table!r}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the index."""
    with open(INDEX, "w", encoding="utf-8", newline="\n") as file:
        file.write(index_text())


if __name__ == "__main__":
    main()

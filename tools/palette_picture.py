"""Draws docs/palette.webp: photographs of the tests as they are, and in a few colours in both modes. Run it in the
virtual environment: `.venv/bin/python -m tools.palette_picture`.
"""

import tempfile
from pathlib import Path

from PIL import Image

from imagehost import ROOT
from imagehost.imaging import gate, palette
from imagehost.imaging.cielab import parse_hex

PHOTOS = ("coffee", "rocket")
MODES = ("nearest", "luminance")
PALETTE = ("#10243e", "#7c2f4e", "#e4572e", "#f3a712", "#f7e3af", "#3c887e")
SIZE = (384, 256)
GAP, SWATCH = 12, 28
TARGET = ROOT / "docs" / "palette.webp"


def main() -> None:
    width = 3 * SIZE[0] + 2 * GAP
    height = len(PHOTOS) * (SIZE[1] + GAP) + SWATCH
    sheet = Image.new("RGBA", (width, height))
    for row, name in enumerate(PHOTOS):
        for column, image in enumerate(_row(name)):
            sheet.paste(image, (column * (SIZE[0] + GAP), row * (SIZE[1] + GAP)))
    each = width / len(PALETTE)
    for place, colour in enumerate(PALETTE):
        sheet.paste(parse_hex(colour), (round(place * each), height - SWATCH, round((place + 1) * each), height))
    sheet.save(TARGET, "WEBP", quality=86, method=6)


def _row(name: str) -> list[Image.Image]:
    with tempfile.TemporaryDirectory() as folder, Image.open(ROOT / "tests" / "photos" / f"{name}.jpg") as photograph:
        source, target = Path(folder, "source.png"), Path(folder, "target.png")
        small = photograph.resize(SIZE, Image.Resampling.LANCZOS)
        small.save(source)
        header, found = gate.read_header(source, gate.find_format(source)), [small]
        for mode in MODES:
            palette.recolour(source, header, [parse_hex(colour) for colour in PALETTE], mode, target)
            with Image.open(target) as recoloured:
                found.append(recoloured.convert("RGB"))
        return found


if __name__ == "__main__":
    main()

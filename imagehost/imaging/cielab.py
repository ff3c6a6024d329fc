"""Colours as numbers: sRGB to CIELAB (D65; IEC 61966-2-1 and CIE 15), in which distances are about what one sees. No
Pillow in here."""

import math
from collections.abc import Sequence
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]
"""Red, green, blue; 0–255 each."""
Lab: TypeAlias = tuple[float, float, float]
"""L* from 0, black, to 100, white; a* from green to red; b* from blue to yellow."""

_LINEAR = tuple(v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in range(256))
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


def parse_hex(text: str) -> Rgb:
    """`#rrggbb`."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def to_hex(colour: Rgb) -> str:
    return "#" + bytes(colour).hex()


def to_lab(colour: Rgb) -> Lab:
    red, green, blue = _LINEAR[colour[0]], _LINEAR[colour[1]], _LINEAR[colour[2]]
    x = _root((0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047)
    y = _root(0.2126729 * red + 0.7151522 * green + 0.0721750 * blue)
    z = _root((0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def nearest(wanted: Lab, among: Sequence[Lab]) -> int:
    """The place of the nearest colour (CIE76); of equally near ones the first."""
    light, a, b = wanted
    distances = [(light - k) * (light - k) + (a - m) * (a - m) + (b - n) * (b - n) for k, m, n in among]
    return distances.index(min(distances))


def distance(one: Lab, other: Lab) -> float:
    """CIE76; from about 2 on one sees a difference."""
    return math.dist(one, other)


def _root(t: float) -> float:
    return t ** (1 / 3) if t > _EPSILON else (_KAPPA * t + 16) / 116

"""Recipes of derivatives, by name. No Pillow in here: the parent uses it to check what a child says it made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """`fit_px`: the derivative fits into a square of this side, and is never larger than its image."""

    name: str
    fit_px: int
    mime: str


VARIANTS: dict[str, Variant] = {v.name: v for v in (Variant("thumb", 400, "image/webp"),)}


def fit(width: int, height: int, box_px: int) -> tuple[int, int]:
    """The size with the same proportions that fits a square of `box_px`; never larger than the given one."""
    scale = min(1.0, box_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))

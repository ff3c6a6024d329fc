"""Recipes of derivatives, by name. No Pillow in here: the parent uses it to check what a child says it made."""

from dataclasses import dataclass

from imagehost.mediatypes import EXTENSIONS


@dataclass(frozen=True)
class Variant:
    """`fit_px`: the derivative fits into a square of this side, and is never larger than its image. `on_demand`: made
    when first asked for; if `animated`, it then moves where its image does. Eager ones are of the first frame."""

    name: str
    fit_px: int
    mime: str
    on_demand: bool = False
    animated: bool = False

    @property
    def file_name(self) -> str:
        """What the derivative is called in the bucket."""
        return f"{self.name}.{EXTENSIONS[self.mime]}"


VARIANTS: dict[str, Variant] = {
    v.name: v
    for v in (
        Variant("thumb", 400, "image/webp"),
        Variant("preview", 1600, "image/webp", on_demand=True, animated=True),
    )
}


def fit(width: int, height: int, box_px: int) -> tuple[int, int]:
    """The size with the same proportions that fits a square of `box_px`; never larger than the given one."""
    scale = min(1.0, box_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))

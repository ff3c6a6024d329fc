"""Ways to see an image, as an address says them: as it is, for a purpose, as a named variant, or in a size."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

from imagehost.imaging.variants import FORMATS, VARIANTS, Fit, FormatName, Variant, size_name, sized
from imagehost.models import Image

Purpose = Literal["view", "download", "embed"]
ORIGINAL = "original"
# What is chosen where a viewer names neither AVIF nor WebP: a program that takes anything, or nothing that is newer.
_PLAIN = {"image/jpeg": "image/jpeg", "image/png": "image/png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One of: a `purpose` of the original, a `variant` by its name, a size (with `format` as its address names it, or
    None: what the viewer prefers); or nothing, for the original."""

    purpose: Purpose | None = None
    variant: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    fit: Fit = "contain"
    format: FormatName | None = None

    @property
    def is_size(self) -> bool:
        return bool(self.width_px or self.height_px)

    @property
    def depends_on_viewer(self) -> bool:
        """Whether viewers get different bytes, by the `Accept` of their requests."""
        return self.is_size and self.format is None

    @property
    def name(self) -> str:
        """What a signature is for, one name a way: the purpose, the variant, the size (`w640`, `w640.webp`)."""
        if self.is_size:
            size = size_name(self.width_px, self.height_px, self.fit)
            return f"{size}.{self.format}" if self.format else size
        return self.purpose or self.variant or ORIGINAL

    @property
    def parameters(self) -> dict[str, str]:
        """The query of an address that leads this way."""
        said = {
            "variant": self.variant,
            "purpose": self.purpose,
            "w": self.width_px and str(self.width_px),
            "h": self.height_px and str(self.height_px),
            "fit": None if self.fit == "contain" else self.fit,
            "format": self.format,
        }
        return {name: value for name, value in said.items() if value}

    def find_variant(self, image: Image, accepted: Container[str]) -> Variant | None:
        """The variant of an image to show to a viewer who names these media types; None for the original. AVIF before
        WebP, but WebP where the image moves, and the image's own type, if any other is as good."""
        if self.variant is not None:
            return VARIANTS[self.variant]
        if not self.is_size:
            return None
        mime = FORMATS[self.format] if self.format else _choose(image, accepted)
        return sized(size_name(self.width_px, self.height_px, self.fit), mime)


AS_IT_IS = Way()


def _choose(image: Image, accepted: Container[str]) -> str:
    if image.frames == 1 and "image/avif" in accepted:
        return "image/avif"
    if "image/webp" in accepted:
        return "image/webp"
    return _PLAIN.get(image.mime, "image/webp")

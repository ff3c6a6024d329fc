"""What an address of an image may ask for, and what an owner may have signed."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, model_validator

from imagehost.imaging.variants import LADDER_PX, Fit, FormatName
from imagehost.services.ways import Purpose, Way
from imagehost.web.schemas import Request


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _on_ladder(side_px: int) -> int:
    if side_px not in LADDER_PX:
        raise ValueError(f"is none of {', '.join(map(str, LADDER_PX))}")
    return side_px


_ENUM: dict[str, Any] = {"enum": list(LADDER_PX)}
SidePx = Annotated[int, AfterValidator(_on_ladder), Field(json_schema_extra=_ENUM)]
AnyCaseFit = Annotated[Fit, BeforeValidator(_lower)]
AnyCaseFormat = Annotated[FormatName, BeforeValidator(_lower)]
StrictSidePx = Annotated[StrictInt, AfterValidator(_on_ladder), Field(json_schema_extra=_ENUM)]


class _Size(Request):
    """A box of the ladder, and how the image is put into it."""

    w: SidePx | None = Field(None, description="the width that the derivative fits into, in pixels")
    h: SidePx | None = Field(None, description="the height that it fits into")
    fit: AnyCaseFit | None = Field(
        None, description="`contain` (default) shows all of the image, `cover` fills the box"
    )
    format: AnyCaseFormat | None = Field(None, description="without it, what the viewer's `Accept` prefers")

    @model_validator(mode="after")
    def _box_first(self) -> "_Size":
        if self.w is None and self.h is None and (self.fit or self.format):
            raise ValueError("fit and format need w or h")
        if self.fit == "cover" and (self.w is None or self.h is None):
            raise ValueError("cover needs w and h")
        return self

    def _to_way(self, **others: Any) -> Way:
        return Way(width_px=self.w, height_px=self.h, fit=self.fit or "contain", format=self.format, **others)


class ViewQuery(_Size):
    """Which bytes of an image: the original, a named variant, or a size (its owner, or a signed address)."""

    variant: Annotated[Literal["thumb", "preview"], BeforeValidator(_lower)] | None = None
    purpose: Annotated[Purpose, Field(description="part of what presign made")] | None = None
    sig: Annotated[str, Field(max_length=200, description="part of a signed address: may see just this")] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "ViewQuery":
        if self.variant and (self.w or self.h):
            raise ValueError("give variant, or w and h")
        return self

    def to_way(self) -> Way:
        return self._to_way(variant=self.variant, purpose=self.purpose)


class PresignRequest(_Size):
    """What a URL is for, and how long it shall last; with `w` or `h` it is one of that size."""

    w: StrictSidePx | None = None
    h: StrictSidePx | None = None
    purpose: Purpose = "view"
    url_expires_in_s: Annotated[StrictInt, Field(ge=1, le=604_800)] = 3_600

    @model_validator(mode="after")
    def _originals_only(self) -> "PresignRequest":
        if self.purpose == "download" and (self.w or self.h):
            raise ValueError("only the original can be downloaded")
        return self

    def to_way(self) -> Way:
        return self._to_way(purpose=None if self.w or self.h else self.purpose)

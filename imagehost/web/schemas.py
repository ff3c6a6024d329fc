"""The shapes of requests, as pydantic models: what is parsed is what the OpenAPI document says."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    SkipValidation,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from imagehost.ids import is_id
from imagehost.models import SCOPES, Details, Scope
from imagehost.services.palettes import Mode

METADATA_MAX_BYTES = 8 * 1024
BATCH_MAX = 100
T = TypeVar("T")
_HEX_COLOR = re.compile("#[0-9A-Fa-f]{6}")
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _one_line(text: str) -> str:
    if _NOT_IN_A_LINE.search(text):
        raise ValueError("must be one line, without control characters")
    return text


def _of_id(text: str) -> str:
    if not is_id(text):
        raise ValueError("is not an id")
    return text


def _of_color(text: str) -> str:
    if not _HEX_COLOR.fullmatch(text):
        raise ValueError("is not a colour like #ff5733")
    return text.lower()


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    size_bytes = len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
    if size_bytes > METADATA_MAX_BYTES:
        raise ValueError(f"has {size_bytes} bytes as JSON; {METADATA_MAX_BYTES} are allowed")
    return metadata


def _not_empty(entries: tuple[T, ...]) -> tuple[T, ...]:
    """min_length of a tuple would report it too short when its only entry is invalid."""
    if not entries:
        raise ValueError("needs at least one entry")
    return entries


def _without_repeats(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


def _stripped(length: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=length)


Id = Annotated[StrictStr, AfterValidator(_of_id), Field(description="an id: 24 characters")]
Filename = Annotated[StrictStr, _stripped(255), AfterValidator(_one_line)]
Title = Annotated[StrictStr, _stripped(200), AfterValidator(_one_line)]
TagName = Annotated[StrictStr, _stripped(50), AfterValidator(_one_line)]
Tags = Annotated[tuple[TagName, ...], Field(max_length=50), AfterValidator(_without_repeats)]
Metadata = Annotated[dict[StrictStr, Any], AfterValidator(_small), Field(description="free JSON, at most 8 KiB")]
Kind = Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="a free slug to file by")]
MediaType = Annotated[
    StrictStr,
    StringConstraints(
        to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}$"
    ),
]
ExpiresIn = Annotated[StrictInt, Field(ge=1, le=10 * 366 * 86_400)]
HexColor = Annotated[
    StrictStr, AfterValidator(_of_color), Field(json_schema_extra={"pattern": f"^{_HEX_COLOR.pattern}$"})
]
Sha256 = Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$", description="64 lower-case hex")]


class Request(BaseModel):
    """Unknown fields are refused: a typo, or a feature that this version does not have, must not pass in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UploadItem(Request):
    """One image that the client is about to upload."""

    filename: Filename
    mime: MediaType
    size: Annotated[StrictInt, Field(ge=1, description="bytes")]
    sha256: Sha256 | None = None
    private: StrictBool = False
    title: Title | None = None
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    kind: Kind | None = None
    image_expires_in_s: ExpiresIn | None = Field(None, description="the image deletes itself so long after publishing")
    keep_metadata: StrictBool = Field(False, description="keep EXIF and XMP in the stored image")

    def to_details(self) -> Details:
        """What the image will be, as the services know it."""
        return Details(
            filename=self.filename,
            mime=self.mime,
            private=self.private,
            title=self.title,
            tags=self.tags,
            metadata=self.metadata,
            kind=self.kind,
        )


class UploadBatch(Request):
    """Many at once. Each is validated, admitted or refused by itself."""

    files: Annotated[list[SkipValidation[UploadItem]], Field(min_length=1, max_length=BATCH_MAX)]


class UploadAgain(Request):
    """A pending upload that needs a fresh URL."""

    id: Id


def _one_of(*names: str) -> Any:
    """Tells the alternatives of a body apart by the one member that only they have; the last is the default."""

    def tag(value: Any) -> str:
        if isinstance(value, Mapping):
            return next((f"§{name}" for name in names[:-1] if name in value), f"§{names[-1]}")
        return f"§{names[-1]}"

    return Discriminator(tag)


class UploadRequest(RootModel[UploadItem | UploadBatch | UploadAgain]):
    """`{filename, mime, size, …}` for one, `{files: […]}` for many, `{id}` to sign a pending upload again."""

    root: Annotated[
        Annotated[UploadBatch, Tag("§files")]
        | Annotated[UploadAgain, Tag("§id")]
        | Annotated[UploadItem, Tag("§file")],
        _one_of("files", "id", "file"),
    ]


class CompleteOne(Request):
    """The upload to complete."""

    id: Id


class CompleteMany(Request):
    """The uploads to complete, each by itself."""

    ids: Annotated[
        tuple[Id, ...], AfterValidator(_not_empty), Field(max_length=BATCH_MAX, json_schema_extra={"minItems": 1})
    ]


class CompleteRequest(RootModel[CompleteOne | CompleteMany]):
    """`{id}` or `{ids: […]}`."""

    root: Annotated[Annotated[CompleteMany, Tag("§ids")] | Annotated[CompleteOne, Tag("§id")], _one_of("ids", "id")]


class ImageEdit(Request):
    """What to change; a member that is not named stays. `title`, `kind` and `image_expires_in_s` may be null, to have
    none."""

    title: Title | None = None
    tags: Tags = ()
    private: StrictBool = False
    metadata: Metadata = Field(default_factory=dict)
    kind: Kind | None = None
    image_expires_in_s: ExpiresIn | None = Field(None, description="the image deletes itself so long from now")

    @model_validator(mode="after")
    def _not_empty(self) -> "ImageEdit":
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self

    def to_change(self) -> dict[str, Any]:
        """The fields that were named, with their new values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class IfMatch(BaseModel):
    """Make the change on this revision of the image, or not at all."""

    if_match: str | None = Field(None, alias="If-Match", description='the `ETag` of an earlier answer: `"<rev>"`')


class PaletteRequest(Request):
    """The colours that an image is to have, and how they are given to it."""

    colors: Annotated[
        tuple[HexColor, ...], AfterValidator(_not_empty), Field(max_length=16, json_schema_extra={"minItems": 1})
    ]
    mode: Mode = "nearest"


class ApiKeyRequest(Request):
    """A new API key."""

    name: Annotated[StrictStr, _stripped(100), AfterValidator(_one_line)]
    scopes: Annotated[tuple[Scope, ...], AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1})] = SCOPES
    expires_in_s: ExpiresIn | None = None

    @field_validator("scopes")
    @classmethod
    def _in_order(cls, scopes: Iterable[Scope]) -> tuple[Scope, ...]:
        return tuple(scope for scope in SCOPES if scope in scopes)


class ListQuery(Request):
    """A page by number, or what follows a cursor."""

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    page: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    cursor: Annotated[str, Field(max_length=2_000)] | None = None

    @model_validator(mode="after")
    def _page_or_cursor(self) -> "ListQuery":
        if self.page is not None and self.cursor is not None:
            raise ValueError("give page or cursor, not both")
        return self

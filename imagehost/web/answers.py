"""The shapes of answers, as pydantic models for the OpenAPI document; present.py builds them, and a test compares."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel


class Answer(BaseModel):
    """The base of all answers."""

    model_config = ConfigDict(extra="forbid")


class Fault(Answer):
    """One invalid field."""

    detail: str
    pointer: str = Field(description="JSON Pointer (RFC 6901) into the body, or the name of a query parameter")


class Problem(BaseModel):
    """A problem document (RFC 9457). `code` is stable; what it means stands in the documentation."""

    type: str
    title: str
    status: int
    code: str
    request_id: str | None = None
    detail: str | None = None
    errors: list[Fault] | None = None


class PublicImage(Answer):
    """An image as anybody may see it."""

    id: str
    url: str = Field(description="the public address; answers 404 to others while the image is private")
    src: str = Field(description="the image, for who can send no token; good until expires_at")
    thumb: str | None = Field(description="good until expires_at; null when none could be made")
    preview: str = Field(description="fits 1600 px, made when first asked for; good until expires_at")
    expires_at: str
    filename: str
    title: str | None
    mime: str
    kind: str | None
    size: int = Field(description="bytes")
    width: int
    height: int
    frames: int
    placeholder: str | None = Field(description="ThumbHash in base64; null where none could be made")
    private: bool
    views: int
    created_at: str
    image_expires_at: str | None = Field(description="when the image deletes itself; null for never")


class Image(PublicImage):
    """An image as its owner sees it."""

    sha256: str
    status: str
    tags: list[str]
    metadata: dict[str, Any]
    rev: int


class ImageList(Answer):
    """One page of images."""

    images: list[Image]
    limit: int
    page: int | None = Field(description="null where the page was asked for by a cursor")
    total: int
    pages: int
    next_cursor: str | None


class Put(Answer):
    """The request by which the client sends the bytes: exactly these headers, and a Content-Length of the announced
    size."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: str


class Ticket(Answer):
    """A pending upload."""

    id: str
    upload: Put
    complete_url: str


class UploadResult(Answer):
    """One entry of a batch of requests."""

    status: int
    upload: Ticket | None = None
    problem: Problem | None = None


class UploadResults(Answer):
    """In the request's order."""

    results: list[UploadResult]


class CompleteResult(Answer):
    """One entry of a batch of completes."""

    status: int
    image: Image | None = None
    problem: Problem | None = None


class CompleteResults(Answer):
    """In the request's order."""

    results: list[CompleteResult]


class Completed(RootModel[Image | CompleteResults]):
    """The image; of `ids` a result each."""


class AnyImage(RootModel[Image | PublicImage]):
    """All of an image for its owner, the public part for anybody else."""


class Color(Answer):
    """One of an image's colours."""

    hex: str = Field(description="#rrggbb, in sRGB")
    share: float = Field(description="of what is seen of the image, 0–1")


class Colors(Answer):
    """The dominant colours of an image's first frame, the largest share first; of what is transparent none."""

    colors: list[Color]


class SignedUrl(Answer):
    """A URL that needs no token, until it ends."""

    url: str
    expires_at: str


class ApiKey(Answer):
    """An API key, without its secret."""

    kid: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None


class IssuedApiKey(ApiKey):
    """A new API key and its token, which is shown this once."""

    token: str


class ApiKeyList(Answer):
    """All API keys of the account."""

    api_keys: list[ApiKey]


class DevApiKey(Answer):
    """A token of a throw-away account."""

    token: str
    kid: str
    uid: str


class Usage(Answer):
    """What is stored, and what is reserved for pending uploads."""

    bytes: int
    images: int
    reserved_bytes: int
    pending: int


class Quota(Answer):
    """What is allowed."""

    bytes: int
    images: int
    pending: int


class Me(Answer):
    """The caller's account and API key."""

    uid: str
    username: str | None
    created_at: str
    usage: Usage
    quota: Quota
    api_key: ApiKey


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"]


class Ready(Answer):
    """Whether this node can serve, and the state of each dependency: redis, s3, index and sweeper."""

    status: Literal["ready", "degraded", "unavailable"]
    dependencies: dict[str, Literal["ok", "unavailable", "rebuilding", "late", "unknown"]]

"""Every error that imagehost raises on purpose, with the answer it becomes (RFC 9457).

    ImagehostError                      500 internal-error
    ├── BadRequest                      the client can mend it
    │   ├── MalformedJSON               400 malformed-json
    │   ├── UnsupportedContentType      415 unsupported-content-type
    │   ├── RequestTooLarge             413 request-too-large
    │   ├── ForbiddenHost               403 forbidden-host
    │   ├── CrossSiteRequest            403 cross-site-request
    │   ├── InvalidRequest              422 invalid-request, with errors: [{detail, pointer}]
    │   ├── UnsupportedType             415 unsupported-type
    │   └── ImageTooLarge               413 image-too-large
    ├── Unauthorized                    401, with WWW-Authenticate
    │   ├── TokenMissing                    token-missing
    │   ├── TokenInvalid                    token-invalid
    │   └── TokenExpired                    token-expired
    ├── Forbidden
    │   ├── InsufficientScope           403 insufficient-scope
    │   └── NotOwner                    403 not-owner
    ├── NotFound                        404 not-found
    │   ├── ImageNotFound                   image-not-found
    │   └── KeyNotFound                     key-not-found
    ├── ImageDeleted                    410 image-deleted
    ├── Conflict
    │   ├── NameTaken                   409 name-taken
    │   ├── TooManyKeys                 409 too-many-keys
    │   ├── UploadBusy                  409 upload-busy, with Retry-After
    │   ├── UploadNotReceived           409 upload-not-received
    │   ├── EditConflict                409 edit-conflict
    │   └── RevMismatch                 412 rev-mismatch
    ├── Refused                         422, the gate's verdict; stored, the same on every retry
    │   ├── UnreadableImage                 unreadable-image
    │   ├── UnsupportedImage                unsupported-image
    │   ├── ImageDimensions                 image-dimensions
    │   └── SizeMismatch                    size-mismatch
    ├── QuotaExceeded                   413 quota-exceeded, with used and allowed
    ├── TooManyPending                  429 too-many-pending, with Retry-After
    ├── Unavailable                     503 unavailable, with Retry-After
    │   ├── BucketLost                      the index knows of accounts, the bucket of nothing (at the start only)
    │   ├── BucketRefuses                   no such bucket, or it does not let us in (at the start only)
    │   ├── GatesBusy                       others work on images; this one was not looked at
    │   ├── OutcomeUnknown                  a conditional write may or may not have happened
    │   └── IndexRebuilding                 index-rebuilding
    └── ConditionFailed                 a conditional write lost (inside only; services decide what it means)

`detail` is written for the client and may be shown to it; the cause goes to the log (`raise … from exc`).
"""

from typing import Any, ClassVar


class ImagehostError(Exception):
    """The root. `extensions` become further members of the problem document, `headers` headers of the answer."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", *, headers: dict[str, str] | None = None, **extensions: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.headers = dict(headers or {})
        self.extensions = extensions


class BadRequest(ImagehostError):
    status, code, title = 400, "bad-request", "Bad request"


class MalformedJSON(BadRequest):
    code, title = "malformed-json", "The body is not acceptable JSON"


class UnsupportedContentType(BadRequest):
    status, code, title = 415, "unsupported-content-type", "The Content-Type of the request is not supported"


class RequestTooLarge(BadRequest):
    status, code, title = 413, "request-too-large", "The request's body is too large"


class ForbiddenHost(BadRequest):
    status, code, title = 403, "forbidden-host", "In development mode only loopback host names are served"


class CrossSiteRequest(BadRequest):
    status, code, title = 403, "cross-site-request", "This may only be asked from imagehost's own pages"


class InvalidRequest(BadRequest):
    """`errors` is a list of {detail, pointer}; pointer is a JSON Pointer (RFC 6901) or a query parameter's name."""

    status, code, title = 422, "invalid-request", "The request is invalid"

    def __init__(self, errors: list[dict[str, str]], detail: str = "") -> None:
        super().__init__(detail, errors=errors)


class UnsupportedType(BadRequest):
    status, code, title = 415, "unsupported-type", "This type of image is not accepted"


class ImageTooLarge(BadRequest):
    status, code, title = 413, "image-too-large", "The image has too many bytes"


class Unauthorized(ImagehostError):
    status, code, title = 401, "token-missing", "An API token is needed"

    def __init__(self, detail: str = "", **extensions: Any) -> None:
        challenge = 'Bearer realm="imagehost"'
        if self.code != "token-missing":
            challenge += ', error="invalid_token"'
        super().__init__(detail, headers={"WWW-Authenticate": challenge}, **extensions)


class TokenMissing(Unauthorized):
    pass


class TokenInvalid(Unauthorized):
    code, title = "token-invalid", "The API token is unreadable, forged or revoked"


class TokenExpired(Unauthorized):
    code, title = "token-expired", "The API token has expired"


class Forbidden(ImagehostError):
    status, code, title = 403, "forbidden", "This is not allowed"


class InsufficientScope(Forbidden):
    code, title = "insufficient-scope", "The API key lacks a scope"


class NotOwner(Forbidden):
    code, title = "not-owner", "Only the owner of an image may do this"


class NotFound(ImagehostError):
    status, code, title = 404, "not-found", "Not found"


class ImageNotFound(NotFound):
    code, title = "image-not-found", "There is no such image"


class KeyNotFound(NotFound):
    code, title = "key-not-found", "There is no such API key"


class ImageDeleted(ImagehostError):
    status, code, title = 410, "image-deleted", "The image was deleted"


class Conflict(ImagehostError):
    status, code, title = 409, "conflict", "Conflict"


class NameTaken(Conflict):
    code, title = "name-taken", "The user name is taken"


class TooManyKeys(Conflict):
    code, title = "too-many-keys", "The account has as many API keys as it may"


class UploadBusy(Conflict):
    code, title = "upload-busy", "Another request is completing this upload"


class UploadNotReceived(Conflict):
    code, title = "upload-not-received", "The bytes of this upload have not arrived"


class EditConflict(Conflict):
    code, title = "edit-conflict", "The image changed too often meanwhile"


class RevMismatch(Conflict):
    status, code, title = 412, "rev-mismatch", "The image has another revision"


class Refused(ImagehostError):
    status, code, title = 422, "refused", "The image was refused"


class UnreadableImage(Refused):
    code, title = "unreadable-image", "The file cannot be decoded as an image"


class UnsupportedImage(Refused):
    code, title = "unsupported-image", "The file is not in an accepted image format"


class ImageDimensions(Refused):
    code, title = "image-dimensions", "The image has too many pixels or frames"


class SizeMismatch(Refused):
    code, title = "size-mismatch", "The file has another size than was announced"


REFUSALS: dict[str, type[Refused]] = {
    c.code: c for c in (UnreadableImage, UnsupportedImage, ImageDimensions, SizeMismatch)
}


class QuotaExceeded(ImagehostError):
    status, code, title = 413, "quota-exceeded", "The storage quota is used up"


class TooManyPending(ImagehostError):
    status, code, title = 429, "too-many-pending", "Too many uploads have been requested and not completed"


class Unavailable(ImagehostError):
    """Something that imagehost depends on did not answer; nothing was decided, and the same request may be repeated."""

    status, code, title = 503, "unavailable", "Temporarily unavailable"

    def __init__(self, detail: str = "", *, retry_after_s: int = 2, **extensions: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)}, **extensions)


class GatesBusy(Unavailable):
    """As many images as may be are being worked on."""


class BucketLost(Unavailable):
    """This is another bucket than the index belongs to, or it has lost its objects."""


class BucketRefuses(Unavailable):
    """The store answers, and says no: name, region or credentials are wrong. Waiting helps nobody."""


class OutcomeUnknown(Unavailable):
    """A conditional write timed out, was reset or answered 409 or 5xx: it may have landed, or may land later."""


class IndexRebuilding(Unavailable):
    """A shard has lost its part of the index: what is not found there may exist all the same."""

    code, title = "index-rebuilding", "The index is being rebuilt"


class ConditionFailed(ImagehostError):
    """S3 answered 412: the object is not in the state that the write was conditional on."""

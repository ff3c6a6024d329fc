"""Ours → outside: the JSON of images, tickets, keys and times."""

from datetime import UTC, datetime
from typing import Any

from imagehost.models import ApiKey, Published
from imagehost.services.uploads import Ticket
from imagehost.web.context import services


def to_time(ms: int) -> str:
    """RFC 3339, UTC, with milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_image(published: Published, *, public: bool = False) -> dict[str, Any]:
    """An image; `public` leaves out what is its owner's business."""
    image, links = published.image, services().delivery.links(published.image)
    members: dict[str, Any] = {
        "id": image.iid,
        "url": links.url,
        "src": links.src,
        "thumb": links.thumb,
        "preview": links.preview,
        "expires_at": to_time(links.expires_at_s * 1000),
        "filename": image.filename,
        "title": image.title,
        "mime": image.mime,
        "kind": image.kind,
        "size": image.size,
        "width": image.width,
        "height": image.height,
        "frames": image.frames,
        "placeholder": image.placeholder,
        "private": image.private,
        "views": published.views,
        "created_at": to_time(image.created_at_ms),
        "image_expires_at": None if image.expires_at_ms is None else to_time(image.expires_at_ms),
    }
    if public:
        return members
    return members | {
        "sha256": image.sha256,
        "status": image.status,
        "tags": list(image.tags),
        "metadata": dict(image.metadata),
        "rev": image.rev,
    }


def to_ticket(ticket: Ticket) -> dict[str, Any]:
    """A pending upload and its PUT."""
    return {
        "id": ticket.iid,
        "upload": {
            "method": "PUT",
            "url": ticket.put.url,
            "headers": dict(ticket.put.headers),
            "expires_at": to_time(ticket.put.expires_at_s * 1000),
        },
        "complete_url": f"{services().config.public_url}/api/v1/upload/complete",
    }


def to_api_key(api_key: ApiKey) -> dict[str, Any]:
    """An API key, without its secret."""
    return {
        "kid": api_key.kid,
        "name": api_key.name,
        "scopes": list(api_key.scopes),
        "created_at": to_time(api_key.created_at_ms),
        "expires_at": None if api_key.expires_at_ms is None else to_time(api_key.expires_at_ms),
    }

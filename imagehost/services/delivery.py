"""Addresses of images: the public one, which the app answers, and presigned ones, which the bucket answers.

Presigned GETs stay the same inside an image's window, so that browsers and CDNs keep what is behind them. Type and name
are fixed by the signature: the type is what the gate found, never what the client claimed.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from imagehost.mediatypes import EXTENSIONS
from imagehost.models import Image
from imagehost.services.derivatives import Derivatives, find_stored, may_be_made
from imagehost.services.parts import Parts
from imagehost.storage import object_keys
from imagehost.storage.presign import SignedUrl, Window

Variant = Literal["thumb", "preview"]
Purpose = Literal["view", "download", "embed"]
FITTING = {mime: (f".{extension}",) for mime, extension in EXTENSIONS.items()} | {"image/jpeg": (".jpg", ".jpeg")}
VARIANT_MIME = {"webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Links:
    """Every address of an image; all but `url` end at `expires_at_s`."""

    url: str
    src: str
    thumb: str | None
    preview: str
    expires_at_s: int


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to find the bytes, and how long that answer may be kept."""

    url: str
    max_age_s: int


class Delivery:
    """See the module. Only a redirect to a variant that is made on demand asks the network."""

    def __init__(self, parts: Parts) -> None:
        self._derivatives = Derivatives(parts)
        self._presigner = parts.presigner
        self._views = parts.views
        self._public_url = parts.config.public_url
        self.s3_origin = parts.presigner.origin

    def links(self, image: Image) -> Links:
        """The addresses to show with an image."""
        window = self._presigner.window(image.iid)
        src = self._original(image, window, "GET")
        stored = find_stored(image, "thumb")
        thumb = self._derivative(image, stored, window, "GET") if stored else None
        return Links(
            url=f"{self._public_url}/i/{image.iid}.{EXTENSIONS[image.mime]}",
            src=src.url,
            thumb=thumb.url if thumb else None,
            preview=self._on_demand(image, "preview", window) if may_be_made(image, "preview") else src.url,
            expires_at_s=src.expires_at_s,
        )

    def redirect(self, image: Image, variant: Variant | None, method: Literal["GET", "HEAD"]) -> Redirect:
        """Where a viewer is sent: the variant, made now if need be, or the original where there is no such derivative.
        Raises what `Derivatives.provide` raises."""
        stored = self._derivatives.provide(image, variant) if variant else None
        window = self._presigner.window(image.iid)
        if stored is None:
            target = self._original(image, window, method)
        else:
            target = self._derivative(image, stored, window, method)
        return Redirect(target.url, max(0, window.ends_at_s - int(self._presigner.now_s())))

    def is_signed(self, signature: str | None, iid: str, variant: Variant | None) -> bool:
        """Whether an address of `links` leads here: its signature is for this variant of this image, and in time."""
        if signature is None or variant is None:
            return False
        return self._views.allows(signature, iid, variant, self._presigner.now_s())

    def presign(self, image: Image, purpose: Purpose, expires_in_s: int) -> SignedUrl:
        """A URL for one purpose that ends when asked: to view or embed inline, or to download as a file."""
        return self._presigner.get_for(
            image.key,
            expires_in_s,
            mime=image.mime,
            disposition=_disposition(image, "attachment" if purpose == "download" else "inline"),
            cache_control=_cache_control(image, expires_in_s),
        )

    def _on_demand(self, image: Image, variant: Variant, window: Window) -> str:
        """The app's own address of a variant. A private image's is signed, because an <img> can send no token."""
        url = f"{self._public_url}/i/{image.iid}?variant={variant}"
        if image.private:
            url += f"&sig={self._views.dumps(image.iid, variant, window.expires_at_s)}"
        return url

    def _original(self, image: Image, window: Window, method: str) -> SignedUrl:
        return self._presigner.get(
            image.key,
            window,
            mime=image.mime,
            disposition=_disposition(image, "inline"),
            cache_control=_cache_control(image, 2 * window.length_s),
            method=method,
        )

    def _derivative(self, image: Image, stored: str, window: Window, method: str) -> SignedUrl:
        return self._presigner.get(
            object_keys.variant(image.uid, image.iid, image.version, stored),
            window,
            mime=VARIANT_MIME[stored.partition(".")[2]],
            disposition="inline",
            cache_control=_cache_control(image, 2 * window.length_s),
            method=method,
        )


def _cache_control(image: Image, max_age_s: int) -> str:
    return f"{'private' if image.private else 'public'}, max-age={max_age_s}, immutable"


def _disposition(image: Image, kind: Literal["inline", "attachment"]) -> str:
    """RFC 6266, with the Unicode name as RFC 8187 writes it. The extension always fits what the image is."""
    name = re.sub(r"[/\\]", "_", image.filename)
    if not name.lower().endswith(FITTING[image.mime]):
        name += "." + EXTENSIONS[image.mime]
    return f"{kind}; filename=\"{object_keys.slug(name, image.mime)}\"; filename*=UTF-8''{quote(name, safe='')}"

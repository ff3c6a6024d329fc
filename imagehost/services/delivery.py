"""Addresses of images, and what they lead to: the public one, which the app answers, and ones that end, for those who
can send no token. Where viewers reach the bucket, these are presigned, and the app redirects to them; where they do not
(`IMAGEHOST_DELIVERY=proxy`), they are the app's own, signed by it, and streaming.py has the bytes.

Addresses that end stay the same inside an image's window, so that browsers and CDNs keep what is behind them.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from imagehost.errors import ImageDimensions
from imagehost.imaging.variants import PREVIEW, THUMB, Variant
from imagehost.mediatypes import EXTENSIONS
from imagehost.models import Image
from imagehost.services import sources
from imagehost.services.derivatives import Derivatives, find_stored, may_be_made
from imagehost.services.parts import Parts
from imagehost.services.sources import Source
from imagehost.services.ways import AS_IT_IS, Way
from imagehost.storage.presign import SignedUrl, Window


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
    """See the module. Only finding a variant that is made on demand asks the network."""

    def __init__(self, parts: Parts) -> None:
        self._derivatives = Derivatives(parts)
        self._presigner = parts.presigner
        self._views = parts.views
        self._public_url = parts.config.public_url
        self.s3_origin = parts.presigner.origin
        self.is_proxy = parts.config.delivery == "proxy"

    def links(self, image: Image) -> Links:
        """The addresses to show with an image."""
        window = self._presigner.window(image.iid)
        src = self._link(image, None, window)
        return Links(
            url=f"{self._public_url}/i/{image.iid}.{EXTENSIONS[image.mime]}",
            src=src,
            thumb=self._link(image, THUMB, window) if find_stored(image, THUMB) else None,
            preview=self._link(image, PREVIEW, window) if may_be_made(image, PREVIEW) else src,
            expires_at_s=window.expires_at_s,
        )

    def find_source(self, image: Image, way: Way = AS_IT_IS, accepted: Container[str] = ()) -> Source:
        """The bytes to show to a viewer who names these media types: the variant, made now if need be, or the original
        where there is no such derivative; never for a size, whose address says no more than that. Raises what
        `Derivatives.provide` raises, and ImageDimensions for a size that takes too much to make."""
        variant = way.find_variant(image, accepted)
        stored = self._derivatives.provide(image, variant) if variant else None
        if stored is not None:
            return sources.derivative(image, stored)
        if way.is_size:
            raise ImageDimensions("This size takes more time or memory to make than an image may have.")
        stands_in = variant is not None and may_be_made(image, variant)
        return sources.original(image, way.purpose, stands_in=stands_in)

    def redirect(
        self,
        image: Image,
        way: Way = AS_IT_IS,
        accepted: Container[str] = (),
        *,
        method: Literal["GET", "HEAD"] = "GET",
        ends_at_s: int | None = None,
    ) -> Redirect:
        """Where a viewer is sent for `find_source`, which see; by an address that ends at `ends_at_s`, no further."""
        source = self.find_source(image, way, accepted)
        window = self._presigner.window(image.iid)
        signed = self._presigned(image, source, window, method, ends_at_s)
        return Redirect(signed.url, self._rest_s(min(window.ends_at_s, signed.expires_at_s)))

    def find_end(self, signature: str | None, iid: str, way: Way) -> int | None:
        """When the leave ends that an address of ours gives (seconds); None unless it was signed for this image and
        this way to see it, and is in time."""
        if signature is None or (way.purpose and (way.variant or way.is_size)):
            return None
        return self._views.find_end(signature, iid, way.name, self._presigner.now_s())

    def cache_control(self, image: Image, source: Source, ends_at_s: int | None) -> str:
        """How long the app's own answer with these bytes may be kept: at the public address to the end of the image's
        window, as a redirect; at a signed one, which ends at `ends_at_s` and leads to nothing else, until then."""
        if ends_at_s is None or source.stands_in:
            rest_s = self._rest_s(self._presigner.window(image.iid).ends_at_s)
            return sources.cache_control(image, rest_s, immutable=False)
        return sources.cache_control(image, self._rest_s(ends_at_s))

    def presign(self, image: Image, way: Way, expires_in_s: int) -> SignedUrl:
        """A URL that ends when asked, for one purpose (to view or embed inline, or to download as a file) or of one
        size, which is made when it is first asked for."""
        if self.is_proxy or way.is_size:
            ends_at_s = int(self._presigner.now_s()) + expires_in_s
            return SignedUrl(self._signed(image, way, ends_at_s), {}, ends_at_s)
        source = sources.original(image, way.purpose)
        return self._presigner.get_for(
            source.object_key,
            expires_in_s,
            mime=source.mime,
            disposition=source.disposition,
            cache_control=sources.cache_control(image, expires_in_s),
        )

    def _link(self, image: Image, variant: Variant | None, window: Window) -> str:
        if self.is_proxy:
            return self._signed(image, Way(variant=variant.name if variant else None), window.expires_at_s)
        if variant is None:
            return self._presigned(image, sources.original(image), window, "GET").url
        if stored := find_stored(image, variant):
            return self._presigned(image, sources.derivative(image, stored), window, "GET").url
        # Made by the app, which redirects. A private image's is signed, because an <img> can send no token.
        address = f"{self._public_url}/i/{image.iid}?variant={variant.name}"
        if image.private:
            address += f"&sig={self._views.dumps(image.iid, variant.name, window.expires_at_s)}"
        return address

    def _signed(self, image: Image, way: Way, ends_at_s: int) -> str:
        """The app's own address, good for one way. With an extension: some CDNs keep nothing else."""
        variant = way.find_variant(image, ())
        extension = EXTENSIONS[variant.mime if variant else image.mime]
        query = urlencode(way.parameters | {"sig": self._views.dumps(image.iid, way.name, ends_at_s)})
        return f"{self._public_url}/i/{image.iid}.{extension}?{query}"

    def _presigned(
        self, image: Image, source: Source, window: Window, method: str, ends_at_s: int | None = None
    ) -> SignedUrl:
        """Signed at the start of the window whenever it ends, so that caches meet one URL all window long."""
        ends_at_s = min(ends_at_s or window.expires_at_s, window.expires_at_s)
        return self._presigner.get(
            source.object_key,
            window,
            mime=source.mime,
            disposition=source.disposition,
            cache_control=sources.cache_control(image, ends_at_s - window.starts_at_s),
            method=method,
            ends_at_s=ends_at_s,
        )

    def _rest_s(self, ends_at_s: int) -> int:
        return max(0, ends_at_s - int(self._presigner.now_s()))

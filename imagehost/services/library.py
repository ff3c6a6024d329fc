"""Looking at images: who may see one, and a user's list of them. Everything is answered from the index, wherever that
is fresh. A `caller` whose API key is still to be confirmed is confirmed by the same round trip, where the image is of
their shard; each method then raises what that raises, before it answers anything."""

from dataclasses import replace

from imagehost.errors import ImageDeleted, ImageNotFound
from imagehost.models import Page, Position, Published, Tombstone
from imagehost.services.caller import Caller
from imagehost.services.freshness import Freshness
from imagehost.services.parts import Parts
from imagehost.services.view_counts import ViewCounts


class Library:
    """See the module."""

    def __init__(self, parts: Parts, freshness: Freshness) -> None:
        self._parts = parts
        self._freshness = freshness
        self._counts = ViewCounts(parts.images)

    def get_for_viewer(
        self, iid: str, viewer: str | None, *, signed: bool = False, caller: Caller | None = None
    ) -> Published:
        """A published image as `viewer` (a uid, or None for anybody) may see it; `signed`: the address itself says that
        its holder may.

        Raises ImageNotFound, the same whether it does not exist, is pending, or is private and not the viewer's;
        ImageDeleted to the owner of one that is dead, or whose time is over.
        """
        match self._freshness.find_for_viewer(iid, caller).entry:
            case Published(image=image) if image.uid == viewer and image.is_over(self._now_s()):
                raise ImageDeleted()
            case Published(image=image) as published if not image.is_over(self._now_s()):
                if signed or not image.private or image.uid == viewer:
                    return published
            case Tombstone(uid=owner) if owner == viewer:
                raise ImageDeleted()
        raise ImageNotFound()

    def list_images(
        self, uid: str, limit: int, *, page: int = 1, after: Position | None = None, caller: Caller | None = None
    ) -> Page:
        """The user's images, newest first: page by number, or what follows a position. Raises IndexRebuilding."""
        kid = caller.kid if caller else ""
        found = self._parts.images.list_page(uid, limit, start=(page - 1) * limit, after=after, kid=kid)
        if caller is not None:
            caller.confirm(found.api_key)
        fresh = (self._freshness.refresh(published, found.epoch) for published in found.items)
        return replace(
            found,
            items=tuple(published for published in fresh if published and not published.image.is_over(self._now_s())),
        )

    def count_view(self, published: Published) -> None:
        """One more view, which the index shows a moment later. An index that did not answer, or has lost the image, is
        left alone."""
        if published.checked:
            self._counts.count(published.image.iid)

    def flush_views(self) -> None:
        """Have the index show all views up to now; best effort."""
        self._counts.flush()

    def _now_s(self) -> float:
        return self._parts.presigner.now_s()

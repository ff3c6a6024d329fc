"""Looking at images: who may see one, and a user's list of them. Everything is answered from the index."""

import logging

from imagehost.errors import ImageDeleted, ImageNotFound, IndexRebuilding, Unavailable
from imagehost.models import Page, Position, Published, Tombstone
from imagehost.services.parts import Parts

log = logging.getLogger(__name__)


class Library:
    """See the module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def get_for_viewer(self, iid: str, viewer: str | None) -> Published:
        """A published image as `viewer` (a uid, or None for anybody) may see it.

        Raises ImageNotFound, the same whether it does not exist, is pending, or is private and not the viewer's;
        ImageDeleted to the owner of a dead one; IndexRebuilding for an unknown id in a wiped shard.
        """
        found = self._parts.images.find(iid)
        match found.entry:
            case Published(image=image) if not image.private or image.uid == viewer:
                return found.entry
            case Tombstone(uid=owner) if owner == viewer:
                raise ImageDeleted()
            case None if found.epoch is None:
                raise IndexRebuilding()
        raise ImageNotFound()

    def list_images(self, uid: str, limit: int, *, page: int = 1, after: Position | None = None) -> Page:
        """The user's images, newest first: page by number, or what follows a position."""
        return self._parts.images.list_page(uid, limit, start=(page - 1) * limit, after=after)

    def count_view(self, iid: str) -> None:
        """One more view; best effort: a Redis that takes no writes keeps nobody from looking."""
        try:
            self._parts.images.count_view(iid)
        except Unavailable as exc:
            log.warning("view_not_counted", extra={"iid": iid}, exc_info=exc)

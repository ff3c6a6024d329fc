"""Views are counted in the process that answered them, and added to the index a moment later: all of an image's by one
command, all images' by one pipeline. So a view waits for one round trip and not for two.

Best effort, as view counts are: a process that is killed takes a second's views with it, and those that an index which
does not answer would not take are dropped.
"""

import logging
import threading
from collections import Counter

from imagehost.errors import Unavailable
from imagehost.index.images import ImageIndex

FLUSH_S = 1.0

log = logging.getLogger(__name__)


class ViewCounts:
    """See the module. Safe to share between threads. It has no thread of its own while nobody looks at anything, so
    that it may be made before a fork."""

    def __init__(self, images: ImageIndex, *, flush_s: float = FLUSH_S) -> None:
        self._images = images
        self._flush_s = flush_s
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def count(self, iid: str) -> None:
        """One more view. Asks nothing of the network."""
        with self._lock:
            is_first = not self._counts
            self._counts[iid] += 1
        if is_first:
            timer = threading.Timer(self._flush_s, self.flush)
            timer.daemon = True
            timer.start()

    def flush(self) -> None:
        """Add to the index what was counted up to now."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            self._images.count_views(counts)
        except Unavailable as exc:
            log.warning("views_not_counted", extra={"views": counts.total()}, exc_info=exc)

"""Whether this node could serve now: each dependency asked once."""

from imagehost.errors import Unavailable
from imagehost.services.parts import Parts


class Health:
    """See the module."""

    def __init__(self, parts: Parts) -> None:
        self._checks = {"redis": parts.shards.ping, "s3": parts.objects.ping}

    def check(self) -> dict[str, bool]:
        """Each dependency's name, and whether it answers."""
        return {name: self._answers(name) for name in self._checks}

    def _answers(self, name: str) -> bool:
        try:
            self._checks[name]()
        except Unavailable:
            return False
        return True

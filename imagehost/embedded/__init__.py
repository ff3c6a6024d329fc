"""The one-command stack: find, start, watch and stop Valkey, SeaweedFS and imagehost's own processes.

It has no driver of its own: what it must ask of the two servers is in `storage` and `index`.
"""

from imagehost.embedded.environment import needs, settings
from imagehost.embedded.failure import StackError
from imagehost.embedded.process import Command
from imagehost.embedded.stack import Stack

__all__ = ["Command", "Stack", "StackError", "needs", "settings"]

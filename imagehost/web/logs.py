"""Logs: one line of JSON an event, on standard error. No query strings and no credentials are ever logged, because
nobody passes them: an event is a fixed word, and its fields are named one by one."""

import logging
import sys
from datetime import UTC, datetime

from imagehost.web.jsontext import to_json

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one line: at, level, logger, event, then the fields given as `extra`, then a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        event: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage()[:500],
        }
        event |= {name: value for name, value in vars(record).items() if name not in _STANDARD and value is not None}
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return to_json(event, str).decode()


class ReadersGone(logging.Filter):
    """Makes one quiet line of what gunicorn tells as a fault of ours: a client that took nothing for so long that its
    connection was given up."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; changes such a record."""
        if record.exc_info and isinstance(record.exc_info[1], TimeoutError):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args, record.exc_info = "reader_gone", None, None
        return True


def configure(level: int = logging.INFO) -> None:
    """Send everything of this process to standard error as JSON, once."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)

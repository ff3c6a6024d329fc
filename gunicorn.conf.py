"""Settings of gunicorn, which reads this file by itself when it is started in this directory (`gunicorn wsgi:app`)."""

import atexit
import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from imagehost.config import ConfigError, load_config, read_environment, refuse
from imagehost.orphans import end_with, wait_until_released

_environ = read_environment()  # with `.env`, as the app reads it
_host, _port = _environ.get("IMAGEHOST_BIND", "127.0.0.1"), _environ.get("PORT", "8000")
bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"
worker_class = "gthread"
forwarder_headers = ""  # else a request from this machine could name its own SCRIPT_NAME and PATH_INFO
workers = 2
threads = 8
# The default control socket is one path for all gunicorns of a user.
control_socket_disable = True
graceful_timeout = 2  # the embedded stack gives its processes three seconds
keepalive = 5
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "imagehost.web.logs.JsonFormatter"}},
    "filters": {"gone": {"()": "imagehost.web.logs.ReadersGone"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True, "filters": ["gone"]},
        # imagehost logs requests itself, without their query strings.
        "gunicorn.access": {"level": "ERROR", "handlers": [], "propagate": False},
    },
}


def on_starting(server: Any) -> None:
    """The embedded stack has the master load the app (`--preload`) while the servers start, and says when to listen.

    A configuration that is wrong ends the master here: where two workers end for it, gunicorn may stumble over the
    second one, and its exit code says nothing."""
    wait_until_released()
    if server.app.app_uri == "wsgi:app":
        try:
            load_config(read_environment())
        except ConfigError as exc:
            refuse(exc)


def post_fork(_server: Any, worker: Any) -> None:
    """Gunicorn's own workers look for their master now and then only. What they count they keep in files of their own,
    which a master that has loaded the app has made for itself alone."""
    end_with(worker.ppid)
    import_module("imagehost.metrics").reserve()


# Where the workers keep what they count (imagehost/metrics.py): a directory of this master's own, unless one is named.
# The master itself must not import prometheus_client before this is set.
_METRICS, _PREFIX = "PROMETHEUS_MULTIPROC_DIR", "imagehost-metrics-"


def _made_elsewhere(directory: str) -> bool:
    """Whether another master made it, and will remove it: the one that this one takes over from (SIGUSR2)."""
    name = Path(directory).name
    return name.startswith(_PREFIX) and not name.startswith(f"{_PREFIX}{os.getpid()}-")


def _remove(directory: str, master: int) -> None:
    if os.getpid() == master:  # workers inherit this call
        shutil.rmtree(directory, ignore_errors=True)


if not _environ.get(_METRICS) or _made_elsewhere(_environ[_METRICS]):
    _environ[_METRICS] = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
    atexit.register(_remove, _environ[_METRICS], os.getpid())
os.environ[_METRICS] = _environ[_METRICS]

"""Settings of gunicorn, which reads this file by itself when it is started in this directory (`gunicorn wsgi:app`)."""

from imagehost.config import read_environment

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
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        # imagehost logs requests itself, without their query strings.
        "gunicorn.access": {"level": "ERROR", "handlers": [], "propagate": False},
    },
}

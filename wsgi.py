"""What a WSGI server loads: `gunicorn wsgi:app`. Its settings are in gunicorn.conf.py beside it."""

import sys

from imagehost.app import create_app
from imagehost.config import ConfigError

try:
    app = create_app()
except ConfigError as exc:
    print("imagehost cannot start:", *exc.faults, sep="\n  ", file=sys.stderr)
    sys.exit(3)  # at any other status gunicorn starts the worker anew, for ever

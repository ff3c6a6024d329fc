"""What a WSGI server loads: `gunicorn wsgi:app`. Its settings are in gunicorn.conf.py beside it."""

from imagehost.app import create_app
from imagehost.config import ConfigError, refuse

try:
    app = create_app()
except ConfigError as exc:
    refuse(exc)

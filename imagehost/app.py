"""The composition root: the services of `build.py` → blueprints → the WSGI application."""

import atexit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from imagehost import ROOT
from imagehost.build import build_services
from imagehost.config import Config, load_config, read_environment
from imagehost.web import headers, logs, problems
from imagehost.web.api import images, me, palettes, service, uploads
from imagehost.web.api.route import api
from imagehost.web.context import EXTENSION
from imagehost.web.jsontext import JSONProvider
from imagehost.web.pages import files
from imagehost.web.pages.gallery import pages

MAX_REQUEST_BYTES = 2 * 2**20  # of JSON; image bytes go to the bucket
ROUTES = (images, me, palettes, service, uploads)  # importing them declares their routes


def create_app(config: Config | None = None) -> Flask:
    """The WSGI application. Raises ConfigError, with every fault of the environment."""
    config = config or load_config(read_environment())
    logs.configure()
    app = Flask("imagehost", root_path=str(ROOT), static_folder=None, template_folder="templates")
    app.json = JSONProvider(app)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        DEBUG=config.debug,
        PROPAGATE_EXCEPTIONS=False,
    )
    if config.trusted_proxies:
        hops = config.trusted_proxies
        # Flask's documented way to wrap an application, which its types call an assignment to a method.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    # A redirect to the address with one slash less would be built from `Host`.
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = services = build_services(config)
    atexit.register(services.library.flush_views)
    problems.register(app)
    headers.register(app)
    app.register_blueprint(api)
    app.register_blueprint(pages)
    files.register(app, ROOT / "static")
    return app

"""The composition root: configuration → clients → adapters → services → blueprints. The only file that knows all."""

import atexit
from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from imagehost import faults
from imagehost.config import Config, load_config, read_environment
from imagehost.imaging.sandbox import Sandbox
from imagehost.index import client as index_client
from imagehost.index.accounts import AccountIndex
from imagehost.index.backlog import BacklogReader
from imagehost.index.contents import Contents
from imagehost.index.due import DueQueue
from imagehost.index.images import ImageIndex
from imagehost.index.leases import Leases
from imagehost.index.mend import Mender
from imagehost.index.scripts import Scripts
from imagehost.index.shards import ShardIndex
from imagehost.index.survey import Survey
from imagehost.services.facade import Services
from imagehost.services.parts import Parts
from imagehost.storage import client as storage_client
from imagehost.storage.inventory import Inventory
from imagehost.storage.objects import Objects
from imagehost.storage.presign import Presigner
from imagehost.storage.records import Records
from imagehost.storage.roots import Roots
from imagehost.tokens import ApiTokens, Cursors, Views
from imagehost.web import headers, logs, problems
from imagehost.web.api import images, me, service, uploads
from imagehost.web.api.route import api
from imagehost.web.context import EXTENSION
from imagehost.web.jsontext import JSONProvider
from imagehost.web.pages import files
from imagehost.web.pages.gallery import pages

ROOT = Path(__file__).parent.parent
MAX_REQUEST_BYTES = 2 * 2**20  # of JSON; image bytes go to the bucket
ROUTES = (images, me, service, uploads)  # importing them declares their routes


def build_services(config: Config) -> Services:
    """Clients, adapters and services of one process, which web, sweeper and command line share. Connects to nothing
    yet; raises ConfigError without credentials."""
    if config.fault is not None:
        point, action = config.fault
        faults.arm(point, faults.ACTIONS[action])
    redis = index_client.connect(config.redis_url.get_secret_value())
    scripts = Scripts(redis)
    s3 = storage_client.connect(config)
    public_s3 = storage_client.connect(config, endpoint_url=config.s3_public_endpoint_url)
    secrets = tuple(secret.get_secret_value() for secret in config.flask_secret)
    parts = Parts(
        config=config,
        images=ImageIndex(redis, scripts),
        accounts=AccountIndex(redis, scripts),
        due=DueQueue(redis, scripts),
        backlog=BacklogReader(redis),
        leases=Leases(scripts),
        shards=ShardIndex(redis, scripts),
        survey=Survey(redis),
        mender=Mender(scripts),
        contents=Contents(redis),
        objects=Objects(s3, config.bucket),
        inventory=Inventory(s3, config.bucket),
        records=Records(s3, config.bucket),
        roots=Roots(s3, config.bucket),
        presigner=Presigner(public_s3, storage_client.find_credentials(config), config.bucket, config.url_window_s),
        sandbox=Sandbox(config.gates),
        tokens=ApiTokens(secrets),
        cursors=Cursors(secrets),
        views=Views(secrets),
        connections=(redis, s3, public_s3),
    )
    return Services.of(parts)


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

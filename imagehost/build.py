"""The composition root below HTTP: configuration → clients → adapters → services. Sweeper and command line load nothing
of Flask for it."""

from imagehost import faults
from imagehost.config import Config
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

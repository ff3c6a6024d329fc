"""meta/doctor.json: that this bucket was found fit, so that not every start asks again.

    {"v": 1, "endpoint": "https://…", "bucket": "…", "checked_at": "2026-01-01T00:00:00+00:00",
     "versions": {"imagehost": "0.1.0", "store": "AmazonS3"}}

It speaks for one endpoint, bucket, imagehost and store, for seven days; anything else in its place counts as nothing.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ValidationError

from imagehost import __version__
from imagehost.storage.client import translated
from imagehost.storage.doctor_probe import Probe
from imagehost.storage.object_keys import DOCTOR_CACHE

SCHEMA_VERSION = 1
GOOD_FOR = timedelta(days=7)


class _Found(BaseModel):
    checked_at: AwareDatetime


@translated
def is_known_good(probe: Probe) -> bool:
    """Whether it was found fit in the last seven days. Raises Unavailable."""
    if (data := probe.find(DOCTOR_CACHE)) is None:
        return False
    try:
        fields = json.loads(data)
        checked_at = _Found.model_validate(fields).checked_at
    except (ValueError, RecursionError, ValidationError):
        return False
    about = _about(probe)
    age = datetime.now(UTC) - checked_at
    return {name: fields.get(name) for name in about} == about and timedelta(0) <= age < GOOD_FOR


@translated
def remember(probe: Probe) -> None:
    """Note that it is fit. Raises Unavailable."""
    fields = _about(probe) | {"checked_at": datetime.now(UTC).isoformat(timespec="milliseconds")}
    probe.put(DOCTOR_CACHE, json.dumps(fields).encode(), "application/json")


@translated
def forget(probe: Probe) -> None:
    """The next start is to look for itself. Raises Unavailable."""
    probe.client.delete_object(Bucket=probe.bucket, Key=DOCTOR_CACHE)


def _about(probe: Probe) -> dict[str, Any]:
    return {
        "v": SCHEMA_VERSION,
        "endpoint": probe.endpoint,
        "bucket": probe.bucket,
        "versions": {"imagehost": __version__, "store": probe.greeting.server},
    }

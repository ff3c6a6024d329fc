"""The top of the bucket: what lies beside the prefixes that imagehost knows."""

from typing import TYPE_CHECKING

from imagehost.storage.client import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Roots:
    """See the module."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._s3 = client
        self._bucket = bucket

    @translated
    def list_first(self) -> list[str]:
        """The first 1,000 of all object keys without a slash, and of the prefixes (with their slash) under which all
        others lie. Raises Unavailable when the store does not answer."""
        answer = self._s3.list_objects_v2(Bucket=self._bucket, Delimiter="/")
        keys = [found["Key"] for found in answer.get("Contents", [])]
        return sorted(keys + [found["Prefix"] for found in answer.get("CommonPrefixes", [])])

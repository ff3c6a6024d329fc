"""imagehost with boto3's signatures in the place of its own: `bench.boto3_signed:make()`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from flask import Flask

from imagehost.app import create_app
from imagehost.config import load_config, read_environment
from imagehost.services.facade import Services
from imagehost.storage import client as storage_client
from imagehost.storage.presign import Presigner, SignedUrl, Window
from imagehost.web.context import EXTENSION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Boto3Presigner:
    """Signs what viewers read by boto3's `generate_presigned_url`; everything else is left to our own."""

    def __init__(self, ours: Presigner, client: "S3Client", bucket: str) -> None:
        self._ours = ours
        self._client = client
        self._bucket = bucket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ours, name)

    def get(
        self,
        object_key: str,
        window: Window,
        *,
        mime: str,
        disposition: str,
        cache_control: str,
        method: str = "GET",
    ) -> SignedUrl:
        """As Presigner's, but signed now instead of at the window's start, which boto3 cannot."""
        url = self._client.generate_presigned_url(
            "head_object" if method == "HEAD" else "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": object_key,
                "ResponseContentType": mime,
                "ResponseContentDisposition": disposition,
                "ResponseCacheControl": cache_control,
            },
            ExpiresIn=2 * window.length_s,
        )
        return SignedUrl(url, {}, window.expires_at_s)


def make() -> Flask:
    """The application."""
    config = load_config(read_environment())
    app = create_app(config)
    parts = app.extensions[EXTENSION].parts
    client = storage_client.connect(config, endpoint_url=config.s3_public_endpoint_url)
    presigner = cast(Presigner, Boto3Presigner(parts.presigner, client, config.bucket))
    app.extensions[EXTENSION] = Services.of(replace(parts, presigner=presigner))
    return app

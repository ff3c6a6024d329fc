"""The smallest environment that is a configuration, and what is made of it."""

from imagehost.config import Config, load_config

SECRET = "the-first-secret-0123456789abcdef"
REQUIRED = {
    "FLASK_SECRET": SECRET,
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "AWS_S3_BUCKET_NAME": "pictures",
    "IMAGEHOST_PUBLIC_URL": "http://127.0.0.1:8000",
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
SIGNER = {
    "IMAGEHOST_SIGNER_ACCESS_KEY_ID": "AKIDSIGNER",
    "IMAGEHOST_SIGNER_SECRET_ACCESS_KEY": "a signer's secret",
}


def config(**changes: str) -> Config:
    """The configuration with these variables set, too."""
    endpoint = {"S3_ENDPOINT_URL": "http://127.0.0.1:1"}
    return load_config(REQUIRED | CREDENTIALS | endpoint | changes)

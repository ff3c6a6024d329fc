"""The bucket: the truth. All boto3 and botocore imports of the project are below this package."""

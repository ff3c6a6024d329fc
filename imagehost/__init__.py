"""imagehost: a self-hosted image host whose bucket is the truth and whose Redis is a fast index of it."""

__version__ = "0.1.0"

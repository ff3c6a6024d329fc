"""imagehost: a self-hosted image host whose bucket is the truth and whose Redis is a fast index of it."""

from pathlib import Path

__version__ = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent  # of the checkout

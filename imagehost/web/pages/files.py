"""The pages' own files, below an address that names what is in them: browsers keep them for ever, and an upgrade is
seen at once, because modules find each other by relative addresses, and so by the version of the page."""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory

VERSION_LENGTH = 12
YEAR_S = 31_536_000


def version_of(folder: Path) -> str:
    """A short digest of every file below `folder`, names and contents."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:VERSION_LENGTH]


def register(app: Flask, folder: Path) -> None:
    """Serve `folder` as `/static/{version}/…`, to which `url_for("static", filename=…)` leads, and the icon at its old
    address too.

    Another version than this one is asked for while nodes are being upgraded: it gets what there is, not to be kept."""
    current = version_of(folder)

    def serve(version: str, filename: str) -> Response:
        answer = send_from_directory(folder, filename, max_age=YEAR_S)
        if version == current:
            answer.cache_control.immutable = True
        else:
            answer.headers["Cache-Control"] = "no-cache"
        return answer

    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", current)

    def show_favicon() -> Response:
        return send_from_directory(folder, "favicon.ico")

    app.url_defaults(add_version)
    app.add_url_rule("/static/<version>/<path:filename>", "static", serve)
    app.add_url_rule("/favicon.ico", "pages.favicon", show_favicon)

"""Several nodes on one Redis and one bucket: on each a web server and a sweeper, as `imagehost up` starts them where
nothing is left to embed; and users whom a proxy in front sends to any of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from imagehost.errors import ImageDeleted, ImageNotFound, Unavailable
from imagehost.services.facade import Services
from tests.e2e.client import Client, put
from tests.e2e.server import Server
from tests.faults.load import PNG, User

# What all nodes have in common: the two stores, and the secret that signs tokens.
SHARED = (
    "REDIS_URL",
    "FLASK_SECRET",
    "S3_ENDPOINT_URL",
    "S3_ADDRESSING",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_S3_BUCKET_NAME",
)
SETTLE_S = 20.0


class Node(Server):
    """One node, with a directory for its data and one for temporary files: it shares nothing else with the others."""

    def __init__(self, directory: Path, stores: Mapping[str, str], **variables: str) -> None:
        self._stores = stores
        work = directory / "work"
        work.mkdir(parents=True)
        super().__init__(
            directory / "data",
            settle_s=SETTLE_S,
            IMAGEHOST_PUBLIC_URL="http://images.example",
            IMAGEHOST_DEV="1",
            TMPDIR=str(work),
            **{name: stores[name] for name in SHARED},
            **variables,
        )

    def settings(self) -> dict[str, str]:
        return dict(self._stores)

    def client_of(self, account: Client) -> Client:
        """The same account, at this node."""
        return Client(self.url, account.token, account.uid)

    def events(self, *levels: str) -> list[dict[str, Any]]:
        """What its web server and its sweeper have logged at these levels."""
        texts = [(self.data_dir / "log" / f"{name}.log").read_text(encoding="utf-8") for name in ("web", "sweeper")]
        found = [json.loads(line) for text in texts for line in text.splitlines()]
        return [event for event in found if event["level"] in levels]


class Visitor(User):
    """A user who asks over HTTP, each time one of these nodes at random. A node that is taken out of the list is not
    asked any more."""

    def __init__(self, nodes: Sequence[Node], number: int) -> None:
        account = nodes[0].new_account()
        super().__init__((), number, account.uid)
        self._account = account
        self._nodes = nodes

    def publish(self) -> None:
        reserved = self._answer("POST", "/api/v1/upload/request", _announced())
        assert put(reserved, PNG).status_code == 200
        completed = self._answer("POST", "/api/v1/upload/complete", {"id": reserved["id"]})
        self.titles[completed["id"]] = {None}

    def edit(self, iid: str) -> None:
        title = next(self._titles)
        self.titles[iid].add(title)
        assert self._answer("PATCH", f"/api/v1/image/{iid}", {"title": title})["title"] == title
        self.titles[iid] = {title}

    def delete(self, iid: str) -> None:
        self.may_be_gone.add(iid)
        self._answer("DELETE", f"/api/v1/image/{iid}")
        self.gone.add(iid)

    def view(self, iid: str, services: Services | None = None) -> None:
        if services is not None:
            super().view(iid, services)
        else:
            self.view_at(self._random.choice(self._nodes), iid)

    def view_at(self, node: Node, iid: str) -> None:
        """What this node shows is what it may be."""
        self.judge(iid, lambda: self._answer("GET", f"/api/v1/image/{iid}/meta", at=node)["title"])

    def _answer(self, method: str, path: str, body: Any = None, at: Node | None = None) -> Any:
        """The answer's JSON. A node that does not answer, and a 503, are Unavailable."""
        node = at or self._random.choice(self._nodes)
        try:
            answer = node.client_of(self._account).send(method, path, json=body)
        except requests.RequestException as exc:
            raise Unavailable("The node does not answer.") from exc
        match answer.status_code:
            case 404:
                raise ImageNotFound()
            case 410:
                raise ImageDeleted()
            case 503:
                raise Unavailable(answer.text)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None


def _announced() -> dict[str, Any]:
    return {"filename": "a.png", "mime": "image/png", "size": len(PNG)}

"""A steady load on services whose Redis changes under them: users who request, publish, edit, view and delete through
two processes, and hold each answer against all that was acknowledged to them before."""

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import requests

from imagehost.errors import ImageDeleted, ImageNotFound, Unavailable
from imagehost.ids import SHARDS
from imagehost.models import Details
from imagehost.services.facade import Services
from imagehost.services.fsck import Fsck
from tests import images
from tests.consistency import find_faults, read_world

PNG = images.encode(images.corner(8, 8), "image/png")
WRONG_TITLE = "shows {!r}, may be {!r}"


class User:
    """One user, and what may be true of each image: its titles, and whether it may be there or gone. Without a `uid` an
    account is made."""

    def __init__(self, processes: Sequence[Services], number: int, uid: str = "") -> None:
        self.processes = processes
        self.uid = uid or processes[0].accounts.create().uid
        self.titles: dict[str, set[str | None]] = {}
        self.gone: set[str] = set()
        self.may_be_gone: set[str] = set()
        self.wrong: list[str] = []
        self.failures: list[str] = []
        self.slowest_s = 0.0
        self.done = 0
        self._random = random.Random(number)
        self._titles = (f"title {n}" for n in itertools.count())

    @property
    def services(self) -> Services:
        """Those of either process."""
        return self._random.choice(self.processes)

    def act(self) -> None:
        """One thing, at random."""
        living = [iid for iid in self.titles if iid not in self.gone]
        (step,) = self._random.choices(["publish", "edit", "view", "delete"], weights=[2, 4, 8, 1])
        with self._asking():
            if not living or step == "publish":
                self.publish()
            elif step == "view":
                self.view(self._random.choice(list(self.titles)))
            elif step == "edit":
                self.edit(self._random.choice(living))
            else:
                self.delete(self._random.choice(living))

    def publish(self) -> None:
        ticket = self.services.uploads.request(
            self.uid, Details(filename="a.png", mime="image/png"), size_bytes=len(PNG), sha256=None
        )
        answer = requests.put(ticket.put.url, data=PNG, headers=dict(ticket.put.headers), timeout=20)
        assert answer.status_code == 200, answer.text
        self.services.completion.complete(self.uid, ticket.iid)
        self.titles[ticket.iid] = {None}

    def edit(self, iid: str) -> None:
        title = next(self._titles)
        self.titles[iid].add(title)
        self.services.changes.edit(self.uid, iid, {"title": title})
        self.titles[iid] = {title}

    def delete(self, iid: str) -> None:
        self.may_be_gone.add(iid)
        self.services.changes.delete(self.uid, iid)
        self.gone.add(iid)

    def view(self, iid: str, services: Services | None = None) -> None:
        library = (services or self.services).library
        self.judge(iid, lambda: library.get_for_viewer(iid, self.uid).image.title)

    def judge(self, iid: str, show: Callable[[], str | None]) -> None:
        """What is shown, the title of an image, is what it may be."""
        try:
            title = show()
        except (ImageDeleted, ImageNotFound) as exc:
            if iid not in self.may_be_gone:
                self.wrong.append(f"{iid}: {exc!r}")
            return
        if iid in self.gone:
            self.wrong.append(f"{iid}: was deleted")
        if title not in self.titles[iid]:
            self.wrong.append(f"{iid}: " + WRONG_TITLE.format(title, self.titles[iid]))

    def check(self, services: Services) -> None:
        """All that was acknowledged stands, and lists show it."""
        for iid in self.titles:
            self.view(iid, services)
        listed = {p.image.iid for p in services.library.list_images(self.uid, 1000).items}
        assert set(self.titles) - self.may_be_gone <= listed
        assert not listed & self.gone
        assert self.wrong == []

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """A service that does not answer now is no wrong answer; anything else is."""
        began_s = time.monotonic()
        try:
            yield
            self.done += 1
        except (ImageDeleted, ImageNotFound) as exc:  # of an edit or a delete: of one that may have happened before
            if not self.may_be_gone:
                self.wrong.append(repr(exc))
        except Unavailable as exc:
            self.failures.append(f"{exc!r} from {exc.__cause__!r} after {time.monotonic() - began_s:.1f} s")
        except Exception as exc:
            self.wrong.append(repr(exc))
            raise
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)


@contextlib.contextmanager
def steady_load(processes: Sequence[Services], count: int) -> Iterator[list[User]]:
    """New users who act until the block ends."""
    users = [User(processes, number) for number in range(count)]
    with acting(users):
        yield users


@contextlib.contextmanager
def acting(users: Sequence[User]) -> Iterator[None]:
    """These users act until the block ends."""
    stop = threading.Event()

    def act(user: User) -> None:
        while not stop.is_set():
            user.act()

    threads = [threading.Thread(target=act, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_for_progress(users: Sequence[User], more: int) -> None:
    """Until each of them has done so many more things."""
    wanted = [user.done + more for user in users]
    deadline_s, pause = time.monotonic() + 60, threading.Event()
    while any(user.done < goal for user, goal in zip(users, wanted, strict=True)):
        assert time.monotonic() < deadline_s, f"they stand still: {[user.wrong for user in users]}"
        pause.wait(0.02)


def all_stands(services: Services, users: Sequence[User], environ: Mapping[str, str]) -> None:
    """After what sweepers do by themselves, bucket and index agree, and these services, best those of a new process,
    show all that was acknowledged."""
    shards = {SHARDS[0], *(user.uid[:2] for user in users)}
    fsck = Fsck(services.parts, patience_s=0)
    deadline_s, pause = time.monotonic() + 60, threading.Event()
    while True:
        services.upkeep.run()
        services.sweeper.sweep()
        fsck.check(shards, repair=True, min_age_s=0)
        findings = [*find_faults(read_world(environ))]
        if not findings:
            break
        assert time.monotonic() < deadline_s, findings
        pause.wait(0.2)
    report = fsck.check(shards, min_age_s=0)
    assert report.clean, report.findings
    for user in users:
        user.check(services)

"""What must hold of one account: its record, its user name's claim and its hash in the index say the same (F9)."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from imagehost import ids
from imagehost.errors import ConditionFailed, OutcomeUnknown
from imagehost.index.mend import OF_USER, fields_of_account
from imagehost.models import AccountRecord, Claim
from imagehost.services.fsck_faults import OTHER_BUCKET, Damaged, Fault, examine, pooled
from imagehost.services.fsck_images import to_int
from imagehost.services.parts import Parts
from imagehost.storage.records import Stored

UNREADABLE = "Restore this object from a backup of the bucket."
TWO_OWNERS = "Two accounts have one user name; only the one that the claim names is found by it."
COUNTERS = OF_USER - {"checked"}


@dataclass(frozen=True, slots=True)
class AccountView:
    """All there is of one account: record, hash in the index, claim of its user name (None where there is none)."""

    uid: str
    stored: Stored[AccountRecord] | Damaged | None
    fields: Mapping[str, str]
    claim: Stored[Claim] | Damaged | None

    @property
    def record(self) -> AccountRecord | None:
        return self.stored.record if isinstance(self.stored, Stored) else None

    @property
    def claimed(self) -> bool:
        """Whether the claim of its user name is its own."""
        return isinstance(self.claim, Stored) and self.claim.record.uid == self.uid

    @property
    def is_nobodys(self) -> bool:
        """Whether its maker died, or lost the name to somebody else, before the account was anybody's; or is at it."""
        unused = self.record is not None and self.record.rev == 1 and not self.record.api_keys
        return unused and not self.fields and not self.claimed


class AccountKind:
    """See the module. Everything but `judge` raises Unavailable."""

    def __init__(self, parts: Parts, pool: ThreadPoolExecutor, epoch: str) -> None:
        self._parts = parts
        self._pool = pool
        self._epoch = epoch

    def look(self, users: Mapping[str, Mapping[str, str]], uids: Iterable[str]) -> Iterator[AccountView]:
        """The accounts, their hashes as they were read before."""
        return pooled(self._pool, lambda uid: self._read(uid, users.get(uid, {})), uids)

    def look_again(self, suspects: Mapping[str, tuple[AccountView, list[Fault]]]) -> Iterator[tuple[str, AccountView]]:
        """As Kind says."""
        before = {uid: self._parts.survey.read_user(uid) for uid in suspects}
        for view in pooled(self._pool, lambda uid: self._read(uid, before[uid]), suspects):
            if _facts(self._parts.survey.read_user(view.uid)) == _facts(before[view.uid]):
                yield view.uid, view

    def judge(self, view: AccountView) -> list[Fault]:
        """As Kind says."""
        if isinstance(view.stored, Damaged):
            return [Fault("F8", f"the account's record cannot be read: {view.stored.why}", cure=UNREADABLE)]
        return [] if view.is_nobodys else [*_index(view), *_claim(view)]

    def mend(self, view: AccountView, fault: Fault) -> None:
        """As Kind says."""
        record = view.record
        if record is None:
            return
        match fault.remedy:
            case "apply":
                self._parts.accounts.apply(record, self._epoch)
            case "rewrite":
                self._parts.mender.rewrite_account(record)
            case "claim":
                self._claim(record)

    def keep_up(self, view: AccountView) -> None:
        """Apply the record where its hash was not compared with it in this epoch, though nothing is wrong."""
        if view.record is not None and not view.is_nobodys and view.fields.get("checked") != self._epoch:
            self._parts.accounts.apply(view.record, self._epoch)

    def _read(self, uid: str, fields: Mapping[str, str]) -> AccountView:
        stored = examine(self._parts.records.find_account, uid)
        if isinstance(stored, Stored) and stored.record.uid != uid:
            stored = Damaged(f"it names the account {stored.record.uid}")
        name = stored.record.username if isinstance(stored, Stored) else None
        claim = examine(self._parts.records.find_claim, name) if name else None
        return AccountView(uid, stored, fields, claim)

    def _claim(self, record: AccountRecord) -> None:
        """Claim its user name again, unless somebody else has it by now."""
        claim = Claim(op=ids.new_op(), name=record.username or "", uid=record.uid, created_at_ms=record.created_at_ms)
        try:
            self._parts.records.write_claim(claim)
        except (ConditionFailed, OutcomeUnknown):
            return  # the next look says what stands there


def _index(view: AccountView) -> Iterator[Fault]:
    record, rev = view.record, to_int(view.fields.get("rev"))
    if record is None:
        if view.fields:
            yield Fault("F9", "the index has this account, and the bucket no record of it", cure=OTHER_BUCKET)
    elif "rev" not in view.fields:
        yield Fault("F9", "the index does not know this account", "apply")
    elif rev is not None and rev > record.rev:
        yield Fault("F9", f"the index has revision {rev}, and the bucket only {record.rev}", cure=OTHER_BUCKET)
    elif rev is not None and rev < record.rev:
        yield Fault("F9", f"the index has revision {rev}, the bucket {record.rev}", "apply")
    elif differing := _differing(view.fields, fields_of_account(record)):
        yield Fault("F9", f"index and record differ in {', '.join(differing)}", "rewrite")


def _differing(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    names = (found.keys() | expected.keys()) - OF_USER
    return sorted(name for name in names if found.get(name) != expected.get(name))


def _claim(view: AccountView) -> Iterator[Fault]:
    """F9: an account that was ever used has its user name."""
    record = view.record
    if record is None or record.username is None or (record.rev == 1 and not record.api_keys):
        return
    name = record.username
    match view.claim:
        case None:
            yield Fault("F9", f"nobody claims its user name {name}", "claim")
        case Damaged(why=why):
            yield Fault("F9", f"the claim of its user name {name} cannot be read: {why}", cure=UNREADABLE)
        case Stored(record=Claim(uid=uid)) if uid != view.uid:
            yield Fault("F9", f"its user name {name} is claimed for {uid}", cure=TWO_OWNERS)


def _facts(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in COUNTERS}

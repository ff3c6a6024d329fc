"""What belongs to no shard: claims of user names, and keys at the top of the bucket that imagehost never makes."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from imagehost import ids
from imagehost.models import USERNAME_PATTERN
from imagehost.services.findings import Finding, Report
from imagehost.services.fsck_accounts import UNREADABLE
from imagehost.services.fsck_faults import Damaged, examine, pooled
from imagehost.services.fsck_shard import STRANGER, Terms
from imagehost.services.parts import Parts
from imagehost.storage import object_keys
from imagehost.storage.inventory import Listed
from imagehost.storage.records import Stored

LOST = "Accounts are made before their names are claimed: restore the bucket's `accounts/` from a backup."
KNOWN = frozenset(
    {
        object_keys.INCOMING,
        object_keys.UPLOADS,
        object_keys.VARIANTS,
        object_keys.RECORDS,
        object_keys.ACCOUNTS,
        object_keys.USERNAMES,
        object_keys.META,
    }
)


class ClaimCheck:
    """See the module."""

    def __init__(self, parts: Parts, pool: ThreadPoolExecutor, terms: Terms, report: Report) -> None:
        self._parts = parts
        self._pool = pool
        self._terms = terms
        self._report = report

    def run(self) -> None:
        """Check them all. Raises Unavailable."""
        for root in self._parts.roots.list_first():
            if root not in KNOWN and any(self._parts.inventory.list_below(root)):  # some stores keep empty folders
                detail = "nothing has object keys like this" if root.endswith("/") else "nothing has such an object key"
                self._report.findings.append(Finding("F8", root, detail, STRANGER))
        listed = self._parts.inventory.list_below(object_keys.USERNAMES)
        for finding in pooled(self._pool, self._check, self._names(listed)):
            self._terms.pulse()
            if finding is not None:
                self._report.findings.append(finding)

    def _names(self, listed: Iterator[Listed]) -> Iterator[str]:
        """The user names that are claimed; a key that cannot be a claim is a finding."""
        for found in listed:
            self._report.counts.objects += 1
            self._report.counts.size_bytes += found.size_bytes
            name = found.object_key.removeprefix(object_keys.USERNAMES).removesuffix(".json")
            if re.fullmatch(USERNAME_PATTERN, name) and object_keys.username_claim(name) == found.object_key:
                yield name
            else:
                self._report.findings.append(
                    Finding("F8", found.object_key, "nothing has such an object key", STRANGER)
                )

    def _check(self, name: str) -> Finding | None:
        """The claim first: its account was there before."""
        stored = examine(self._parts.records.find_claim, name)
        if isinstance(stored, Stored) and (stored.record.name != name or not ids.is_id(stored.record.uid)):
            stored = Damaged(f"it is a claim of {stored.record.name} for {stored.record.uid}")
        if isinstance(stored, Damaged):
            detail = f"the claim of this user name cannot be read: {stored.why}"
            return Finding("F8", name, detail, UNREADABLE)
        if stored is None or examine(self._parts.records.find_account, stored.record.uid) is not None:
            return None
        return Finding("F9", name, f"this user name is claimed for {stored.record.uid}, which is no account", LOST)

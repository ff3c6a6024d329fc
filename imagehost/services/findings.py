"""What a check of bucket and index found: plain data, for the log, the command line and tests.

Codes are those of docs/protocol.md: I1 and I5 to I7 what must hold, F1 to F9 what a check compares, W0 a wiped shard.
"""

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be: about which id, object key or shard, and in one sentence what. `cure` says
    what a person does about it, where a repair cannot."""

    code: str
    subject: str
    detail: str
    cure: str = ""
    repaired: bool = False


@dataclass(slots=True)
class Counts:
    """How much was looked at: published images, accounts, pending uploads, leases on them, open intents of edits and
    deletes, objects and their bytes; and how much a repair tidied away of what nobody needs any more."""

    images: int = 0
    accounts: int = 0
    pending: int = 0
    leases_held: int = 0
    open_intents: int = 0
    objects: int = 0
    size_bytes: int = 0
    tidied: int = 0


@dataclass(slots=True)
class Report:
    """The outcome of a check. `busy` are the shards that somebody else is checking, `moved` those whose epoch changed
    meanwhile: neither were checked to their end."""

    findings: list[Finding] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    busy: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)

    def absorb(self, other: "Report") -> None:
        """Add what another check found: of other shards, or of one that this one could not check to its end."""
        self.findings = list(dict.fromkeys((*self.findings, *other.findings)))
        for name, count in asdict(other.counts).items():
            setattr(self.counts, name, getattr(self.counts, name) + count)

    @property
    def left(self) -> list[Finding]:
        """What was found and not repaired."""
        return [finding for finding in self.findings if not finding.repaired]

    @property
    def clean(self) -> bool:
        """Whether nothing is left: nothing was found, or all of it was repaired."""
        return not self.left

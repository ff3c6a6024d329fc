"""How long a suspicion has to last, with a kind of thing that is always wrong."""

import threading
from collections.abc import Iterable, Mapping

from imagehost.services.findings import Report
from imagehost.services.fsck_faults import Fault
from imagehost.services.fsck_inquiry import Inquiry

PATIENCE_S = 0.2


class Wrong:
    """See the module."""

    def look_again(self, suspects: Mapping[str, tuple[str, list[Fault]]]) -> Iterable[tuple[str, str]]:
        return [(name, view) for name, (view, _) in suspects.items()]

    def judge(self, view: str) -> list[Fault]:
        return [Fault("F3", view)]

    def mend(self, view: str, fault: Fault) -> None:
        raise AssertionError("nothing is to be mended")

    def keep_up(self, view: str) -> None:
        raise AssertionError("it is not whole")


def test_patience_begins_with_the_last_suspicion_however_long_the_first_look_took() -> None:
    report, waits = Report(), []
    inquiry = Inquiry(Wrong(), report, repair=False, patience_s=PATIENCE_S, keep=lambda: waits.append(1))
    threading.Event().wait(PATIENCE_S)  # others are looked at
    inquiry.look("x", "it is behind")
    inquiry.close()
    assert waits
    assert [finding.subject for finding in report.findings] == ["x"]

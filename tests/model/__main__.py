"""The long run: `python -m tests.model` explores every configuration and prints what each came to; it exits 1 on a
finding. `python -m tests.model --without RULE CONFIGURATION…` shows what a rule is there for."""

import argparse
import sys
import time

from tests.model.accounts import explore_creators
from tests.model.configurations import LONG
from tests.model.judgement import describe, judge
from tests.model.rules import RULES, without
from tests.model.two_masters import explore_failover

WIDTH = 30


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--without", action="append", default=[], choices=sorted(RULES), metavar="RULE")
    parser.add_argument("--rules", action="store_true", help="list the rules and end")
    parser.add_argument("configurations", nargs="*", help="names as in the table; all of them without any")
    options = parser.parse_args()
    if options.rules:
        print("\n".join(f"{name:{WIDTH}} {text}" for name, text in RULES.items()))
        return 0
    with without(*options.without):
        return run(set(options.configurations))


def run(names: set[str]) -> int:
    """Explore, and say of each configuration what it came to; 1 when something was found."""
    print(f"{'configuration':{WIDTH}} {'states':>10} {'seconds':>8}  at rest after    verdict")
    found = 0
    for configuration in LONG:
        if not names or configuration.name in names:
            judged = judge(configuration)
            rest = "a sweep" if configuration.rests_by_sweep else "sweep and check"
            found += show(configuration.name, judged.states, judged.seconds, rest, list(describe(judged.findings)))
    for threads, published in ((1, True), (1, False), (2, True), (2, False)):
        name = f"two masters, {threads} writing, {'published' if published else 'new'}"
        if not names or name in names:
            began_s = time.monotonic()
            failover = explore_failover(threads, published=published)
            seconds = time.monotonic() - began_s
            found += show(name, len(failover.states), seconds, "", list(describe(failover.violations)))
    for creators, checks in ((2, 0), (2, 2), (3, 1)):
        name = f"{creators} accounts, {checks} checks"
        if not names or name in names:
            began_s = time.monotonic()
            creating = explore_creators(creators, checks=checks)
            seconds = time.monotonic() - began_s
            found += show(name, len(creating.states), seconds, "", list(describe(creating.violations)))
    return 1 if found else 0


def show(name: str, states: int, seconds: float, rest: str, findings: list[str]) -> bool:
    print(f"{name:{WIDTH}} {states:>10,} {seconds:>8.1f}  {rest:<16} {'VIOLATED' if findings else 'safe'}", flush=True)
    for line in findings:
        print(f"    {line}", flush=True)
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())

"""Accounts with a user name: several creators want the same one, any of them may be as slow as it likes.

The account's record is written first, then the claim of its name, which decides: created with If-None-Match: *, and
never changed or removed. A claim therefore always leads to an account; an account without its claim is one whose
creator died or lost, and harmless.

Switching off the rule `account_first` gives the order that was refuted: claim first, and claims without an account are
taken over after 15 minutes and removed by the check after 24 hours. There are no clocks: any claim may be that old.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model import explore
from tests.model.explore import Explorer
from tests.model.rules import on

TRIES = 2


class Claim(NamedTuple):
    """usernames/{name}.json; each one written has its own etag, of which the writing operation is a part."""

    uid: str
    op: str


class World(NamedTuple):
    claim: Claim | None = None
    accounts: frozenset[str] = frozenset()  # uids that have a record with this user name
    flight: tuple[Claim | None, Claim] | None = None  # a PUT of the claim whose sender has given up waiting
    flights: int = 1
    answered: frozenset[str] = frozenset()  # uids that were answered 201


Run = explore.Run[World]
Move = explore.Move[World]
Moves = Iterator[Move]


def create(run: Run, world: World) -> Moves:
    if not on("account_first"):
        yield Move("begins", run._replace(do=claim, note=0), world)
    elif world.claim is not None:
        yield Move("GET claim: 409 name-taken", run.ended(), world)
    else:
        yield Move("GET claim: absent", run._replace(do=write_account, note=0), world)


def write_account(run: Run, world: World) -> Moves:
    """PUT accounts/{uid}, If-None-Match: *; nobody else has this uid."""
    after = run._replace(do=claim if on("account_first") else answer, note=0)
    yield Move("PUT account [after_account]", after, world._replace(accounts=world.accounts | {run.me}))


def claim(run: Run, world: World) -> Moves:
    """PUT usernames/{name}, If-None-Match: *; or, taking it over, If-Match: the claim that was read."""
    mine = Claim(run.me, run.me)
    if world.claim == run.record:
        landed = world._replace(claim=mine)
        yield Move("PUT claim [after_claim]", claimed(run), landed)
        yield Move("PUT claim: timeout, landed", run._replace(do=decide), landed, fault=True)
    else:
        yield Move("PUT claim: 412", run._replace(do=decide), world)
    if world.flights:
        flying = world._replace(flight=(run.record, mine), flights=world.flights - 1)
        yield Move("PUT claim: timeout, in flight", run._replace(do=decide), flying, fault=True)


def claimed(run: Run) -> Run:
    return run._replace(do=answer if on("account_first") else write_account, record=None)


def decide(run: Run, world: World) -> Moves:
    if world.claim is None:
        again = run._replace(do=claim, record=None, note=run.note + 1)
        yield Move("GET claim: absent", again if run.note < TRIES else run.ended(), world)
    elif world.claim.uid == run.me:
        yield Move("GET claim: mine", claimed(run), world)
    else:
        yield Move("GET claim: 409 name-taken", run.ended(), world)
        if not on("account_first") and world.claim.uid not in world.accounts:
            take_over = run._replace(do=claim, record=world.claim, note=run.note + 1)
            yield Move("GET claim: 15 min old, no account", take_over if run.note < TRIES else run.ended(), world)


def answer(run: Run, world: World) -> Moves:
    yield Move("apply_account, 201", run.ended(), world._replace(answered=world.answered | {run.me}))


def check(run: Run, world: World) -> Moves:
    """fsck: may claim the name of an account whose claim is missing, as its creator would; it removes nothing."""
    if not on("account_first"):
        if world.claim is not None and world.claim.uid not in world.accounts:
            yield Move("finds a claim, 24 h old, no account", run._replace(do=replace_claim, record=world.claim), world)
        return
    for uid in sorted(world.accounts):
        if world.claim is None or world.claim.uid != uid:
            repair = claim_for if on("orphans_stay") else remove_account
            yield Move(f"finds {uid} without its claim", run._replace(do=repair, note=uid), world)


def claim_for(run: Run, world: World) -> Moves:
    """PUT usernames/{name} for an account that was found, If-None-Match: *"""
    if world.claim is None:
        yield Move(f"PUT claim for {run.note}: ok", run.ended(), world._replace(claim=Claim(run.note, run.me)))
    else:
        yield Move(f"PUT claim for {run.note}: 412", run.ended(), world)


def replace_claim(run: Run, world: World) -> Moves:
    """Takes it over first, so that nobody else does before it is removed."""
    if world.claim == run.record:
        yield Move("PUT claim: ok", run._replace(do=remove_claim), world._replace(claim=Claim(run.me, run.me)))
    else:
        yield Move("PUT claim: 412", run.ended(), world)


def remove_claim(run: Run, world: World) -> Moves:
    yield Move("DELETE claim", run.ended(), world._replace(claim=None))


def remove_account(run: Run, world: World) -> Moves:
    yield Move("DELETE account", run.ended(), world._replace(accounts=world.accounts - {run.note}))


def surroundings(world: World) -> Iterator[tuple[str, World]]:
    if world.flight is not None:
        expected, new = world.flight
        yield (
            "the delayed PUT reaches the bucket",
            world._replace(claim=new if world.claim == expected else world.claim, flight=None),
        )


def broken(world: World) -> Iterator[str]:
    if on("account_first") and world.claim is not None and world.claim.uid not in world.accounts:
        yield "a claim leads to no account"
    if len(world.answered) > 1:
        yield "two accounts were answered 201 with one name"
    for uid in world.answered:
        if world.claim is None or world.claim.uid != uid:
            yield "an acknowledged account has lost its name"
        if uid not in world.accounts:
            yield "an acknowledged account has no record"


LAWS = explore.Laws(surroundings, broken, lambda before, after: ())


def explore_creators(creators: int, *, checks: int = 0, until: str | None = None) -> Explorer[World]:
    """So many requests for one user name at once, beside so many checks."""
    explorer = Explorer(LAWS)
    runs = [Run(f"A{n}", create) for n in range(1, creators + 1)] + [Run(f"F{n}", check) for n in range(1, checks + 1)]
    explorer.explore(World(), runs, until=until)
    return explorer

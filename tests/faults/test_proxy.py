"""The proxy itself, in front of a real S3 server: each fault is what it says, on the wire and in the store."""

import http.client
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.e2e.server import eventually
from tests.faults import actions
from tests.faults.exchange import Seen
from tests.faults.proxy import FaultProxy
from tests.faults.server import port_of
from tests.faults.wire import BODY, BUCKET, PATIENCE_S, Caller, client_for

ONCE: dict[str, str] = {"If-None-Match": "*"}


@pytest.fixture
def caller(proxy: FaultProxy, store: Mapping[str, str]) -> Iterator[Caller]:
    """In a bucket that is no imagehost's."""
    through, directly = client_for(proxy.url, store), client_for(store["S3_ENDPOINT_URL"], store)
    with closing(through), closing(directly):
        if BUCKET not in {bucket["Name"] for bucket in directly.list_buckets()["Buckets"]}:
            directly.create_bucket(Bucket=BUCKET)
        yield Caller(proxy, through, directly)


def target(name: str) -> str:
    return f"/{BUCKET}/{name}"


def test_without_a_plan_everything_passes_as_it_is(caller: Caller) -> None:
    s3, before = caller.s3, len(caller.proxy.seen())
    etag = s3.put_object(Bucket=BUCKET, Key="plain/ä b", Body=BODY, ContentType="text/x", IfNoneMatch="*")["ETag"]
    head = s3.head_object(Bucket=BUCKET, Key="plain/ä b")
    assert (head["ContentLength"], head["ContentType"], head["ETag"]) == (len(BODY), "text/x", etag)
    assert s3.get_object(Bucket=BUCKET, Key="plain/ä b")["Body"].read() == BODY
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=BUCKET, Key="plain/ä b", Body=b"", IfNoneMatch="*")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="plain/")["Contents"]
    assert [entry["Key"] for entry in listed] == ["plain/ä b"]
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "plain/ä b"}]})
    s3.delete_object(Bucket=BUCKET, Key="plain/none")
    assert caller.find("plain/ä b") is None
    plain = target("plain/%C3%A4%20b")
    assert caller.proxy.seen()[before:][:4] == [
        Seen("PUT", plain, 200),
        Seen("HEAD", plain, 200),
        Seen("GET", plain, 200),
        Seen("PUT", plain, 412),
    ]
    assert caller.proxy.seen("POST", f"/{BUCKET}?delete")[-1].status == 200


def test_a_connection_is_kept_from_one_request_to_the_next(caller: Caller) -> None:
    caller.put("kept")
    with closing(caller.connect()) as connection:
        assert caller.get("kept", connection) == (200, BODY)
        port = connection.sock.getsockname()
        assert caller.get("kept/nothing", connection)[0] == 404
        caller.proxy.plan("GET", target("kept"), actions.refuse)
        assert caller.get("kept", connection)[0] == 503
        assert caller.get("kept", connection) == (200, BODY)
        assert connection.sock.getsockname() == port


def test_a_refused_request_does_not_reach_the_store(caller: Caller) -> None:
    caller.proxy.plan("PUT", target("refused"), actions.refuse)
    assert caller.put("refused") == 503
    assert caller.find("refused") is None
    assert caller.proxy.seen("PUT", target("refused"))[0].status == 503
    assert caller.put("refused") == 200


def test_a_lost_answer_is_of_a_request_that_was_carried_out(caller: Caller) -> None:
    caller.proxy.plan("PUT", target("lost"), actions.lose_answer)
    with pytest.raises(http.client.RemoteDisconnected):
        caller.put("lost")
    assert caller.find("lost") == BODY
    assert caller.proxy.seen("PUT", target("lost"))[0].status == 200


def test_an_answer_is_reset_after_some_of_its_bytes(caller: Caller) -> None:
    caller.put("reset")
    caller.proxy.plan("GET", target("reset"), actions.reset_answer(0))
    with pytest.raises(ConnectionResetError):
        caller.get("reset")
    caller.proxy.plan("PUT", target("reset"), actions.reset_answer(12))
    url = caller.s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "reset"})
    with closing(caller.connect()) as connection:
        connection.request("PUT", url.removeprefix(caller.proxy.url), b"other")
        assert connection.sock.recv(100) == b"HTTP/1.1 200"
        with pytest.raises(ConnectionResetError):
            connection.sock.recv(100)
    assert caller.find("reset") == b"other"


def test_a_request_is_reset_after_some_of_its_body(caller: Caller) -> None:
    rule = caller.proxy.plan("PUT", target("begun"), actions.reset_request(10))
    with pytest.raises(ConnectionError):
        caller.put("begun", b"x" * 10_000_000)
    assert rule.hits == 1
    assert caller.find("begun") is None
    assert caller.put("begun") == 200


def test_an_answer_is_cut_short(caller: Caller) -> None:
    caller.put("cut")
    caller.proxy.plan("GET", target("cut"), actions.cut_answer(30))
    with pytest.raises(http.client.IncompleteRead) as caught:
        caller.get("cut")
    assert (caught.value.partial, caught.value.expected) == (BODY[:30], len(BODY) - 30)
    assert caller.get("cut") == (200, BODY)


def test_of_two_deliveries_the_second_is_answered(caller: Caller) -> None:
    caller.proxy.plan("PUT", target("twice"), actions.deliver_twice)
    assert caller.put("twice", headers=ONCE) == 412
    assert caller.find("twice") == BODY


def test_a_duplicate_lands_when_told(caller: Caller) -> None:
    caller.proxy.plan("PUT", target("again"), caller.proxy.deliver_again_later)
    assert caller.put("again", b"first") == 200
    assert caller.put("again", b"second") == 200
    assert caller.proxy.land() == [200]
    assert caller.find("again") == b"first"
    assert caller.proxy.land() == []


def test_a_request_that_nobody_heard_of_lands_when_told(caller: Caller) -> None:
    caller.proxy.plan("PUT", target("later"), caller.proxy.deliver_later, times=2)
    for _ in range(2):
        with pytest.raises(http.client.RemoteDisconnected):
            caller.put("later", headers=ONCE)
    assert caller.find("later") is None
    assert caller.proxy.land() == [200, 412]
    assert caller.find("later") == BODY


def test_a_delay_comes_before_the_store(caller: Caller) -> None:
    caller.proxy.plan("PUT", target("slow"), caller.proxy.delay(0.2))
    assert caller.put("slow") == 200


def test_a_delay_ends_with_the_proxy(caller: Caller, store: Mapping[str, str]) -> None:
    order: list[str] = []
    with (
        ThreadPoolExecutor(1) as pool,
        FaultProxy(port_of(store)) as proxy,
        closing(client_for(proxy.url, store)) as s3,
    ):
        proxy.plan("PUT", target("slower"), proxy.delay(1_000))
        asked = pool.submit(Caller(proxy, s3, caller.stored).put, "slower")
        asked.add_done_callback(lambda _: order.append("answered"))
        eventually(lambda: len(proxy.seen("PUT")) == 1, PATIENCE_S, "the request arrives")
        assert caller.find("slower") is None
        order.append("closing")
        proxy.close()
        assert asked.exception(PATIENCE_S) is None or isinstance(asked.exception(), OSError)
    assert order == ["closing", "answered"]


def test_down_ends_every_connection_and_up_serves_again(caller: Caller) -> None:
    caller.put("down")
    with closing(caller.connect()) as connection:
        assert caller.get("down", connection) == (200, BODY)
        caller.proxy.state = "down"
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            caller.get("down", connection)
    for _ in range(3):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            caller.put("down", b"other")
    caller.proxy.state = "up"
    assert caller.get("down") == (200, BODY)


def test_a_black_hole_takes_everything_and_says_nothing(caller: Caller) -> None:
    caller.put("hole")
    with closing(caller.connect(0.3)) as connection, ThreadPoolExecutor(1) as pool:
        assert caller.get("hole", connection) == (200, BODY)
        caller.proxy.state = "black_hole"
        before = len(caller.proxy.seen())
        with pytest.raises(TimeoutError):
            caller.get("hole", connection)
        patient = pool.submit(caller.put, "hole", b"other")
        eventually(lambda: len(caller.proxy.seen()) == before + 2, PATIENCE_S, "both requests arrive")
        caller.proxy.state = "up"
        assert isinstance(patient.exception(PATIENCE_S), OSError)
    assert [seen.status for seen in caller.proxy.seen()[before:]] == [None, None]
    assert caller.get("hole") == (200, BODY)


def test_a_rule_counts_what_it_skips_and_what_it_hits(caller: Caller) -> None:
    first = caller.proxy.plan("PUT", target("rule/a"), actions.refuse, skip=1, times=2)
    every = caller.proxy.plan("*", target("rule/"), actions.refuse, skip=2, times=None)
    assert [caller.put("rule/a") for _ in range(4)] == [200, 503, 503, 200]
    assert (first.hits, every.hits) == (2, 0)
    assert [caller.get("rule/a")[0], caller.put("rule/b")] == [503, 503]
    assert every.hits == 2
    caller.proxy.forget(every)
    assert caller.put("rule/b") == 200
    caller.proxy.plan("PUT", target("rule/a"), actions.refuse)
    caller.proxy.forget()
    assert caller.put("rule/a") == 200


def test_a_test_may_act_before_the_nth_request_and_change_what_becomes_of_it(caller: Caller) -> None:
    stored: list[bytes | None] = []
    rule = caller.proxy.plan(
        "PUT", target("hook"), caller.proxy.before(lambda: stored.append(caller.find("hook"))), skip=1
    )
    assert [caller.put("hook", body) for body in (b"1", b"2", b"3")] == [200, 200, 200]
    assert (stored, rule.hits) == ([b"1"], 1)

    def fall() -> None:
        caller.proxy.state = "down"

    caller.proxy.plan("PUT", target("hook"), caller.proxy.before(fall))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        caller.put("hook", b"4")
    assert caller.find("hook") == b"3"


def test_a_test_may_act_between_a_request_and_its_answer(caller: Caller) -> None:
    stored: list[bytes | None] = []
    caller.proxy.plan("PUT", target("between"), caller.proxy.after(lambda: stored.append(caller.find("between"))))
    assert caller.put("between") == 200
    assert stored == [BODY]


def test_closing_waits_for_every_thread(store: Mapping[str, str]) -> None:
    before = set(threading.enumerate())
    with FaultProxy(port_of(store)) as proxy:
        connections = [http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=PATIENCE_S) for _ in range(4)]
        for connection in connections:
            connection.connect()
    for connection in connections:
        connection.close()
    assert set(threading.enumerate()) <= before

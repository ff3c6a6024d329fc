"""TCP ports on this machine: whether one is free, and drawing a run of them for the S3 server.

Drawn below 32,768, where Linux takes no ports for outgoing connections
(/proc/sys/net/ipv4/ip_local_port_range), so that one drawn today is likely to be free tomorrow.
"""

import secrets
import socket
from ipaddress import ip_address

LOOPBACK = "127.0.0.1"
FIRST, LAST = 10_000, 22_000
ADMIN = 8
SPAN = ADMIN + 1  # ports in a row that the S3 server listens on
# The S3 server's worker dials the admin port + 10,000 and cannot be told another number.
ADMIN_GRPC = ADMIN + 10_000
ATTEMPTS = 200


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there now. Connections of an earlier server that linger do not count."""
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def are_free(first: int, web_port: int) -> bool:
    """Whether the whole run from `first` is free, the derived admin port included, and leaves the web server's alone,
    where nobody listens yet."""
    run = [first + i for i in (*range(SPAN), ADMIN_GRPC)]
    return FIRST <= first <= LAST and web_port not in run and all(is_free(LOOPBACK, port) for port in run)


def draw(web_port: int) -> int | None:
    """The first port of such a run, by chance; None when there seems to be none."""
    for _ in range(ATTEMPTS):
        first = FIRST + secrets.randbelow(LAST - FIRST)
        if are_free(first, web_port):
            return first
    return None

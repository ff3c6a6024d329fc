"""The supervisor: one object, used as a context manager in the main thread, whose end is the end of all its children.

    with Stack(environ) as stack:
        environment = stack.prepare()
        config = load_config(environment)
        stack.start(config, lambda: stack.load(web))
        return stack.serve(config, [web, sweeper], on_ready)

Children are started from the most basic to the least and stopped the other way round. What can begin before the one
beneath is ready does: the web process loads while the servers start, and so does what examines them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from ipaddress import ip_address
from types import TracebackType
from typing import Self

from imagehost.config import Config
from imagehost.embedded import ports, programs, servers
from imagehost.embedded.directory import Secrets
from imagehost.embedded.environment import data_directory, isolate, local_url, merge, needs, page_origins
from imagehost.embedded.failure import StackError
from imagehost.embedded.probe import accepts, status_of
from imagehost.embedded.process import Child, Command, stop_children
from imagehost.embedded.restarts import Restarts
from imagehost.embedded.signals import Signals

# A server of an earlier run that was killed may need a moment to be gone.
LINGER_S = 2.0
READY_S = 60.0
POLL_S = 0.03
WATCH_S = 1.0
# The whole end takes 8 s at most: what the web process has in hand first, then the servers that it needs for that.
STOP_COMMANDS_S = 3.0
STOP_ALL_S = 7.5
INTERRUPTED = 130
STOPPED = "Stopped before it was ready."
EXAMINATION = "imagehost.embedded.examination"


class Stack:
    """Everything that `imagehost up` runs. Only for the main thread, because of signals and PR_SET_PDEATHSIG."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._needs = needs(environ)
        self._directory = data_directory(environ)
        self._secrets = Secrets()
        self._programs: dict[str, str] = {}
        self._engine: programs.Engine | None = None
        self._servers: list[Child] = []
        self._commands: list[Child] = []
        self._signals = Signals()

    def __enter__(self) -> Self:
        self._signals.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._signals.restore()
        self._signals.close()

    def prepare(self) -> dict[str, str]:
        """Take the data directory, make what is made once, and return the whole environment for all processes.

        Starts nothing. Also takes foreign AWS_* out of this process's own environment where S3 is embedded. Raises
        StackError (directory in use, a server program missing or unfit) or ConfigError.
        """
        directory = self._directory
        directory.lock(stores=bool(self._needs))
        if "redis" in self._needs:
            self._programs["redis"], self._engine = programs.find_redis(self._environ, directory.redis)
        if "s3" in self._needs:
            self._programs["s3"] = programs.find_s3(self._environ)
        found = directory.read_secrets()
        self._secrets = found or Secrets()
        if "s3" in self._needs and not ports.are_free(self._secrets.s3_port, web_port := self._web_port()):
            if (port := ports.draw(web_port)) is None:
                raise StackError("No free ports for the embedded S3 server were found: end what else listens here.")
            self._secrets.s3_port = port
        merged = merge(self._environ, directory, self._secrets)
        directory.note_holder(local_url(merged))
        if self._needs:
            directory.write_secrets(self._secrets)
        if "s3" in self._needs:
            isolate(merged)
        return merged

    def start(self, config: Config, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Start the embedded servers and return when they are ready, closed to strangers, and have the bucket.

        A Redis of the user's own is only asked whether it may be used. Calls `meanwhile` once, when the servers have
        been started. Raises StackError, with nothing left running.
        """
        with self._signals.held():
            try:
                self._check_port(config)
                self._start_servers(config)
                meanwhile()
                self._await_servers(config)
            except BaseException:
                self.stop()
                raise

    def load(self, command: Command) -> None:
        """Start the first command of `serve` already: it loads, and does not listen before `serve`."""
        self._commands = [Child(command, self._directory.log, held=True)]

    def serve(self, config: Config, commands: Sequence[Command], on_ready: Callable[[], None]) -> int:
        """Run `commands` until a signal asks to stop, and stop everything; returns the exit code.

        The first is the web process; the others begin when its `/health` answers, and then `on_ready` is called, once.
        From then on commands with `restart` may end a few times; any other child that ends takes all with it:
        StackError then.
        """
        web, *others = commands
        with self._signals.held():
            try:
                if not self._commands:
                    self.load(web)
                for child in self._commands:
                    child.release()
                url = local_url({"IMAGEHOST_BIND": _reachable(config.bind), "PORT": str(config.port)})
                self._wait("The web process", lambda: status_of(f"{url}/health") == 200)
                for command in others:
                    self._commands.append(Child(command, self._directory.log))
                on_ready()
                self._watch()
            finally:
                self.stop()
        return 0

    def stop(self) -> None:
        """Stop all children, the web process first, and let go of the data directory. Repeating it does nothing."""
        with self._signals.held():  # from the first child to the last: a signal in between would leave some running
            now_s = time.monotonic()
            stop_children(self._commands, self._signals, now_s + STOP_COMMANDS_S)
            stop_children(self._servers, self._signals, now_s + STOP_ALL_S)
            if self._servers and "s3" in self._needs:
                servers.remove_leftover_sockets(self._secrets)
            self._commands, self._servers = [], []
            self._directory.unlock()

    @property
    def embedded(self) -> frozenset[str]:
        """Which parts are this stack's own: of {"redis", "s3"}."""
        return self._needs

    def _web_port(self) -> int:
        """Where the web server is going to listen; 0 for what the configuration's check will refuse."""
        port = self._environ.get("PORT") or str(Config.model_fields["port"].default)
        return int(port) if port.isdecimal() else 0

    def _check_port(self, config: Config) -> None:
        if not self._wait_until(lambda: ports.is_free(config.bind, config.port), LINGER_S):
            raise StackError(
                f"Port {config.port} on {config.bind} is taken: stop what listens there, or set PORT to another one."
            )

    def _start_servers(self, config: Config) -> None:
        directory = self._directory
        if self._engine:
            if not self._wait_until(lambda: not accepts(directory.redis_socket), LINGER_S):
                raise StackError(f"A Redis server of an earlier run still uses {directory.redis}: end it first.")
            programs.write_marker(directory.redis, self._engine)
            self._start(servers.redis_command(self._programs["redis"], directory))
        if "s3" in self._needs:
            self._check_s3_ports(config)
            origins = page_origins(config.public_url, config.port)
            self._start(servers.s3_command(self._programs["s3"], directory, self._secrets, origins))

    def _await_servers(self, config: Config) -> None:
        examination = import_module(EXAMINATION)
        if self._engine:
            self._wait("The embedded Redis", lambda: examination.is_redis_ready(config))
        examination.check_redis("The embedded Redis" if self._engine else "REDIS_URL", config)
        if "s3" in self._needs:
            self._wait("The embedded S3 server", lambda: status_of(f"{config.s3_endpoint_url}/healthz") == 200)
            examination.open_bucket(config, page_origins(config.public_url, config.port))
            self._wait("The embedded S3 server", lambda: examination.is_bucket_ready(config))

    def _check_s3_ports(self, config: Config) -> None:
        """They were free when they were chosen; the environment names them since, so that no others can be taken."""
        if not ports.are_free(self._secrets.s3_port, config.port):
            raise StackError(
                f"A port of the embedded S3 server ({self._secrets.s3_port} and the {ports.ADMIN} after it, or "
                f"{self._secrets.s3_port + ports.ADMIN_GRPC}) was taken just now: start again, and it takes others."
            )

    def _start(self, command: Command) -> None:
        self._servers.append(Child(command, self._directory.log))

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Until `ready`; raises StackError when a child ends, time is up, or a signal asks to stop."""
        if not self._wait_until(ready, READY_S):
            raise StackError(f"{what} was not ready after {READY_S:.0f} s; the logs are in {self._directory.log}.")

    def _wait_until(self, true: Callable[[], bool], seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        while True:
            if self._signals.asked:
                raise StackError(STOPPED, exit_code=INTERRUPTED)
            if true():
                return True
            self._raise_if_ended([*self._servers, *self._commands])
            if time.monotonic() >= deadline_s:
                return False
            self._signals.wait(POLL_S)

    def _watch(self) -> None:
        restarts = Restarts()
        while not self._signals.asked:
            self._commands = [restarts.renewed(child, self._directory.log) for child in self._commands]
            self._raise_if_ended([*self._servers, *(child for child in self._commands if not child.command.restart)])
            for child in (*self._servers, *self._commands):
                child.trim_log()
            self._signals.wait(WATCH_S)

    def _raise_if_ended(self, children: Sequence[Child]) -> None:
        for child in children:
            if child.has_ended():
                sentence, damage = child.how_it_ended(), servers.DAMAGE.get(child.name)
                cure = damage.cure.format(self._directory.path) if damage and damage.words.search(sentence) else ""
                raise StackError(f"{sentence} {cure}".rstrip())


def _reachable(bind: str) -> str:
    """An address at which a server bound to `bind` answers on this machine."""
    address = ip_address(bind)
    if not address.is_unspecified:
        return bind
    return "127.0.0.1" if address.version == 4 else "::1"

"""Which processes there are, as the kernel tells it."""

from pathlib import Path


def below(pid: int, word: str = "") -> set[int]:
    """This process and those that descend from it, if they have this word in their command lines."""
    commands: dict[int, str] = {}
    children: dict[int, set[int]] = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                status = (directory / "stat").read_text(encoding="utf-8")
                commands[int(directory.name)] = (directory / "cmdline").read_text(encoding="utf-8")
            except (OSError, UnicodeError):
                continue
            parent = int(status.rpartition(")")[2].split()[1])  # proc_pid_stat(5): the name may hold anything
            children.setdefault(parent, set()).add(int(directory.name))
    found, left = set(), {pid}
    while left:
        found |= left
        left = {child for parent in left for child in children.get(parent, ())}
    return {pid for pid in found if word in commands.get(pid, "")}


def naming(path: Path) -> set[int]:
    """The processes that have this path in their command lines or environments; those that have ended have neither."""
    found = set()
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                said = (directory / "cmdline").read_bytes() + (directory / "environ").read_bytes()
            except OSError:
                continue
            if bytes(path) in said:
                found.add(int(directory.name))
    return found


def runs(pid: int) -> bool:
    """Whether it has not ended yet; one that nobody has waited for has."""
    try:
        status = Path("/proc", str(pid), "stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")

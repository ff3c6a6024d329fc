"""What the fork server of stack.py imports, so that its children find their services built."""

from tests.faults.driver import services

services()

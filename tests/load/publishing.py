"""The publisher as the benchmark sees it: ask, and serve the sockets until the answer is there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.load.generator import Loop
from tests.stack.processes import APP, Processes


class Publisher:
    """The program publisher.py, which publishes for all contenders alike."""

    def __init__(self, loop: Loop, stack: Processes):
        self.loop = loop
        self.asked = 0
        self.answers: dict[int, dict[str, Any]] = {}
        self.buffer = b""
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("publisher.py")],
            cwd=APP,
            env=stack.environment | {"PYTHONPATH": str(APP), "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        loop.add(self.process.stdout.fileno(), self.readable)

    def readable(self, event: int) -> None:
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        if not data:
            raise RuntimeError("the publisher ended")
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        self.answers |= {answer.pop("id"): answer for answer in map(json.loads, lines)}

    def ask(self, do: str, seconds: float = 60, **request: Any) -> dict[str, Any]:
        """Send a request of publisher.REQUESTS. Raises Failed when it takes more than `seconds`."""
        self.asked += 1
        self.process.stdin.write(json.dumps({"id": self.asked, "do": do, **request}).encode() + b"\n")
        self.process.stdin.flush()
        # By its id: the answer to a request that took too long may still come.
        self.loop.until(f"the publisher's answer to {do}", lambda: self.asked in self.answers, seconds)
        return self.answers.pop(self.asked)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

"""A fake of the Browser Use API: real HTTP on 127.0.0.1, tasks by script, faults on demand. Standard library only.

It shares no code with the client. `FakeApi` runs in a thread of the test; its clock stands still until `advance`,
unless it is told to be `real_time`. `FakeApiProcess` is one in a process of its own, in real time. Both are context
managers with the same methods (`Control`):

    with FakeApi("v2-nested") as fake:
        fake.script("orders", status="finished", output='{"orders": []}', polls=3, steps=4)
        fake.fault(at="create", work="done", reset=True)     # the task is created, its answer lost
        client = BrowserUseClient(fake.api_key, fake.base_url, sleep=fake.advance, clock=fake.time)
        ...
        assert len(fake.tasks(live=True)) == 1
        assert fake.requests(at="stop") == []

A script's `seconds` and `polls` say when a task ends, `status=None` that it does not; `Script` and `Fault` list
all that there is. In a thread of the test, a function may give the script of each prompt (`unscripted`), and others may
see each request before it is served and after (`observe`). Bodies and queries are checked strictly: what the contract
does not know is answered with 422.
"""

from .control import Control
from .faults import Fault
from .running import API_KEY, FakeApi, FakeApiProcess, RemoteFakeApi
from .scripts import Script
from .server import Recorded

__all__ = ["API_KEY", "Control", "FakeApi", "FakeApiProcess", "Fault", "Recorded", "RemoteFakeApi", "Script"]

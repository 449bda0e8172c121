"""A post tells Redis over a connection that it already has."""

from tests.stack.visitor import Visitor

PUBLISH = """
import redis, statistics, time
from django.conf import settings
from realtime import hints
hints.publish("nobody.listens", 1)
before = hints.redis_client().connection_pool
times = []
for number in range(200):
    started = time.perf_counter()
    hints.publish("nobody.listens", number)
    times.append(time.perf_counter() - started)
assert hints.redis_client().connection_pool is before
print("connections", len(before._available_connections), "median ms", statistics.median(times) * 1000)
"""


def test_200_hints_take_one_connection(stack, visitor: Visitor):
    """And 0.05 ms each, printed here and not asserted: speed is measured in the benchmark."""
    printed = stack.manage("shell", "--command", PUBLISH)
    assert "connections 1 " in printed, printed

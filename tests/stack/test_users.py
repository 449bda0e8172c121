"""Sockets of somebody who is logged in end when the login does, and nobody else's."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.stack.visitor import Visitor, receive

CREATE = """
from django.contrib.auth.models import User
for name in {names}:
    User.objects.create_superuser(name, password="for-a-test")
"""

CHANGES = {
    "deactivated": "user.is_active = False; user.save()",
    "deleted": "user.delete()",
    "given another password": "user.set_password('another-one'); user.save()",
}


class Member(Visitor):
    """A visitor with a name and a password."""

    def __init__(self, url: str, name: str):
        super().__init__(url)
        self.name = name

    def log_in(self) -> None:
        answer = self.send("/admin/login/", username=self.name, password="for-a-test", next="/admin/")
        assert answer.headers["Location"] == "/admin/"

    def log_out(self) -> None:
        assert self.send("/admin/logout/").status_code == 200

    def send(self, path: str, **data: str):
        """Fill in one of the admin's forms."""
        page = self.http.get("/admin/login/", follow_redirects=True).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        return self.http.post(path, data=data | {"csrfmiddlewaretoken": token}, headers={"Origin": self.url})

    def socket(self, path: str = "/ws/", **options) -> ClientConnection:
        cookie = f"sessionid={self.http.cookies['sessionid']}"
        return super().socket(path, additional_headers={"Cookie": cookie}, **options)


@pytest.fixture
def members(stack) -> Iterator[tuple[Member, Member]]:
    """Two people who are logged in."""
    names = [f"member-{uuid4().hex}" for _ in range(2)]
    stack.manage("shell", "--command", CREATE.format(names=names))
    with Member(stack.url, names[0]) as one, Member(stack.url, names[1]) as other:
        one.log_in()
        other.log_in()
        yield one, other


def assert_closed_4401(socket: ClientConnection, seconds: float) -> None:
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=seconds)
    assert closed.value.rcvd.code == 4401
    assert closed.value.rcvd.reason


def assert_open(socket: ClientConnection) -> None:
    # Nothing is on its way.
    with pytest.raises(TimeoutError):
        socket.recv(timeout=0.3)
    socket.send('{"type": "ping", "id": 1}')
    assert receive(socket) == {"type": "pong", "id": 1}


def test_logging_out_closes_the_sockets_of_that_login_with_4401(stack, visitor: Visitor, members):
    one, other = members
    with Member(stack.url, one.name) as elsewhere, ExitStack() as sockets:
        elsewhere.log_in()
        after = visitor.last()
        here, also_here, there, others, nobodys = (
            sockets.enter_context(each.follow(after)) for each in (one, one, elsewhere, other, visitor)
        )
        one.log_out()
        for socket in (here, also_here):
            assert_closed_4401(socket, 2)
        for socket in (there, others, nobodys):
            assert_open(socket)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_user_who_changes_for_the_worse_loses_every_socket(stack, visitor: Visitor, members, change: str):
    one, other = members
    after = visitor.last()
    with one.follow(after) as here, other.follow(after) as others, visitor.follow(after) as nobodys:
        script = (
            f"from django.contrib.auth.models import User; user = User.objects.get(username='{one.name}')"
        )
        stack.manage("shell", "--command", f"{script}; {change}")
        assert_closed_4401(here, 2)
        for socket in (others, nobodys):
            assert_open(socket)
    # The session goes on in HTTP as little as here: a new socket is nobody's, and open.
    with one.follow(after) as socket:
        assert_open(socket)

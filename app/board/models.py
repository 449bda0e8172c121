"""Rooms and their messages. Within a room the numbers have no gaps, so a reader can tell what it missed."""

from typing import Any
from uuid import UUID

from django.db import models, transaction

from realtime import hints

MAX_TEXT = 2000
MAX_NICKNAME = 32


class Room(models.Model):
    """A place to talk. Rooms are made in the admin: an address that anyone types makes no row."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=80)
    last_seq = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def topic(self) -> str:
        """The name of this room's feed."""
        return f"board.{self.slug}"

    @transaction.atomic
    def post(self, key: UUID, nickname: str, text: str) -> tuple["Message", bool]:
        """Store a message under the next number and tell every process once it is committed.

        Returns the message and whether it is new: the same key again gives the first one back.
        The room's row is locked, so that numbers are given in the order they are committed.
        """
        room = Room.objects.select_for_update().get(pk=self.pk)
        if known := room.messages.filter(key=key).first():
            return known, False
        room.last_seq += 1
        room.save(update_fields=["last_seq"])
        message = room.messages.create(seq=room.last_seq, key=key, nickname=nickname, text=text)
        transaction.on_commit(lambda: hints.publish(room.topic, message.as_json()))
        return message, True


class Message(models.Model):
    """One message. It is hidden, not deleted: a deleted row would leave a gap."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages")
    seq = models.PositiveBigIntegerField(editable=False)
    key = models.UUIDField(editable=False)
    nickname = models.CharField(max_length=MAX_NICKNAME)
    text = models.TextField(max_length=MAX_TEXT)
    posted_at = models.DateTimeField(auto_now_add=True)
    hidden = models.BooleanField(default=False)

    class Meta:
        ordering = ["room", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="one_message_a_number"),
            models.UniqueConstraint(fields=["room", "key"], name="one_message_a_key"),
        ]

    def __str__(self) -> str:
        return f"{self.room_id}/{self.seq}"

    @property
    def shown_text(self) -> str:
        return "" if self.hidden else self.text

    def as_json(self) -> dict[str, Any]:
        """What clients get, over HTTP and over the socket."""
        return {
            "seq": self.seq,
            "nickname": self.nickname,
            "text": self.shown_text,
            "at": self.posted_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "hidden": self.hidden,
        }


def messages_after(room: Room, after: int, limit: int) -> list[dict[str, Any]]:
    """The room's next messages above the number `after`, oldest first."""
    return [message.as_json() for message in room.messages.filter(seq__gt=after)[:limit]]

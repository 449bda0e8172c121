"""Moderation: hide a message, show it again, open a room."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from board.models import Message, Room


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):
    list_display = ["title", "slug", "last_seq"]
    prepopulated_fields = {"slug": ["title"]}


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    """Messages are hidden, never added, changed or deleted here: their numbers have no gaps."""

    actions = ["hide", "show"]
    readonly_fields = ["room", "seq", "nickname", "text", "posted_at"]
    fields = [*readonly_fields, "hidden"]
    list_display = ["room", "seq", "nickname", "text", "posted_at", "hidden"]
    list_display_links = ["seq"]
    list_filter = ["hidden", "room"]
    list_select_related = ["room"]
    ordering = ["-pk"]
    search_fields = ["nickname", "text"]

    @admin.action(description="Hide the selected messages", permissions=["change"])
    def hide(self, request: HttpRequest, messages: QuerySet[Message]) -> None:
        self.message_user(request, f"Hidden: {messages.update(hidden=True)}.")

    @admin.action(description="Show the selected messages again", permissions=["change"])
    def show(self, request: HttpRequest, messages: QuerySet[Message]) -> None:
        self.message_user(request, f"Shown again: {messages.update(hidden=False)}.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

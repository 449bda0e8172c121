from django.urls import path

from board import views

urlpatterns = [
    path("favicon.ico", views.icon),
    path("", views.lobby, name="lobby"),
    path("board/nickname", views.nickname, name="nickname"),
    path("board/<slug:slug>/", views.room, name="room"),
    path("board/<slug:slug>/messages", views.messages, name="messages"),
]

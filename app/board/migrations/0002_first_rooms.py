"""A fresh board has somewhere to talk. Rename or delete these rooms in the admin."""

from django.db import migrations

ROOMS = [("lobby", "Lobby"), ("help", "Help")]


def open_rooms(apps, schema_editor):
    Room = apps.get_model("board", "Room")
    for slug, title in ROOMS:
        Room.objects.get_or_create(slug=slug, defaults={"title": title})


class Migration(migrations.Migration):
    dependencies = [("board", "0001_initial")]

    operations = [migrations.RunPython(open_rooms, migrations.RunPython.noop)]

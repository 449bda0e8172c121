"""The consumer of app/realtime/README.md, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
TRY = """
import asyncio, django
django.setup()
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from chat.models import Chat
from config.routing import application
from realtime.feed import feeds

async def talk():
    chat = await Chat.objects.acreate()
    await sync_to_async(chat.say)("one")
    await sync_to_async(chat.say)("two")
    origin = [(b"origin", b"http://localhost:8000")]
    socket = WebsocketCommunicator(application, f"/ws/chat/{chat.pk}/?after=1", headers=origin)
    assert (await socket.connect())[0]
    print(await socket.receive_json_from())
    print(await socket.receive_json_from())
    await sync_to_async(chat.say)("three")
    print(await socket.receive_json_from(timeout=5))
    await socket.disconnect()
    await feeds.close()

asyncio.run(talk())
"""


def test_the_readme_s_consumer_says_hello_replays_and_goes_live(tmp_path: Path):
    copy = tmp_path / "app"
    shutil.copytree(APP, copy, ignore=shutil.ignore_patterns("__pycache__", "static"))
    readme = (APP / "realtime/README.md").read_text()
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", readme, re.DOTALL):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(code)
    settings = copy / "config/settings.py"
    settings.write_text(settings.read_text().replace('"board",', '"board",\n    "chat",'))
    routing = copy / "config/routing.py"
    line = re.search(r"`(path\(.*?as_asgi\(\)\))`", readme)[1]
    code = routing.read_text().replace("    # Last:", f"    {line},\n    # Last:")
    routing.write_text(f"from chat.consumers import ChatConsumer\n{code}")

    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    environment |= {"DEBUG": "on", "DJANGO_SETTINGS_MODULE": "config.settings"}

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=copy, env=environment, check=True, stdout=-1, text=True).stdout

    python("manage.py", "makemigrations", "chat")
    python("manage.py", "prepare")
    assert python("-c", TRY).splitlines()[:3] == [
        "{'type': 'hello', 'last': 2}",
        "{'type': 'message', 'message': {'seq': 2, 'text': 'two'}}",
        "{'type': 'message', 'message': {'seq': 3, 'text': 'three'}}",
    ]

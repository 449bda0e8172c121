"""app/README.md says how to replace the board; these are its commands, on a copy."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

APP = Path(__file__).parents[2] / "app"


def test_the_project_stands_without_the_board(tmp_path: Path):
    copy = tmp_path / "app"
    shutil.copytree(APP, copy, ignore=shutil.ignore_patterns("__pycache__", "static"))
    commands = re.search(
        r"## Replace the board\n+```sh\n(.*?)```", (APP / "README.md").read_text(), re.DOTALL
    )
    subprocess.run(["sh", "-e", "-c", commands[1]], cwd=copy, check=True)
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    for arguments in (["manage.py", "prepare"], ["manage.py", "makemigrations", "--check"]):
        subprocess.run(
            [sys.executable, *arguments], cwd=copy, env=environment, check=True, capture_output=True
        )
    script = "import config.asgi, config.wsgi, config.routing as r; print(len(r.websocket_urlpatterns))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=copy,
        env=environment | {"SECRET_KEY": "x" * 50},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "2\n"
    left = subprocess.run(["grep", "-rl", "board", "--include=*.py", copy], capture_output=True, text=True)
    assert left.stdout == ""

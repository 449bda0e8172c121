"""Every linter, one after the other: `./run lint`. Exits 1 when any of them finds something."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.machine import missing
from tests.stack import nginx

SHELL = ["run", ".ci/run", *map(str, Path("nginx/entrypoint.d").iterdir())]
WORKFLOWS = [str(path) for path in Path(".github/workflows").glob("*.yml")]


def commands(rendered: list[Path]) -> list[list[str]]:
    """What to run; `rendered` are nginx's configurations with their variables filled in."""
    schema = ["check-jsonschema", "--quiet", "--builtin-schema"]
    found = [
        ["ruff", "check", "--quiet", "."],
        ["ruff", "format", "--quiet", "--check", "."],
        ["shellcheck", "--shell=bash", "run", ".ci/run"],
        ["shellcheck", "--shell=sh", *SHELL[2:]],
        ["shfmt", "--diff", "--indent", "4", *SHELL],
        ["hadolint", "Dockerfile", "nginx/Dockerfile", "deploy/certs/Dockerfile", "tests/grades/Dockerfile"],
        *(["gixy", str(each)] for each in rendered),
        ["zizmor", "--offline", "--quiet", "--persona", "pedantic", ".github"],
        [*schema, "vendor.compose-spec", "docker-compose.prod.yml"],
        [*schema, "vendor.github-workflows", *WORKFLOWS],
        [*schema, "vendor.dependabot", ".github/dependabot.yml"],
        [sys.executable, "app/manage.py", "makemigrations", "--check", "--dry-run", "--verbosity", "0"],
    ]
    if not missing("containers"):
        found.append(["docker", "compose", "--file", "docker-compose.prod.yml", "config", "--quiet"])
    return found


def main() -> int:
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        ports = {"port": 8080, "probe": 8079, "web": 8000, "ws": [8001]}
        rendered = [
            nginx.render(Path(folder) / "http", **ports),
            nginx.render(Path(folder) / "https", **ports, DOMAIN="example.com,www.example.com"),
        ]
        for command in commands(rendered):
            done = subprocess.run(
                command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            if done.returncode:
                print(done.stdout)
                failed.append(" ".join(command[:4]))
    for command in failed:
        print(f"lint: {command} found something", file=sys.stderr)
    if missing("containers"):
        print(f"left out: docker compose config, {missing('containers')}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

"""nginx's own templates, rendered for plain processes: the same files, other paths and ports."""

import re
import shutil
import string
import subprocess
from pathlib import Path

NGINX = Path(__file__).parents[2] / "nginx"

# All visitors of a test come from one address: no share of one address holds for them.
CROWD = {"HTTP_RATE": "100000", "HTTP_CONNECTIONS": "65535", "WS_PER_ADDRESS": "65535"}

# In place of templates/upstreams.conf.template: an nginx before 1.27.3 can't follow DNS, and plain
# processes don't move.
UPSTREAMS = """
upstream web {{ server 127.0.0.1:{web}; }}
upstream ws {{ zone ws 64k; least_conn; {ws} }}
"""


def edge_variables(**environment: str) -> dict[str, str]:
    """What the image's entrypoint makes of the settings.

    Raises CalledProcessError, with the sentence in its output, when it refuses them.
    """
    script = NGINX / "entrypoint.d/16-edge.envsh"
    done = subprocess.run(
        ["sh", "-c", '. "$1" >&2; exec env -0', "sh", script],
        env=environment | {"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    pairs = (line.split("=", 1) for line in done.stdout.split("\0") if line)
    return {name: value for name, value in pairs if name.startswith("EDGE_")}


def render(
    folder: Path, *, port: int, probe: int, web: int, ws: list[int], tls: int = 8443, **environment: str
) -> Path:
    """Write a whole configuration below `folder`; returns the path of its nginx.conf.

    `environment` has the settings, as docker-compose.prod.yml passes them.
    """
    paths = {"/run/nginx": "run", "/var/cache/nginx": "cache", "/etc/nginx/html": "html"}
    paths |= {f"/{name}": name for name in ("maintenance", "certificates", "challenges")}
    for part in paths.values():
        (folder / part).mkdir(parents=True, exist_ok=True)

    def local(text: str) -> str:
        """The same configuration with this machine's folders and ports."""
        names = "|".join(map(re.escape, paths))
        text = re.sub(rf"(?<![\w/-])({names})\b", lambda found: str(folder / paths[found[1]]), text)
        text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace(":8079", f":{probe}")
        return text.replace("listen 8443", f"listen 127.0.0.1:{tls}")

    variables = edge_variables(**environment)
    for part in ("snippets", "html"):
        shutil.copytree(NGINX / part, folder / part, dirs_exist_ok=True)
    for snippet in (folder / "snippets").iterdir():
        snippet.write_text(local(snippet.read_text()))
    for template in (NGINX / "templates").rglob("*.template"):
        target = folder / "run" / template.relative_to(NGINX / "templates").with_suffix("")
        target.parent.mkdir(exist_ok=True)
        target.write_text(local(string.Template(template.read_text()).safe_substitute(variables)))
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ws)
    (folder / "run/upstreams.conf").write_text(UPSTREAMS.format(web=web, ws=servers))
    main = folder / "nginx.conf"
    main.write_text(local((NGINX / "nginx.conf").read_text()))
    return main

"""nginx's own templates, rendered for plain processes: the same files, other paths and ports."""

import shutil
import string
import subprocess
from pathlib import Path

NGINX = Path(__file__).parents[2] / "nginx"

# In place of templates/upstreams.conf.template: an nginx before 1.27.3 can't follow DNS, and plain
# processes don't move.
UPSTREAMS = """
upstream web {{ server 127.0.0.1:{web}; }}
upstream ws {{ zone ws 64k; least_conn; {ws} }}
"""


def edge_variables(**environment: str) -> dict[str, str]:
    """What the image's entrypoint derives from DOMAIN and TRUSTED_PROXIES.

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


def render(folder: Path, *, port: int, probe: int, web: int, ws: list[int], **environment: str) -> Path:
    """Write a whole configuration below `folder`; returns the path of its nginx.conf."""
    run = folder / "run"
    run.mkdir(parents=True)
    for part in ("snippets", "html"):
        shutil.copytree(NGINX / part, folder / part)
    template = string.Template((NGINX / "templates/site.conf.template").read_text())
    site = template.safe_substitute(edge_variables(**environment))
    site = site.replace("listen 8080", f"listen 127.0.0.1:{port}").replace(":8079", f":{probe}")
    (run / "site.conf").write_text(site.replace("/etc/nginx/html", str(folder / "html")))
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ws)
    (run / "upstreams.conf").write_text(UPSTREAMS.format(web=web, ws=servers))
    main = folder / "nginx.conf"
    main.write_text((NGINX / "nginx.conf").read_text().replace("/run/nginx", str(run)))
    return main

"""The location of one's own in nginx/README.md, taken from its very text."""

import re
import subprocess
from pathlib import Path
from string import Template

import pytest

from tests.machine import free_port, program
from tests.stack.nginx import NGINX, edge_variables, render


@pytest.mark.processes
def test_the_readme_s_location_is_one_that_nginx_takes(tmp_path: Path):
    text = re.search(r"```nginx\n(.*?)```", (NGINX / "README.md").read_text(), re.DOTALL)[1]
    conf = render(tmp_path, port=free_port(), probe=free_port(), web=free_port(), ws=[free_port()])
    own = tmp_path / "run/locations/reports.conf"
    own.write_text(Template(text).safe_substitute(edge_variables()))
    check = [program("nginx", "/usr/sbin"), "-t", "-e", "stderr", "-c", conf]
    assert subprocess.run(check, check=False, capture_output=True).returncode == 0
    own.write_text(own.read_text().replace("zone=requests", "zone=unheard-of"))
    assert subprocess.run(check, check=False, capture_output=True).returncode == 1

"""What an attacker inside a container would find, asked of `docker inspect` and of the containers."""

import subprocess

import httpx
import pytest

from tests.stack.containers import Containers

pytestmark = [
    pytest.mark.containers,
    pytest.mark.parametrize("stack", ["containers"], indirect=True),
]
LASTING = ("db", "redis", "web", "ws", "nginx", "certs")
ALL = pytest.mark.parametrize("service", Containers.services)


def inspect(stack: Containers, service: str) -> dict:
    return stack.inspect(stack.containers(service)[0])


@ALL
def test_every_service_is_hardened(stack: Containers, service: str):
    found = inspect(stack, service)
    host = found["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert found["Config"]["User"].split(":")[0] not in ("", "0", "root")
    assert not host["Privileged"]
    for namespace in ("NetworkMode", "PidMode", "IpcMode", "UTSMode"):
        assert host[namespace] != "host"


@ALL
def test_every_service_has_limits_and_a_capped_log(stack: Containers, service: str):
    host = inspect(stack, service)["HostConfig"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}


@pytest.mark.parametrize("service", LASTING)
def test_every_lasting_service_restarts_and_has_a_health_check(stack: Containers, service: str):
    found = inspect(stack, service)
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert found["State"]["Health"]["Status"] == "healthy"


@ALL
def test_nothing_is_mounted_from_the_host(stack: Containers, service: str):
    assert {mount["Type"] for mount in inspect(stack, service)["Mounts"]} <= {"volume", "tmpfs"}


def test_only_nginx_has_a_port_to_the_outside(stack: Containers):
    published = {
        service
        for service in stack.services
        if any((inspect(stack, service)["NetworkSettings"]["Ports"] or {}).values())
    }
    assert published == {"nginx"}


@ALL
def test_no_secret_is_in_an_environment_a_log_or_an_image(stack: Containers, service: str):
    names = ("secret_key", "database_password", "redis_password")
    secrets = [stack.execute("web", "cat", f"/run/secrets/{name}").stdout.strip() for name in names]
    assert all(len(secret) > 40 for secret in secrets)
    found = inspect(stack, service)
    layers = subprocess.run(
        ["docker", "history", "--no-trunc", found["Image"]], check=True, capture_output=True, text=True
    )
    for place in ("\n".join(found["Config"]["Env"]), "\n".join(stack.logs(service)), layers.stdout):
        assert not [secret for secret in secrets if secret in place]


def test_a_statement_that_fails_is_not_logged_with_the_words_in_it(stack: Containers):
    ask = "from django.db import connection as c; c.cursor().execute(\"select 'for nobody', 1 / 0\")"
    with pytest.raises(subprocess.CalledProcessError):
        stack.manage("shell", "--command", ask)
    assert [line for line in stack.logs("db") if "division by zero" in line]
    assert not [line for line in stack.logs("db") if "for nobody" in line]


OTHERS_SECRETS = {
    "web": ["postgres_password", "app.sql", "users.acl"],
    "redis": ["secret_key", "database_password", "redis_password", "postgres_password"],
    "db": ["secret_key", "users.acl"],
}


@pytest.mark.parametrize("service", OTHERS_SECRETS)
def test_a_service_has_only_its_own_secrets(stack: Containers, service: str):
    found = stack.execute(service, "ls", "-a", "/run/secrets").stdout.split()
    assert not set(found) & set(OTHERS_SECRETS[service])


@pytest.mark.parametrize(("host", "port"), [("db", 5432), ("redis", 6379)])
def test_nginx_reaches_neither_the_database_nor_redis(stack: Containers, host: str, port: int):
    address = inspect(stack, host)["NetworkSettings"]["Networks"][f"{stack.project}_data"]["IPAddress"]
    for target in (host, address):
        command = f"curl --silent --connect-timeout 2 telnet://{target}:{port} < /dev/null"
        assert stack.execute("nginx", "sh", "-c", command).returncode in (6, 7, 28)
    # The same question from where the answer must be yes.
    ask = f"import socket; socket.create_connection(({host!r}, {port}), 2)"
    assert stack.execute("web", "python", "-c", ask).returncode == 0


def test_without_a_domain_only_this_machine_is_answered(stack: Containers):
    ask = "import urllib.request as u; "
    ask += "u.urlopen(u.Request('http://nginx:8080/board/lobby/', headers={'Host': 'localhost'}))"
    assert "421" in stack.execute("web", "python", "-c", ask).stderr
    assert httpx.get(f"{stack.url}/board/lobby/").status_code == 200


def test_redis_takes_no_command_but_the_channel_layers(stack: Containers):
    def redis(*arguments: str) -> str:
        return stack.execute("redis", "redis-cli", *arguments).stdout

    assert "NOAUTH" in redis("ping")
    assert "PONG" in redis("--user", "health", "--pass", "any", "ping")
    assert "NOPERM" in redis("--user", "health", "--pass", "any", "keys", "*")
    password = stack.execute("web", "cat", "/run/secrets/redis_password").stdout.strip()
    for command in ("config get *", "flushall", "keys *", "set a b", "publish x y"):
        assert "NOPERM" in redis("--user", "app", "--pass", password, *command.split())
    assert redis("--user", "app", "--pass", password, "publish", "asgi__x", "y").strip() == "0"


def test_the_servers_log_in_to_the_database_without_superuser_rights(stack: Containers):
    query = "from django.db import connection as c; k = c.cursor(); k.execute('select rolsuper, rolcreatedb, "
    query += "rolcreaterole from pg_roles where rolname = current_user'); print(k.fetchone())"
    assert "(False, False, False)" in stack.manage("shell", "--command", query)


def test_the_application_image_has_no_setuid_file_and_nothing_to_write(stack: Containers):
    setuid = stack.execute("web", "find", "/", "-xdev", "-perm", "/6000", "-type", "f").stdout
    assert not setuid.strip()
    assert not stack.execute("web", "find", "/app", "/venv", "/deploy", "-writable").stdout.strip()
    assert stack.execute("web", "sh", "-c", "command -v gcc make git uv curl").stdout == ""
    assert stack.execute("web", "touch", "/app/x").returncode != 0


def test_the_application_image_is_at_most_110_mb_above_its_base(stack: Containers):
    def size(image: str) -> int:
        command = ["docker", "image", "inspect", "--format", "{{.Size}}", image]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    image = inspect(stack, "web")["Image"]
    assert size(image) - size("python:3.13-slim-trixie") < 110_000_000


def test_the_images_say_where_they_come_from(stack: Containers):
    for service in ("web", "nginx", "certs"):
        labels = inspect(stack, service)["Config"]["Labels"]
        for label in ("title", "licenses", "revision"):
            assert labels[f"org.opencontainers.image.{label}"]


def test_django_finds_nothing_to_complain_of_behind_a_proxy_that_ends_tls(stack: Containers):
    settings = ("DOMAIN=example.com", "TLS=off", "TRUSTED_PROXIES=10.0.0.0/8", "HSTS_SUBDOMAINS=on")
    done = stack.compose(
        *("run", "--rm", "--no-deps", *(part for each in settings for part in ("-e", each))),
        *("migrate", "python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout

"""What certbot says when it fails, in a sentence that says what to do about it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

# "Identifier:" since certbot 5, "Domain:" before.
BLOCK = re.compile(r"^ *(?:Identifier|Domain): +(\S+)\n *Type: +(\S+)\n *Detail: +(.+)$", re.MULTILINE)
# How Let's Encrypt begins: with the address that it found in DNS.
ADDRESS = re.compile(r"(?:During secondary validation: )?(\d+(?:\.\d+){3}|[0-9a-f]*:[0-9a-f:.]+): ")
NO_RECORD = re.compile(r"NXDOMAIN|no valid A|could not resolve", re.IGNORECASE)
NO_ANSWER = re.compile(r"refused|timeout|unreachable|no route to host|reset by peer", re.IGNORECASE)
RETRY = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", re.IGNORECASE)
REASON = re.compile(
    r"Failed to resolve '[^']+'|Connection refused|No route to host|Network is unreachable|timed out"
)
UNREACHABLE = re.compile(
    r"Max retries exceeded|Connection aborted|timed out|<Response \[5\d\d\]>|experienced an internal error"
)
ADVICE = ("Saving debug log to ", "Ask for help or search for solutions at ", "An unexpected error occurred:")


@dataclass(frozen=True)
class Problem:
    """Why there is no new certificate.

    `names` are those whose validation the CA counts as failed; `retry` is when it wants to be asked
    again; `soon` says that it gave no answer to the question, so that there is no need to wait long.
    """

    sentence: str
    names: frozenset[str] = frozenset()
    retry: datetime | None = None
    soon: bool = False


def explain(said: str, names: Iterable[str]) -> Problem:
    """What certbot's output means for the certificate of these names."""
    if blocks := BLOCK.findall(said):
        sentences = dict.fromkeys(validation(*block) for block in blocks)
        return Problem(" ".join(sentences), frozenset(name for name, _, _ in blocks))
    words = last_words(said)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        sentence = f"The server at ACME_SERVER has a certificate that isn't trusted here: {words}"
        return Problem(sentence, soon=True)
    if found := UNREACHABLE.search(said):
        reason = REASON.search(said) or found
        return Problem(f"The CA can't be reached from here: {reason[0]}.", soon=True)
    if "invalid anti-replay nonce" in said:
        # certbot repeats a request once (RFC 8555, 6.5); a busy CA may want it more often.
        return Problem(f"The CA was too busy: {words}", soon=True)
    if "too many requests" in said:
        found = RETRY.search(said)
        retry = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00").astimezone(UTC) if found else None
        return Problem(f"A limit of the CA is reached: {words}", retry=retry)
    # Whether the CA counts this one is not known: it does, to be sure.
    return Problem(f"certbot failed: {words}", frozenset(names))


def validation(name: str, kind: str, detail: str) -> str:
    """What to do about a name that the CA could not validate."""
    found = ADDRESS.match(detail)
    where = f" ({found[1]})" if found else ""
    if kind == "caa":
        return f"A CAA record in DNS forbids this CA to certify {name}: let it allow the CA, or remove it."
    if NO_RECORD.search(detail):
        return f"{name} has no DNS record: add an A record with this machine's address."
    if kind == "dns":
        return f"The DNS servers of {name} gave the CA no proper answer: {full_stop(detail)}"
    if NO_ANSWER.search(detail):
        return (
            f"The CA got no answer from {name}{where} at port 80: open the port to everybody, and see that "
            f"the DNS record has this machine's address."
        )
    if kind == "unauthorized":
        return (
            f"What answered the CA for {name}{where} is not this site: see that the DNS record has this "
            f"machine's address, and that nothing in front answers for it. {full_stop(detail)}"
        )
    return f"The CA could not validate {name}{where}: {full_stop(detail)}"


def last_words(said: str) -> str:
    """The line in which certbot names the reason."""
    lines = [line.strip() for line in said.splitlines()]
    lines = [line for line in lines if line.strip("- ") and not line.startswith(ADVICE)]
    return full_stop(lines[-1] if lines else "it said nothing")


def full_stop(text: str) -> str:
    return text if text.endswith(".") else f"{text}."

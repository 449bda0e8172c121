"""A certificate with its key: what is one, and how nginx gets it."""

from datetime import datetime
from pathlib import Path

import pytest

from certs import store
from tests.stack.authority import Authority
from tests.unit.certs.pairs import DAY, HOUR, NOW, blocks, pair, pem


def test_a_chain_and_its_key_are_found_in_any_order(tmp_path: Path):
    issued = Authority(tmp_path).issue("a.example.com")
    leaf, intermediate, key = blocks(issued)
    (stranger,) = blocks(pem("stranger.example.com"), "CERTIFICATE")
    expected = store.parse(issued).chain
    assert len(expected) == 2
    for order in ((key, intermediate, leaf), (intermediate, leaf, key), (leaf, key, intermediate)):
        assert store.parse(stranger + b"".join(order)).chain == expected
    assert store.parse(issued + issued).chain == expected


UNUSABLE = {
    "nothing": (b"", "no certificate"),
    "no key": (blocks(pem())[0], "there are 0"),
    "two keys": (pem() + pem(), "there are 2"),
    "another's key": (blocks(pem())[0] + blocks(pem())[1], "does not belong"),
    "a passphrase": (pem(passphrase=b"secret"), "has a passphrase"),
    "a broken block": (pem().replace(b"MII", b"!!!"), "can't be read"),
}


@pytest.mark.parametrize(("given", "sentence"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_no_pair_is_refused(given: bytes, sentence: str):
    with pytest.raises(store.Unusable, match=sentence):
        store.parse(given)


@pytest.mark.parametrize(
    ("names", "asked", "sentence"),
    [
        (
            ["a.example.com"],
            ["a.example.com", "b.example.com"],
            "not for b.example.com: it has a.example.com",
        ),
        (["*.example.com"], ["example.com"], "not for example.com"),
        (["*.example.com"], ["a.b.example.com"], "not for a.b.example.com"),
    ],
)
def test_every_name_must_be_covered(names: list[str], asked: list[str], sentence: str):
    with pytest.raises(store.Unusable, match=sentence):
        pair(*names).check(asked, NOW)
    pair("example.com", "*.example.com").check(["example.com", "www.example.com"], NOW)


@pytest.mark.parametrize(
    ("moment", "word"), [(NOW - HOUR, "not valid before"), (NOW + 90 * DAY, "expired at")]
)
def test_a_certificate_has_its_time(moment: datetime, word: str):
    with pytest.raises(store.Unusable, match=word):
        pair().check(["a.example.com"], moment)


def test_a_publication_is_one_step_and_keeps_the_one_before(tmp_path: Path):
    published = [pair(f"{letter}.example.com") for letter in "abc"]
    for each in published:
        store.publish(each, tmp_path)
        assert store.read(tmp_path / "site").names == each.names
    folders = [path for path in tmp_path.iterdir() if not path.is_symlink()]
    assert sorted(store.read(folder).names.pop() for folder in folders) == ["b.example.com", "c.example.com"]
    for file in tmp_path.rglob("*.pem"):
        assert file.stat().st_mode & 0o077 == 0


def test_a_publication_that_fails_leaves_the_pair_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store.publish(pair("a.example.com"), tmp_path)

    def full(path: Path, content: bytes) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(store, "write", full)
    with pytest.raises(OSError, match="No space"):
        store.publish(pair("b.example.com"), tmp_path)
    assert store.read(tmp_path / "site").names == {"a.example.com"}
    monkeypatch.undo()
    store.publish(pair("c.example.com"), tmp_path)
    assert len([path for path in tmp_path.iterdir() if not path.is_symlink()]) == 2

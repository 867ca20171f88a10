"""Profiles: where further clients are told that the server is, and which client of a file is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvest.main.first_start import PROFILE
from openvest.main.profiles import known_url, note_url, write_profile
from openvest.sdk.profile import ProfileError, SigningKey, read_profile

BOTH = """
url = "http://127.0.0.1:8000"
tenant_id = "t"
client_id = "one"
client_secret = "s1"
key_id = "k"
private_key_file = "key.pem"
scopes = "a b"

[lite]
client_id = "two"
client_secret = "s2"
scopes = "a"
"""


def test_the_server_itself_says_where_it_listens_and_a_profile_only_where_it_has_not(tmp_path: Path) -> None:
    assert known_url(tmp_path) == "http://127.0.0.1:8000"
    (tmp_path / PROFILE).write_text('url = "http://127.0.0.1:8100"\n')
    assert known_url(tmp_path) == "http://127.0.0.1:8100"
    note_url(tmp_path, "https://invest.example.org:8443")
    assert known_url(tmp_path) == "https://invest.example.org:8443"
    (tmp_path / PROFILE).unlink()
    assert known_url(tmp_path) == "https://invest.example.org:8443"


def test_a_file_has_a_client_of_each_contract_and_the_first_signs(tmp_path: Path) -> None:
    file = tmp_path / PROFILE
    file.write_text(BOTH)
    (tmp_path / "key.pem").write_bytes(b"pem")
    first, lite = read_profile(file), read_profile(file, "lite")
    assert first == read_profile(file, "v1")
    assert (first.client_id, first.contract, first.key) == ("one", "v1", SigningKey("k", b"pem"))
    assert (lite.client_id, lite.client_secret, lite.scopes, lite.contract, lite.key) == (
        "two",
        "s2",
        "a",
        "lite",
        None,
    )
    assert first.url == lite.url and first.tenant_id == lite.tenant_id == "t"
    assert "s1" not in repr(first) and "pem" not in repr(first) and "s2" not in repr(lite)


def test_a_file_of_one_client_says_which_contract_it_speaks(tmp_path: Path) -> None:
    file = tmp_path / "lite.toml"
    said = {"url": "u", "contract": "lite", "client_id": "c", "client_secret": "s", "scopes": "a"}
    write_profile(file, said, None)
    assert read_profile(file) == read_profile(file, "lite")
    assert read_profile(file).key is None
    with pytest.raises(ProfileError, match="has no client of the contract v1"):
        read_profile(file, "v1")
    write_profile(file, {**said, "key_id": "k"}, tmp_path / "key.pem")
    (tmp_path / "key.pem").write_bytes(b"pem")
    assert read_profile(file).key == SigningKey("k", b"pem"), "who has a key signs, whatever the contract"
    write_profile(file, {**said, "contract": "v1"}, None)
    with pytest.raises(ProfileError, match="does not say private_key_file"):
        read_profile(file)

"""Where further clients are told that the server is."""

from __future__ import annotations

from pathlib import Path

from openvest.main.first_start import PROFILE
from openvest.main.profiles import known_url, note_url


def test_the_server_itself_says_where_it_listens_and_a_profile_only_where_it_has_not(tmp_path: Path) -> None:
    assert known_url(tmp_path) == "http://127.0.0.1:8000"
    (tmp_path / PROFILE).write_text('url = "http://127.0.0.1:8100"\n')
    assert known_url(tmp_path) == "http://127.0.0.1:8100"
    note_url(tmp_path, "https://invest.example.org:8443")
    assert known_url(tmp_path) == "https://invest.example.org:8443"
    (tmp_path / PROFILE).unlink()
    assert known_url(tmp_path) == "https://invest.example.org:8443"

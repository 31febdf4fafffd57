"""The configurations of docs/apps: each is one that BMAuth takes, and so are all together."""

import re
import subprocess
import tomllib

import pytest
from harness.gateway import BINARY
from harness.recipe import DOMAIN, PAGES, Page, names

REST = """
public_url = "https://auth.home.arpa"
[server]
trusted_proxies = ["127.0.0.1"]
[passkeys]
rp_id = "home.arpa"
[email]
from = "Home <home@home.arpa>"
smtp_url = "smtps://mail.home.arpa"
[accounts]
registration = "invite"
"""
"""What a page leaves out."""


def is_taken(folder, text):
    file = folder / "bmauth.toml"
    file.write_text(REST + text.replace(DOMAIN, "home.arpa"))
    done = subprocess.run([BINARY, "check", "--offline", "-c", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", names())
def test_each_configuration_of_a_page_is_taken(name, tmp_path):
    configurations = Page(name).all("toml")
    assert configurations
    for text in configurations:
        is_taken(tmp_path, text)


def test_all_of_them_together_are_taken(tmp_path):
    firsts = [Page(name).first("toml") for name in names()]
    said = [tomllib.loads(text).get("identity", {}).get("plain_headers", {}) for text in firsts]
    routes = [text[text.index("[[route]]") :] for text in firsts]
    together = Page("README").first("toml")
    known = tomllib.loads(together)["identity"]["plain_headers"]
    assert all(header.items() <= known.items() for header in said)
    is_taken(tmp_path, together + "\n".join(routes))


def test_the_index_has_every_page():
    assert sorted(re.findall(r"\]\(([a-z-]+)\.md\)", (PAGES / "README.md").read_text())) == names()

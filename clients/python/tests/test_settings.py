import pytest

from bmauth import ConfigurationError, Settings

SAID = "BMAUTH_URL has to say where people sign in, like BMAUTH_URL=https://notes.example.com"


def test_the_url_says_issuer_audience_and_where_the_keys_are() -> None:
    settings = Settings.of("https://notes.example.com:8443")
    assert settings.issuer == "https://notes.example.com:8443"
    assert settings.audience == "notes.example.com"
    assert settings.jwks_url == "https://notes.example.com:8443/_bmauth/jwks.json"
    assert settings.header == "X-BMAuth-JWT"


@pytest.mark.parametrize(
    ("written", "issuer"),
    [
        ("https://notes.example.com/", "https://notes.example.com"),
        ("https://Notes.Example.COM:443", "https://notes.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://wiki.localhost:8080/", "http://wiki.localhost:8080"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://xn--nten-5qa.example", "https://xn--nten-5qa.example"),
    ],
)
def test_an_url_is_read_as_the_gateway_writes_it(written: str, issuer: str) -> None:
    assert Settings.of(written).issuer == issuer


@pytest.mark.parametrize(
    "written",
    [
        "",
        "notes.example.com",
        "//notes.example.com",
        "ftp://notes.example.com",
        "file:///etc/passwd",
        "https://",
        "https:///jwks",
        "https://notes.example.com/app",
        "https://notes.example.com?",
        "https://notes.example.com?x=1",
        "https://notes.example.com#",
        "https://notes.example.com:port",
        "https://notes.example.com:0",
        "https://notes.example.com:99999",
        "https://notes.example.com.",
        "https://notes .example.com",
        " https://notes.example.com",
        "https://notes.example.com\n",
        "https://nöten.example",
        "https://notes.example.com\\@evil.example",
        "https://-.example",
        "https://[::1",
        "http://notes.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://127.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://notes.0x7f",
    ],
)
def test_an_url_that_is_none_is_refused_with_what_to_write(written: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.of(written)
    assert str(refused.value).startswith(SAID)


@pytest.mark.parametrize("written", ["https://ann:secret@notes.example.com", "https://ann:sec ret@notes.example.com"])
def test_a_password_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.of(written)
    assert "user name or password" in str(refused.value)
    assert "sec" not in str(refused.value).replace("secrets", "")


@pytest.mark.parametrize(
    "written",
    [
        "https://keys.example.com/jwks.json?v=1",
        "http://bmauth:9091/jwks.json",
        "http://bmauth.default.svc:9091/jwks.json",
        "http://bmauth.default.svc.cluster.local:9091/jwks.json",
        "http://auth.internal/jwks.json",
        "http://10.1.2.3:9091/jwks.json",
        "http://[fd00::1]:9091/jwks.json",
        "http://127.0.0.1:9091/jwks.json",
    ],
)
def test_the_keys_may_be_on_a_private_network(written: str) -> None:
    assert Settings.of("https://notes.example.com", jwks_url=written).jwks_url == written


@pytest.mark.parametrize(
    "written",
    [
        "http://keys.example.com/jwks.json",
        "http://93.184.215.14/jwks.json",
        "http://svc.example/jwks.json",
        "http://1572395042/jwks.json",
        "http://0x5db8d822/jwks.json",
        "https://ann:secret@keys.example.com/jwks.json",
        "https://keys.example.com/jwks.json#x",
        "file:///etc/jwks.json",
        "data:application/json,{}",
        "/jwks.json",
    ],
)
def test_keys_that_could_be_those_of_another_are_refused(written: str) -> None:
    with pytest.raises(ConfigurationError, match="BMAUTH_JWKS_URL has to say where the gateway's keys are"):
        Settings.of("https://notes.example.com", jwks_url=written)


def test_an_audience_an_issuer_and_a_header_are_names() -> None:
    settings = Settings.of("https://notes.example.com", audience="wiki.example.com", issuer="notes", header="X-Who")
    assert (settings.audience, settings.issuer, settings.header) == ("wiki.example.com", "notes", "X-Who")
    with pytest.raises(ConfigurationError, match="BMAUTH_AUDIENCE has to be the host"):
        Settings.of("https://notes.example.com", audience="wiki, example")
    for broken in ({"issuer": ""}, {"issuer": "a b"}, {"header": "X_Who"}, {"header": ""}):
        with pytest.raises(ConfigurationError):
            Settings.of("https://notes.example.com", **broken)


def test_the_environment_says_what_nothing_nearer_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BMAUTH_URL", "https://notes.example.com")
    monkeypatch.setenv("BMAUTH_AUDIENCE", "wiki.example.com")
    monkeypatch.setenv("BMAUTH_JWKS_URL", "")
    assert Settings.read({"BMAUTH_URL": None}) == Settings.of("https://notes.example.com", audience="wiki.example.com")
    nearer = Settings.read({"BMAUTH_URL": "https://auth.example.com"})
    assert (nearer.issuer, nearer.audience) == ("https://auth.example.com", "wiki.example.com")
    with pytest.raises(ConfigurationError, match="BMAUTH_URL is 7, and has to be a text"):
        Settings.read({"BMAUTH_URL": 7})
    monkeypatch.setenv("BMAUTH_URL", "")
    with pytest.raises(ConfigurationError, match=SAID):
        Settings.read()
    monkeypatch.delenv("BMAUTH_URL")
    with pytest.raises(ConfigurationError, match=SAID):
        Settings.read({})

"""config/bmauth.schema.json, by which editors complete and check a configuration, beside the program itself: what the
project shows is valid by both, and what one refuses of names, kinds and words the other refuses too. The file is made from
what the program says (tests/docs), so here is only whether it says the same once it is a schema."""

import json
import re
import subprocess
import tomllib

import jsonschema_rs
import pytest
import yaml
from harness.gateway import BINARY
from harness.process import ROOT

SCHEMA = json.loads((ROOT / "config/bmauth.schema.json").read_text())
VALIDATOR = jsonschema_rs.Draft7Validator(SCHEMA)

RIGHT = """
public_url = "https://auth.home.arpa"
[email]
from = "Home <home@home.arpa>"
smtp_url = "smtps://mail.home.arpa"
[accounts]
registration = "invite"
[[route]]
path = "/app"
upstream = ["https://127.0.0.1:8000"]
"""


def blocks(page):
    """The configurations of a page; a block in a list is indented as the list is."""
    for indent, text in re.findall(r"^( *)(?:\d+\. )?```toml\n(.*?)^ *```$", page.read_text(), re.DOTALL | re.MULTILINE):
        yield re.sub(rf"^ {{0,{len(indent) or 3}}}", "", text, flags=re.MULTILINE) if text.startswith(" ") else text


def shown():
    """Every configuration that the project shows, with where it stands."""
    for file in [*ROOT.glob("config/*.toml"), *ROOT.glob("examples/*/bmauth.toml")]:
        yield file.relative_to(ROOT), file.read_text()
    for document in yaml.safe_load_all((ROOT / "examples/kubernetes/bmauth.yaml").read_text()):
        for name, text in (document.get("data") or {}).items() if document["kind"] == "ConfigMap" else ():
            if name.endswith(".toml"):
                yield f"examples/kubernetes/bmauth.yaml, {name}", text
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        for number, text in enumerate(blocks(page), 1):
            yield f"{page.relative_to(ROOT)}, block {number}", text


def said(written):
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in VALIDATOR.iter_errors(written)]


def test_it_is_a_schema():
    assert jsonschema_rs.meta.is_valid(SCHEMA)


def test_all_that_is_shown_is_valid():
    everything = list(shown())
    assert len(everything) > 40, "the configurations are not where this test looks for them"
    wrong = {str(where): errors for where, text in everything if (errors := said(tomllib.loads(text)))}
    assert not wrong


def test_each_key_of_the_template_is_valid_with_its_example():
    """Also those that are commented out there."""
    keys = 0
    section = []
    for line in (ROOT / "config/bmauth.toml").read_text().splitlines():
        if header := re.fullmatch(r"\[\[?([a-z.]+)\]\]?", line):
            section = header[1].split(".")
        elif example := re.fullmatch(r"(?:# )?([a-z][a-z_-]*) = (.*)", line):
            key, value = example.groups()
            written = {key: tomllib.loads(f"value = {value}")["value"]}
            for name in reversed(section):
                written = {name: [written] if name == "route" else written}
            assert not said(written), line
            keys += 1
    assert keys > 60


def kinds(schema, path=()):
    """Each key with its schema."""
    for key, inner in schema.get("properties", {}).items():
        yield (*path, key), inner
        yield from kinds(inner.get("items", inner) if inner.get("type") == "array" else inner, (*path, key))


WRONG = {
    "boolean": ["yes", 7],
    "string": [7, True],
    "enum": ["nonsense"],
    "pattern": ["5", "m", "5 m", "5min", "-5m", "1.5h", "10mb"],
    "array": [7, True, [7]],
    "object": [7, "text"],
}
"""Of each kind, what is none."""


def wrong_values(schema):
    if "anyOf" in schema:
        return [7] if any(one.get("type") == "boolean" for one in schema["anyOf"]) else WRONG["array"]
    if "enum" in schema or "pattern" in schema:
        return WRONG["string"] + WRONG["enum" if "enum" in schema else "pattern"]
    return WRONG[schema["type"]]


def told(written, folder):
    """What the program has to say of a configuration; nothing where it takes it."""
    file = folder / "bmauth.toml"
    file.write_text(written)
    done = subprocess.run([BINARY, "check", "--offline", "-c", file], capture_output=True, text=True, timeout=30)
    assert done.returncode in (0, 1, 2), done.stderr
    return done.stderr if done.returncode == 2 else ""


def with_keys(keys):
    """The right configuration with these keys and their values; in TOML and as it is read."""
    written = tomllib.loads(RIGHT)
    for (*tables, key), value in keys:
        table = written
        for name in tables:
            table = table.setdefault(name, {})
            table = table[0] if isinstance(table, list) else table
        table[key] = value
    return to_toml(written), written


def to_toml(value, path=()):
    """Enough of TOML for what stands here: texts, numbers, booleans, lists and tables, all but the outermost inline."""

    def inline(value):
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items()) + " }"
        if isinstance(value, list):
            return "[" + ", ".join(map(inline, value)) + "]"
        return json.dumps(value)

    return "".join(f"{key} = {inline(item)}\n" for key, item in value.items())


def test_what_is_none_of_its_kind_is_refused_by_both(tmp_path):
    """All keys, with each value that is none of the kind; the program is told of one each, and names all of them."""
    count = 0
    tables, others = [], []
    for path, schema in kinds(SCHEMA):
        for value in wrong_values(schema):
            assert said(with_keys([(path, value)])[1]), f"{path}: {value!r} is valid by the schema"
            count += 1
        is_table = schema.get("type") == "object" or schema.get("items", {}).get("type") == "object"
        (tables if is_table else others).append((path, wrong_values(schema)[0]))
    assert count > 150
    # What stands in a table is looked at only where that is one.
    outer = [(path, value) for path, value in tables if len(path) == 1]
    inner = [(path, value) for path, value in tables if len(path) > 1]
    for keys in (outer, inner, [key for key in others if key[0][:2] != ("app", "links")]):
        answer = told(with_keys(keys)[0], tmp_path)
        assert not [path for path, _ in keys if f"`{'.'.join(path)}" not in answer], answer


@pytest.mark.parametrize(
    "path",
    [("nonsense",), ("server", "lisen"), ("server", "tls", "acme"), ("route", "acess"), ("route", "step_up"), ("audit",)],
)
def test_a_key_that_is_none_is_refused_by_both(path, tmp_path):
    text, written = with_keys([(path, "5m")])
    assert said(written)
    assert f"`{'.'.join(path)}`" in told(text, tmp_path)


def test_what_the_program_takes_is_taken_by_the_schema(tmp_path):
    """What an editor must not mark: the last word of each choice, and bounds."""
    assert not said(tomllib.loads(RIGHT)) and not told(RIGHT, tmp_path)
    words = [(path, schema["enum"][-1]) for path, schema in kinds(SCHEMA) if "enum" in schema]
    bounds = [(("server", "keep_alive"), "1s"), (("sessions", "absolute"), "400d"), (("route", "max_body"), "1B")]
    text, written = with_keys([*words, *bounds])
    assert not said(written)
    # Printed letters need no server for them, and are refused beside one; no word is.
    assert "it must be" not in told(text, tmp_path)

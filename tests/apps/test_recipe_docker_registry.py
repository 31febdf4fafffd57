"""A container registry behind the gateway, as docs/apps/docker-registry.md has it: what clients of it send."""

import hashlib
import json

PAGE = "docker-registry"
# bcrypt, as htpasswd -B writes it: of "a long password".
PASSWORDS = "maria:$2b$05$bfxGBUEb20nRYeRfalAHm.fN4l4.VG1QCWWBj7F2x1BldvEvYBqbW"
MARIA = ("maria", "a long password")
TYPE = "application/vnd.oci.image.manifest.v1+json"


def prepare(app):
    (app.folder / "htpasswd").write_text(PASSWORDS + "\n")


def test_unknown_clients_are_asked_for_the_registrys_own_password(site):
    asked = site.unknown_client.ask("GET", site.at("/v2/"))
    assert (asked.status_code, asked.headers["www-authenticate"]) == (401, 'Basic realm="registry"')
    assert site.unknown_client.ask("GET", site.at("/v2/"), auth=("maria", "another")).status_code == 401
    # The registry does not know who is signed in at the gateway.
    assert site.maria.ask("GET", site.at("/v2/")).status_code == 401
    assert site.unknown_client.ask("GET", site.at("/v2/"), auth=MARIA).status_code == 200


def test_an_image_is_pushed_and_pulled(site):
    def ask(method, address, **more):
        return site.unknown_client.ask(method, address, auth=MARIA, **more)

    def push(blob):
        begun = ask("POST", site.at("/v2/notes/blobs/uploads/"))
        assert begun.status_code == 202
        assert begun.headers["location"].startswith(f"{site.origin}/v2/notes/blobs/uploads/")
        sent = ask("PATCH", begun.headers["location"], content=blob)
        assert sent.status_code == 202
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        assert ask("PUT", f"{sent.headers['location']}&digest={digest}").status_code == 201
        return {"mediaType": "application/octet-stream", "size": len(blob), "digest": digest}

    layer = bytes(range(256)) * 20_000
    manifest = {"schemaVersion": 2, "mediaType": TYPE, "config": push(b"{}"), "layers": [push(layer)]}
    put = ask("PUT", site.at("/v2/notes/manifests/1"), content=json.dumps(manifest), headers={"Content-Type": TYPE})
    assert put.status_code == 201, put.text
    pulled = ask("GET", site.at("/v2/notes/manifests/1"), headers={"Accept": TYPE}).json()
    assert ask("GET", site.at(f"/v2/notes/blobs/{pulled['layers'][0]['digest']}")).content == layer

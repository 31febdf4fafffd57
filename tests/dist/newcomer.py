"""What a person does who has just installed the gateway: registers at its pages, goes to the app, signs out.

It is run in the network of the system where the gateway is: `newcomer.py ORIGIN LETTERS`, where LETTERS is a command that
prints the gateway's log."""

import http.server
import json
import subprocess
import sys
import threading

from harness.person import Person


class App(http.server.BaseHTTPRequestHandler):
    """Says what it was told of who is there."""

    def do_GET(self):
        said = json.dumps({"token": self.headers.get("X-BMAuth-JWT"), "cookie": self.headers.get("Cookie")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


class Gateway:
    def __init__(self, origin: str, letters: list[str]):
        self.origin, self.letters = origin, letters

    def log(self) -> str:
        return subprocess.run(self.letters, check=True, capture_output=True, text=True).stdout


def main(origin: str, *letters: str) -> None:
    app = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), App)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    ann = Person(Gateway(origin, list(letters)))
    visitor = ann.ask("GET", f"{origin}/", headers={"Accept": "application/json"})
    assert visitor.status_code == 401, visitor.text
    ann.register("ann@example.com")
    told = ann.opens(f"{origin}/").json()
    assert told["token"] and told["token"].count(".") == 2, told
    assert not told["cookie"], "the session's secret reaches no app"
    print("ann@example.com is signed in")


main(*sys.argv[1:])

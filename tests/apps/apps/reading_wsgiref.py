"""The same behind the standard library's WSGI server, which tells an app of the target only what it made of it."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from reading import wsgi


class Handler(WSGIRequestHandler):
    def get_environ(self):
        return super().get_environ() | {"RAW_URI": self.requestline.split()[1]}

    def log_message(self, format, *args):
        pass


make_server("127.0.0.1", int(sys.argv[1]), wsgi, handler_class=Handler).serve_forever()

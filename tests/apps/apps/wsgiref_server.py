"""The standard library's WSGI server: HTTP/1.0, so that the connection's end is that of many an answer."""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from wsgi import app


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 100


class Handler(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


make_server("127.0.0.1", int(sys.argv[1]), app, Server, Handler).serve_forever()

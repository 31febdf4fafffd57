"""A folder by WebDAV: webdav.py PORT FOLDER"""

import sys

import waitress
from wsgidav.wsgidav_app import WsgiDAVApp

port, folder = sys.argv[1:]
no_sign_in = {"simple_dc": {"user_mapping": {"*": True}}}
app = WsgiDAVApp({"provider_mapping": {"/": folder}, "logging": {"enable": False}, "verbose": 1, **no_sign_in})
waitress.serve(app, listen=f"127.0.0.1:{port}")

"""The app, the trivial auth server, and every proxy that the gateway is measured beside, each with its plain best."""

import dataclasses
import pathlib

from . import processes

CERTIFICATE = pathlib.Path(__file__).parents[2] / "tests/gateway/certificate"

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  default_type application/json;
{http}
}}
"""

_BODY = '{"id":7,"title":"A note","text":"Milk, bread, and the letter to Maria.","tags":["home","today"],"done":false}'


def _nginx(folder, http, core, wrapper=()):
    folder.mkdir(parents=True, exist_ok=True)
    conf = folder / "nginx.conf"
    # A wrapper sees one process.
    conf.write_text(("master_process off;" if wrapper else "") + _NGINX.format(folder=folder, http=http))
    return processes.Process([*wrapper, "nginx", "-p", folder, "-c", conf, "-e", "stderr"], core, folder / "log")


@dataclasses.dataclass
class App:
    """What stands behind every proxy, and the auth server that says yes to every request; both on the load's core."""

    process: processes.Process
    port: int
    auth: int

    @classmethod
    def start(cls, folder):
        folder = folder / "app"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "big").write_bytes(b"0123456789abcdef" * 1024)
        port, auth = processes.free_port(), processes.free_port()
        http = f"""
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 200 '{_BODY}'; }}
    location = /public/big {{ alias {folder}/big; }}
    location = /big {{ alias {folder}/big; }}
    location = /echo {{ return 200 "$http_x_bmauth_jwt"; }}
    location = /public/echo {{ return 200 "$http_x_bmauth_jwt"; }}
  }}
  server {{ listen 127.0.0.1:{auth} backlog=4096; location / {{ return 200 ''; }} }}"""
        process = _nginx(folder, http, processes.LOAD_CORE)
        for each in (port, auth):
            processes.await_port(process, each)
        return cls(process, port, auth)


def nginx(folder, app, auth=None, forward_auth=False, wrapper=()):
    """nginx as a proxy. Ports by name: plain, authed (`auth_request` to `auth`), answers (without an app), tls,
    tls-authed, logged."""
    ports = {name: processes.free_port() for name in ("plain", "authed", "answers", "tls", "tls-authed", "logged")}
    pass_on = 'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;'
    asked = "/_bmauth/forward-auth" if forward_auth else "/"
    original = (
        "proxy_set_header X-Original-URL http://$http_host$request_uri; proxy_set_header X-Original-Method $request_method;"
        if forward_auth
        else ""
    )
    authed = f"""
    location / {{
      auth_request /auth;
      auth_request_set $token $upstream_http_x_bmauth_jwt;
      {pass_on}
      proxy_set_header X-BMAuth-JWT $token;
    }}
    location = /auth {{
      internal;
      proxy_pass http://auth{asked};
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_pass_request_body off; proxy_set_header Content-Length "";
      {original}
    }}"""
    tls = f"ssl_certificate {CERTIFICATE}/cert.pem; ssl_certificate_key {CERTIFICATE}/key.pem; ssl_protocols TLSv1.3;"

    def listen(name, more=""):
        return f"listen 127.0.0.1:{ports[name]}{more} backlog=4096;"

    http = f"""
  upstream app {{ server 127.0.0.1:{app.port}; keepalive 1024; keepalive_requests 1000000000; }}
  upstream auth {{ server 127.0.0.1:{auth or app.auth}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{ {listen("plain")} location / {{ {pass_on} }} }}
  server {{ {listen("logged")} access_log {folder}/access.log; location / {{ {pass_on} }} }}
  server {{ {listen("authed")} {authed} }}
  server {{ {listen("answers")} location / {{ return 200 ''; }} }}
  server {{ {listen("tls", " ssl")} {tls} location / {{ {pass_on} }} }}
  server {{ {listen("tls-authed", " ssl")} {tls} {authed} }}"""
    return _nginx(folder / "nginx", http, processes.PROXY_CORE, wrapper), ports


def haproxy(folder, app):
    port = processes.free_port()
    conf = folder / "haproxy.cfg"
    conf.write_text(f"""
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 75s
  timeout server 75s
frontend in
  bind 127.0.0.1:{port}
  default_backend app
backend app
  server one 127.0.0.1:{app.port}
""")
    return processes.Process(["haproxy", "-db", "-f", conf], processes.PROXY_CORE, folder / "haproxy.log"), {"plain": port}


def caddy(folder, app):
    ports = {"plain": processes.free_port(), "authed": processes.free_port()}
    conf = folder / "Caddyfile"
    conf.write_text(f"""
{{
  admin off
  auto_https off
  persist_config off
}}
http://:{ports["plain"]} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{app.port}
}}
http://:{ports["authed"]} {{
  bind 127.0.0.1
  forward_auth 127.0.0.1:{app.auth} {{
    uri /
  }}
  reverse_proxy 127.0.0.1:{app.port}
}}
""")
    command = ["caddy", "run", "--config", conf, "--adapter", "caddyfile"]
    env = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return processes.Process(command, processes.PROXY_CORE, folder / "caddy.log", env), ports


def traefik(folder, app):
    ports = {"plain": processes.free_port(), "authed": processes.free_port()}
    routes = folder / "traefik-routes.yaml"
    routes.write_text(f"""
http:
  routers:
    plain: {{ entryPoints: [plain], rule: "PathPrefix(`/`)", service: app }}
    authed: {{ entryPoints: [authed], rule: "PathPrefix(`/`)", service: app, middlewares: [auth] }}
  middlewares:
    auth: {{ forwardAuth: {{ address: "http://127.0.0.1:{app.auth}/" }} }}
  services:
    app: {{ loadBalancer: {{ servers: [ {{ url: "http://127.0.0.1:{app.port}" }} ] }} }}
""")
    conf = folder / "traefik.yaml"
    conf.write_text(f"""
global: {{ checkNewVersion: false, sendAnonymousUsage: false }}
log: {{ level: ERROR }}
serversTransport: {{ maxIdleConnsPerHost: 1024 }}
entryPoints:
  plain: {{ address: "127.0.0.1:{ports["plain"]}" }}
  authed: {{ address: "127.0.0.1:{ports["authed"]}" }}
providers: {{ file: {{ filename: "{routes}", watch: false }} }}
""")
    return processes.Process(["traefik", f"--configFile={conf}"], processes.PROXY_CORE, folder / "traefik.log"), ports


def envoy(folder, app):
    ports = {"plain": processes.free_port(), "authed": processes.free_port()}
    router = """
              - name: envoy.filters.http.router
                typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }"""
    outside = f"""
              - name: envoy.filters.http.ext_authz
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                  transport_api_version: V3
                  http_service:
                    server_uri: {{ uri: "http://127.0.0.1:{app.auth}", cluster: auth, timeout: 5s }}"""

    def listener(name, filters):
        return f"""
    - name: {name}
      address: {{ socket_address: {{ address: 127.0.0.1, port_value: {ports[name]} }} }}
      filter_chains:
        - filters:
          - name: envoy.filters.network.http_connection_manager
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: {name}
              generate_request_id: false
              route_config:
                virtual_hosts:
                  - name: all
                    domains: ["*"]
                    routes: [ {{ match: {{ prefix: "/" }}, route: {{ cluster: app }} }} ]
              http_filters:{filters}"""

    def cluster(name, port):
        return f"""
    - name: {name}
      type: STATIC
      connect_timeout: 5s
      load_assignment:
        cluster_name: {name}
        endpoints:
          - lb_endpoints:
            - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }}"""

    conf = folder / "envoy.yaml"
    conf.write_text(f"""
static_resources:
  listeners:{listener("plain", router)}{listener("authed", outside + router)}
  clusters:{cluster("app", app.port)}{cluster("auth", app.auth)}
""")
    command = ["envoy", "-c", conf, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    return processes.Process(command, processes.PROXY_CORE, folder / "envoy.log"), ports


def bare(folder, app, program, wrapper=()):
    """Pingora without the gateway."""
    port = processes.free_port()
    command = [*wrapper, program, f"127.0.0.1:{port}", f"127.0.0.1:{app.port}"]
    return processes.Process(command, processes.PROXY_CORE, folder / "bare.log"), {"plain": port}

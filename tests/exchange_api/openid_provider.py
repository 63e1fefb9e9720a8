"""A real OpenID provider (idpyoidc) behind a small server of its own: ``python openid_provider.py PORT REDIRECT_URI``.

A browser shows who it is by HTTP Basic, and by the header ``Device`` that it has a second factor.
"""

import json
import logging
import sys
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from idpyoidc.server import Server
from idpyoidc.server.exception import FailedAuthentication

CLIENT, SECRET, PASSWORD = "hub", "a secret of the hub and of the provider", "seven turnips"
PEOPLE = ("user", "system-administrator", "not.registered", "suspended.one")
WEAK, STRONG = "pwd", "mfa"
_OIDC = "idpyoidc.server.oidc"


def configuration(issuer):
    method = {
        "class": "idpyoidc.server.user_authn.user.BasicAuthn",
        "kwargs": {"pwd": dict.fromkeys(PEOPLE, PASSWORD)},
    }
    known = {name: {"sub": name, "preferred_username": name} for name in PEOPLE}
    pkce = {"function": "idpyoidc.server.oauth2.add_on.pkce.add_support", "kwargs": {"essential": True}}
    return {
        "issuer": issuer,
        "key_conf": {"key_defs": [{"type": "RSA", "key": "", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}]},
        "endpoint": {
            "provider_config": {"path": ".well-known/openid-configuration", "class": f"{_OIDC}.provider_config.ProviderConfiguration", "kwargs": {}},
            "authorization": {"path": "authorize", "class": f"{_OIDC}.authorization.Authorization", "kwargs": {"response_types_supported": ["code"]}},
            "token": {"path": "token", "class": f"{_OIDC}.token.Token", "kwargs": {"client_authn_method": ["client_secret_basic"]}},
            "userinfo": {"path": "userinfo", "class": f"{_OIDC}.userinfo.UserInfo", "kwargs": {}},
        },
        "token_handler_args": {
            "code": {"lifetime": 60, "kwargs": {"password": "not so secret here", "salt": "and no salt at all"}},
            "token": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 60}},
            "id_token": {"class": "idpyoidc.server.token.id_token.IDToken", "kwargs": {}},
            "key_conf": {"key_defs": [{"type": "oct", "bytes": "24", "use": ["enc"], "kid": "code"}]},
        },
        "userinfo": {"class": "idpyoidc.server.user_info.UserInfo", "kwargs": {"db": known}},
        "authentication": {"weak": {"acr": WEAK, **method}, "strong": {"acr": STRONG, **method}},
        "add_on": {"pkce": pkce},
        "session_params": {"encrypter": {"kwargs": {"keys": {"key_defs": [{"type": "OCT", "use": ["enc"], "kid": "p"}, {"type": "OCT", "use": ["enc"], "kid": "s"}]}}}},
    }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    provider: Server

    def do_GET(self):
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query))
        if url.path == "/.well-known/openid-configuration":
            self._tell(self.provider.context.provider_info)
        elif url.path == "/jwks":
            self._tell(json.loads(self.provider.keyjar.export_jwks_as_json()))
        elif url.path == "/authorize":
            asked["acr_values"] = STRONG if "Device" in self.headers else WEAK
            try:
                self._answer("authorization", asked, authn=self.headers.get("Authorization", ""))
            except (FailedAuthentication, ValueError, KeyError):
                self.send_error(401)
        elif url.path == "/userinfo":
            self._answer("userinfo", {})
        else:
            self.send_error(404)

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer("token", dict(parse_qsl(form)))

    def _answer(self, name, asked, **how):
        endpoint = self.provider.endpoint[name]
        told = {"headers": {key.lower(): value for key, value in self.headers.items()}}
        request = endpoint.parse_request(asked, http_info=told)
        if "error" in request:
            self._tell(request.to_dict(), 400)
            return
        done = endpoint.process_request(request, http_info=told, **how)
        if "error" in done:
            self._tell(dict(done), 400)
            return
        answer = endpoint.do_response(request=request, **done)
        if name == "authorization":
            self.send_response(302)
            self.send_header("Location", answer["response"])
            self.end_headers()
        else:
            self._tell(json.loads(answer["response"]))

    def _tell(self, told, status=200):
        body = json.dumps(told, default=str).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(port, redirect_uri):
    warnings.simplefilter("ignore")
    logging.disable()
    issuer = f"http://127.0.0.1:{port}"
    provider = Server(configuration(issuer))
    provider.context.provider_info["jwks_uri"] = f"{issuer}/jwks"
    provider.context.cdb[CLIENT] = {
        "client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [(redirect_uri, None)], "response_types_supported": ["code"],
        "allowed_scopes": ["openid", "profile"], "token_endpoint_auth_method": "client_secret_basic", "subject_type": "public",
    }  # fmt: skip
    provider.keyjar.add_symmetric(CLIENT, SECRET)
    Handler.provider = provider
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

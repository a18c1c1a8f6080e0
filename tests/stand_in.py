"A server that stands in for the outside internet, and misbehaves on demand."
import json, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def html(*parts): return '<!doctype html><html><body>' + ''.join(parts) + '</body></html>'

def one_line(e): return '\n' not in str(e.value) and len(str(e.value)) < 500


class Server(ThreadingHTTPServer):
    """Answers a path with what `routes` holds: a body (text, bytes, or anything for JSON), a list of `(status, headers, body)` of which all but the
    last are used up, or a function of the handler that gives such a triple. `/robots.txt` allows everything unless a route says otherwise."""
    daemon_threads = True
    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.routes, self.asked, self.agents, self.times = {'/robots.txt': 'User-agent: *\nDisallow:\n'}, [], [], []
        self.base = f'http://127.0.0.1:{self.server_port}'
    def start(self): threading.Thread(target=self.serve_forever, kwargs=dict(poll_interval=0.02), daemon=True).start(); return self
    def stop(self): self.shutdown(); self.server_close()
    def handle_error(self, *args): pass

class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self): self.do_GET()
    def do_GET(self):
        s = self.server
        if self.path != '/robots.txt': s.asked.append(self.path); s.agents.append(self.headers['User-Agent']); s.times.append(time.monotonic())
        status, headers, body = self.answer(s.routes.get(self.path, [(404, {}, 'no such page')]))
        if not isinstance(body, (str, bytes)): body = json.dumps(body)
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for k, v in ({'Content-Length': len(body)} | headers).items(): self.send_header(k, str(v))
        self.end_headers()
        if self.command == 'GET': self.wfile.write(body)
    def answer(self, route):
        if callable(route): return route(self)
        if isinstance(route, list) and route and isinstance(route[0], tuple): return route.pop(0) if len(route) > 1 else route[0]
        return 200, {}, route
    def log_message(self, *args): pass

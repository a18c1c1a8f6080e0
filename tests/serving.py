"`paper-tasks serve` in a process of its own, and a raw connection to it."
import json, os, signal, socket, subprocess, sys, time
from importlib.util import find_spec
from pathlib import Path
import pytest

missing = [m for m in ('flask', 'waitress', 'prometheus_client', 'requests') if not find_spec(m)]
if missing: pytest.skip(f'no {" and no ".join(missing)}: pip install -e ".[web,data,dev]"', allow_module_level=True)
import requests

HTTP = requests.Session()
HTTP.trust_env = False # a proxy in the environment does not concern this machine
WAIT = 60 # seconds, on a busy machine


def until(what, test):
    "What `test` gives as soon as that is true."
    end = time.monotonic() + WAIT
    while not (found := test()):
        if time.monotonic() > end: pytest.fail(f'not within {WAIT} s: {what}')
        time.sleep(.02)
    return found

class Serve:
    "A running site; its log is kept in a file."
    def __init__(self, folder, *args, **env):
        with socket.socket() as s: s.bind(('127.0.0.1', 0)); self.port = s.getsockname()[1]
        self.url, self.log_file = f'http://127.0.0.1:{self.port}', Path(folder)/f'{self.port}.log'
        with open(self.log_file, 'w') as log:
            command = [Path(sys.executable).with_name('paper-tasks'), 'serve', '--port', str(self.port), *map(str, args)]
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, 'OMP_NUM_THREADS': '1', **env},
                                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        until('the site is up', lambda: self.connects() and self.get('/ready').ok)
    def connects(self):
        assert self.process.poll() is None, self.log_file.read_text()
        with socket.socket() as s: return s.connect_ex(('127.0.0.1', self.port)) == 0
    def ask(self, method, path, **kwargs): return HTTP.request(method, self.url + path, **dict(timeout=WAIT, allow_redirects=False) | kwargs)
    def get(self, path, **kwargs): return self.ask('GET', path, **kwargs)
    def post(self, path, **kwargs): return self.ask('POST', path, **kwargs)
    def tag(self, abstract, **kwargs): return self.post('/api/v1/tag', json=dict(abstract=abstract, **kwargs))
    def figure(self, name): return sum(float(line.rsplit(' ', 1)[1]) for line in self.get('/metrics').text.splitlines() if line.startswith(name))
    @property
    def log(self): return [json.loads(line) for line in self.log_file.read_text().splitlines()]
    def cpu(self): return sum(map(float, Path(f'/proc/{self.process.pid}/stat').read_text().rsplit(')', 1)[1].split()[11:13]))/os.sysconf('SC_CLK_TCK')
    def send(self, data=b''):
        "A connection on which `data` was sent."
        s = socket.create_connection(('127.0.0.1', self.port), timeout=WAIT)
        s.sendall(data)
        return s
    def stop(self, sig=signal.SIGTERM):
        "Its exit status, after a signal if there is one."
        if sig and self.process.poll() is None: self.process.send_signal(sig)
        try: return self.process.wait(timeout=WAIT)
        except subprocess.TimeoutExpired: self.process.kill(); self.process.wait(); pytest.fail(f'still there {WAIT} s after signal {sig}')


def read_all(s):
    "What comes until the other side closes."
    data = b''
    try:
        while part := s.recv(1 << 16): data += part
    except ConnectionError: pass
    return data

def raw_post(body, path='/api/v1/tag', close=True, **headers):
    "A request as bytes."
    lines = {'Host': 'x', 'Content-Type': 'application/json', 'Content-Length': len(body), **({'Connection': 'close'} if close else {}), **headers}
    return f'POST {path} HTTP/1.1\r\n'.encode() + ''.join(f'{k}: {v}\r\n' for k, v in lines.items()).encode() + b'\r\n' + body

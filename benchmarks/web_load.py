"""Many clients for minutes on end: is every request answered, and does memory stay flat?

    python benchmarks/web_load.py [--seconds N] [--clients N]

Starts `paper-tasks serve` with its defaults and lets each client send one invented abstract of real length after the other, on a
connection of its own. A client that is refused (503) waits as long as it is told to, and that counts as an error. Prints figures and
writes them to `web_load.json` beside this file."""
import argparse
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np

from from_paper_with_tasks.tagging import n_cores
from tagging_speed import invent

SETTLED = 30 # seconds after which memory should not grow


class Client(threading.Thread):
    "Asks until the end."
    def __init__(self, port, abstracts, first, end):
        super().__init__(daemon=True)
        self.port, self.bodies, self.end = port, [json.dumps(dict(abstract=a)).encode() for a in abstracts], end
        self.n, self.took, self.said = first, [], Counter()

    def run(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        while time.monotonic() < self.end:
            self.n, start = self.n + 1, time.perf_counter()
            try:
                connection.request('POST', '/api/v1/tag', self.bodies[self.n % len(self.bodies)], {'Content-Type': 'application/json'})
                answer = connection.getresponse()
                whole = json.loads(answer.read())
                self.said[answer.status if 'scores' in whole else f'{answer.status} without scores'] += 1
                if answer.status == 200: self.took.append(time.perf_counter() - start)
                else: time.sleep(float(answer.headers.get('Retry-After', 1)))
            except (OSError, http.client.HTTPException, ValueError) as e:
                self.said[type(e).__name__] += 1
                connection.close()


def resident_mb(pid):
    "Memory that a process holds, from Linux's /proc."
    line = next(l for l in Path(f'/proc/{pid}/status').read_text().splitlines() if l.startswith('VmRSS'))
    return round(int(line.split()[1])/1024, 1)


def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]


def wait_ready(port):
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
            connection.request('GET', '/ready')
            if connection.getresponse().status == 200: return
        except OSError: time.sleep(.1)
    raise SystemExit('the site does not start')


def load(port, pid, abstracts, n, seconds):
    "Let clients ask; gives them and the memory of the server, by seconds since the beginning."
    start = time.monotonic()
    clients = [Client(port, abstracts, 7*i, start + seconds) for i in range(n)]
    memory = {'before': resident_mb(pid)}
    for c in clients: c.start()
    while any(c.is_alive() for c in clients):
        time.sleep(.5)
        now = time.monotonic() - start
        if now >= min(SETTLED, seconds/2) and 'settled' not in memory: memory['settled'] = resident_mb(pid)
        memory['highest'] = max(memory.get('highest', 0), resident_mb(pid))
    return clients, memory | {'end': resident_mb(pid)}, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--seconds', type=float, default=300, help='how long (300)')
    parser.add_argument('--clients', type=int, default=64, help='at the same time (64)')
    args = parser.parse_args()
    abstracts, tokens = invent(200)
    port = free_port()
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen([Path(sys.executable).with_name('paper-tasks'), 'serve', '--port', str(port)], stdout=subprocess.DEVNULL, stderr=log)
        try:
            wait_ready(port)
            clients, memory, seconds = load(port, server.pid, abstracts, args.clients, args.seconds)
        finally: server.terminate()
        status = server.wait(60)
        lines = log.seek(0, os.SEEK_END) and (log.seek(0), sum(1 for _ in log))[1]
    took, said = np.concatenate([c.took for c in clients])*1e3, sum((c.said for c in clients), Counter())
    answered = said.pop(200, 0)
    figures = dict(
        clients=args.clients, seconds=round(seconds, 1), abstracts=dict(n=len(abstracts), tokens=round(float(np.mean(tokens)), 1)),
        requests=answered + sum(said.values()), errors=sum(said.values()), kinds_of_errors={str(k): v for k, v in said.items()}, requests_per_second=round(answered/seconds, 1),
        milliseconds={f'{p}%': round(float(np.percentile(took, p)), 1) for p in (5, 50, 95, 99, 100)}, fewest_answers_of_a_client=min(len(c.took) for c in clients),
        resident_mb=memory, settled_after_seconds=min(SETTLED, args.seconds/2), exit_status=status, log_lines=lines,
        machine=f'{platform.system()} {platform.machine()}, {n_cores()} of {os.cpu_count()} cores, clients on the same machine', python=platform.python_version(),
        versions={p: version(p) for p in ('waitress', 'flask', 'onnxruntime')})
    Path(__file__).with_suffix('.json').write_text(json.dumps(figures, indent=1) + '\n')
    print(json.dumps(figures, indent=1))


if __name__ == '__main__': main()

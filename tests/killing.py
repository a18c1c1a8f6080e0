"Runs a function in a process of its own that may be killed at any moment; forking is a hundred times cheaper than a fresh Python."
import importlib, json, os, select, signal, subprocess, sys
from pathlib import Path


class Forks:
    "A small process that has imported `module` and forks a child for each `start`; one child at a time."
    def __init__(self, module, **env):
        self.parent = subprocess.Popen([sys.executable, __file__, module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       env={k: v for k, v in os.environ.items() if not k.startswith('COVERAGE')} | {'PYTHONPATH': os.pathsep.join([str(Path(__file__).parent), *sys.path])} | env)
        self.said('ready')
    def said(self, what):
        "What the parent says next, which must begin with `what`."
        line = self.parent.stdout.readline().split(' ', 1)
        assert line[0].strip() == what, line
        return json.loads(line[1]) if len(line) > 1 else None
    def tell(self, what): self.parent.stdin.write(json.dumps(what) + '\n'); self.parent.stdin.flush()
    def start(self, name, *args): self.tell([name, *args]); self.pid = self.said('pid')
    def kill(self): os.kill(self.pid, signal.SIGKILL)
    def ended(self): return bool(select.select([self.parent.stdout], [], [], 0)[0])
    def wait(self):
        "The child's exit status, or minus the signal that ended it."
        status = self.said('ended')
        self.tell('reap')
        return status
    def stop(self): self.parent.stdin.close(); self.parent.wait(10); self.parent.stdout.close()


def serve(module):
    module = importlib.import_module(module)
    def say(what, value=None): print(what, json.dumps(value), flush=True)
    say('ready')
    for line in sys.stdin:
        name, *args = json.loads(line)
        if not (pid := os.fork()):
            os.close(0); os.dup2(2, 1)
            try: getattr(module, name)(*args); os._exit(0)
            finally: sys.excepthook(*sys.exc_info()) if sys.exc_info()[0] else None; os._exit(1)
        say('pid', pid)
        info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT) # the dead child keeps its number until the test says so, for nobody else to be killed
        say('ended', info.si_status if info.si_code == os.CLD_EXITED else -info.si_status)
        sys.stdin.readline()
        os.waitpid(pid, 0)

if __name__ == '__main__': serve(sys.argv[1])

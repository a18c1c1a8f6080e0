"""Build the wheel and the sdist, install each into an empty environment, and prove there that it works: `python tools/prove_wheel.py [PYTHON]`.

Proven, from an empty folder and without the checkout: importing needs no torch, `paper-tasks demo`, `tag` and `labels` answer, what they say of
a paper is what this checkout says, and none of it opens a connection. What is installed comes from the package index; nothing else is asked.
PYTHON is the interpreter of the environments, this one by default.
"""
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ABSTRACT = 'We propose a graph neural network that predicts the properties of molecules, and test it on node classification.'
OFFLINE = '''
import socket, sys
def refuse(*args, **kwargs): raise SystemExit('a connection was opened')
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
'''
IMPORTS = '''
from from_paper_with_tasks.tagging import PaperTagger
from from_paper_with_tasks import cli
heavy = {'torch', 'transformers', 'fastai', 'pandas', 'sklearn', 'gradio', 'requests'} & {m.partition('.')[0] for m in sys.modules}
assert not heavy, heavy
'''


def call(*argv, **kwargs):
    "A command's output; its end if it fails."
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **kwargs)
    if done.returncode: sys.exit(f'{" ".join(map(str, argv[:4]))} …: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}')
    return done.stdout

def build(out):
    "The wheel and the sdist."
    call(sys.executable, '-m', 'pip', '--disable-pip-version-check', 'wheel', '-q', '--no-deps', '-w', out, ROOT)
    call(sys.executable, '-c', 'import sys, setuptools.build_meta as b; b.build_sdist(sys.argv[1])', out, cwd=ROOT)
    wheel, sdist = next(out.glob('*.whl')), next(out.glob('*.tar.gz'))
    return [wheel, sdist]

def missing(wheel):
    "What the wheel should hold and does not."
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(p.relative_to(ROOT)) for p in (ROOT/'from_paper_with_tasks').rglob('*') if p.is_file() and '__pycache__' not in p.parts}
    return sorted(wanted - held) + [n for n in ('LICENSE', 'LICENSE-Apache-2.0', 'NOTICE') if not any(h.endswith('/' + n) for h in held)]

def prove(artifact, folder, interpreter):
    "Install `artifact` into an empty environment and use it; what it says of a paper."
    call(interpreter, '-m', 'venv', folder/'env')
    python, empty = folder/'env'/'bin'/'python', folder/'empty'
    empty.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(('PYTHON', 'PAPER_TASKS'))}
    call(python, '-m', 'pip', '--disable-pip-version-check', 'install', '-q', '-c', ROOT/'constraints.txt', artifact, cwd=empty, env=env)
    def paper_tasks(*argv): return call(python, '-c', f'{OFFLINE}from from_paper_with_tasks.cli import main; sys.exit(main())', *argv, cwd=empty, env=env)
    where = call(python, '-c', f'{OFFLINE}{IMPORTS}import from_paper_with_tasks as p; print(p.__file__)', cwd=empty, env=env)
    assert str(folder) in where, where
    assert paper_tasks('demo') and len(paper_tasks('labels').splitlines()) > 100
    assert call(folder/'env'/'bin'/'paper-tasks', 'demo', cwd=empty, env=env)
    said = json.loads(paper_tasks('tag', ABSTRACT, '--json'))
    assert not list(empty.iterdir()), list(empty.iterdir())
    return said

def here():
    "What this checkout says of the paper."
    from from_paper_with_tasks.tagging import PaperTagger
    return PaperTagger.from_pretrained()(ABSTRACT).to_dict()

def main(interpreter=sys.executable):
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as tmp:
        (out := Path(tmp)/'dist').mkdir()
        artifacts = build(out)
        if lacking := missing(artifacts[0]): sys.exit(f'{artifacts[0].name} lacks {", ".join(lacking)}: look at package_data in setup.py')
        expected = here()
        for artifact in artifacts:
            (folder := Path(tmp)/artifact.suffix.strip('.')).mkdir()
            said = prove(artifact, folder, interpreter)
            if [s['task'] for s in said['scores']] != [s['task'] for s in expected['scores']]: sys.exit(f'{artifact.name} says {said}, this checkout {expected}')
            print(f'{artifact.name}, {artifact.stat().st_size/1e6:.1f} MB: installed into an empty environment, tags without torch and without a connection', flush=True)
        (ROOT/'dist').mkdir(exist_ok=True)
        for artifact in artifacts: (ROOT/'dist'/artifact.name).write_bytes(artifact.read_bytes())
        print('both are in dist/')


if __name__ == '__main__': main(*sys.argv[1:])

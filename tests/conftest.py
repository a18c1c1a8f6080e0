"What the tests share: one loaded tagger, and the command run in process."
import typeguard


def wrong_type(error, memo):
    "Every wrong type fails a test, but for the class of a class method: fastcore's `@patch` wants the class as its annotation."
    if not str(error).startswith('argument "cls"'): raise error

typeguard.config.typecheck_fail_callback = wrong_type
typeguard.install_import_hook('from_paper_with_tasks') # before anything of it is imported

import os
os.environ['OMP_NUM_THREADS'] = '1'
import hashlib, io, json, shutil, sys
import pytest
from browsing import browser, no_leftovers # noqa: F401
from helpers import Done
from stand_in import Server
from from_paper_with_tasks import cli
from from_paper_with_tasks.core import read_rows
from from_paper_with_tasks.tagging import BUNDLED, PaperTagger, read_checksums


@pytest.fixture(scope='session')
def tagger(): return PaperTagger.from_pretrained(threads=1)

@pytest.fixture
def command(tagger, capfd, monkeypatch):
    "Runs `paper-tasks` in this process; the bundled model is loaded once for all tests, others each time."
    load = PaperTagger.from_pretrained
    monkeypatch.setattr(PaperTagger, 'from_pretrained', lambda path=None, threads=None: tagger if path is None else load(path, threads))
    def run(*argv, stdin=b''):
        monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        try: status = cli.main([str(a) for a in argv])
        except SystemExit as e: status = e.code
        return Done(status, *capfd.readouterr())
    return run

@pytest.fixture
def tag_file(command, tmp_path):
    "Tags a file into a folder of its own; gives what the command said and the rows it wrote, None for no file."
    folder = tmp_path/'out'
    folder.mkdir()
    def run(source, *options, to='out.jsonl'):
        done = command('tag', '--input', source, '--output', folder/to, *options)
        assert [p.name for p in folder.iterdir()] in ([], [to])
        return done, list(read_rows(folder/to)) if (folder/to).exists() else None
    return run

@pytest.fixture
def bundle(tmp_path):
    "A copy of the bundle; `bundle({name: content})` replaces files, removes those of None, and states their checksums."
    folder = tmp_path/'model'
    shutil.copytree(BUNDLED, folder)
    def change(contents):
        sums = read_checksums(BUNDLED) | {name: None if c is None else hashlib.sha256(c).hexdigest() for name, c in contents.items()}
        for name, c in contents.items():
            if c is None: (folder/name).unlink(missing_ok=True)
            else: (folder/name).write_bytes(c)
        (folder/'SHA256SUMS').write_text(''.join(f'{digest}  {n}\n' for n, digest in sums.items() if digest is not None))
        return folder
    change.folder = folder
    yield change
    shutil.rmtree(folder)

@pytest.fixture(scope='session')
def marked_bundle(tmp_path_factory):
    "The bundle with markup in the names, aliases and areas of its tasks."
    folder = shutil.copytree(BUNDLED, tmp_path_factory.mktemp('marked')/'model')
    config, mark = json.loads((folder/'config.json').read_text(encoding='utf-8')), '<img src=x onerror="window.hacked=1">'
    for t in config['tasks']: t.update(task=f'{mark}{t["task"]}', aliases=[f'{mark}{a}' for a in t['aliases']], area=f'{t["area"]}{mark}', parents=[])
    config['metrics'].pop('per_task', None)
    (folder/'config.json').write_text(json.dumps(config), encoding='utf-8')
    sums = read_checksums(BUNDLED) | {'config.json': hashlib.sha256((folder/'config.json').read_bytes()).hexdigest()}
    (folder/'SHA256SUMS').write_text(''.join(f'{digest}  {n}\n' for n, digest in sums.items()))
    return folder

@pytest.fixture
def server(monkeypatch):
    "A stand-in for a site, see `stand_in.Server`."
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    s = Server().start()
    yield s
    s.stop()

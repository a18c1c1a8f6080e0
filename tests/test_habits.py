"What releases and reruns go by: one version everywhere, a changelog that makes a release's text, a rerun that goes on and keeps."
import json
import sys
from pathlib import Path

import pytest
import yaml
from from_paper_with_tasks import __version__

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/'tools'))
import release_notes  # noqa: E402
import run_notebooks  # noqa: E402

CHANGELOG = '# Changelog\n\n## 1.1 (unreleased)\n\n- Oaks\n\n## 1.0 (2026-12-01)\n\n### Leaves\n\n- Counted\n'


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT/'CITATION.cff').read_text(encoding='utf-8'))
    assert citation['version'] == release_notes.version() == __version__
    assert f'## {__version__} (' in (ROOT/'CHANGELOG.md').read_text(encoding='utf-8')

def test_a_release_says_what_the_changelog_says(): assert release_notes.notes('1.0', CHANGELOG) == '### Leaves\n\n- Counted'

@pytest.mark.parametrize('version, why', [('1.1', 'give it its day'), ('1.2', 'has no section'), ('1', 'has no section')])
def test_a_release_without_a_text(version, why):
    with pytest.raises(SystemExit, match=why): release_notes.notes(version, CHANGELOG)

@pytest.mark.parametrize('path', [*ROOT.glob('.github/**/*.y*ml'), ROOT/'.pre-commit-config.yaml'], ids=lambda p: p.name)
def test_yaml(path): assert yaml.safe_load(path.read_text(encoding='utf-8'))

def test_licences_are_there():
    for name in ('LICENSE', 'LICENSE-Apache-2.0', 'NOTICE'): assert (ROOT/name).stat().st_size > 500


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    "Writes a notebook of code cells, whose saved output is 'old'; gives its path."
    monkeypatch.setattr(run_notebooks, 'NBS', tmp_path)
    def write(name, *sources):
        old = [dict(output_type='stream', name='stdout', text=['old'])]
        cells = [dict(cell_type='code', execution_count=None, id=f'c{i}', metadata={}, outputs=old, source=[s]) for i, s in enumerate(sources)]
        kernel = dict(kernelspec=dict(name='python3', display_name='python3', language='python'))
        (tmp_path/name).write_text(json.dumps(dict(cells=cells, metadata=kernel, nbformat=4, nbformat_minor=5)))
        return tmp_path/name
    return write

def outputs(path): return [''.join(o.get('text') or o['data']['text/plain']) for c in json.loads(path.read_text())['cells'] for o in c['outputs']]

def test_a_rerun_refreshes_what_works_and_keeps_what_fails(notebook, monkeypatch, capsys):
    good, bad, later = notebook('01_good.ipynb', 'print("new")'), notebook('02_bad.ipynb', 'print("new")', '1/0'), notebook('03_later.ipynb', '7')
    monkeypatch.setattr(run_notebooks.subprocess, 'run', lambda argv, run=run_notebooks.subprocess.run, **kw: run(argv, **kw) if 'exec_nb' in str(argv[0]) else None)
    assert run_notebooks.main([]) == 1
    assert [outputs(p) for p in (good, bad, later)] == [['new\n'], ['old', 'old'], ['7']]
    said = capsys.readouterr().out
    assert '3 notebooks, on the sample' in said and '[2/3] 02_bad.ipynb … failed: ZeroDivisionError' in said and '1 of 3 notebooks failed' in said
    assert run_notebooks.main(['01*.ipynb', '03*.ipynb']) == 0

def test_what_cannot_be_rerun(notebook, monkeypatch):
    with pytest.raises(SystemExit, match='no notebook is called'): run_notebooks.main(['nothing.ipynb'])
    notebook('01_good.ipynb', '7')
    monkeypatch.setenv('PAPER_TASKS_DATA', 'nowhere')
    with pytest.raises(SystemExit, match='which is no folder'): run_notebooks.main([])

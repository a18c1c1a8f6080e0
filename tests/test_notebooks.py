"Every notebook reads as the style asks; the check finds each smell, and nothing in a page that has none."
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/'tools'))
import check_notebooks as check  # noqa: E402

NOTEBOOKS = [p for p in sorted((ROOT/'nbs').rglob('*.ipynb')) if '.ipynb_checkpoints' not in p.parts]
TITLE = '# Leaves\n\n> How many there are'


def cell(source, *outputs):
    "A markdown cell if `source` begins like prose, else code; an output is text, or as nbformat has it."
    if source.startswith(('# ', '## ', '>', 'Prose')): return dict(cell_type='markdown', id='a', metadata={}, source=source.splitlines(True))
    as_output = [o if isinstance(o, dict) else dict(output_type='stream', name='stdout', text=[o]) for o in outputs]
    return dict(cell_type='code', execution_count=None, id='a', metadata={}, outputs=as_output, source=source.splitlines(True))

@pytest.fixture
def found(tmp_path):
    "What the check finds in a notebook of these cells: sources, or (source, output, …)."
    def run(*cells, **metadata):
        made = [cell(*((c,) if isinstance(c, str) else c)) for c in cells]
        (tmp_path/'nb.ipynb').write_text(json.dumps(dict(cells=made, metadata=metadata, nbformat=4, nbformat_minor=5)), encoding='utf-8')
        return check.findings(tmp_path/'nb.ipynb')
    return run


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.name)
def test_notebook(path):
    found = check.findings(path)
    assert not found, '\n'.join(['', *found])


def many(n): return '#| export\ndef count():\n    "Count."\n' + '    pass\n'*(n - 2)

SMELLS = {
    'a title and one line': ['Prose without a title'],
    'gives it one line': ['# Leaves\n\n> one\n\n> two'],
    'of its own': [TITLE, '## Twigs\n\nmore'],
    'a second title': [TITLE, '# Twigs'],
    'exported lines, 30 is': [TITLE, many(40), 'count()'],
    'at the median': [TITLE, *[many(14).replace('count', f'count{i}') for i in range(4)], ('count0(), count1(), count2(), count3()', '4')],
    'characters, 150': [TITLE, ('x' + ' + 1'*60, '7')],
    'stands among other code': [TITLE, ('import os\nos.sep', "'/'")],
    'a comment in a lesson': [TITLE, ('sorted([2, 1]) # in order', '[1, 2]')],
    'prints words': [TITLE, ('print(f"{1} leaf")', '1 leaf')],
    'prints words (': [TITLE, ('print("leaves", 7)', 'leaves 7')],
    "ends in 'n = 7'": [TITLE, 'n = 7', 'Prose, and nothing that uses it', ('1 + 1', '2')],
    "ends in 'def f(n)": [TITLE, 'def f(n): return n', '#| export\nN = 7', ('f(N)', '7')],
    "'n' is something else in cell 2": [TITLE, ('n = 7\nn', '7'), ('n = 8\nn', '8')],
    'a TODO': [TITLE, 'Prose. TODO: more of it'],
    'is not run': [TITLE, '#| eval: false\n1 + 1'],
    'tests alone': [TITLE, 'test_eq(1 + 1, 2)\nassert True'],
    'has several lines': [TITLE, '#| export\ndef f():\n    """Count.\n\n    More."""', ('f()', '7')],
    'f has no docstring': [TITLE, '#| export\ndef f(): return 7', ('f()', '7')],
    'does not say what n is': [TITLE, '#| export\ndef f(n: int):\n    "Count."', ('f(7)', '7')],
    'does not say what n, m is': [TITLE, '#| export\ndef f(\n    n, m, # two numbers\n):\n    "Count."', ('f(7, 8)', '7')],
    'f is run by no lesson': [TITLE, '#| export\ndef f():\n    "Count."', ('1 + 1', '2')],
    'no saved output': [TITLE, '#| export\nn = 7', 'n'],
    'is an error': [TITLE, ('1/0', dict(output_type='error', ename='ZeroDivisionError', evalue='', traceback=[]))],
    'bytes of text': [TITLE, ('print(n)', 'leaf '*5000)],
    'pictures of': [TITLE, ('plot(7)', dict(output_type='display_data', metadata={}, data={'image/png': 'A'*400_000}))],
    'a path of one machine': [TITLE, ('folder', "PosixPath('/home/ada/leaves')")],
    'run nbdev_clean': [TITLE, ('1 + 1', dict(output_type='execute_result', execution_count=4, metadata={}, data={'text/plain': ['2']}))]}

@pytest.mark.parametrize('words', SMELLS)
def test_a_smell_is_found_where_it_is(found, words):
    said = found(*SMELLS[words])
    expected = words if words != 'gives it one line' else 'a title and one line'
    assert [s for s in said if expected in s], said
    assert all(s.startswith('nb.ipynb cell ') and '\n' not in s for s in said)


def test_metadata_of_a_machine_is_found(found):
    assert 'run nbdev_clean' in found(TITLE, language_info=dict(version='3.11.7'))[0]


GOOD = [
    TITLE, '#| default_exp leaves', '#| export\nimport re\ntry: import fcntl\nexcept ImportError: fcntl = None\nfrom fastcore.basics import patch',
    '#| hide\nimport warnings\nwarnings.filterwarnings("ignore")', '## Counting', 'Prose that says why.',
    '#| export\nclass Tree:\n    "A tree."\n    def __init__(self,\n        leaves: int, # how many\n    ): self.leaves = leaves',
    '#| export\n@patch\ndef shake(self:Tree,\n    n: int, # leaves that fall\n) -> int: # leaves that stay\n    "Shake it."\n    return _rest(self, n)',
    '#| export\ndef _rest(tree, n): return tree.leaves - n',
    '#| export\ndef grow(tree: Tree) -> Tree:\n    "The tree a year later: a class of ours says what it is."\n    return tree',
    "#| export\nSITE = Site()\nREADERS = dict(leaf=_leaf)\n@SITE.get('/')\ndef answer():\n    \"Whoever asks the site asks this.\"\n    return READERS", ('ask(SITE)', '{}'),
    'def oak(): return Tree(7)', 'Prose between setup and the lesson.', 'tree = oak()', ('grow(tree).shake(2)', '5'),
    'Prose.', 'rows = {"oak": 7}', 'Prose.', 'rows["ash"] = 5', ('rows', "{'oak': 7, 'ash': 5}"),
    'with ExceptionExpected(ZeroDivisionError): 7/0', ('fig, ax = plt.subplots()\nax.plot([1]);', dict(output_type='display_data', metadata={}, data={'image/png': 'A'})),
    ('fig, ax = plt.subplots(2)\nax;', 'x'), ('for p in rows: print(p)', 'oak'), 'tree.climb()', ('urls = ["https://example.org/home/ada"]\nurls', "['https://example.org/home/ada']")]

def test_nothing_is_found_in_a_good_page(found, monkeypatch):
    monkeypatch.setattr(check, 'classes', lambda: {'Tree'})
    assert not found(*GOOD)


def test_the_command_says_where_and_fails(found, tmp_path, capsys):
    found(TITLE, '#| eval: false\n1')
    assert check.main([str(tmp_path/'nb.ipynb')]) == 1
    assert capsys.readouterr().out == 'nb.ipynb cell 2: is not run (eval: false): make it run, or write it as markdown\n'
    found(TITLE)
    assert check.main([str(tmp_path/'nb.ipynb')]) == 0

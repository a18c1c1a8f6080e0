"A model card says what the configuration says, and no name in it can do more than be read."
import copy, json, re

import pytest
from hypothesis import given, settings, strategies as st

from from_paper_with_tasks.core import PaperTasksError
from from_paper_with_tasks.model_card import escape, model_card, write_card
from from_paper_with_tasks.tagging import BUNDLED, PaperTagger, check_bundle

MarkdownIt = pytest.importorskip('markdown_it').MarkdownIt


def measure(x): return dict(value=x, low=x - .0213, high=x + .0179)

ODD = ['<script>alert(1)</script>', 'a | b', '`rm`', '[x](http://y.example)', '**3D** _Pose_', '# Head', '1. one', '- dash', 'back\\slash\\', '$x$', '&lt;', 'line\nbreak', '\u202eleft', '\ud800', '<!--', 'www.x.example', '| --- |', '~~no~~', '!']
STAGES = [dict(name='whole', epochs=7, lr=0.00031, head_lr=0.00047, max_tokens=233, batch_size=19, known=['all']), dict(name='pupil', epochs=3, lr=0.00013, head_lr=0.00017, max_tokens=127, batch_size=41, known=['all', 'none'])]
CONFIG = dict(
    max_tokens=239, thresholds=[.3141]*(len(ODD) + 40),
    tasks=[*(dict(task=f'Task {chr(65 + i % 26)}{chr(97 + i // 26)}', area='Some Area', support=1000 + 13*i, evidence=['measured', 'measured', 'few', 'weak'][i % 4]) for i in range(40)), *(dict(task=t, area=t, support=77, evidence='weak') for t in ODD)],
    recipe=dict(encoder='some-encoder', training_papers=dict(all=6113, one=2411, none=54679), max_tokens=239, stages=STAGES[:1], pupil=STAGES[1:], fields='title and abstract', head='names', lexicon=True, fusion=dict(weight=2.7183, bend=[-2.9444, 1.1213], floor=-1.6180), versions=dict(torch='2.99.1')),
    sources=[dict(what='Leaves', licence='CC BY-SA 4.0', note='gathered by hand'), dict(what='a | b', licence='MIT')],
    metrics=dict(split='test', papers=733, tasks=197, measures={m: measure(.6121 + .0371*i) for i, m in enumerate(['micro-F1', 'macro-F1', 'exact match', 'hit@5'])},
        beside={'a | rival': {m: measure(.4133 + .0291*i) for i, m in enumerate(['micro-F1', 'macro-F1', 'exact match', 'hit@5'])}},
        single_task=dict(papers=103, papers_of_all=281, measures={'hit@5': measure(.9137), 'hit@5 of all': measure(.8719)}),
        calibration={'all pairs': dict(error=.00137, by_chance=.00091, pairs=159001), 'pairs from 5%': dict(error=.02311, by_chance=.01973, pairs=2003)},
        outside=dict(papers=43, with_a_task=11), per_task={'Task Aa': dict(papers=29, precision=.71, recall=.83, f1=.7687), 'Task Ba': dict(papers=31, precision=.71, recall=.83, f1=.5433)}))


def numbers_of(config):
    "Every number of a configuration in the ways a card may write it, and what a card may count in it."
    found = {str(len(config['tasks']))} | {str(sum(t['evidence'] == e for t in config['tasks'])) for e in ('measured', 'few', 'weak')}
    def visit(x):
        if isinstance(x, dict): visit([*x, *x.values()])
        elif isinstance(x, list): [visit(v) for v in x]
        elif isinstance(x, str): found.update(re.findall(r'\d[\d,.]*', x.replace('\\', '')))
        elif isinstance(x, (int, float)) and not isinstance(x, bool): found.update([str(x), f'{x:,}', *(f'{x:.{d}f}' for d in (2, 3, 4))])
    visit(config)
    return {n.strip('.,-') for n in found}

def numbers_in(card):
    for fixed in ('95%', 'bfloat16'): card = card.replace(fixed, '')
    return [n.rstrip('.,') for n in re.findall(r'(?<![A-Za-z])\d[\d,.]*', card.replace('\\', ''))]


def test_every_number_is_the_configurations():
    card = model_card(CONFIG)
    assert set(numbers_in(card)) <= numbers_of(CONFIG)
    for n in ('0.612 (0.591 to 0.630)', '0.413', '6,113', '54,679', '239', '0.31', '733', '197', '0.0014', '159,001', '0.77', '2.72', '-1.62', '-2.94', '1.12', '43', '11', '0.00031'): assert n in card, n

def numeric_paths(x, path=()):
    "Where in a configuration numbers are that a card shows."
    if isinstance(x, (dict, list)): return [p for k, v in (x.items() if isinstance(x, dict) else enumerate(x)) for p in numeric_paths(v, (*path, k))]
    return [path] if isinstance(x, (int, float)) and not isinstance(x, bool) else []

SHOWN = [p for p in numeric_paths(CONFIG) if p[0] != 'thresholds' and p[-1] not in ('precision', 'recall') and p != ('recipe', 'max_tokens')]

@pytest.mark.parametrize('path', SHOWN[::7], ids=lambda p: '.'.join(map(str, p))[-60:])
def test_another_number_makes_another_card(path):
    config = copy.deepcopy(CONFIG)
    *way, last = path
    inner = config
    for k in way: inner = inner[k]
    inner[last] = 98765 if isinstance(inner[last], int) else .98765
    card = model_card(config)
    assert re.search(r'98,?765|0\.9877|0\.988|0\.99', card) and card != model_card(CONFIG)
    assert set(numbers_in(card)) <= numbers_of(config)

def test_a_card_needs_no_more_than_a_bundle_must_have():
    card = model_card(dict(max_tokens=211, tasks=[dict(task='Parsing')], thresholds=[.5]))
    assert 'has not been measured' in card and 'does not say what data' in card and set(numbers_in(card)) == {'1', '211', '0.50', '0'}
    assert model_card(dict(max_tokens=211, tasks=[], thresholds=[]))

@pytest.mark.parametrize('part', [dict(metrics=5), dict(metrics=dict(papers=1)), dict(metrics=[1]), dict(recipe='x'), dict(recipe=dict(fusion=1, encoder='e')), dict(sources=[1]), dict(sources='x'), dict(recipe=dict(stages=[1])), dict(recipe=dict(fusion=dict(bend=[1.])))], ids=repr)
def test_what_cannot_be_understood_is_said_in_a_line(part):
    with pytest.raises(PaperTasksError) as e: model_card(CONFIG | part)
    assert '\n' not in str(e.value)

def test_two_thresholds_are_a_range():
    assert '0.20' in (card := model_card(CONFIG | dict(thresholds=[.2]*30 + [.7]*29))) and '0.70' in card


# names are read, not obeyed

def tables(card):
    "The cells of all tables of a card, as texts, and the kinds of tokens in them."
    rows, cells, kinds = [], None, set()
    for t in MarkdownIt('commonmark').enable(['table', 'strikethrough']).parse(card):
        if t.type == 'tr_open': cells = []
        elif t.type == 'inline' and cells is not None: cells.append(''.join(c.content for c in t.children)); kinds |= {c.type for c in t.children}
        elif t.type == 'tr_close': rows.append(cells); cells = None
    return rows, kinds

def as_read(name): return ' '.join(re.sub('[\u202e\ud800]', ' ', name).split())

def test_odd_names_are_read_as_they_are():
    card = model_card(CONFIG)
    rows, kinds = tables(card)
    assert kinds == {'text', 'text_special'} or kinds == {'text'}
    names = [r[0] for r in rows if len(r) == 6]
    assert sorted(names[1:]) == sorted([as_read(t['task']) for t in CONFIG['tasks']])
    assert all(r[1] == as_read(t) for t in ODD for r in rows if r[0] == as_read(t) and len(r) == 6)
    assert '<script' not in card and 'a | b' not in card
    json.dumps(card).encode()
    card.encode()

odd = st.text(st.sampled_from('ab1 .)(-+=#*_`~|\\<>&[]!$@:/"\'\n\t{}^;'), max_size=14) | st.text(max_size=14)

@settings(max_examples=300, deadline=None)
@given(odd)
def test_any_name_fills_one_cell(name):
    plain = escape(name)
    assert plain == ' '.join(plain.split()) and not re.search(r'[<>]', plain)
    rows, kinds = tables(f'| x | y |\n| --- | --- |\n| {plain} | end |\n')
    assert len(rows) == 2 and rows[1][1] == 'end' and kinds <= {'text', 'text_special'}
    tokens = MarkdownIt('commonmark').parse(f'- {plain}: x')
    assert [t.type for t in tokens] == ['bullet_list_open', 'list_item_open', 'paragraph_open', 'inline', 'paragraph_close', 'list_item_close', 'bullet_list_close']
    if re.fullmatch(r'[ -~]*', name): assert rows[1][0] == ' '.join(name.split())


# in a bundle

def test_a_bundle_may_hold_its_card(bundle):
    path = write_card(bundle.folder)
    assert path.name == 'README.md' and path.read_text(encoding='utf-8').startswith('---\n')
    assert check_bundle(bundle.folder) and PaperTagger.from_pretrained(bundle.folder, threads=1).labels

def test_the_bundled_model_has_the_card_that_its_configuration_makes():
    if not (BUNDLED/'README.md').exists(): pytest.skip('the bundled model has no card yet')
    assert (BUNDLED/'README.md').read_text(encoding='utf-8') == model_card(json.loads((BUNDLED/'config.json').read_text(encoding='utf-8')))

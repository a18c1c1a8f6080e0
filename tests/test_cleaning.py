"From records as people left them to a training table."
import json, random, re, subprocess, sys
import pytest
pytest.importorskip('datasketch', reason='cleaning needs the extra [data]')
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from hypothesis import given, settings, strategies as st  # noqa: E402
from helpers import ENV, put  # noqa: E402
from from_paper_with_tasks import cleaning  # noqa: E402
from from_paper_with_tasks.cleaning import (NEAR, Names, acronyms, area_votes, canonical_name, clean, clean_texts, english_share, equal_pairs, find_duplicates, group_spellings, id_key, initials,
    jaccard, keep_frequent, load_records, load_table, load_tag_counts, load_taxonomy, name_map, near_pairs, neighbours, no_task, parents_of, pick_area, set_aside, settle_names,
    spelling_key, steps_table, support_of, title_key, triples, unite_papers)  # noqa: E402
from from_paper_with_tasks.core import PaperTasksError, Task, task_key  # noqa: E402
from from_paper_with_tasks.paper import clean_text, split_of  # noqa: E402
from from_paper_with_tasks.words import expand, is_acronym  # noqa: E402

def checks(n): return settings(deadline=None, max_examples=n, derandomize=True)

def refused(f, *args, **kwargs):
    "The line with which `f` refuses what it was given."
    with pytest.raises(PaperTasksError) as e: f(*args, **kwargs)
    assert '\n' not in str(e.value) and len(str(e.value)) < 400
    return str(e.value)

def invented(seed, n=20):
    "An abstract of `n` sentences that nobody else has written."
    rng = random.Random(seed)
    def word(): return ''.join(rng.choice('ba de fi go lu mo na pe ri so ta ve'.split()) for _ in range(4))
    return ' '.join(f'We {word()} the {word()} of a {word()} {word()} with {word()}.' for _ in range(n))

def edited(text, k, seed=0):
    "`text` with `k` of its words replaced."
    words, rng = text.split(), random.Random(seed)
    for i in rng.sample(range(len(words)), k): words[i] = f'edit{rng.random()}'[:9].replace('.', 'x')
    return ' '.join(words)

def same(groups): # as a partition
    return {frozenset(i for i, g in enumerate(groups) if g == x) for x in groups}


# names

WORDS = 'bridge cabin copper garden hammer lantern market needle pepper ribbon saddle timber velvet window'.split() # no acronym of any is one of them
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(tuple)

@st.composite
def spelled(draw, words): # with its acronym behind it, perhaps
    one = st.sampled_from([str.lower, str.upper, str.title])
    name = ''.join(draw(st.sampled_from([' ', '-', '_', '/', '  '])) * (i > 0) + draw(one)(w) for i, w in enumerate(words))
    return name + (f' ({"".join(w[0] for w in words).upper()})' if len(words) > 1 and draw(st.booleans()) else '')

names = st.lists(phrases.flatmap(lambda ws: st.tuples(st.just(ws), spelled(ws))), max_size=12)

@checks(300)
@given(names, st.randoms(use_true_random=False))
def test_names_are_grouped_by_their_words(pairs, rng):
    words = {name: ws for ws, name in pairs}
    counts = {name: rng.choice([0, 0, 1, 5]) for name in words}
    groups = group_spellings(counts)
    assert sorted(n for g in groups for n in g) == sorted(counts)
    assert {frozenset(g) for g in groups} == {frozenset(n for n in words if words[n] == ws) for ws in words.values()}
    found = name_map(counts, official := set(rng.sample(sorted(words), len(words)//2)))
    assert all(found[n] == name and words[n] == tuple(task_key(expand(name)[0]).split()) for n, name in found.items() if n in words)
    assert all(found[name] == name for name in found.values())
    shuffled = rng.sample(sorted(counts.items()), len(counts))
    assert name_map(dict(shuffled), sorted(official)) == found

anything = st.lists(st.text(min_size=1, max_size=8) | st.text('abAB_-/ ()sie+', min_size=1, max_size=9), unique=True, max_size=7)

@checks(500)
@given(anything, st.integers(0, 5))
def test_any_names_are_grouped(found, k):
    counts = {n: i*k % 3 for i, n in enumerate(found)}
    assert sorted(n for g in group_spellings(counts) for n in g) == sorted(found)
    m = name_map(counts)
    assert m == name_map(dict(reversed(counts.items()))) and set(found) <= set(m) and all(m[name] == name for name in m.values())

@checks(500)
@given(st.text(max_size=12) | st.text('aAbBcC ()-', max_size=12))
def test_no_letter_is_lost(name):
    rest, acronym = expand(name)
    assert sorted(filter(str.isalnum, rest + (acronym or ''))) == sorted(filter(str.isalnum, name)) and (acronym is None) == (rest == name)
    if acronym: assert is_acronym(acronym, rest) and spelling_key(name) == spelling_key(rest)

@checks(300)
@given(phrases, st.data())
def test_initials_are_an_acronym(ws, data):
    name, short = data.draw(spelled(ws)), ''.join(w[0] for w in ws).upper()
    assert initials(name) == short and is_acronym(short, expand(name)[0]) == (len(ws) > 1)
    if len(ws) > 1: assert expand(f'{" ".join(ws)} ({short})') == (' '.join(ws), short) and expand(f'{" ".join(ws)} ({short.lower()})')[1] is None
    assert not is_acronym(short + 'Q', expand(name)[0])

def groups_of(counts): return {frozenset(g) for g in group_spellings(counts)}

@pytest.mark.parametrize('counts,groups', [
    ({'Tree Parsing (TP)': 1, 'TPX': 1, 'Tree Parsing': 1}, [{'Tree Parsing (TP)', 'Tree Parsing'}, {'TPX'}]), ({'TP': 1, 'Tree Parsing (TP)': 0}, [{'TP', 'Tree Parsing (TP)'}]), # carried, of any length
    ({'TLP': 1, 'Tree Leaf Parsing': 1}, [{'TLP', 'Tree Leaf Parsing'}]), ({'TLP': 0, 'Tree Leaf Parsing': 1}, [{'TLP'}, {'Tree Leaf Parsing'}]), ({'TLP': 1, 'Tree Leaf Parsing': 0}, [{'TLP'}, {'Tree Leaf Parsing'}]), ({'TP': 1, 'Tree Parsing': 1}, [{'TP'}, {'Tree Parsing'}]), # spelled by initials
    ({'TLP': 1, 'Tree Leaf Parsing': 1, 'Text Line Painting': 1}, [{'TLP'}, {'Tree Leaf Parsing'}, {'Text Line Painting'}]), ({'TLP': 1, 'Tree Leaf Parsing (TLP)': 1, 'Text Line Painting': 1}, [{'TLP', 'Tree Leaf Parsing (TLP)'}, {'Text Line Painting'}]), # two claims
    ({'TLP': 1, 'Tree Leaf Parsing (TLP)': 1, 'Text Line Painting (TLP)': 1}, [{'TLP'}, {'Tree Leaf Parsing (TLP)'}, {'Text Line Painting (TLP)'}]), ({'tlp': 1, 'Tree Leaf Parsing (TLP)': 1}, [{'tlp'}, {'Tree Leaf Parsing (TLP)'}])])
def test_bare_acronyms(counts, groups): assert groups_of(counts) == set(map(frozenset, groups)) == groups_of(dict(reversed(counts.items())))

def test_an_acronym_has_one_task():
    assert acronyms({'Tree Parsing (TP)': 1, 'tree-parsing (TP)': 1, 'Leaf Counting (LC)': 1, 'Line Cutting (LC)': 1}) == {'TP': 'treeparsing'}

SPELLINGS = ['Language Modelling|language_modeling|Language-Modelings', 'Sentence Embeddings|Sentence-Embedding|sentence embedding', 'Re-Ranking|Reranking|re ranking|RERANKING', 'Colour Naming|color-naming', 'Text Normalisation|text normalization|Text Normalisations',
    'Dialogue Act|dialog-acts', 'Behaviour Cloning|Behavior Cloning', 'Labelled Trees|Labeled Tree', 'Tumour Grading|tumor_grading', 'Image Centre|image center', 'Analyses|analyzes', 'Grey Levels|gray level', 'Artefact Removal|Artifact removal', 'Neighbouring Trees|neighboring tree',
    'Tree Parsing (TP)|tree/parsing|TREE  PARSING', 'Batteries|battery', 'Super-Resolution|SuperResolution|super resolution', 'Tree Parsing (Zero-Shot)|tree-parsing zero shot', '3D Tree Growing|3D-tree-growing']
APART = ['Trees', 'Tree Parsing (Zero-Shot)', 'Tree Parsing', 'SMAC', 'SMAC+', 'C Code Generation', 'C++ Code Generation', 'C# Code Generation', 'Bias', 'Bia', 'Class Labels', 'Clas Label', 'Image to Text', 'Text to Image', 'Basis', 'Bases of Trees', 'Chaos', 'Leaf-1', 'Leaf-2', 'Spelling', 'Speling', 'Atari 100k', 'Atari 200k']

def test_spellings():
    keys = [{spelling_key(n) for n in s.split('|')} for s in SPELLINGS]
    assert [s for s, k in zip(SPELLINGS, keys) if len(k) > 1] == [] and len(set().union(*keys)) == len(SPELLINGS)
    assert len({spelling_key(n) for n in APART}) == len(APART)

@pytest.mark.parametrize('spellings,counts,official,name', [('Tree Parsing|tree-parsing', {'tree-parsing': 99}, '', 'Tree Parsing'), ('TP|Tree Parsing (TP)', {'TP': 99}, '', 'Tree Parsing (TP)'), ('Tree Parsing|Tree Parsing (TP)', {'Tree Parsing (TP)': 99}, '', 'Tree Parsing'),
    ('Tree Parsing|Tree-Parsing', {'Tree-Parsing': 9}, '', 'Tree-Parsing'), ('Tree Parsing|Tree-Parsing', {'Tree-Parsing': 9}, 'Tree Parsing', 'Tree Parsing'), ('Tree Parsing|Tree-Parsing', {}, '', 'Tree Parsing'), ('tree_parsing', {}, '', 'Tree Parsing'), ('_tree__parsing_', {}, '', 'Tree Parsing'),
    ('tree parsing|tree_parsing', {'tree_parsing': 9}, 'tree_parsing', 'tree parsing'), ('TP', {}, '', 'TP'), ('Tree_Parsing', {}, '', 'Tree_Parsing')])
def test_the_name_that_a_reader_likes_best(spellings, counts, official, name): assert canonical_name(spellings.split('|'), counts, {official}) == canonical_name(spellings.split('|')[::-1], counts, [official]) == name

@pytest.mark.parametrize('why,found', [('odd characters', ['SMC会议', 'Дерево', 'a*b c', 'k=3 trees', 'trees <3', 'Tree|Leaf', 'Tree\\Leaf', 'O(n^2) Trees', '$Trees$', 'about~trees']), ('no word', ['16k', '3D', '', '...', 'x', 'a b c', '1,000', '2 x 2']),
    ('a pair of languages', ['de-eng', 'eng-fra', 'translation deu-eng', 'eng_latn-deu', 'eng_Latn-deu_Latn']), ('a catch-all', ['All', 'none', 'TASKS', 'Other', 'Miscellaneous', 'model']),
    ('', ['QA', '3D Reconstruction', 'Tree Parsing', 'Arbres français', 'Naïve Trees', 'SMAC+', 'ENG-FRA', 'Zero-Shot', 'All Trees', 'Text-to-SQL', "Don't Care", 'Translation eng-fra', 'Tree (parsing)', 'CIFAR-10'])])
def test_what_is_no_task(why, found): assert [(n, no_task(n)) for n in found] == [(n, why) for n in found]

def test_a_task_of_everything():
    assert [no_task('Stitching Everything', areas, papers) for areas, papers in (('abcdefg', 0), ('abcdefg', 1), ('abcdef', 0), (iter('abcdefg'), 0))] == ['under seven areas or more, and no paper', '', '', 'under seven areas or more, and no paper']


# duplicates

def test_identical_texts_are_always_found():
    texts = [invented(i % 40, 1 + i % 3) for i in range(120)]
    assert {(a, b) for a, b in near_pairs(texts)} >= {(texts.index(t), i) for i, t in enumerate(texts) if texts.index(t) != i}
    assert near_pairs(['x', 'X.', 'y']) == [(0, 1)] and near_pairs(['', '']) == [(0, 1)] and near_pairs(['a']) == near_pairs([]) == []

def test_unrelated_texts_are_never_found(): assert near_pairs([invented(i, 5) for i in range(500)]) == [] == near_pairs([invented(i, 5) for i in range(500)], near=0.3)

def test_nearly_the_same_is_what_the_sets_of_triples_say():
    pairs = [(invented(i), edited(invented(i), i % 50 // 2 + 1, i)) for i in range(150)]
    texts = [t for p in pairs for t in p]
    sets = [set(zip(ws, ws[1:], ws[2:])) for ws in (re.findall(r'\w+', t.lower()) for t in texts)]
    similarity = {(a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a in range(300) for b in range(a+1, 300)}
    near, found = {p for p, s in similarity.items() if s >= NEAR}, set(near_pairs(texts))
    assert all(jaccard(triples(texts[a]), triples(texts[b])) == s for (a, b), s in list(similarity.items())[::97])
    assert found <= near and 50 < len(near) < 110
    assert len(near - found) <= 2 and all(similarity[p] < 0.7 for p in near - found) # recall: 0.98 or more, and whole from 0.7

@checks(60)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(['id', 'arXiv id', 'title', 'text', 'nothing'])), min_size=1, max_size=14), st.randoms(use_true_random=False))
def test_one_paper_has_one_number(rows, rng):
    table = pd.DataFrame([dict(id=f'p{k}' if way == 'id' else rng.choice(['', 'arXiv:', 'https://arxiv.org/abs/']) + f'2101.0000{k}' + rng.choice(['', 'v1', 'v2']) if way == 'arXiv id' else f'row{i}',
        title=rng.choice(['Trees That Grow in Garden %s', 'TREES THAT GROW — IN GARDEN %s.', 'Trees that \\emph{grow} in garden-%s *']) % 'NEWS'[k] if way == 'title' else rng.choice(['Trees', '', f'The title of row number {i} in this table']),
        text=edited(invented(f'text {k}'), rng.randrange(5), i) if way == 'text' else invented(f'row {i}')) for i, (k, way) in enumerate(rows)])
    expected = {frozenset(j for j, other in enumerate(rows) if other == row and row[1] != 'nothing') | {i} for i, row in enumerate(rows)}
    assert same(find_duplicates(table)) == expected
    assert same(find_duplicates(table[::-1].reset_index(drop=True))[::-1].tolist()) == expected

def test_chains_are_one_paper(): # a and c have nothing in common but b
    table = pd.DataFrame([dict(id='2101.00001v1', title='x', text=invented(1)), dict(id='2101.00001v2', title='A title that is long enough', text=invented(2)), dict(id='y', title='A Title That Is Long Enough', text=invented(3)), dict(id='z', title='', text=invented(4))])
    assert same(find_duplicates(table).tolist()) == {frozenset({0, 1, 2}), frozenset({3})}

def test_a_title_from_a_template_is_nobodys():
    titles = ['Formatting Instructions for Authors Using LaTeX', 'Instructions for ACL Proceedings', 'Author Guidelines for the Conference on Trees', 'Published as a conference paper at ICLR 2020', 'Under review as a conference paper at ICLR 2021.']
    table = pd.DataFrame([dict(id=f'{t}{i}', title=t, abstract='We grow.', text=invented(f'{t}{i}')) for t in titles for i in range(2)])
    assert len(set(find_duplicates(table))) == len(table) and clean_texts(table) == ['We grow.'] * len(table)

def test_keys():
    assert equal_pairs(['a', '', 'b', 'a', '', 'a', 'b']) == [(0, 3), (0, 5), (2, 6)] and equal_pairs([]) == []
    assert [id_key(i) for i in ('2101.00001v3', 'arXiv:2101.00001', 'cs/0112017v1', 'math.GT/0309136', 'math/0309136v2', 'sample-001', 'SAMPLE-001', '')] == ['2101.00001', '2101.00001', 'cs/0112017', 'math/0309136', 'math/0309136', 'sample-001', 'SAMPLE-001', '']
    assert title_key('Growing Trees in the Garden!') == title_key('GROWING TREES — IN THE GARDEN *') == 'growingtreesinthegarden' and title_key('Growing Trees') == title_key('') == ''


# one row a paper

rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60), st.lists(st.sampled_from(['tree-parsing', 'Tree Parsing', 'TP', 'Leaf Counting', 'All']), max_size=3)), min_size=1, max_size=15)
NAMES = Names({'tree-parsing': 'Tree Parsing', 'Tree Parsing': 'Tree Parsing', 'TP': 'Tree Parsing', 'Leaf Counting': 'Leaf Counting'}, {'All': 'a catch-all'}, {'Tree Parsing', 'Leaf Counting'})

@checks(100)
@given(rows)
def test_papers_are_united(rows):
    usable = pd.DataFrame([dict(id=f'p{n}', title=f't{i}', abstract=f'a{i}', text=f'x{i}', tasks=ts) for i, (k, n, ts) in enumerate(rows)])
    before = usable.copy(deep=True)
    papers = unite_papers(usable, NAMES, np.array([k for k, *_ in rows]))
    pd.testing.assert_frame_equal(usable, before)
    assert list(papers) == ['id', 'title', 'abstract', 'text', 'tasks', 'split'] and len(papers) == len({k for k, *_ in rows}) and list(papers.index) == list(range(len(papers)))
    for r in papers.itertuples():
        i = int(r.text[1:])
        mine = [row for row in rows if row[0] == rows[i][0]]
        splits = {split_of(f'p{n}') for _, n, _ in mine}
        assert (r.id, r.title, r.abstract) == (f'p{rows[i][1]}', f't{i}', f'a{i}') and r.split == split_of(r.id) == next(s for s in ('test', 'validation', 'train') if s in splits)
        assert r.tasks == sorted({NAMES.canonical[t] for *_, ts in mine for t in ts if t != 'All'})

@checks(200)
@given(st.lists(st.tuples(st.sampled_from(['train', 'train', 'validation', 'test']), st.sets(st.sampled_from('ABCDE')).map(sorted)), max_size=25), st.integers(0, 5))
def test_frequent_tasks_are_kept(rows, n):
    papers = pd.DataFrame([dict(id=str(i), split=s, tasks=ts) for i, (s, ts) in enumerate(rows)], columns=['id', 'split', 'tasks'])
    count = {t: sum(s == 'train' and t in ts for s, ts in rows) for t in 'ABCDE'}
    kept = sorted((t for t in 'ABCDE' if count[t] >= max(n, 1)), key=lambda t: (-count[t], t))
    if not kept:
        assert f'no task has {n} training papers or more (the most frequent has {max(count.values())})' in refused(keep_frequent, papers, n)
        return
    table, labels = keep_frequent(papers, n)
    assert labels == kept and dict(support_of(papers)) == {t: c for t, c in count.items() if c}
    assert [(r.id, r.tasks) for r in table.itertuples()] == [(str(i), left) for i, (_, ts) in enumerate(rows) if (left := [t for t in ts if t in kept])] and list(table.index) == list(range(len(table)))

def test_what_each_step_leaves():
    df = pd.DataFrame(dict(tasks=[['A', 'B'], [], ['A']]))
    assert steps_table({'all': df, 'none': df[:0]}).T.to_dict() == {'all': dict(papers=3, with_a_task=2, tasks=2, tags=3), 'none': dict(papers=0, with_a_task=0, tasks=0, tags=0)}


# taxonomy

TAXONOMY = pd.DataFrame([('Tree Parsing', ['Botany'], ['Leaf Parsing', 'tree-parsing', 'Unheard Of']), ('Leaf Parsing (LP)', [], []), ('Image Growing', ['Vision', 'Botany'], ['leaf-parsing']), ('Growing', ['Vision', 'Botany', 'Speech'], []), ('Image Cutting', ['Vision'], []), ('Speech Cutting', ['Speech'], []), ('Speech Growing', [], []),
    ('Stitching Everything', list('abcdefgh'), ['Tree Parsing', 'Image Growing']), ('Singing in the Rain', ['Music'], ['Tree Parsing', 'Unused Thing']), ('Unused Thing', [], []), ('SMC会议', ['Vision'], ['Tree Parsing']), ('All', ['Vision'], [])], columns=['task', 'areas', 'subtasks'])
TAGS = [['Tree Parsing'], ['leaf-parsing', 'Image Growing'], ['Growing', 'Image Cutting'], ['Growing', 'Speech Cutting'], ['Growing', 'Speech Cutting'], ['Speech Growing'], ['All'], ['Leaf Parsing']]

def test_names_are_settled():
    found = settle_names(TAGS, TAXONOMY, {'TREE PARSING': 3, 'Old Task': 2, '16k': 1})
    assert found.thrown_out == {'Stitching Everything': 'under seven areas or more, and no paper', 'SMC会议': 'odd characters', 'All': 'a catch-all', '16k': 'no word'}
    assert {n for n, name in found.canonical.items() if name == 'Tree Parsing'} == {'Tree Parsing', 'TREE PARSING'} and {n for n, name in found.canonical.items() if name == 'Leaf Parsing'} == {'Leaf Parsing', 'leaf-parsing', 'Leaf Parsing (LP)'}
    assert found.used == {'Tree Parsing', 'Leaf Parsing', 'Image Growing', 'Growing', 'Image Cutting', 'Speech Cutting', 'Speech Growing', 'Old Task'}

def test_parents():
    assert parents_of(TAXONOMY, settle_names(TAGS, TAXONOMY, {})) == {'Leaf Parsing': ['Image Growing', 'Tree Parsing'], 'Unused Thing': ['Singing in the Rain']} # no vandal, not itself, nothing unheard of
    assert parents_of(load_taxonomy(None), settle_names(TAGS, load_taxonomy(None), {})) == {}

def test_areas():
    found = settle_names(TAGS, TAXONOMY, {})
    listed, votes = area_votes(TAXONOMY, found)
    assert 'Stitching Everything' not in listed and 'All' not in listed and votes['image'] == {'Vision': 1} and votes['parsing'] == {'Botany': 1} and 'growing' not in votes and 'everything' not in votes
    def area(name, *near): return pick_area(name, near, listed, votes)
    assert area('Tree Parsing', 'Image Cutting', 'Image Cutting') == 'Botany' # listed
    assert area('Image Growing') == 'Vision' and area('Image Growing', 'Tree Parsing') == 'Botany' and area('Image Growing', 'Speech Cutting') == 'Vision' # a choice of two
    assert area('Growing', 'Image Cutting', 'Speech Cutting', 'Speech Cutting') == 'Speech' and area('Growing') == 'Botany'
    assert area('Leaf Parsing') == 'Botany' and area('Speech Growing') == 'Speech' and area('Leaf Parsing', 'Image Cutting') == 'Vision' # by its word; company counts double
    assert area('Never Heard') == '' == pick_area('Growing', ['Tree Parsing'], {}, {})

def test_neighbours(): assert neighbours(pd.DataFrame(dict(tasks=[['A', 'B'], ['A'], ['A', 'B', 'C']]))) == {'A': ['B', 'B', 'C'], 'B': ['A', 'A', 'C'], 'C': ['A', 'B']}


# files

@pytest.mark.parametrize('name,content,why', [('a.csv', 'name,areas\nx,y\n', "no column 'task'"), ('a.csv', '', "no column 'task'"), ('a.csv', b'task\n\xff\n', 'UTF-8'), ('a.txt', 'task\n', 'is not .jsonl'), ('a.csv.gz', b'task\n', 'gzip'), ('a.csv', 'areas,task\nx\n', 'row 1'), ('a.jsonl', '{"areas": "x"}\n', 'row 1'),
    ('a.jsonl', '{"task": "T"}\n{"task": 5}\n', 'row 2'), ('a.jsonl', '{"task":\n', 'row 1'), ('a.jsonl', '[]', 'row 1'), ('none.csv', None, 'no file')], ids=lambda v: ascii(v)[:30])
def test_a_broken_taxonomy(tmp_path, name, content, why):
    if content is not None: (tmp_path/name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert why in refused(load_taxonomy, tmp_path/name) and str(tmp_path/name) in refused(load_taxonomy, tmp_path/name)

@pytest.mark.parametrize('name,content', [('a.csv', 'task,areas,subtasks\nA,"X; Y;",\nB,,"C;  D"\n'), ('a.csv', 'subtasks,task,areas,more\r\n,A,X;Y,9\r\nC;D,B,,\r\n'), ('a.jsonl', '{"task": "A", "areas": "X;Y"}\n{"task": "B", "areas": null, "subtasks": "C;D"}\n'), ('a.jsonl', '{"task": "A", "areas": ["X", "Y"]}\n{"task": "B", "subtasks": ["C", "D"]}\n')])
def test_a_taxonomy(tmp_path, name, content):
    (tmp_path/name).write_text(content)
    assert load_taxonomy(tmp_path/name).values.tolist() == [['A', ['X', 'Y'], []], ['B', [], ['C', 'D']]]
    assert load_taxonomy(None).empty and list(load_taxonomy(None)) == ['task', 'areas', 'subtasks']

@pytest.mark.parametrize('content', ['', '[]', '5', 'null', '{', '{"a": 1.5}', '{"a": "1"}', '{"a": null}', '{"a": [1]}', b'\xff', b'\x80\x04K\x01.', '['*100_000, '{"a":'*100_000, None, 'folder'], ids=lambda v: ascii(v)[:12])
def test_broken_tag_counts(tmp_path, content):
    if content == 'folder': (tmp_path/'c.json').mkdir()
    elif content is not None: (tmp_path/'c.json').write_bytes(content if isinstance(content, bytes) else content.encode())
    assert str(tmp_path/'c.json') in refused(load_tag_counts, tmp_path/'c.json')

def test_tag_counts(tmp_path):
    put(tmp_path/'c.json', '{"A": 3, "Ä b": 0}')
    assert load_tag_counts(tmp_path/'c.json') == {'A': 3, 'Ä b': 0} and load_tag_counts(None) == load_tag_counts(put(tmp_path/'c.json', '{}')) == {}

@pytest.mark.parametrize('name,content,why', [('r.jsonl', '', 'no rows'), ('r.jsonl', '\n\n', 'no rows'), ('r.csv', 'abstract\n', 'no rows'), ('r.csv', 'text\nx\n', "no column 'abstract'"), ('r.jsonl', b'\xff', 'UTF-8'), ('r.jsonl.gz', b'x', 'gzip'), ('r.parquet', b'PAR1', 'not a whole parquet file'), ('none.jsonl', None, 'no file')])
def test_broken_records(tmp_path, name, content, why):
    if content is not None: (tmp_path/name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for f in (load_records, lambda p: clean(p, tmp_path/'out', progress=False)): assert why in refused(f, tmp_path/name)
    assert not (tmp_path/'out').exists()

def test_records(tmp_path):
    lines = ['{"id": "a", "title": "T", "abstract": "A", "tasks": ["X", 5, " Y "]}', '{"abstract": "A", "task": "X; Y", "id": 7}', '{"abstract": 5, "title": ["T"], "tasks": {"X": 1}, "id": "b"}', '{"id": "c"}', 'no JSON', '[]', '{"id": "d", "abstract": "A \\ud800", "title": "\\udfff", "tasks": "[\\"X\\"]"}']
    found = load_records(put(tmp_path/'r.jsonl', '\n'.join(lines)))
    assert list(found) == ['id', 'title', 'abstract', 'tasks'] and found.tasks.tolist() == [['X', 'Y'], ['X', 'Y'], [], [], [], [], ['X']] and found.abstract.tolist()[:6] == ['A', 'A', '', '', '', ''] and found.title.tolist()[:6] == ['T'] + ['']*5
    assert found.id.tolist()[:4] == ['a', '7', 'b', 'c'] and found.id[6] == 'd' and clean_text(found.abstract[6]) == 'A' and clean_text(found.title[6]) == ''

def test_rows_without_an_id_keep_their_split(tmp_path): # wherever they stand in a file, and are nobody else's row
    rows, others = [dict(abstract=invented(i)) for i in range(40)], [dict(id=str(i), abstract=invented(f'x{i}')) for i in range(1, 80)]
    def ids(rows): return {r.abstract: r.id for r in load_records(put(tmp_path/'r.jsonl', rows)).itertuples()}
    alone, among = ids(rows), ids(others + rows)
    assert alone == ids(rows[::-1]) == {a: among[a] for a in alone} and len(set(among.values())) == len(among) and len(set(map(split_of, alone.values()))) == 3

@pytest.mark.parametrize('text,why', [('', 'fewer than 20 words'), ('We grow the tree. ' * 4 + 'We grow 9', 'fewer than 20 words'), ('We grow the tree. ' * 5, ''), ('1 2 3 ' * 50, 'fewer than 20 words'), ('Nous étudions les arbres et leurs feuilles. ' * 9, 'not English'), ('Wir lassen Bäume wachsen und fällen sie. ' * 9, 'not English'),
    ('Estudiamos los árboles y sus hojas con redes. ' * 9, 'not English'), ('trees leaves roots ' * 9, 'not English'), ('The abstract paragraph should be indented on both sides. ' * 4, 'style guide'), ('We grow trees. ' * 30 + 'Lorem ipsum', ''), ('Lorem ipsum dolor sit amet. ' * 9, 'style guide'), (invented(1), '')], ids=lambda v: ascii(v)[:30])
def test_what_cannot_be_used(text, why): assert set_aside(text) == why and 0 <= english_share(text) <= 1


# the whole

IDS = {split: [i for i in map('p{}'.format, range(2000)) if split_of(i) == split] for split in ('train', 'validation', 'test')}

def rec(id, tasks, abstract=None, **more): return dict(id=id, title=f'A tale of {id}', abstract=abstract or invented(id), tasks=tasks) | more

def trouble():
    "Records with every kind of trouble, and the sum of it."
    train, val, test = (iter(IDS[s]) for s in ('train', 'validation', 'test'))
    good = [rec(next(train), [('Tree Parsing', 'tree-parsing', 'Tree Parsing (TP)')[i % 3]]) for i in range(9)] + [rec(next(train), ['Leaf Counting', 'tree_parsing']) for _ in range(5)] # 14 papers
    good += [rec(next(s), ['TP', 'Rare Task']) for s in (train, val, test)] # 3
    over_splits = [rec(i, [t], edited(invented('both'), k, k)) for i, t, k in ((next(train), 'Tree Parsing', 0), (next(test), 'Leaf Counting', 5), (next(val), 'Rare Task', 6))] # 1 paper, of the test split
    versions = [rec(i, ['Leaf Counting']) for i in ('2101.00001v1', '2101.00001v2', 'arXiv:2101.00001')] # 1
    titles = [rec(next(train), ['Leaf Counting'], title=t) for t in ('The Leaves That Nobody Counted', 'THE LEAVES THAT NOBODY COUNTED.')] # 1
    bad = [rec(next(train), ['Tree Parsing'], 'Nous étudions les arbres et leurs feuilles avec des réseaux. ' * 9), rec(next(test), ['Tree Parsing'], 'We grow.'), rec(next(train), ['Leaf Counting'], 'The abstract paragraph should be indented on both sides of the page. ' * 5, title='Author Guidelines for TREE Proceedings'),
        dict(id=next(train), title='T', tasks=['Tree Parsing']), dict(id=next(train), abstract=None, tasks=['Tree Parsing'])]
    plain = [rec(next(train), []), rec(next(train), ['All', '16k'])] # 2 papers without a task
    broken = [rec(next(val), ['Broken\ud800 Task'], '\ud800<p>' + invented('broken') + '\0</p>', title='\udfff')] # 1 paper without a task
    lines = [json.dumps(r) for r in good + over_splits + versions + titles + bad + plain + broken] + ['{"id": "half", "abstract": "We', '[1, 2]']
    random.Random(5).shuffle(lines)
    return '\n'.join(lines)

TAXONOMY_CSV = 'task,areas,subtasks,datasets\nTree Parsing (TP),Botany,Rare Task,\nBotanizing,Botany,Tree Parsing;Leaf Counting,\nLeaf Counting,Botany; Vision,,\nStitching Everything,a;b;c;d;e;f;g;h,Tree Parsing,\nImage Cutting,Vision,,\nSMC会议,Vision,Leaf Counting,\n'

@pytest.fixture
def sources(tmp_path):
    put(tmp_path/'records.jsonl', trouble())
    (tmp_path/'tax.csv').write_text(TAXONOMY_CSV, encoding='utf-8')
    (tmp_path/'counts.json').write_text('{"TREE PARSING": 40, "Botanizing": 2}')
    return dict(records=tmp_path/'records.jsonl', min_papers=3, taxonomy=tmp_path/'tax.csv', tag_counts=tmp_path/'counts.json', progress=False)

def files(folder): return {p.name: p.read_bytes() for p in folder.iterdir()}

def test_clean(sources, tmp_path):
    done = clean(folder=tmp_path/'new'/'folder', **sources)
    table, tasks = load_table(tmp_path/'new'/'folder')
    about = json.loads((tmp_path/'new'/'folder'/'cleaning.json').read_text())
    assert about['set_aside'] == done.set_aside == {'fewer than 20 words': 5, 'not English': 1, 'style guide': 1}
    assert about['thrown_out'] == done.thrown_out == {'under seven areas or more, and no paper': 1, 'odd characters': 2, 'a catch-all': 1, 'no word': 1}
    assert {k: (v['papers'], v['with_a_task']) for k, v in about['steps'].items()} == {'as collected': (35, 32), 'texts that can be used': (28, 27), 'one row a paper, one name a task': (23, 20), 'frequent tasks': (20, 20)}
    assert done.counts == json.loads((tmp_path/'new'/'folder'/'task_counts.json').read_text()) and {t: done.counts[t] for t in ('Tree Parsing', 'Leaf Counting', 'Rare Task')} == {'Tree Parsing': 18, 'Leaf Counting': 8, 'Rare Task': 4}
    assert tasks == done.tasks == [
        Task('Tree Parsing', ['TP', 'TREE PARSING', 'Tree Parsing', 'Tree Parsing (TP)', 'tree-parsing', 'tree_parsing'], 'Botany', ['Botanizing'], 15, 'measured'), Task('Leaf Counting', ['Leaf Counting'], 'Botany', ['Botanizing'], 7, 'few')]
    assert json.loads((tmp_path/'new'/'folder'/'task_types_encoded.json').read_text()) == {'Tree Parsing': 0, 'Leaf Counting': 1}
    assert table.split.value_counts().to_dict() == {'train': 17, 'test': 2, 'validation': 1} and table.split.tolist() == table.id.map(split_of).tolist()
    assert table.id.map(id_key).is_unique and sorted(map(list, table[table.split == 'test'].tasks)) == [['Leaf Counting', 'Tree Parsing'], ['Tree Parsing']] and all(clean_text(t) == t for t in table.text)
    sets = [triples(t) for t in table.text]
    assert max(jaccard(sets[a], sets[b]) for a in range(len(sets)) for b in range(a)) < 0.2

def test_clean_again(sources, tmp_path):
    "The same bytes on a second run, over the first one's files, with bars, from CSV, and in a process that hashes otherwise."
    clean(folder=tmp_path/'a', **sources)
    first = files(tmp_path/'a')
    assert sorted(first) == ['cleaning.json', 'papers.parquet', 'task_counts.json', 'task_types_encoded.json', 'tasks.json']
    clean(folder=str(tmp_path/'a'), **sources | dict(progress=True, records=str(sources['records'])))
    assert files(tmp_path/'a') == first
    code = f'from pathlib import Path; from from_paper_with_tasks.cleaning import clean; clean(*map(Path, {[str(sources["records"]), str(tmp_path/"b")]}), 3, 10, {str(sources["taxonomy"])!r}, {str(sources["tag_counts"])!r}, False)'
    subprocess.run([sys.executable, '-c', code], env=ENV | dict(PYTHONHASHSEED='1', PYTHONPATH=':'.join(sys.path)), check=True, timeout=60)
    assert files(tmp_path/'b') == first

def test_the_order_of_the_records_does_not_matter(sources, tmp_path):
    lines = sources['records'].read_text().splitlines()
    def learned(folder): return json.loads((folder/'tasks.json').read_text()), json.loads((folder/'cleaning.json').read_text()), json.loads((folder/'task_counts.json').read_text())
    for i in range(3):
        random.Random(i).shuffle(lines)
        put(sources['records'], '\n'.join(lines))
        clean(folder=tmp_path/str(i), **sources)
    assert learned(tmp_path/'0') == learned(tmp_path/'1') == learned(tmp_path/'2')
    splits = [sorted((s, len(ts)) for s, ts in zip(t.split, t.tasks)) for t in (load_table(tmp_path/str(i))[0] for i in range(3))]
    assert splits[0] == splits[1] == splits[2]

class Killed(Exception): pass

@pytest.mark.parametrize('at', range(5))
def test_a_killed_clean_leaves_no_half_file(sources, tmp_path, monkeypatch, at):
    clean(folder=tmp_path/'out', **sources)
    old = files(tmp_path/'out')
    put(sources['records'], '\n'.join(sources['records'].read_text().splitlines()[::2]))
    clean(folder=tmp_path/'whole', **sources | dict(min_papers=2))
    new, done, dump = files(tmp_path/'whole'), [], json.dump
    def half_json(value, f, **kwargs):
        if len(done) == at: f.write('{"half'); f.flush(); raise Killed
        done.append(dump(value, f, **kwargs))
    def half_parquet(self, f, **kwargs): f.write(b'PAR1'); f.flush(); raise Killed
    monkeypatch.setattr(cleaning.json, 'dump', half_json)
    if at == 4: monkeypatch.setattr(pd.DataFrame, 'to_parquet', half_parquet)
    for folder, before in ((tmp_path/'out', old), (tmp_path/'empty', {})):
        done.clear()
        with pytest.raises(Killed): clean(folder=folder, **sources | dict(min_papers=2))
        after = files(folder)
        assert all(after[n] in (before.get(n), new[n]) for n in after) and set(before) <= set(after) and after.get('papers.parquet') == before.get('papers.parquet')
    assert 'run paper-tasks clean' in refused(load_table, tmp_path/'empty')
    monkeypatch.undo()
    clean(folder=tmp_path/'out', **sources | dict(min_papers=2))
    assert files(tmp_path/'out') == new

def test_nothing_to_learn(sources, tmp_path):
    assert 'no task has 1000 training papers' in refused(clean, folder=tmp_path/'out', **sources | dict(min_papers=1000))
    put(sources['records'], [rec('a', ['Tree Parsing'], 'Short.'), rec('b', ['Tree Parsing'], 'Kurz.')])
    assert 'none of the 2 records' in refused(clean, folder=tmp_path/'out', **sources) and 'fewer than 20 words' in refused(clean, folder=tmp_path/'out', **sources)
    put(sources['records'], [rec(f'a{i}', []) for i in range(9)])
    assert 'the most frequent has 0' in refused(clean, folder=tmp_path/'out', **sources)
    assert not (tmp_path/'out').exists()

def test_clean_alone(tmp_path): # no taxonomy, no counts, from a packed CSV
    source = put(tmp_path/'r.csv.gz', [dict(id=i, abstract=invented(i), tasks='Tree Parsing; tree-parsing') for i in IDS['train'][:3] + IDS['test'][:1]])
    done = clean(source, tmp_path/'out', 3, progress=False)
    assert done.tasks == [Task('Tree Parsing', ['Tree Parsing', 'tree-parsing'], '', [], 3, 'few')] and len(done.table) == 4

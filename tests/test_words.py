"Words, and names among them."
import re
import pytest
from hypothesis import given, settings, strategies as st
from from_paper_with_tasks.core import Task
from from_paper_with_tasks.words import LONGEST, NameFinder, expand, is_acronym, name_key, names_of, ngrams, singular, words

def checks(n): return settings(deadline=None, max_examples=n, derandomize=True)

WORDS = 'bridge cabin copper garden hammer lantern market needle pepper ribbon saddle timber velvet window'.split()
anything = st.text(st.characters(), max_size=60) | st.text('aAsSieuos-_ 2\n²ßİΣ\ud800\0', max_size=60)
few = st.lists(st.sampled_from('abc'), max_size=12) # words, so few that runs repeat

def runs(ws, longest): return {' '.join(ws[i:j]) for i in range(len(ws)) for j in range(i+1, min(len(ws), i+longest)+1)}


# words

@checks(500)
@given(anything)
def test_any_text_has_words(text):
    found = words(text)
    assert all(re.fullmatch(r'[^\W_]+', w) and singular(w) == w for w in found) and words(text) == found
    assert words(' '.join(found)) == found or not text.isascii()
    assert len(found) == len(re.findall(r'[^\W_]+', text.lower()))

@pytest.mark.parametrize('text,found', [('Image Super-Resolution', 'image super resolution'), ('graphs/Trees_and  LEAVES', 'graph tree and leave'), ('', ''), ('... -- _', ''), ('state-of-the-art (SOTA)', 'state of the art sota'), ("don't", 'don t'), ('4x U-Nets, C++', '4x u net c'), ('Études, naïve\nx²', 'étude naïve x²')])
def test_words(text, found): assert words(text) == found.split()

@pytest.mark.parametrize('word,one', [('trees', 'tree'), ('parsing', 'parsing'), ('batteries', 'battery'), ('ties', 'tie'), ('class', 'class'), ('corpus', 'corpus'), ('analysis', 'analysis'), ('bias', 'bias'), ('chaos', 'chaos'), ('gas', 'gas'), ('', ''), ('s', 's'), ('images', 'image')])
def test_singular(word, one): assert singular(word) == one and all(singular(w + 's') == w for w in WORDS)

@checks(300)
@given(anything)
def test_singular_of_anything(word): assert singular(singular(word)) == singular(word) and word.startswith(singular(word)[:-1])

@checks(300)
@given(few, st.integers(1, 5))
def test_ngrams(ws, longest):
    found = ngrams(ws, longest)
    assert set(found) == runs(ws, longest) and len(found) == sum(max(0, len(ws)-n+1) for n in range(1, longest+1))


# names

@pytest.mark.parametrize('word,phrase,is_one', [('NER', 'Named Entity Recognition', True), ('EEG', 'Electroencephalogram', True), ('VQA', 'visual-question_answering', True), ('MoE', 'Mixture of Experts', True), ('TTS', 'Text to Speech', True), ('OoD', 'Out of Distribution', True), ('ner', 'Named Entity Recognition', False),
    ('NER', 'Recognition of Named Entities', False), ('NE', 'Named Entity Recognition', False), ('Zero-Shot', 'Reasoning', False), ('100k', 'Control', False), ('', 'Control', False), ('C', 'Control', False), ('CONTROLLED', 'Control', False), ('COCO', 'Object Detection', False)])
def test_acronyms(word, phrase, is_one): assert is_acronym(word, phrase) == is_one

@pytest.mark.parametrize('name,parts', [('Tree Parsing (TP)', ('Tree Parsing', 'TP')), ('Tree Parsing (Zero-Shot)', None), ('Tree Parsing', None), ('', None), ('(TP)', None), ('Tree (TP) Parsing', None), ('Tree Parsing(TP)', ('Tree Parsing', 'TP'))])
def test_expand(name, parts): assert expand(name) == (parts or (name, None))

@checks(500)
@given(anything)
def test_names_of_anything(name):
    keys = names_of(Task(name, [name, name[::-1]]), more=[name.upper()])
    assert all(len(k) > 1 and k == ' '.join(k.split()) for k in keys) and (len(name_key(expand(name)[0])) < 2 or name_key(expand(name)[0]) in keys)
    assert names_of(Task('x'), more=['', '-', 'Y', 'ß']) == set()

def test_names_of():
    assert names_of(Task('Leaf Counting', ['Leaf Counting', 'leaf-counting', 'Counting of Leaves (COL)', 'Leaves (Zero-Shot)']), ['LC']) == {'leaf counting', 'counting of leave', 'col', 'leave zero shot', 'lc'}

finders = st.dictionaries(st.lists(st.sampled_from('abc'), min_size=1, max_size=4).map(' '.join), st.lists(st.integers(0, 5), max_size=3), max_size=6)

@checks(500)
@given(finders, few)
def test_names_are_found_exactly_where_they_stand(names, ws):
    assert NameFinder(names)(ws) == {c for name, cs in names.items() if name in runs(ws, 4) for c in cs}

@checks(300)
@given(st.lists(anything, min_size=1, max_size=4), anything, anything)
def test_a_task_is_found_by_each_of_its_names(names, before, after):
    keys = names_of(Task(names[0], names[1:]))
    finder = NameFinder({k: [7] for k in keys})
    for name in names:
        if name_key(expand(name)[0]) in keys: assert finder(words(before) + words(expand(name)[0]) + words(after)) == {7}
    assert finder(words(before)) == ({7} if keys & runs(words(before), 60) else set())

def test_long_names():
    long = ' '.join(['a'] * LONGEST)
    finder = NameFinder({long: [1], long + ' a': [2], ' '.join('a' * 10**5): [3]})
    assert finder(['a'] * (LONGEST-1)) == set() and finder(['a'] * 5000) == {1}

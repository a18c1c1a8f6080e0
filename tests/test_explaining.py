"What explanations, pages' HTML and feedback promise, on texts from anywhere."
import json, re, subprocess, sys, threading
from html.parser import HTMLParser
import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from typeguard import suppress_type_checks
from from_paper_with_tasks.core import PACKAGE, PaperTasksError, read_rows
from from_paper_with_tasks.explaining import distinct_words, pieces_of, without
from from_paper_with_tasks.feedback import MAX_TASK, Feedback, feedback_from_env, feedback_rows
from from_paper_with_tasks.showing import STYLE, alert_html, as_json, as_text, tags_html, why_html
from from_paper_with_tasks.tagging import PaperTagger, Tags, to_probs

ABSTRACT = 'Named entity recognition in tweets is hard. We translate German into English with a transformer, and parse <b>trees</b> & "shrubs".'
ATTACK = '"><script>alert(1)</script><img src=x onerror=alert(1)>'

@pytest.fixture(scope='module')
def tagger(): return PaperTagger.from_pretrained()

@pytest.fixture(scope='module')
def explanation(tagger): return tagger.explain(ABSTRACT, 'Tweets')


## Explaining

@given(st.text())
@settings(max_examples=200, deadline=None)
def test_pieces_are_the_text(text):
    pieces = pieces_of(text)
    assert ''.join(pieces) == text
    places = distinct_words(pieces)
    assert sorted(i for p in places.values() for i in p) == list(range(1, len(pieces), 2))
    assert not re.search(r'[^\W_]', without(pieces, range(1, len(pieces), 2)))

def test_tags_are_the_papers_own(tagger, explanation):
    assert explanation.tags == tagger(ABSTRACT, 'Tweets')
    assert tagger.explain(ABSTRACT, top=2, threshold=.01).tags == tagger(ABSTRACT, top=2, threshold=.01)

def test_contributions_are_what_is_lost(tagger, explanation):
    task = explanation.tags.tasks[0]
    column, text = tagger.labels.index(task), explanation.paper.text
    for word, value in explanation.top(task, 3):
        rest = without(explanation.pieces, explanation.places[word.lower()])
        assert word not in rest and tagger.classifier.logits(text)[column] - tagger.classifier.logits(rest)[column] == pytest.approx(value, abs=1e-3)

def test_same_in_threads(tagger, explanation):
    found, threads = [], []
    for _ in range(4): threads.append(threading.Thread(target=lambda: found.append(tagger.explain(ABSTRACT, 'Tweets').lost))); threads[-1].start()
    for t in threads: t.join()
    assert len(found) == 4 and all((f == explanation.lost).all() for f in found)

@pytest.mark.parametrize('paper', ['parsing', dict(abstract='Parsing trees.', title=None), dict(abstract='We parse. '*500)])
def test_short_and_long(tagger, paper):
    e = tagger.explain(paper)
    assert e.lost.shape == (len(e.places), len(tagger.labels)) and np.isfinite(e.lost).all() and e.top(e.tags.scores[0]['task'])

@pytest.mark.parametrize('task', ['', 'Alchemy', None, 3, 'x'*10_000])
def test_unknown_task(explanation, task):
    for f in (explanation.top, explanation.contributions, lambda t: why_html(explanation, t)):
        with suppress_type_checks(), pytest.raises(PaperTasksError) as e: f(task)
        assert '\n' not in str(e.value) and len(str(e.value)) < 300

def test_the_best_words_count_most(tagger):
    "Without the three words that an explanation names, most papers lose their best task; without three others, few do."
    lost = []
    for p in list(read_rows(PACKAGE/'sample'/'papers.jsonl'))[-8:]:
        e = tagger.explain(p)
        column, words = e.column(e.tags.scores[0]['task']), list(e.places)
        order = np.argsort(-e.lost[:, column])
        lost.append([float(to_probs(tagger.classifier.logits(without(e.pieces, [i for w in ws for i in e.places[words[w]]])))[column]) for ws in (order[:3], order[len(order)//2:][:3])])
    best, others = np.mean(lost, axis=0)
    assert best < .5*others


## Showing

class Markup(HTMLParser):
    "All tags and attributes of some HTML, which must be well nested."
    void = {'rect', 'line'}
    def __init__(self, s): super().__init__(); self.tags, self.attrs, self.open, self.text = set(), set(), [], ''; self.feed(s); self.close(); assert not self.open
    def handle_starttag(self, tag, attrs): self.tags.add(tag); self.attrs |= {k for k, _ in attrs}; self.open.append(tag)
    def handle_startendtag(self, tag, attrs): self.tags.add(tag); self.attrs |= {k for k, _ in attrs}
    def handle_endtag(self, tag): assert self.open.pop() == tag
    def handle_data(self, s): self.text += s

def check_markup(s):
    m = Markup(s)
    assert m.tags <= set('div p b table tr th td svg rect line mark'.split()) and 'style' not in m.attrs and not [a for a in m.attrs if a.startswith('on')]
    return m

def test_no_styles_or_scripts(tagger, explanation):
    for s in (tags_html(explanation.tags), why_html(explanation, 'Named Entity Recognition'), alert_html(ATTACK)): check_markup(s)
    classes = set(re.findall(r'pt-[\w-]+', STYLE))
    assert classes >= {'pt-bar', 'pt-over', 'pt-alert', 'pt-1', 'pt-4'} and 'url(' not in STYLE and '@import' not in STYLE and '<' not in STYLE

def test_markup_is_text(tagger):
    m = check_markup(tags_html(Tags([ATTACK], [dict(task=ATTACK, score=.5)], {ATTACK: ATTACK}, {ATTACK: .1})))
    assert m.text.count(ATTACK) == 2
    e = tagger.explain(f'Parsing {ATTACK} of trees with &lt;script&gt;alert(2)&lt;/script&gt;', ATTACK)
    for task in e.tags.tasks or e.labels[:1]: check_markup(why_html(e, task))

def test_shown_text_is_the_text(explanation):
    assert explanation.paper.text in check_markup(why_html(explanation, 'Named Entity Recognition')).text

@pytest.mark.parametrize('tags', [Tags([], []), Tags(['a'], [dict(task='a', score=1.)]), Tags([], [dict(task='a', score=0.)], {'a': ''}, {'a': 1.})])
def test_odd_tags(tags):
    check_markup(tags_html(tags)); assert json.loads(as_json(tags)) == tags.to_dict() and as_text(tags) == '\n'.join(tags.tasks)

def test_areas_keep_all_tasks(tagger, explanation):
    m = check_markup(tags_html(explanation.tags))
    assert all(s['task'] in m.text and explanation.tags.areas[s['task']] in m.text for s in explanation.tags.scores)

def test_a_notebook_gets_the_style(tagger): assert tagger(ABSTRACT)._repr_html_().startswith('<style>')


## Feedback

@pytest.fixture
def feedback(tagger, tmp_path): return Feedback(tmp_path/'f.jsonl', tagger)

def rows(feedback): return [json.loads(l) for l in feedback.path.read_text().splitlines()]

def test_kept(feedback, tagger):
    feedback.add(ABSTRACT, 'NER', 'wrong'); feedback.add(dict(abstract=ABSTRACT, title=ATTACK), 'Brand-new  task', 'missing')
    a, b = rows(feedback)
    assert a['task'] == 'Named Entity Recognition' and a['verdict'] == 'wrong' and a['model'] == tagger.checksum and a['tasks'] == tagger(ABSTRACT).tasks
    assert b['task'] == 'Brand-new task' and b['title'] == ATTACK

@pytest.mark.parametrize('task, verdict', [('NER', 'maybe'), ('NER', None), ('', 'missing'), ('  ', 'right'), ('Alchemy', 'right'), ('Alchemy', 'wrong'), ('x'*(MAX_TASK+1), 'missing'), (None, 'missing'), (['NER'], 'right')])
def test_refused(feedback, task, verdict):
    with suppress_type_checks(), pytest.raises(PaperTasksError) as e: feedback.add(ABSTRACT, task, verdict)
    assert '\n' not in str(e.value) and len(str(e.value)) < 200 and not feedback.path.exists()

def test_full(tagger, tmp_path):
    f = Feedback(tmp_path/'f.jsonl', tagger, max_bytes=1000)
    with pytest.raises(PaperTasksError, match='full'):
        for _ in range(20): f.add(ABSTRACT, 'NER', 'right')
    assert f.path.stat().st_size <= 1000 and rows(f)

def test_half_a_line(feedback):
    feedback.path.write_text('{"time": "20')
    feedback.add(ABSTRACT, 'NER', 'right')
    assert len(list(feedback_rows(feedback.path))) == 1 and feedback.path.read_text().count('\n') == 2

def test_threads_and_processes(feedback, tagger):
    "Whole lines only, whoever else writes."
    code = f'''
from from_paper_with_tasks.feedback import Feedback
from from_paper_with_tasks.tagging import PaperTagger
f = Feedback({str(feedback.path)!r}, PaperTagger.from_pretrained())
for _ in range(20): f.add("Parsing. "*40, "Dependency Parsing", "right")'''
    other = subprocess.Popen([sys.executable, '-c', code])
    threads = [threading.Thread(target=lambda: [feedback.add('Chunking. '*40, 'NER', 'right') for _ in range(10)]) for _ in range(4)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert other.wait() == 0 and len(rows(feedback)) == 60

def test_last_word_counts(feedback):
    for task, verdict in (('NER', 'wrong'), ('Chunking', 'missing'), ('Chunking', 'wrong' if feedback.tagger.find_task('Chunking') else 'missing'), ('NER', 'right')): feedback.add(ABSTRACT, task, verdict)
    row, = feedback_rows(feedback.path)
    assert 'Named Entity Recognition' in row['tasks']

@pytest.mark.parametrize('path', ['no/such/folder/f.jsonl', 'f.csv', 'f'])
def test_bad_place(tagger, tmp_path, path):
    with pytest.raises(PaperTasksError): Feedback(tmp_path/path, tagger)

def test_unwritable(tagger, tmp_path):
    (tmp_path/'f.jsonl').mkdir()
    with pytest.raises(PaperTasksError, match='cannot be written'): Feedback(tmp_path/'f.jsonl', tagger).add(ABSTRACT, 'NER', 'right')

def test_off_by_default(tagger, monkeypatch, tmp_path):
    monkeypatch.delenv('PAPER_TASKS_FEEDBACK', raising=False)
    assert feedback_from_env(tagger) is None
    monkeypatch.setenv('PAPER_TASKS_FEEDBACK', str(tmp_path/'f.jsonl'))
    assert feedback_from_env(tagger).path == tmp_path/'f.jsonl'

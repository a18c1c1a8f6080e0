"Measures against cases done by hand, and what `evaluate` counts."
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from from_paper_with_tasks.core import PACKAGE, PaperTasksError, Task, read_rows
from from_paper_with_tasks.evaluation import bootstrap, calibration_error, confusions, evaluate, hit_rates, measured_columns, reliability
from from_paper_with_tasks.paper import to_paper
from from_paper_with_tasks.tagging import Classifier, PaperTagger


# calibration

@pytest.mark.parametrize('probs,y,bins,error', [
    ([0, 1], [0, 1], 15, 0), ([0, 1], [1, 0], 15, 1), ([.5]*4, [1, 0, 1, 0], 15, 0), ([.7]*10, [1]*7 + [0]*3, 15, 0), ([.9]*4, [1, 1, 0, 0], 15, .4),
    ([.1, .2, .7, .9], [0, 0, 1, 1], 2, .175), ([.1, .2, .7, .9], [0, 0, 1, 1], 1, .025), # one bin: |1.9/4 - 1/2|
    ([.25, .75, .75, .75], [1, 1, 1, 0], 4, .25*.75 + .75*abs(2/3 - .75)), ([.1, .9], [.1, .9], 10, 0), # soft truths
    ([1/3, 2/3, 1], [1, 1, 1], 3, 1/3)]) # a probability on an edge belongs to the bin above it, 1 to the last
def test_calibration_error_by_hand(probs, y, bins, error):
    assert calibration_error(np.array(probs), np.array(y), bins) == pytest.approx(error, abs=1e-12)

def test_bins_by_hand():
    r = reliability(np.array([[.05, .15], [.95, 1.]]), np.array([[0, 1], [1, 1]]), bins=5)
    assert r['pairs'].tolist() == [2, 2] and r['probability'] == pytest.approx([.1, .975]) and r['share'].tolist() == [.5, 1]

def test_no_pairs():
    assert np.isnan(calibration_error(np.zeros((0, 3)), np.zeros((0, 3)))) and not len(reliability(np.zeros(0), np.zeros(0))['pairs'])

@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 20), st.integers(0, 99))
def test_any_shape_and_order_give_the_same(n, width, bins, seed):
    rng = np.random.default_rng(seed)
    p, y = rng.random((n, width)), rng.random((n, width)) < .3
    error = calibration_error(p, y, bins)
    order = rng.permutation(p.size)
    assert 0 <= error <= 1 and error == pytest.approx(calibration_error(p.ravel()[order], y.ravel()[order], bins))
    assert reliability(p, y, bins)['pairs'].sum() == p.size
    assert abs(p.mean() - y.mean()) <= error + 1e-12 # bins can only hide a gap by being merged
    slow = sum(m.sum()*abs(p[m].mean() - y[m].mean()) for b in range(bins) if (m := (np.minimum((p*bins).astype(int), bins - 1) == b)).any())/p.size
    assert error == pytest.approx(slow)


# confusions

def test_confusions_by_hand():
    tasks, y = [Task(t) for t in 'ABC'], np.array([[1, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]])
    shown = np.array([[0, 1, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]]) == 1
    assert confusions(shown, y, tasks) == [dict(missed='A', shown='B', papers=2), dict(missed='A', shown='C', papers=1), dict(missed='C', shown='A', papers=1)]
    assert confusions(y == 1, y, tasks) == []


# evaluate

class Stub(Classifier):
    "Gives the tasks whose letters a text holds a probability of 0.9, and the others 0.1."
    def __init__(self, names): self.names, self.read = names, 0
    def __call__(self, texts):
        self.read += len(texts)
        return np.array([[.9 if f'{n} ' in t else .1 for n in self.names] for t in texts])

def tagger_of(**evidence):
    return PaperTagger(Stub(list(evidence)), [Task(n, [n], evidence=e) for n, e in evidence.items()], [.5]*len(evidence))

def paper(text, **more): return dict(abstract=f'{text} and so on, in plain words that can be read', **more)

MIXED = dict(alpha='measured', beta='weak', gamma='measured', delta='few')

def test_measures_are_over_the_measured_tasks():
    rows = [paper('alpha beta ', tasks=['alpha', 'delta']), paper('gamma ', tasks=['gamma']), paper('beta ', tasks=['beta']), paper('beta ', tasks=['nonsense'])]
    tagger = tagger_of(**MIXED)
    e = evaluate(tagger, rows)
    assert e.papers == 2 and e.measures['exact match']['value'] == e.measures['micro-F1']['value'] == e.measures['macro-F1']['value'] == 1
    assert e.left_out == dict(unreadable=0, no_known_task=1, no_measured_task=1) and e.unknown_tasks == ['nonsense'] and e.unmeasured_tasks == ['beta', 'delta']
    assert [r['task'] for r in e.per_task] == ['alpha', 'gamma'] and tagger.classifier.read == 2

def test_what_is_wrong_counts():
    e = evaluate(tagger_of(**MIXED), [paper('alpha gamma ', tasks=['alpha']), paper('none ', tasks=['gamma'])])
    assert e.measures['micro-F1']['value'] == pytest.approx(2/(2 + 1 + 1)) and e.measures['exact match']['value'] == 0

def test_one_task_rows_are_also_measured_among_all_tasks():
    rows = [paper('alpha ', task='alpha'), paper('beta delta ', task='gamma'), paper('beta ', task='beta')]
    e = evaluate(tagger_of(**MIXED), rows)
    assert list(e.measures) == ['hit@1', 'hit@3', 'hit@5', 'hit@1 of all', 'hit@3 of all', 'hit@5 of all'] and e.per_task == []
    assert e.papers == 2 and e.left_out['no_measured_task'] == 1 and e.unmeasured_tasks == ['beta']
    assert e.measures['hit@1']['value'] == .5 # gamma: alpha comes before it among equals
    assert e.measures['hit@1 of all']['value'] == pytest.approx(2/3) and e.measures['hit@5 of all']['value'] == 1

def test_one_task_rows_of_unmeasured_tasks_alone():
    e = evaluate(tagger_of(**MIXED), [paper('beta ', task='beta')])
    assert e.papers == 0 and list(e.measures) == ['hit@1 of all', 'hit@3 of all', 'hit@5 of all']

@pytest.mark.parametrize('evidence', ['few', 'weak', 'measured'])
def test_a_model_of_one_kind_of_tasks_is_measured_on_all(evidence):
    tagger = tagger_of(alpha=evidence, beta=evidence)
    assert measured_columns(tagger.tasks).tolist() == [0, 1]
    e = evaluate(tagger, [paper('alpha ', tasks=['alpha']), paper('beta ', tasks=['beta'])])
    assert e.papers == 2 and e.unmeasured_tasks == [] and e.left_out['no_measured_task'] == 0
    assert list(evaluate(tagger, [paper('alpha ', task='alpha')]).measures) == ['hit@1', 'hit@3', 'hit@5']

@pytest.mark.parametrize('rows', [[], [paper('x ', tasks=['nonsense'])], [paper('x ', tasks=['beta'])], [dict(abstract='', tasks=['alpha'])], [paper('x ')]], ids=['none', 'unknown', 'unmeasured', 'empty', 'unlabelled'])
def test_nothing_to_measure_is_said_in_a_line(rows):
    with pytest.raises(PaperTasksError) as e: evaluate(tagger_of(**MIXED), rows)
    assert '\n' not in str(e.value)

def test_one_threshold_for_all_tasks():
    rows = [paper('alpha ', tasks=['alpha']), paper('beta ', tasks=['alpha'])]
    assert evaluate(tagger_of(**MIXED), rows, threshold=.95).measures['micro-F1']['value'] == 0
    assert evaluate(tagger_of(**MIXED), rows, threshold=.05).measures['micro-F1']['value'] == pytest.approx(4/(4 + 2))

def test_hit_rates_are_the_bootstraps():
    rng = np.random.default_rng(1)
    p, y = rng.random((50, 8)), rng.random((50, 8)) < .2
    assert hit_rates(p, y) == {m: v for m, v in bootstrap(p, p > .5, y).items() if m.startswith('hit')}


# papers from other fields

def test_papers_from_other_fields_are_papers():
    rows = list(read_rows(PACKAGE/'sample'/'outside.jsonl'))
    assert len(rows) >= 40 and all(set(r) == {'title', 'abstract', 'field'} for r in rows) and len({r['title'] for r in rows}) == len(rows)
    for r in rows: to_paper(r)

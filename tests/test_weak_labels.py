"Weak labels: three kinds of papers in one list, none on two sides of a split, and tasks from words with what these are worth."
import numpy as np
import pytest

pd = pytest.importorskip('pandas')
pytest.importorskip('datasketch')
from from_paper_with_tasks.cleaning import load_taxonomy, settle_names
from from_paper_with_tasks.core import PaperTasksError, Task
from from_paper_with_tasks.paper import split_of
from from_paper_with_tasks.weak_labels import (ORIGINAL_PAPERS, add_tasks, find_names, gather, known_support, load_papers, name_columns, same_names,
                                               save_papers, usable_rows, word_rules)

WORDS = 'We count the leaves of {} with a network that was trained on drone images and show that it is as good as a farmer at it, in all weathers.'

def ids(split, n): return [i for i in (f'p{k}' for k in range(1000)) if split_of(i) == split][:n]
def records(ids, trees, tasks=()): return pd.DataFrame(dict(id=ids, title=[f'On the leaves of {t}' for t in trees], abstract=[WORDS.format(t) for t in trees], tasks=[list(tasks) for _ in ids]))
def unlike(n, start=0): return [' '.join(f'{w}{k}' for w in ('oak', 'ash', 'elm', 'fir', 'yew', 'box', 'bay', 'fig')*4) for k in range(start, start + n)]
def table(ids, tasks=('Leaf Counting',)): return usable_rows(records(ids, unlike(len(ids)), tasks), 'one').assign(split=[split_of(i) for i in ids]).drop(columns='known')


def test_what_cannot_be_used_is_left_out():
    rows = records(['a', 'b'], unlike(2))
    rows.loc[1, 'abstract'] = 'Too short.'
    assert usable_rows(rows, 'none').id.tolist() == ['a']

def test_papers_without_tasks_are_for_training_whatever_their_id():
    rows = records(ids('test', 2), unlike(2))
    assert set(usable_rows(rows, 'none').split) == {'train'} and set(usable_rows(rows, 'one').split) == {'test'}

def test_a_paper_is_on_one_side_of_the_split():
    held, train = ids('test', 1), ids('train', 2)
    one = usable_rows(records(train[1:], unlike(1)), 'one')                     # the text of the held-out paper
    none = usable_rows(records(['x', 'y'], [*unlike(1), *unlike(1, 50)]), 'none') # and once more
    papers = gather(table([*held, train[0]]), one, none)
    assert papers[papers.known == 'one'].split.tolist() == ['test']
    assert papers[papers.known == 'none'].id.tolist() == ['y'] and papers[papers.known == 'all'].split.tolist() == ['test', 'train']

def test_tasks_of_the_table_keep_their_names():
    names = settle_names([['Leaf Counting', 'leaf-counting', 'Rain Detection']], load_taxonomy(None), {})
    meaning = same_names(names, [Task('leaf-counting', ['Leaf Counting', 'leaf-counting'])])
    assert meaning['Leaf Counting'] == meaning['leaf-counting'] == 'leaf-counting' and meaning['Rain Detection'] == 'Rain Detection'

def test_names_are_found_as_words_not_as_letters():
    columns = name_columns([Task('Rain Detection', ['Rain Detection', 'RD']), Task('Hail')], {'Hail': ['ice']})
    assert find_names(['Rain detection and ice', 'Grain detections of rice', 'nothing'], columns) == [[0, 1], [], []]

def test_which_tasks_are_added():
    train = ids('train', 4)
    papers = gather(table(train[:1]), usable_rows(records(train[1:3], unlike(2, 10), ['Rain Detection']), 'one'), usable_rows(records(['x'], unlike(1, 30)), 'none'))
    names = settle_names(papers.tasks, load_taxonomy(None), {})
    assert known_support(papers) == {'Leaf Counting': 1, 'Rain Detection': 2}
    def added(wanted, least): return [(t.task, t.evidence, t.support) for t in add_tasks([Task('Leaf Counting')], wanted, papers, names, load_taxonomy(None), least)[1:]]
    assert added([], 3) == [] and added([], 2) == [('Rain Detection', 'few', 2)]
    assert added(['Hail', 'Leaf Counting'], 3) == [('Hail', 'weak', 0)]

def test_what_words_are_worth():
    tasks = [Task(n, [n]) for n in ('Frequent', 'Rare', 'Never', 'Uncounted')]
    found = [[0, 1]]*40 + [[3]]*60
    rules = word_rules(tasks, pd.Series(['x']*100), found, {'Frequent': round(.2*ORIGINAL_PAPERS), 'Rare': 1, 'Never': 5})
    assert rules.rate.tolist() == [.4, .4, 0, .6] and np.allclose(rules.probability, [.5, .25, .95, .95], atol=1e-3)

def test_what_is_saved_comes_back(tmp_path):
    with pytest.raises(PaperTasksError, match='run 02a_weak_labels first'): load_papers(tmp_path)
    papers = table(ids('train', 2)).assign(known='all', found=[['Hail'], []])
    tasks = [Task('Leaf Counting'), Task('Hail', parents=['Weather'], evidence='weak')]
    save_papers(papers, tasks, word_rules(tasks[1:], papers.text, [[0], []], {}), tmp_path)
    loaded, loaded_tasks, words = load_papers(tmp_path)
    assert loaded_tasks == tasks and words == {'Hail': .95} and loaded.id.tolist() == papers.id.tolist() and list(map(list, loaded.found)) == [['Hail'], []]

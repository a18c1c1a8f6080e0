"The command as a hostile user would run it: texts, options, labels, evaluation."
import json, random, re, socket, subprocess, sys
import numpy as np
import pytest
from typeguard import suppress_type_checks
from helpers import ENV, GOOD, PAPER_TASKS, UNUSABLE, complaint, put, refused, shell
from from_paper_with_tasks import __version__
from from_paper_with_tasks.core import PACKAGE, ROOT, PaperTasksError, read_rows
from from_paper_with_tasks.paper import Paper, split_of
from from_paper_with_tasks.tagging import PaperTagger

SAMPLE = PACKAGE/'sample'/'papers.jsonl'
COMMANDS = ['tag', 'labels', 'evaluate', 'demo', 'app', 'serve', 'collect', 'clean', 'train']
bad_texts = pytest.mark.parametrize('text,why', UNUSABLE.values(), ids=UNUSABLE)


# one abstract

@bad_texts
def test_text_that_cannot_be_tagged(command, text, why): assert re.search(why, refused(command('tag', text)))

@bad_texts
def test_stdin_that_cannot_be_tagged(command, text, why): assert re.search(why, refused(command('tag', '-', stdin=text.encode('utf-8', 'surrogatepass'))))

@pytest.mark.parametrize('data', [b'', b'We present \xff a parser.', GOOD.encode('utf-16'), GOOD.encode('utf-16-le'), b'\x80\x04K\x01.', b'\x1f\x8b\x08\0' + b'\xee'*50])
def test_stdin_that_is_no_text(command, data): refused(command('tag', '-', '--json', stdin=data))

@pytest.mark.parametrize('data', [GOOD.encode(), GOOD.encode('utf-8-sig'), GOOD.replace(' ', '\r\n').encode()+b'\n'])
def test_stdin(command, data): assert command('tag', '-', '--json', stdin=data) == command('tag', GOOD, '--json')

@pytest.mark.parametrize('text', ['x'*20_000, 'word ' * 9_999, '<leaf>' * 8_000, "'; DROP TABLE papers; --", '$(reboot) `reboot` %s %n {0}', 'naïve façade — “quoted” ﬁeld', '../../etc', '[PAD] [MASK] [SEP]', 'a'])
def test_odd_texts_that_can_be_tagged(command, text): assert json.loads(command('tag', '--json', '--', text).out)['scores']

@pytest.mark.parametrize('name', ['NUL bytes', 'a lone surrogate', '5 MB'])
def test_title_that_cannot_be_used(command, name): assert 'title' in refused(command('tag', GOOD, '--title', UNUSABLE[name][0]))

@pytest.mark.parametrize('title', ['', ' ', '\u200b'])
def test_empty_title_is_none(command, title): assert command('tag', GOOD, '--title', title) == command('tag', GOOD)

def test_title_counts(command, tagger):
    with_title = json.loads(command('tag', GOOD, '--title', 'A Parser for Basque', '--json').out)
    assert with_title == tagger(GOOD, 'A Parser for Basque').to_dict() != tagger(GOOD).to_dict()

def test_words_count(tagger): # not the length alone
    words = GOOD.lower().strip('.').replace(',', '').split()
    a, b = tagger.probabilities([' '.join(words), ' '.join(words[::-1])])
    assert np.abs(a-b).max() > 1e-5

def test_json(command, tagger):
    done = command('tag', GOOD, '--json', '--top', 10_000)
    tags = json.loads(done.out)
    assert (done.status, done.err, list(tags)) == (0, '', ['tasks', 'scores'])
    names, scores = [s['task'] for s in tags['scores']], [s['score'] for s in tags['scores']]
    assert sorted(names) == sorted(tagger.labels) and scores == sorted(scores, reverse=True) and 0 <= min(scores) <= max(scores) <= 1
    margin = {s['task']: s['score']-tagger.thresholds[tagger.labels.index(s['task'])] for s in tags['scores']}
    assert {n for n in names if margin[n] > 1e-6} <= set(tags['tasks']) <= {n for n in names if margin[n] > -1e-6}
    assert tags['tasks'] == [n for n in names if n in tags['tasks']]

@pytest.mark.parametrize('k', [1, 3, 1000, 10**30])
def test_top(command, tagger, k):
    scores = json.loads(command('tag', GOOD, '--json', '--top', k).out)['scores']
    assert scores == tagger(GOOD, top=1000).to_dict()['scores'][:k] and len(scores) == min(k, len(tagger.tasks))

@pytest.mark.parametrize('x', [0, 0.3, 1, '1e-9'])
def test_threshold(command, x):
    tags = json.loads(command('tag', GOOD, '--json', '--top', 10_000, '--threshold', x).out)
    assert tags['tasks'] == [s['task'] for s in tags['scores'] if s['score'] >= float(x)]

def test_bars(command, tagger):
    lines = command('tag', GOOD, '--top', 2, '--threshold', 0).out.splitlines()
    assert len(lines) == 2 and all(l.startswith('*') and '%' in l and l.endswith(tuple(tagger.labels)) for l in lines)
    assert '(none is over its threshold)' in command('tag', GOOD, '--threshold', 1).out

@pytest.mark.parametrize('k', ['0', '-1', '1.5', 'ten', '', 'nan', '٣²', '9'*5000])
def test_top_that_makes_no_sense(command, k):
    assert 'whole number' in refused(command('tag', GOOD, '--top', k))

@pytest.mark.parametrize('x', ['-0.1', '1.1', 'half', '', 'nan', 'inf', '1e999', '0,5'])
@pytest.mark.parametrize('argv', [['tag', GOOD], ['evaluate', '--data', SAMPLE]], ids=['tag', 'evaluate'])
def test_threshold_that_makes_no_sense(command, argv, x): assert 'from 0 to 1' in refused(command(*argv, '--threshold', x))

@pytest.mark.parametrize('argv', [[], ['tag'], ['tog', GOOD], ['--nonsense'], ['tag', GOOD, GOOD], ['tag', GOOD, '--nonsense'], ['tag', '--top'], ['tag', GOOD, '--input', 'a.csv', '--output', 'b.csv'], ['tag', '--input', 'a.csv'],
    ['tag', '--output', 'b.csv'], ['tag', GOOD, '--output', 'b.csv'], ['tag', '--input', '', '--output', ''], ['tag', '--input', SAMPLE, '--output', 'b.csv', '--title', 'x'], ['tag', '--input', SAMPLE, '--output', 'b.csv', '--json'],
    ['labels', 'x'], ['evaluate'], ['evaluate', '--data', SAMPLE, '--split', 'dev'], ['demo', '--papers', '0'], ['app', '--port', 'x'], ['tag', '--version'], ['tag', SAMPLE]], ids=lambda a: ' '.join(map(str, a))[:40])
def test_options_that_make_no_sense(command, argv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(command(*argv))
    assert not list(tmp_path.iterdir())

def test_help(command):
    for argv in [[], *([c] for c in COMMANDS)]:
        done = command(*argv, '--help')
        assert (done.status, done.err) == (0, '') and done.out.startswith('usage: paper-tasks')
    assert all(c in command('--help').out for c in COMMANDS)

def test_version(command): assert command('--version') == (0, f'paper-tasks {__version__}\n', '')


# other commands

def test_labels(command, tagger):
    header, *lines = command('labels').out.splitlines()
    assert 'task' in header and len(lines) == len(tagger.tasks)
    assert all(t.task in l and str(t.support) in l and t.evidence in l for t, l in zip(tagger.tasks, lines))

def test_labels_json(command):
    tasks = json.loads(command('labels', '--json').out)
    names = [t['task'] for t in tasks]
    assert len(set(names)) == len(names) > 1
    for t in tasks:
        assert set(t) == {'task', 'aliases', 'area', 'parents', 'support', 'evidence'}
        assert t['task'] in t['aliases'] and len(set(t['aliases'])) == len(t['aliases']) and all(a and isinstance(a, str) for a in t['aliases'])
        assert isinstance(t['area'], str) and isinstance(t['support'], int) and t['support'] >= dict(measured=10, few=1, weak=0)[t['evidence']]

def test_no_spelling_means_two_tasks(tagger):
    owner = {}
    for t in tagger.tasks:
        for a in t.aliases: assert owner.setdefault(a, t.task) == t.task and tagger.find_task(a) is t

def test_encoded_task_types(tagger):
    assert json.loads((ROOT/'json_files'/'task_types_encoded.json').read_text()) == {t: i for i, t in enumerate(tagger.labels)}

def test_demo(command, tagger):
    done = command('demo', '--papers', 2)
    titles = [r['title'] for r in read_rows(SAMPLE)]
    assert done.status == 0 and done.err == '' and titles[0] in done.out and titles[1] in done.out and titles[2] not in done.out
    assert command('demo', '--papers', 10_000).status == 0

def test_app_without_gradio(command, monkeypatch):
    monkeypatch.delitem(sys.modules, 'from_paper_with_tasks.app', raising=False)
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    assert 'gradio' in refused(command('app', '--port', port))


# evaluation

def check_measures(found, names):
    assert set(found['measures']) == set(names)
    for m in found['measures'].values(): assert set(m) == {'value', 'low', 'high'} and 0 <= m['low'] <= m['high'] <= 1 and 0 <= m['value'] <= 1
    assert found['measures']['hit@1']['value'] <= found['measures']['hit@3']['value'] <= found['measures']['hit@5']['value']

ALL = ['micro-F1', 'macro-F1', 'exact match', 'hit@1', 'hit@3', 'hit@5']

@pytest.mark.parametrize('split', [None, 'train', 'validation', 'test'])
def test_evaluate_the_sample(command, split):
    done = command('evaluate', '--data', SAMPLE, '--json', *(['--split', split] if split else []))
    found = json.loads(done.out)
    assert done.status == 0 and set(found) == {'measures', 'per_task', 'papers', 'left_out', 'unknown_tasks', 'unmeasured_tasks'}
    check_measures(found, ALL)
    assert found['papers'] + sum(found['left_out'].values()) == sum(split in (None, split_of(r['id'])) for r in read_rows(SAMPLE))
    assert all(set(t) == {'task', 'support', 'papers', 'precision', 'recall', 'f1'} and t['papers'] > 0 for t in found['per_task'])

def test_evaluate_as_text(command):
    done = command('evaluate', '--data', SAMPLE)
    assert done.status == 0 and all(re.search(rf'^{m} +[01]\.\d{{3}}  [01]\.\d{{3}} to [01]\.\d{{3}}$', done.out, re.M) for m in ALL)

@pytest.mark.parametrize('suffix', ['jsonl', 'csv', 'csv.gz'])
def test_single_task_rows_give_hits_only(command, tagger, tmp_path, suffix):
    source = put(tmp_path/f'p.{suffix}', [dict(id=str(i), abstract=f'{GOOD} {i}', task=t.aliases[0].upper()) for i, t in enumerate(tagger.tasks[:5])])
    found = json.loads(command('evaluate', '--data', source, '--json').out)
    of_all = [] if all(t.evidence == 'measured' for t in tagger.tasks) else [f'hit@{k} of all' for k in (1, 3, 5)]
    check_measures(found, ['hit@1', 'hit@3', 'hit@5', *of_all])
    assert found['papers'] == 5 and found['per_task'] == []
    assert 'hit@k' in command('evaluate', '--data', source).out

@pytest.mark.parametrize('tasks', [5, True, [1, 2], [['x']], {'x': 1}, '[broken', '[1]', '[' * 5000, [None], '\ud800', ['\ud800'], None, '', [], 'No Such Task'], ids=lambda t: repr(t)[:20])
def test_evaluate_passes_over_odd_tasks(command, tagger, tmp_path, tasks):
    rows = [dict(id='1', abstract=GOOD, tasks=[tagger.labels[0]]), dict(id='2', abstract=GOOD, tasks=tasks)]
    done = command('evaluate', '--data', put(tmp_path/'p.jsonl', rows), '--json')
    found = json.loads(done.out)
    assert done.status == 0 and found['papers'] == 1 and sum(found['left_out'].values()) == 1
    json.dumps(found['unknown_tasks'])
    assert command('evaluate', '--data', tmp_path/'p.jsonl').status == 0

@pytest.mark.parametrize('row', ['half a row', '[]', '{}', '{"abstract": ""}', '{"abstract": 5}', '{"abstract": "x", "title": 5}', '{"abstract": "We parse.", "id": "\\ud800"}', '{"abstract": "We parse.", "id": [1]}', '{"abstract": "We parse.", "id": null}'])
def test_evaluate_passes_over_odd_rows(command, tagger, tmp_path, row):
    mine = next(f'p{i}' for i in range(100) if split_of(f'p{i}') == 'train')
    source = put(tmp_path/'p.jsonl', f'{row}\n\n' + json.dumps(dict(id=mine, abstract=GOOD, tasks=[tagger.labels[0]])) + '\n')
    for split in [], ['--split', 'train']:
        done = command('evaluate', '--data', source, '--json', *split)
        assert done.status == 0 and json.loads(done.out)['papers'] == 1

@pytest.mark.parametrize('name,content', [('p.jsonl', [dict(abstract=GOOD)]), ('p.jsonl', [dict(abstract=GOOD, tasks=['No Such Task'])]), ('p.jsonl', ''), ('p.jsonl', b'\xff'), ('p.csv', ''), ('p.csv', 'abstract\n'), ('p.csv', [dict(text=GOOD, tasks='x')]),
    ('p.csv', [dict(abstract=GOOD)]), ('p.txt', GOOD), ('p.jsonl.gz', [dict(abstract=GOOD)])])
def test_evaluate_files_without_labelled_papers(command, tmp_path, name, content): refused(command('evaluate', '--data', put(tmp_path/name, content), '--json'))

@pytest.mark.parametrize('name', ['missing.jsonl', '', '.', 'folder.csv'])
def test_evaluate_what_is_no_file(command, tmp_path, name):
    (tmp_path/'folder.csv').mkdir()
    refused(command('evaluate', '--data', tmp_path/name if name else ''))


# from Python

@pytest.mark.parametrize('bad', ['', None, 5, b'bytes', [], {}, {'abstract': None}, {'abstract': GOOD, 'title': 5}, Paper(''), Paper(None)], ids=repr)
def test_a_list_with_one_bad_paper(tagger, bad):
    with suppress_type_checks(), pytest.raises(PaperTasksError) as e: tagger([GOOD, bad, GOOD])
    assert '\n' not in str(e.value)

def test_lists(tagger):
    assert tagger([]) == [] == list(tagger.tag_rows([]))
    with pytest.raises(PaperTasksError, match='title'): tagger([GOOD], title='x')

@pytest.mark.parametrize('options', [dict(top=0), dict(top=1.5), dict(top='3'), dict(top=None), dict(threshold=2), dict(threshold=float('nan')), dict(threshold='0.5')], ids=str)
def test_options_from_python(tagger, options):
    with suppress_type_checks(), pytest.raises(PaperTasksError): tagger(GOOD, **options)
    with suppress_type_checks(), pytest.raises(PaperTasksError): list(tagger.tag_rows([dict(abstract=GOOD)], **options))

def test_scores_do_not_depend_on_company(tagger):
    papers = [Paper(r['abstract'], r['title']) for r in read_rows(SAMPLE)][:20] + ['a', 'word ' * 2000]
    together, order = tagger.probabilities(papers), random.Random(0).sample(range(22), 22)
    assert (tagger.probabilities([papers[i] for i in order]) == together[order]).all()
    assert (np.concatenate([tagger.probabilities([p]) for p in papers]) == together).all()
    assert (PaperTagger.from_pretrained(threads=1).probabilities(papers) == together).all()

def test_rows_are_tagged_as_single_papers_are(tagger):
    rows = list(read_rows(SAMPLE))
    for r, t in zip(rows, tagger.tag_rows(rows), strict=True): assert r['id'] == t['id'] and tagger(r).to_dict() == {k: t[k] for k in ('tasks', 'scores')}


# the installed command

def test_from_a_terminal():
    done = shell('tag', GOOD, '--json', '--title', 'A parser')
    assert done.status == 0 and done.err == '' and json.loads(done.out)['scores']

def test_piped_in():
    done = shell('tag', '-', input=GOOD.encode())
    assert done.status == 0 and done.err == '' and '%' in done.out
    refused(shell('tag', '-', input=b'\xff'))
    refused(shell('tag', b'We present \xff a parser.'))

def test_closed_stdin():
    done = subprocess.run(['sh', '-c', '"$0" tag - <&-', PAPER_TASKS], capture_output=True, text=True, env=ENV)
    assert done.returncode == 2 and complaint(done.stderr)

def test_full_disk_under_stdout():
    with open('/dev/full', 'wb') as full: done = subprocess.run([PAPER_TASKS, 'labels'], stdout=full, stderr=subprocess.PIPE, text=True, env=ENV)
    assert done.returncode == 2 and complaint(done.stderr)

def test_a_reader_that_leaves():
    p = subprocess.Popen([PAPER_TASKS, 'labels'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV)
    p.stdout.close()
    assert p.stderr.read() == '' and p.wait() == 141

def test_a_terminal_without_unicode():
    done = shell('tag', GOOD, env=ENV | {'PYTHONIOENCODING': 'ascii'})
    assert done.status == 0 and done.err == ''

def test_nothing_is_fetched(tmp_path):
    code = '''if 1:
        import os, sys
        sys.addaudithook(lambda event, args: event.startswith('socket.') and event != 'socket.gethostname' and os._exit(99))
        from from_paper_with_tasks.cli import main
        import socket
        socket.socket = socket.create_connection = None
        sys.exit(main(sys.argv[1:]))'''
    source = put(tmp_path/'p.jsonl', [dict(abstract=GOOD)])
    for argv in ['tag', GOOD], ['tag', '--input', source, '--output', tmp_path/'o.csv'], ['evaluate', '--data', SAMPLE]:
        done = subprocess.run([sys.executable, '-c', code, *argv], capture_output=True, text=True, env=ENV)
        assert done.returncode == 0, done

def test_imports_are_light():
    heavy = {'torch', 'transformers', 'pandas', 'gradio', 'onnx', 'sklearn', 'datasets', 'requests', 'bs4', 'matplotlib', 'IPython', 'nbdev'}
    done = subprocess.run([sys.executable, '-c', 'import sys, from_paper_with_tasks.cli; print(*sys.modules)'], capture_output=True, text=True, env=ENV)
    assert done.returncode == 0 and not heavy & set(done.stdout.split())


# why, and arXiv

def test_why(command, tagger):
    text = 'Named entity recognition in tweets is hard.'
    tags = json.loads(command('tag', text, '--why', '--json').out)
    assert {k: tags[k] for k in ('tasks', 'scores')} == tagger(text).to_dict()
    assert list(tags['why']) == tags['tasks'] and tags['why']['Named Entity Recognition'][0][0] in ('entity', 'Named', 'recognition')
    assert 'Named Entity Recognition: ' in command('tag', text, '--why').out.splitlines()[-1]

def test_why_nothing_was_found(command): assert json.loads(command('tag', 'A recipe for bread.', '--why', '--json').out)['why'] == {}

def test_arxiv(command, server, monkeypatch):
    entries = ''.join(f'<entry><id>http://arxiv.org/abs/{id}v1</id><published>2021-01-04T09:00:00Z</published><title>A Parser</title><summary>{GOOD}</summary></entry>' for id in ('2101.00001', '0704.0001'))
    server.routes['/api?id_list=2101.00001,0704.0001&max_results=2'] = f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'
    monkeypatch.setenv('PAPER_TASKS_ARXIV_API', f'{server.base}/api')
    done = command('tag', '--arxiv', 'arXiv:2101.00001v1')
    assert (done.status, done.err) == (0, '') and done.out == command('tag', GOOD, '--title', 'A Parser').out

@pytest.mark.parametrize('args, says', [(['--arxiv', 'http://169.254.169.254/'], 'no arXiv id'), (['--arxiv', ''], 'no arXiv id'), ([GOOD, '--arxiv', '2101.00001'], 'give one of them'),
    (['--input', 'a.csv', '--output', 'b.csv', '--why'], '--why'), (['--arxiv', '2101.00001', '--input', 'a.csv'], 'give one of them')])
def test_arxiv_misused(command, args, says): assert says in refused(command('tag', *args))

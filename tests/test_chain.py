"From a source to a training table to a trained model, by the commands that a user types."
import io
import json
import signal
import subprocess
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers import ENV, PAPER_TASKS, shell

from from_paper_with_tasks.core import PACKAGE, read_rows
from from_paper_with_tasks.cleaning import load_table

SAMPLE = list(read_rows(PACKAGE/'sample'/'papers.jsonl'))


def shard(rows):
    "Rows as the archive has them."
    method = dict(name='Leaf Net', main_collection=dict(name='Graph Models', area='Graphs'))
    table = pa.Table.from_pylist([dict(paper_url=f'https://paperswithcode.com/paper/{r["id"]}', arxiv_id=f'2101.{n:05}', title=r['title'], abstract=r['abstract'],
                                       tasks=r['tasks'], date='2021-01-01', methods=[method] if n % 2 else []) for n, r in enumerate(rows)])
    f = io.BytesIO()
    pq.write_table(table, f)
    return f.getvalue()


@pytest.fixture
def archive(server):
    server.routes |= {'/data/0.parquet': shard(SAMPLE), '/data/1.parquet': shard(SAMPLE[:20])}
    return server.base + '/data/0.parquet'


def test_collect_clean_train(command, archive, tmp_path):
    papers, table = tmp_path/'papers.jsonl', tmp_path/'table'
    dry = command('collect', 'archive', archive, '--all', '--delay', '0', '--output', papers, '--dry-run')
    assert dry.status == 0 and 'requests' in dry.out and not papers.exists()
    got = command('collect', 'archive', archive, '--all', '--delay', '0', '--output', papers)
    assert (got.status, got.out) == (0, f'{len(SAMPLE)} papers in {papers}, {len(SAMPLE)} of them new\n')
    again = command('collect', 'archive', archive, '--all', '--delay', '0', '--output', papers)
    assert again.out == f'{len(SAMPLE)} papers in {papers}, 0 of them new\n'
    done = command('clean', papers, '--min-papers', '3', '--output', table)
    assert done.status == 0 and 'as collected' in done.out
    found, tasks = load_table(table)
    assert len(found) and json.loads((table/'task_types_encoded.json').read_text()) == {t.task: i for i, t in enumerate(tasks)}

    training = pytest.importorskip('from_paper_with_tasks.training', reason='training needs the extra [train]')
    labels, encoder = [t.task for t in tasks], training.tiny_encoder(list(found.text), tmp_path/'encoder')
    recipe = training.Recipe([training.Stage('head', 1, 0, 1e-2, -1), training.Stage('whole', 1, 1e-3)])
    model, tokenizer, history = training.train_model(recipe, found, labels, encoder, tmp_path, progress=False)
    assert [(name, len(epochs)) for name, epochs in history.items()] == [('head', 1), ('whole', 1)]
    assert training.predict_logits(model, tokenizer, list(found.text[:3])).shape == (3, len(labels))


def test_the_default_is_the_categories_of_the_original(command, archive, tmp_path):
    papers = tmp_path/'papers.jsonl'
    got = command('collect', 'archive', archive, '--delay', '0', '--output', papers)
    assert got.out == f'{len(SAMPLE)//2} papers in {papers}, {len(SAMPLE)//2} of them new\n'
    assert all(r['methods'] == [dict(name='Leaf Net', category='graph-models', area='Graphs')] for r in read_rows(papers))


@pytest.mark.parametrize('argv,message', [
    (['collect', 'live'], 'nothing is selected'), (['collect', 'archive', 'nowhere'], 'nowhere'), (['collect', 'pages', 'nowhere', '--all'], 'nowhere'),
    (['collect', 'archive', '--all', '--area', 'Graphs'], 'give one of them'), (['collect', 'archive', '--since', 'May'], 'is no date'), (['collect', 'nowhere'], 'invalid choice'),
    (['collect', 'archive', '--since', '2021-01-01', '--until', '2020-01-01'], 'swap them'), (['collect', 'archive', '--delay', 'x', '--all'], 'not a number of seconds'),
    (['collect', 'archive', str(PACKAGE/'sample'/'papers.jsonl')], '--all')], ids=lambda v: v if isinstance(v, str) else None)
def test_slips_in_collecting(command, tmp_path, argv, message):
    done = command(*argv, '--output', tmp_path/'p.jsonl')
    line = done.err.splitlines()[-1]
    assert done.status == 2 and done.out == '' and line.startswith('paper-tasks: ') and message in line and 'Traceback' not in done.err
    assert not (tmp_path/'p.jsonl').exists()


@pytest.mark.parametrize('output', ['p.csv', 'no/p.jsonl'])
def test_outputs_that_cannot_be(command, tmp_path, output):
    done = command('collect', 'archive', PACKAGE/'sample'/'papers.jsonl', '--all', '--output', tmp_path/output)
    assert done.status == 2 and ('does not end in .jsonl' in done.err or 'there is no folder' in done.err)


@pytest.mark.parametrize('content,message', [(None, 'there is no file'), ('', 'no rows'), ('{"abstract": "Short."}\n', 'none of the 1 records'), ('{"title": "T"}\n', 'none of the 1 records'),
                                             ('nonsense\n', 'none of the 1 records')])
def test_slips_in_cleaning(command, tmp_path, content, message):
    records = tmp_path/'r.jsonl'
    if content is not None: records.write_text(content)
    done = command('clean', records, '--output', tmp_path/'table')
    assert done.status == 2 and message in done.err.splitlines()[-1] and not (tmp_path/'table'/'papers.parquet').exists()


def test_too_few_papers(command, tmp_path):
    done = command('clean', PACKAGE/'sample'/'papers.jsonl', '--output', tmp_path/'table')
    assert done.status == 2 and 'no task has 30 training papers or more (the most frequent has' in done.err


def test_failed_pages_are_counted_and_retried(command, tmp_path):
    (tmp_path/'in.jsonl').write_text(''.join(json.dumps(r)+'\n' for r in [*SAMPLE[:3], dict(id='x', abstract=None, title=None)]))
    argv = ['collect', 'archive', tmp_path/'in.jsonl', '--all', '--output', tmp_path/'out.jsonl']
    done = command(*argv)
    assert done.status == 1 and '3 papers' in done.out and '1 pages could not be had' in done.err
    (tmp_path/'in.jsonl').write_text(''.join(json.dumps(r)+'\n' for r in SAMPLE[:4]))
    done = command(*argv, '--retry')
    assert done.status == 0 and '4 papers' in done.out and '1 of them new' in done.out and not (tmp_path/'out.failed.jsonl').exists()


@pytest.mark.parametrize('sent', [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_the_user(server, tmp_path, sent):
    def paper(n):
        def answer(handler):
            time.sleep(0.05)
            return 200, {}, f'<html><body><div class="paper-title"><h1>Study {n}</h1></div><div class="paper-abstract"><p>We study {n}.</p></div></body></html>'
        return answer
    server.routes |= {'/methods/category/q-learning': '<html><div class="method-image"><a href="/method/a"></a></div></html>',
                      '/method/a': "<html><script>const DATATABLE_PAPERS_FILTER_VALUE = '1';</script></html>",
                      '/api/internal/papers/?format=json&papermethod__method_id=1': dict(count=60, next=None, results=[dict(url=f'/paper/p{n}') for n in range(60)])}
    server.routes |= {f'/paper/p{n}': paper(n) for n in range(60)}
    out = tmp_path/'p.jsonl'
    argv = [PAPER_TASKS, 'collect', 'pages', server.base, '--category', 'q-learning', '--delay', '0', '--output', out]
    running = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=ENV | {'NO_PROXY': '127.0.0.1'},
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    while not any(a.startswith('/paper/') for a in server.asked): time.sleep(0.02)
    time.sleep(0.5)
    running.send_signal(sent)
    said = running.communicate(timeout=20)[1]
    assert running.returncode == 130 and 'Traceback' not in said and said.splitlines()[-1] == 'paper-tasks: stopped: the same command goes on from here'
    had = len(list(read_rows(tmp_path/'p.part.jsonl')))
    assert 0 < had < 60 and not out.exists()
    again = shell(*argv[1:], env=ENV | {'NO_PROXY': '127.0.0.1'})
    assert again.out == f'60 papers in {out}, {60 - had} of them new\n'
    assert len(server.asked) <= len(set(server.asked)) + 1

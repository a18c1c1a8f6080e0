"Tagging many files with a cluster of processes."
import os, signal, threading, time
import pytest
from helpers import GOOD, put, refused
from from_paper_with_tasks.core import PaperTasksError, read_rows

pytest.importorskip('distributed')
from from_paper_with_tasks.scale import cluster, parts_of, tag_parts

def rows(part, n): return [dict(id=f'{part}.{i}', abstract=f'{GOOD} Number {i} of part {part}.') for i in range(n)]

@pytest.fixture
def papers(tmp_path):
    "`papers(parts, n)`: a folder of parquet files with `n` rows each."
    def make(parts, n):
        (tmp_path/'in').mkdir()
        for part in range(parts): put(tmp_path/'in'/f'part-{part}.parquet', rows(part, n))
        return tmp_path/'in'
    return make

def test_a_killed_workers_parts_are_redone(papers, tmp_path, command):
    source, out = papers(6, 150), tmp_path/'out'
    with cluster(workers=2) as client:
        workers, result = client.run(os.getpid), []
        go = threading.Thread(target=lambda: result.append(tag_parts(source, out, scheduler=client.scheduler.address, progress=False)))
        go.start()
        while go.is_alive() and not (out.exists() and any(p.stat().st_size > 20_000 for p in out.glob('.*.part'))): time.sleep(0.01)
        os.kill(list(workers.values())[0], signal.SIGKILL)
        go.join(120)
    (done, failed), = result
    assert failed == {} and (done.rows, done.failed) == (900, 0) and done.resumed > 0 and sorted(p.name for p in out.iterdir()) == [f'part-{n}.parquet' for n in range(6)]
    for n in range(6): assert [r['id'] for r in read_rows(out/f'part-{n}.parquet')] == [f'{n}.{i}' for i in range(150)]
    assert command('tag', '--input', source/'part-0.parquet', '--output', tmp_path/'alone.parquet').status == 0
    assert list(read_rows(tmp_path/'alone.parquet')) == list(read_rows(out/'part-0.parquet'))

def test_the_command(papers, tmp_path, command):
    source, out = papers(2, 3), tmp_path/'out'
    put(source/'bad.parquet', b'PAR1 no table')
    put(source/'rows.parquet', [dict(id='a', abstract=''), dict(id='b', abstract=GOOD)])
    def run(): return command('tag', '--engine', 'dask', '--workers', 1, '--input', source, '--output', out)
    done = run()
    assert done.status == 1 and 'Traceback' not in done.err
    said = [l for l in done.err.splitlines() if l.startswith('paper-tasks: ')]
    assert 'bad.parquet could not be tagged' in said[0] and '1 of 8 rows' in said[1] and len(said) == 2
    (source/'bad.parquet').unlink()
    before = {p.name: p.stat().st_mtime_ns for p in out.glob('*.parquet')}
    put(source/'new.parquet', rows('new', 2))
    assert run().status == 0 and {n: (out/n).stat().st_mtime_ns for n in before} == before and len(list(read_rows(out/'new.parquet'))) == 2

def test_parts(tmp_path, papers):
    source = papers(2, 1)
    assert [p.name for p in parts_of(source)] == [p.name for p in parts_of(f'{source}/part-?.parquet')] == ['part-0.parquet', 'part-1.parquet']
    put(source/'notes.txt', 'x')
    (source/'sub').mkdir()
    put(source/'sub'/'part-1.parquet', rows(1, 1))
    for wrong, why in (('none', 'there is no file'), ('in/*.txt', 'is no .parquet file'), ('in/**/*.parquet', 'found in two folders')):
        with pytest.raises(PaperTasksError, match=why): parts_of(tmp_path/wrong)

def test_what_cannot_be(papers, tmp_path, command):
    source = papers(1, 1)
    assert 'no scheduler at' in refused(command('tag', '--engine', 'dask', '--scheduler', 'tcp://127.0.0.1:9', '--input', source, '--output', tmp_path/'out'))
    assert '--engine dask' in refused(command('tag', '--scheduler', 'tcp://127.0.0.1:9', '--input', source, '--output', tmp_path/'out'))
    assert 'there is no model folder' in refused(command('tag', '--engine', 'dask', '--model', tmp_path/'none', '--input', source, '--output', tmp_path/'out'))
    refused(command('tag', '--engine', 'dask', '--input', tmp_path/'none', '--output', tmp_path/'out'))
    put(tmp_path/'file', 'x')
    refused(command('tag', '--engine', 'dask', '--input', source, '--output', tmp_path/'file'))

def test_without_dask(papers, tmp_path, command, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'distributed', None)
    assert '[scale]' in refused(command('tag', '--engine', 'dask', '--input', papers(1, 1), '--output', tmp_path/'out'))

"The archive in all its forms: whole, broken, elsewhere, killed half-way, and large."
import gzip, json, os, signal, subprocess, sys, time
from dataclasses import asdict
from datetime import date, datetime, timezone
from pathlib import Path
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st
from helpers import ENV
from stand_in import Server, one_line
from from_paper_with_tasks.archive import (HUB, READERS, Archive, day_of, files_in, kind_of, listing_of, methods_of, needed, place_of,
    read_parquet, to_record)
from from_paper_with_tasks.core import BadRow, PaperTasksError, read_rows, write_rows
from from_paper_with_tasks.fetching import PoliteSession
from from_paper_with_tasks.paper import bare_arxiv_id
from from_paper_with_tasks.scraping import PageError, Record, Selection, collect

PWC = 'https://paperswithcode.com/paper/'

def method(n): return dict(name=f'Method {n}', full_name=None, description='What it does. '*9, main_collection=[
    dict(name='Graph Models', description='…', parent=None, area='Graphs'), dict(name='Language Models', description='…', parent=None, area='Natural Language Processing'), None][n % 3])

def paper(n, words=20):
    return dict(paper_url=f'{PWC}study-{n}', arxiv_id=f'2101.{n:05}v{n % 3 + 1}' if n % 4 else None, nips_id=None, openreview_id=f'or{n}' if n % 4 == 0 else None, title=f'Study {n}',
                abstract=f'We study {n}. ' + 'word '*words, authors=['A. Nonym'], tasks=[f'Task {n % 7}', 'Parsing'] if n % 5 else [], date=f'20{10 + n % 12}-01-{n % 28 + 1:02}',
                methods=[method(k) for k in range(n % 4)])

PAPERS = [paper(n) for n in range(60)]

def put(path, rows=PAPERS):
    "Write rows as the kind of file that the name announces."
    path.parent.mkdir(parents=True, exist_ok=True)
    if '.parquet' in path.name: pq.write_table(pa.Table.from_pylist(rows), path)
    elif '.json' in path.suffixes: path.write_bytes((gzip.compress if path.name.endswith('.gz') else bytes)(json.dumps(rows).encode()))
    else: write_rows(rows, path)
    return path

def run(where, out, selection=None, **kwargs): return collect(where if isinstance(where, Archive) else Archive(where), out, selection, progress=False, **kwargs)
def rows(out): return [r | dict(source='', got='') for r in read_rows(out)]
def urls(out): return [r['url'].removeprefix(PWC) for r in read_rows(out)]

@pytest.fixture
def out(tmp_path): (tmp_path/'o').mkdir(); return tmp_path/'o'/'records.jsonl'

@pytest.fixture
def session(): return PoliteSession(delay=0, timeout=5, retries=1, backoff=0.01, robots=False)

@pytest.fixture(autouse=True)
def clock(monkeypatch): monkeypatch.setenv('SOURCE_DATE_EPOCH', '1790000000')


# rows

@pytest.mark.parametrize('raw, bare', {'2101.00001v2': '2101.00001', '0704.0001': '0704.0001', 'arXiv:2101.00001v12': '2101.00001', 'cs/0101001v1': 'cs/0101001', 'math.GT/0309136': 'math/0309136',
                                       'hep-th/9901001v3': 'hep-th/9901001', '2101.001': '', 'v2': '', '': '', 'a/b': '', '2101.00001v2x': ''}.items())
def test_arxiv_ids(raw, bare): assert bare_arxiv_id(raw) == bare

@pytest.mark.parametrize('value', ['2021-05-03', '2021-05-03T23:59:59+02:00', date(2021, 5, 3), datetime(2021, 5, 3, 23), datetime(2021, 5, 3, tzinfo=timezone.utc), 1620000000,
                                   1620000000000, 1.62e18, np.datetime64('2021-05-03'), np.datetime64('2021-05-03T01:00:00.000000001'), pd.Timestamp('2021-05-03', tz='UTC'), pa.scalar(date(2021, 5, 3))])
def test_dates(value): assert day_of(value) == '2021-05-03'

@pytest.mark.parametrize('value', [None, '', 'n/a', '2021', '2021-5-3', '2021-13-01', '2021-02-30', float('nan'), float('inf'), -1e300, 10**400, True, [], {}, pd.NaT, 'Mon, 3 May 2021', pa.scalar(None, pa.date32())])
def test_no_dates(value): assert day_of(value) == ''

def test_ids():
    def id_of(**row): return to_record(dict(title='T', abstract='A') | row, '/x/f.jsonl').id
    assert id_of(arxiv_id='2101.00001v2', openreview_id='o', nips_id='7', paper_url=PWC+'s') == '2101.00001'
    assert id_of(arxiv_id=None, openreview_id='o', nips_id='7', paper_url=PWC+'s') == 'o' and id_of(nips_id=7., paper_url=PWC+'s') == '7' and id_of(nips_id=float('nan'), paper_url=PWC+'s#code') == 's'
    assert id_of(arxiv_id=2101.1, paper_url=PWC+'s') == 's' # a number has lost its zeros
    assert id_of(id='2101.00001v2', arxiv_id='2101.00001') == '2101.00001v2' and id_of(id=' x ') == ' x ' and id_of(id=7) == '7'
    assert id_of() == id_of() != id_of(title='U') and len(id_of()) == 16

def test_addresses():
    def url_of(**row): return to_record(dict(title='T', abstract='A') | row, '/some/where/f.jsonl.gz').url
    assert url_of(id='a') == 'f.jsonl.gz/a' and url_of(id='a', url='https://x/y') == 'https://x/y' and url_of(id='a', url='https://x/y', paper_url=PWC+'s') == PWC+'s' and url_of(id='a', paper_url=float('nan')) == 'f.jsonl.gz/a'

def test_methods_in_all_shapes():
    full = dict(name='M', category='graph-models', area='Graphs')
    for main in (dict(name='Graph Models', area='Graphs'), dict(name='Graph Models', area=dict(id='graphs', name='Graphs')), pa.scalar(dict(name='Graph Models', area='Graphs'))):
        assert methods_of([dict(name='M', main_collection=main)]) == [full]
    assert methods_of([full]) == [full] and methods_of([dict(name=None, full_name='M', main_collection=None)]) == [dict(name='M', category='', area='')]
    assert methods_of([dict(name='M', main_collection='Graph Models')]) == [full | dict(area='')] and methods_of([dict(name='M', main_collection=dict(name='Graph Models', area=None))]) == [full | dict(area='')]
    assert methods_of(None) == methods_of(float('nan')) == methods_of([None, {}, '', 7]) == methods_of('x') == [] and methods_of(np.array([full], dtype=object)) == [full]

def test_tasks_in_all_shapes():
    def tasks(x, field='tasks'): return to_record({'title': 'T', 'abstract': 'A', field: x}, 'f').tasks
    for x in (['OCR', 'NER'], [{'name': 'OCR'}, {'name': ' NER '}], np.array(['OCR', 'NER']), 'OCR; NER', '["OCR", "NER"]', pa.scalar(['OCR', None, 'NER']), ['OCR', 'OCR', 'NER', 7, '', None]): assert tasks(x) == ['OCR', 'NER']
    assert tasks(None) == tasks([]) == tasks({}) == tasks(7) == [] and tasks('OCR', 'task') == ['OCR']

def test_our_own_records_come_back(tmp_path, out):
    run(put(tmp_path/'p.parquet'), out)
    again = out.with_name('again.jsonl')
    run(out, again)
    assert rows(again) == rows(out) and len(rows(out)) == 60

@pytest.mark.parametrize('row, why', [(BadRow(error='line 3 is not JSON: mend or remove it'), 'line 3'), ([], 'row is a list'), (None, 'row is a NoneType'), ('x', 'row is a str'), ({}, 'neither'), (dict(title=None, abstract=float('nan')), 'neither'),
                                      (dict(title='T', abstract=['A']), 'abstract is a list'), (dict(title={}, abstract='A'), 'title is a dict'), (dict(title=7, abstract='A'), 'title is a int')])
def test_rows_of_no_use(row, why):
    with pytest.raises(PageError, match=why) as e: to_record(row, 'f')
    assert one_line(e)

junk = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(['2101.00001v1', PWC+'x', '2020-01-01', '[1]', '[', '1e999']),
                    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(['name', 'full_name', 'main_collection', 'area', 'category', 'x']), x, max_size=3), max_leaves=8)
fields = 'id paper_url url arxiv_id nips_id openreview_id ids title abstract tasks task methods datasets date'.split()

@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(fields), junk))
def test_whatever_a_row_holds(row):
    try: record = to_record(row, 'f')
    except PageError as e: assert '\n' not in str(e) and len(str(e)) < 200; return
    assert isinstance(record, Record) and record.id and record.url and all(isinstance(x, str) for x in [record.title, record.abstract, record.date, *record.tasks, *record.datasets, *record.ids.values()])
    assert all(set(m) == {'name', 'category', 'area'} and all(isinstance(v, str) for v in m.values()) for m in record.methods)
    json.dumps(asdict(record))
    assert asdict(to_record(asdict(record), 'f')) | dict(got='', source='') == asdict(record) | dict(got='', source='')


# forms

@pytest.mark.parametrize('name', ['p.json.gz', 'p.json', 'p.jsonl', 'p.jsonl.gz', 'p.csv', 'p.csv.gz', 'P.PARQUET'])
def test_all_forms_agree(tmp_path, out, name):
    run(put(tmp_path/'p.parquet'), out.with_name('parquet.jsonl'))
    found = run(pq.write_table(pa.Table.from_pylist(PAPERS), tmp_path/name) or tmp_path/name if name.isupper() else put(tmp_path/name), out)
    assert rows(out) == rows(out.with_name('parquet.jsonl')) and found.papers == found.new == 60 and not found.failed and found.whole

@pytest.mark.parametrize('change', [
    lambda t: t.set_column(t.schema.get_field_index('date'), 'date', t['date'].cast(pa.date32())), lambda t: t.set_column(t.schema.get_field_index('date'), 'date', t['date'].cast(pa.timestamp('s'))),
    lambda t: t.set_column(t.schema.get_field_index('date'), 'date', t['date'].cast(pa.timestamp('s')).cast(pa.timestamp('ns', 'UTC'))), lambda t: t.set_column(t.schema.get_field_index('title'), 'title', t['title'].dictionary_encode()),
    lambda t: t.set_column(t.schema.get_field_index('abstract'), 'abstract', t['abstract'].cast(pa.large_string())), lambda t: t.drop_columns(['authors', 'nips_id']), lambda t: t.append_column('extra.dotted', pa.array([None]*len(t)))],
    ids='date timestamp timestamp-ns dictionary large fewer more'.split())
def test_other_types_of_parquet_columns(tmp_path, out, change):
    run(put(tmp_path/'p.parquet'), out.with_name('parquet.jsonl'))
    pq.write_table(change(pa.Table.from_pylist(PAPERS)), tmp_path/'q.parquet', row_group_size=7)
    run(tmp_path/'q.parquet', out)
    assert rows(out) == rows(out.with_name('parquet.jsonl'))

def test_only_needed_columns_are_read(tmp_path):
    row = next(read_parquet(put(tmp_path/'p.parquet', PAPERS[3:])))
    assert 'authors' not in row and set(row['methods'][0]) == {'name', 'full_name', 'main_collection'} and set(row['methods'][0]['main_collection']) == {'name', 'area'}
    assert needed('title') and needed('tasks.list.element') and not needed('url_abs') and not needed('methods.list.item.description')

def test_a_gzipped_file_that_is_not_and_the_reverse(tmp_path, out):
    (tmp_path/'a.json.gz').write_text(json.dumps(PAPERS))
    (tmp_path/'b.json').write_bytes(gzip.compress(b'\xef\xbb\xbf \n' + json.dumps(PAPERS).encode()))
    for name in ('a.json.gz', 'b.json'): run(tmp_path/name, out)
    assert len(rows(out)) == 60

def test_bytes_that_are_no_text_cost_their_row(tmp_path, out):
    raw = pa.array([p['title'].encode() if n != 30 else b'\xff\xfe' for n, p in enumerate(PAPERS)]).view(pa.string())
    t = pa.Table.from_pylist(PAPERS)
    pq.write_table(t.set_column(t.schema.get_field_index('title'), 'title', raw), tmp_path/'p.parquet')
    found = run(tmp_path/'p.parquet', out)
    assert found.papers == 59 and list(found.failed) == [f'{tmp_path}/p.parquet#row 31'] and 'cannot be read' in found.failed[f'{tmp_path}/p.parquet#row 31']

def test_dates_that_python_cannot_hold_cost_their_row(tmp_path, out):
    t = pa.Table.from_pylist(PAPERS)
    pq.write_table(t.set_column(t.schema.get_field_index('date'), 'date', pa.array([2**60 if n == 5 else 0 for n in range(60)], pa.timestamp('ms'))), tmp_path/'p.parquet')
    assert run(tmp_path/'p.parquet', out).papers == 59

def test_folders(tmp_path, out):
    folder = tmp_path/'clone'
    for n in (2, 0, 1): put(folder/'data'/f'train-{n}.parquet', PAPERS[20*n:20*n+20])
    put(folder/'dump.json.gz'); put(folder/'rows.jsonl'); put(folder/'.cache'/'x.parquet', [paper(99)])
    (folder/'README.md').write_text('# Papers')
    assert [p.name for p in files_in(folder)] == ['train-0.parquet', 'train-1.parquet', 'train-2.parquet']
    run(folder, out)
    assert urls(out) == [f'study-{n}' for n in range(60)]

@pytest.mark.parametrize('name', ['no-such', 'no-such.parquet', 'notes.txt', 'empty', 'p.parquet.gz'])
def test_nothing_to_read(tmp_path, out, name):
    (tmp_path/'notes.txt').write_text('x'); (tmp_path/'empty').mkdir(); (tmp_path/'p.parquet.gz').write_text('x')
    for go in (lambda: run(tmp_path/name, out), lambda: Archive(tmp_path/name).plan(Selection())):
        with pytest.raises(PaperTasksError, match=name) as e: go()
        assert one_line(e)

def test_into_the_folder_that_is_read(tmp_path):
    put(tmp_path/'a.jsonl')
    for new in (60, 0): assert run(tmp_path, tmp_path/'records.jsonl').new == new
    assert len(urls(tmp_path/'records.jsonl')) == 60

def test_a_paper_that_comes_twice(tmp_path, out):
    assert run(put(tmp_path/'p.parquet', PAPERS + PAPERS[:30]), out).papers == 60 and len(set(urls(out))) == 60

@pytest.mark.parametrize('name', ['p.parquet', 'p.json.gz', 'p.jsonl.gz'])
def test_no_rows(tmp_path, out, name):
    path = tmp_path/name
    if name == 'p.parquet': pq.write_table(pa.table(dict(title=pa.array([], pa.string()), abstract=pa.array([], pa.string()))), path)
    else: path.write_bytes(gzip.compress(b'[]' if '.json.' in name else b''))
    assert run(path, out).papers == 0 and Archive(path).plan(Selection()).requests == 0


# broken

def cut(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data)*keep)])

BROKEN = { # what happens to a whole file: its name, the harm, what the complaint must say, whether papers come before it
    'gzip cut': ('p.json.gz', lambda p: cut(p, .6), 'not a whole gzip file', True), 'lines cut': ('p.jsonl.gz', lambda p: cut(p, .6), 'not a whole gzip file', True),
    'gzip garbled': ('p.json.gz', lambda p: p.write_bytes(p.read_bytes()[:3000] + b'\0'*50 + p.read_bytes()[3050:]), 'not a whole gzip file|not whole JSON', False),
    'not gzip': ('p.jsonl.gz', lambda p: p.write_text('{"title": 1}'), 'not a whole gzip file', False),
    'list cut': ('p.json', lambda p: cut(p, .6), 'not whole JSON', True), 'no list': ('p.json', lambda p: p.write_text('{"item": [1]}'), 'not one JSON list', False), 'lines in .json': ('p.json', lambda p: p.write_text('{"title": "x"}\n'), 'named .jsonl', False),
    'not UTF-8': ('p.json', lambda p: p.write_bytes(p.read_bytes().replace(b'Study 40', b'Study \xff\xff')), 'not whole JSON', True),
    'parquet cut': ('p.parquet', lambda p: cut(p, .6), 'not a whole parquet file', False), 'not parquet': ('p.parquet', lambda p: p.write_bytes(b'PAR1' + os.urandom(999)), 'not a whole parquet file', False),
    'parquet garbled': ('p.parquet', lambda p: p.write_bytes(p.read_bytes()[:400] + b'\xaa'*3000 + p.read_bytes()[3400:]), 'not a whole parquet file', False),
    'HTML .parquet': ('p.parquet', lambda p: p.write_text('\n<!doctype html><h1>502</h1>'), 'a web page', False), 'HTML .json.gz': ('p.json.gz', lambda p: p.write_text('<html>'), 'a web page', False), 'HTML .jsonl': ('p.jsonl', lambda p: p.write_text('<html>'), 'a web page', False),
    'LFS': ('p.parquet', lambda p: p.write_text('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'), 'Git LFS', False), 'empty': ('p.parquet', lambda p: p.write_text(''), 'empty', False), 'empty gzip': ('p.json.gz', lambda p: p.write_bytes(b''), 'empty', False),
    'other columns': ('p.parquet', lambda p: pq.write_table(pa.table(dict(name=['a'], url=['b'])), p), "no column 'abstract', its columns are name, url", False)}

@pytest.mark.parametrize('what', BROKEN)
def test_broken_file_is_named_and_mended(tmp_path, out, what, monkeypatch):
    name, harm, complaint, some = BROKEN[what]
    many = [paper(n, 200) for n in range(400)]
    path = put(tmp_path/name, many)
    run(path, out.with_name('whole.jsonl'))
    whole = path.read_bytes()
    harm(path)
    with pytest.raises(PaperTasksError, match=complaint) as e: run(path, out)
    assert one_line(e) and str(path) in str(e.value) and not out.exists()
    part = out.with_name('records.part.jsonl')
    had = len(list(read_rows(part))) if part.exists() else 0
    assert had < 400 and (had > 0 or not some)
    path.write_bytes(whole)
    assert run(path, out).new == 400 - had and out.read_bytes() == out.with_name('whole.jsonl').read_bytes()

def test_a_broken_shard_among_others(tmp_path, out):
    for n in range(3): put(tmp_path/'a'/f'{n}.parquet', PAPERS[20*n:20*n+20])
    whole = (tmp_path/'a'/'1.parquet').read_bytes()
    cut(tmp_path/'a'/'1.parquet', .9)
    with pytest.raises(PaperTasksError, match='1.parquet is not a whole parquet file'): run(tmp_path/'a', out)
    (tmp_path/'a'/'1.parquet').write_bytes(whole)
    assert run(tmp_path/'a', out).new == 40 and urls(out) == [f'study-{n}' for n in range(60)]

@pytest.mark.parametrize('name', ['p.parquet', 'p.json.gz', 'p.json'])
def test_bytes_changed_anywhere(tmp_path, name):
    path = put(tmp_path/name)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(data), 60):
        path.write_bytes(data[:at] + bytes([data[at] ^ int(rng.integers(1, 256))]) + data[at+1:] if rng.random() < .7 else data[:at])
        try:
            for row in READERS[kind_of(name)](path):
                try: to_record(row, name)
                except PageError as e: assert '\n' not in str(e)
        except PaperTasksError as e: assert '\n' not in str(e) and len(str(e)) < 500

def test_a_row_that_is_no_paper_costs_itself(tmp_path, out):
    path = put(tmp_path/'p.json.gz', PAPERS[:20] + [7, dict(title=['x']), None] + PAPERS[20:])
    found = run(path, out)
    assert found.papers == 60 and list(found.failed) == [f'{path}#row {n}' for n in (21, 22, 23)]
    assert run(path, out).new == 0
    put(path, PAPERS[:20] + [paper(99), dict(title=['x']), None] + PAPERS[20:])
    assert run(path, out).new == 0 and run(path, out, retry=True).new == 1 and urls(out)[-1] == 'study-99'

def test_another_kind_of_table_is_noticed(tmp_path, out):
    path = put(tmp_path/'tasks.jsonl', [dict(name=f'Task {n}', papers=n) for n in range(100)])
    with pytest.raises(PaperTasksError, match='10 pages in a row.*neither title nor abstract') as e: run(path, out)
    assert one_line(e)

def test_may_not_be_read(tmp_path, out):
    path = put(tmp_path/'p.parquet')
    path.chmod(0)
    if os.access(path, os.R_OK): pytest.skip('this user may read everything')
    with pytest.raises(PaperTasksError, match='cannot be read') as e: run(path, out)
    assert one_line(e)


# selection and plan

def test_selection(tmp_path, out):
    path = put(tmp_path/'p.parquet')
    def taken(**selection):
        out.unlink(missing_ok=True)
        run(path, out, Selection(**selection))
        return [int(u.split('-')[1]) for u in urls(out)]
    assert taken(categories=['graph-models']) == [n for n in range(60) if n % 4] == taken(areas=['graphs'])
    assert taken(categories=['Language Models']) == [n for n in range(60) if n % 4 > 1] and taken(categories=['no-such']) == []
    assert taken(tasks=['task 3']) == [n for n in range(60) if n % 7 == 3 and n % 5] and taken(since='2020-01-01') == [n for n in range(60) if n % 12 > 9]
    assert taken(areas=['Graphs'], tasks=['parsing'], until='2012-12-31') == [n for n in range(60) if n % 4 and n % 5 and n % 12 < 3]

def test_another_selection_adds_to_the_first(tmp_path, out):
    path = put(tmp_path/'p.parquet')
    first = run(path, out, Selection(since='2020-01-01')).papers
    assert run(path, out).new == 60 - first and sorted(urls(out)) == sorted(f'study-{n}' for n in range(60))
    assert run(path, out, Selection(areas=['Audio'])).new == 0 and len(urls(out)) == 60

def test_nothing_to_select_from(tmp_path, out):
    path = put(tmp_path/'p.parquet', [p | dict(methods=[]) for p in PAPERS])
    for selection in (dict(areas=['Graphs']), dict(categories=['graph-models'])):
        with pytest.raises(PaperTasksError, match='names no methods.*--all') as e: run(path, out, Selection(**selection))
        assert one_line(e)
    assert run(path, out, Selection(tasks=['Parsing'])).papers == 48

def test_the_bar_knows_the_end(tmp_path, out, capfd):
    collect(Archive(put(tmp_path/'p.parquet')), out, Selection(areas=['Graphs']), max_papers=None)
    assert '60/60' in capfd.readouterr().err

def test_plan_of_files(tmp_path):
    put(tmp_path/'a'/'0.parquet'); put(tmp_path/'a'/'1.parquet')
    plan = Archive(tmp_path/'a').plan(Selection())
    assert (plan.requests, plan.papers) == (0, 120) and plan.seconds < 1 and '2 files' in plan.note and Archive(put(tmp_path/'p.json.gz')).plan(Selection()).papers is None
    cut(tmp_path/'a'/'1.parquet', .5)
    with pytest.raises(PaperTasksError, match='1.parquet is not a whole parquet file') as e: Archive(tmp_path/'a').plan(Selection())
    assert one_line(e)


# the hub

API = '/api/datasets/org/papers/parquet'

class Ranged:
    "A route that has a body and knows ranges; `cuts` are lengths after which the next answers break off."
    def __init__(self, body, cuts=()): self.body, self.cuts, self.starts = body, list(cuts), []
    def __call__(self, h):
        start = int((h.headers.get('Range') or 'bytes=0-')[6:].rstrip('-'))
        if h.command == 'GET': self.starts.append(start)
        rest, headers = self.body[start:], {'ETag': '"v1"', 'Content-Length': len(self.body) - start}
        if start: headers['Content-Range'] = f'bytes {start}-{len(self.body)-1}/{len(self.body)}'
        return 206 if start else 200, headers, rest[:self.cuts.pop(0)] if self.cuts and h.command == 'GET' else rest

@pytest.fixture
def cdn(server): s = Server().start(); yield s; s.stop()

@pytest.fixture
def hub(server, cdn, tmp_path):
    "A hub with a dataset of two files, which lie elsewhere."
    for n in range(2):
        cdn.routes[f'/blob{n}?sig=1'] = Ranged(put(tmp_path/f'{n}.parquet', PAPERS[30*n:30*n+30]).read_bytes())
        server.routes[f'{API}/default/train/{n}.parquet'] = [(302, {'Location': f'/resolve/{n}.parquet'}, '')]
        server.routes[f'/resolve/{n}.parquet'] = [(302, {'Location': f'{cdn.base}/blob{n}?sig=1', 'X-Linked-Size': (tmp_path/f'{n}.parquet').stat().st_size}, 'Found')]
    server.routes[API] = dict(default=dict(train=[f'{server.base}{API}/default/train/{n}.parquet' for n in range(2)]))
    server.page, server.tmp = f'{server.base}/datasets/org/papers', tmp_path
    return server

def test_addresses_of_datasets():
    assert listing_of(HUB) == 'https://huggingface.co/api/datasets/pwc-archive/papers-with-abstracts/parquet' == listing_of(HUB+'/') == listing_of(HUB+'/tree/main/data') == listing_of(HUB+'?x=1#y')
    assert not any(map(listing_of, (HUB+'/resolve/main/data/0.parquet', 'https://huggingface.co/datasets', 'https://huggingface.co/pwc-archive/papers', 'x')))
    assert Archive().url == HUB and place_of('https://h.co/a/0.parquet', Path('c')) != place_of('https://h.co/b/0.parquet', Path('c'))

def test_the_hub(hub, cdn, session, out, tmp_path):
    archive = Archive(hub.page, session, tmp_path/'cache')
    plan = archive.plan(Selection())
    size = sum((tmp_path/f'{n}.parquet').stat().st_size for n in range(2))
    assert (plan.requests, plan.papers) == (7, None) and f'2 files of {size/1e6:,.1f} MB to download' in plan.note and not list(tmp_path.glob('cache/*'))
    found = run(archive, out)
    assert found.papers == 60 and [r['source'] for r in read_rows(out)][::59] == [f'{hub.base}{API}/default/train/{n}.parquet' for n in range(2)]
    run(tmp_path/'0.parquet', out.with_name('a.jsonl')); run(tmp_path/'1.parquet', out.with_name('b.jsonl'))
    assert rows(out) == rows(out.with_name('a.jsonl')) + rows(out.with_name('b.jsonl'))
    asked = len(hub.asked) + len(cdn.asked)
    assert run(archive, out).new == 0 and len(hub.asked) + len(cdn.asked) == asked + 1
    plan = archive.plan(Selection())
    assert (plan.requests, plan.papers) == (1, 60) and '0 files' in plan.note

@pytest.mark.parametrize('name', ['p.parquet', 'p.json.gz', 'p.jsonl.gz'])
def test_the_address_of_a_file(server, session, out, tmp_path, name):
    server.routes[f'/files/{name}?download=true'] = put(tmp_path/name).read_bytes()
    found = run(Archive(f'{server.base}/files/{name}?download=true', session, tmp_path/'cache'), out)
    assert found.papers == 60 and len(server.asked) == 1

@pytest.mark.parametrize('answer, complaint', [('<html>Just a moment</html>', 'not JSON but HTML'), ({'error': 'gone'}, 'not a list of parquet files'), ([], 'not a list of parquet'), ({}, 'not a list of parquet'), ({'default': {'train': []}}, 'not a list of parquet'),
                                               ({'default': {'train': [7]}}, 'not a list of parquet'), ({'default': {'train': ['https://example.org/0.parquet']}}, 'another host'), ({'default': {'train': ['file:///etc/passwd.parquet']}}, 'another host'),
                                               ([(404, {}, 'no')], r'not there \(404\)'), ([(401, {}, 'no')], 'login'), ({'default': {'train': ['http://[.parquet']}}, 'another host')])
def test_a_hub_that_lists_no_files(hub, session, out, tmp_path, answer, complaint):
    hub.routes[API] = answer
    for go in (lambda a: run(a, out), lambda a: a.plan(Selection())):
        with pytest.raises(PaperTasksError, match=complaint) as e: go(Archive(hub.page, session, tmp_path/'cache'))
        assert one_line(e) and hub.asked[-1] == API

def test_sizes_that_are_not_told(server, session, tmp_path):
    server.routes['/files/p.parquet'] = [(403, {'Content-Length': 0}, '')]
    plan = Archive(f'{server.base}/files/p.parquet', session, tmp_path/'c').plan(Selection())
    assert plan.requests == 1 and 'do not say how large' in plan.note
    with pytest.raises(PaperTasksError, match='not there') as e: Archive(f'{server.base}/files/q.parquet', session, tmp_path/'c').plan(Selection())
    assert one_line(e)

def test_a_download_that_breaks_off(hub, cdn, session, out, tmp_path):
    route = cdn.routes['/blob0?sig=1']
    route.cuts = [1000]
    assert run(Archive(hub.page, session, tmp_path/'cache'), out).papers == 60 and route.starts == [0, 1000]

def test_a_downloaded_file_that_is_broken_is_got_again(hub, cdn, session, out, tmp_path):
    good, cdn.routes['/blob1?sig=1'] = cdn.routes['/blob1?sig=1'], [(200, {}, b'<html>502 Bad Gateway</html>')]
    archive = Archive(hub.page, session, tmp_path/'cache')
    with pytest.raises(PaperTasksError, match='a web page.*it was removed here, so run again') as e: run(archive, out)
    assert '\n' not in str(e.value)
    cdn.routes['/blob1?sig=1'] = good
    assert run(archive, out).new == 30 and len(urls(out)) == 60 and good.starts == [0]

COLLECT = '''
import sys
from from_paper_with_tasks.archive import Archive
from from_paper_with_tasks.fetching import PoliteSession
from from_paper_with_tasks.scraping import collect
collect(Archive(sys.argv[1], PoliteSession(delay=0, robots=False), sys.argv[2]), sys.argv[3], progress=False)
'''

def test_killed_in_a_download(hub, cdn, session, out, tmp_path):
    body = cdn.routes['/blob1?sig=1'].body
    body = body[:4] + os.urandom(1 << 20) + body[4:] # parquet is read from its end
    good = Ranged(body)
    def stuck(h):
        h.send_response(200); h.send_header('Content-Length', str(len(body))); h.send_header('ETag', '"v1"'); h.end_headers()
        h.wfile.write(body[:len(body)//2]); h.wfile.flush()
        h.rfile.read(1)
        raise ConnectionAbortedError
    cdn.routes['/blob1?sig=1'] = stuck
    child = subprocess.Popen([sys.executable, '-c', COLLECT, hub.page, tmp_path/'cache', out], env=ENV | {'NO_PROXY': '127.0.0.1'})
    end = time.monotonic() + 30
    while sum(p.stat().st_size for p in tmp_path.glob('cache/*/1.parquet.part')) < len(body)//4 and time.monotonic() < end: time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    cdn.routes['/blob1?sig=1'] = good
    archive = Archive(hub.page, session, tmp_path/'cache')
    paths = [path for _, path in archive.files()]
    assert paths[1].read_bytes() == body and len(good.starts) == 1 and good.starts[0] >= len(body)//4 and cdn.asked.count('/blob0?sig=1') == 1


# killed while reading

KILLS = '''
import os, random, signal, sys, time
from from_paper_with_tasks.archive import Archive
from from_paper_with_tasks.scraping import collect
where, out, whole, moments, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
def child(out):
    if pid := os.fork(): return pid
    try: collect(Archive(where), out, progress=False)
    except BaseException as e: print(repr(e)); os._exit(1)
    os._exit(0)
started = time.monotonic()
status = os.waitpid(child(whole), 0)[1]
seconds = time.monotonic() - started
r, killed = random.Random(seed), 0
for _ in range(moments):
    pid = child(out)
    time.sleep(r.uniform(0, seconds/6))
    os.kill(pid, signal.SIGKILL)
    killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
status += os.waitpid(child(out), 0)[1]
print(killed, status)
'''

@pytest.mark.parametrize('name', ['shards', 'dump.json.gz'])
def test_killed_at_any_moment(tmp_path, out, name):
    many = [paper(n, 100) for n in range(3000)]
    many[700:700] = [dict(title=7), dict(title=8)]
    where = tmp_path/name
    if name == 'shards':
        for n in range(3): put(where/f'{n}.parquet', [r for r in many[n*1001:(n+1)*1001] if len(r) > 1])
    else: put(where, many)
    done = subprocess.run([sys.executable, '-c', KILLS, where, out, out.with_name('whole.jsonl'), '10', '3'], env=ENV | {'SOURCE_DATE_EPOCH': '1790000000'}, capture_output=True, text=True, timeout=120)
    killed, status = map(int, done.stdout.split())
    assert status == 0 and killed >= 2, done
    assert out.read_bytes() == out.with_name('whole.jsonl').read_bytes() and len(set(urls(out))) == 3000
    if name != 'shards': assert [r['url'] for r in read_rows(out.with_name('records.failed.jsonl'))] == [f'{where}#row {n}' for n in (701, 702)]


# large

MEMORY = '''
import sys
from pathlib import Path
from from_paper_with_tasks.archive import Archive
from from_paper_with_tasks.scraping import collect
def peak(): return int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])/1024
collect(Archive(sys.argv[1]), sys.argv[3], progress=False)
small = peak()
print(collect(Archive(sys.argv[2]), sys.argv[4], progress=False).papers, peak() - small)
'''

@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='the peak of memory is read from /proc')
@pytest.mark.parametrize('end', ['parquet', 'json.gz'])
def test_memory_stays_flat(tmp_path, out, end):
    text = 'A word and another one. '*50
    large = [dict(paper_url=f'{PWC}{n}', title=f'Study {n}', abstract=f'{n} {text}', tasks=['Parsing'], methods=[method(0)]) for n in range(30_000)]
    put(tmp_path/f'small.{end}', large[:3000]), put(tmp_path/f'large.{end}', large) # one row group of 37 MB
    done = subprocess.run([sys.executable, '-c', MEMORY, tmp_path/f'small.{end}', tmp_path/f'large.{end}', out, out.with_name('large.jsonl')], env=ENV, capture_output=True, text=True, timeout=120)
    papers, more = done.stdout.split()
    assert papers == '30000' and float(more) < 40, done

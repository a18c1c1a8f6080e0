"Files of papers as a hostile user would give them."
import gzip, json, os, re, resource, signal, subprocess, time
import pytest
from helpers import ENV, GOOD, PAPER_TASKS, UNUSABLE, complaint, put, refused, shell
from from_paper_with_tasks.core import read_rows

FORMATS = ['jsonl', 'csv', 'parquet', 'jsonl.gz', 'csv.gz', 'parquet.gz']
formats = pytest.mark.parametrize('suffix', FORMATS)

def good(n, **more): return [dict(id=f'p{i}', abstract=f'{GOOD} Number {i}.', **more) for i in range(n)]

def strict(line): # what other programs than Python can read
    return json.loads(line, parse_constant=lambda c: pytest.fail(f'{c} is not JSON'))

def cell(row, field): # a list, whether it comes from JSON lines or CSV
    return json.loads(row[field]) if isinstance(row[field], str) else row[field]

def tagged(row): return not row.get('error') and bool(cell(row, 'scores'))
def failed(row): return bool(row.get('error')) and '\n' not in row['error'] and not row.get('tasks') and not row.get('scores')


# what comes out

@formats
@pytest.mark.parametrize('to', FORMATS)
def test_rows_come_out_one_for_one(tag_file, tmp_path, tagger, suffix, to):
    rows = good(70, year='2020', note='a, "b"\nc')
    done, out = tag_file(put(tmp_path/f'in.{suffix}', rows), '--top', 3, to=f'out.{to}')
    assert done.status == 0 and done.out == ''
    assert [{k: r[k] for k in rows[0]} for r in out] == rows and all(map(tagged, out))
    for row, r in list(zip(rows, out))[::29]:
        scores = cell(r, 'scores')
        alone = tagger(row['abstract'], top=3).scores
        assert len(scores) == min(3, len(tagger.tasks)) and scores == sorted(scores, key=lambda s: -s['score'])
        assert all(abs(a['score']-s['score']) < 3e-6 for a, s in zip(alone, scores))

def test_options(tag_file, tmp_path, tagger):
    source = put(tmp_path/'in.jsonl', good(3))
    for x in 0, 0.3, 1:
        for r in tag_file(source, '--threshold', x, '--top', 10_000)[1]:
            assert len(r['scores']) == len(tagger.tasks) and r['tasks'] == [s['task'] for s in r['scores'] if s['score'] >= x]

@pytest.mark.parametrize('options', [['--top', '0'], ['--top', 'x'], ['--threshold', '2'], ['--threshold', 'nan']], ids=' '.join)
def test_options_that_make_no_sense(tag_file, tmp_path, options):
    done, out = tag_file(put(tmp_path/'in.jsonl', good(1)), *options)
    assert refused(done) and out is None

@formats
@pytest.mark.parametrize('name', UNUSABLE)
def test_an_abstract_that_cannot_be_tagged(tag_file, tmp_path, suffix, name):
    if name == 'a lone surrogate' and 'jsonl' not in suffix: name = 'empty' # such a CSV file is not UTF-8: see below
    first, last = good(2)
    done, out = tag_file(put(tmp_path/f'in.{suffix}', [first, dict(id='bad', abstract=UNUSABLE[name][0]), last]), to=f'out.{suffix}')
    assert done.status == 1 and '1 of 3' in complaint(done.err)
    assert [r['id'] for r in out] == ['p0', 'bad', 'p1'] and list(map(tagged, out[::2])) == [True, True] and failed(out[1])

def test_many_bad_rows(tag_file, tmp_path):
    rows = [r | dict(abstract='') if i % 3 else r for i, r in enumerate(good(200))]
    done, out = tag_file(put(tmp_path/'in.jsonl', rows), to='out.csv')
    assert done.status == 1 and '133 of 200' in complaint(done.err)
    assert [r['id'] for r in out] == [r['id'] for r in rows] and all(failed(r) if i % 3 else tagged(r) for i, r in enumerate(out))

@formats
def test_only_bad_rows(tag_file, tmp_path, suffix):
    done, out = tag_file(put(tmp_path/f'in.{suffix}', [dict(abstract='', id='1')]*2), to=f'out.{suffix}')
    assert done.status in (1, 2) and '2 of 2' in complaint(done.err) and all(map(failed, out)) and len(out) == 2

@formats
def test_fields_named_like_ours(tag_file, tmp_path, suffix):
    rows = [dict(id='1', abstract=GOOD, tasks='mine', scores='7', error='none'), dict(id='2', abstract='', tasks='mine', scores='7', error='none')]
    done, out = tag_file(put(tmp_path/f'in.{suffix}', rows), to=f'out.{suffix}')
    assert done.status == 1 and tagged(out[0]) and failed(out[1])
    for r in out: assert (r['input_tasks'], r['input_scores'], r['input_error']) == ('mine', '7', 'none')

@pytest.mark.parametrize('to', ['csv', 'jsonl'])
def test_tagging_the_output_again_loses_nothing(command, tmp_path, to):
    put(tmp_path/'0.jsonl', [dict(abstract=GOOD, tasks='first')])
    for i in range(3): assert command('tag', '--input', tmp_path/(f'{i}.{to}' if i else '0.jsonl'), '--output', tmp_path/f'{i+1}.{to}', '--threshold', i/2).status == 0
    row, = read_rows(tmp_path/f'3.{to}')
    before, = read_rows(tmp_path/f'2.{to}')
    assert 'first' in row.values() and before['tasks'] in row.values() and len(row) >= len(before)+2

def test_through_csv_and_back(tag_file, command, tmp_path):
    rows = [dict(abstract=GOOD, a='1'), dict(b=[1, {'x': None}], abstract=GOOD, title='T'), dict(abstract='', c=True, d=None), dict(abstract=GOOD, e='é\u2028\r\n"', f=' x ')]
    source = put(tmp_path/'in.jsonl', rows)
    done, out = tag_file(source, to='out.csv')
    assert done.status == 1 and [*out[0]] == ['abstract', 'a', 'b', 'title', 'c', 'd', 'e', 'f', 'tasks', 'scores', 'error']
    assert command('tag', '--input', tmp_path/'out'/'out.csv', '--output', tmp_path/'back.jsonl').status == 1
    back = list(read_rows(tmp_path/'back.jsonl'))
    assert len(back) == 4 and all(json.loads(r['input_scores']) == r['scores'] and json.loads(r['input_tasks']) == r['tasks'] for r in back if tagged(r))
    for row, r in zip(rows, back):
        for k in out[0]:
            if k not in ('tasks', 'scores', 'error'): assert r[k] == ('' if row.get(k) is None else row[k] if isinstance(row[k], str) else json.dumps(row[k]))

def test_an_existing_output_is_replaced(tag_file, tmp_path):
    source = put(tmp_path/'in.jsonl', good(2))
    put(tmp_path/'out'/'out.jsonl', 'old')
    assert len(tag_file(source)[1]) == 2


# what cannot be read

WHOLE = { # why: name, content; nothing can be made of these files
    'JSON lines in Latin-1': ('in.jsonl', f'{{"abstract": "{GOOD} café"}}\n'.encode('latin-1')), 'CSV in Latin-1': ('in.csv', f'abstract\n{GOOD} café\n'.encode('latin-1')),
    'a bad byte after many rows': ('in.jsonl', b'{"abstract": "We parse."}\n' * 500 + b'\xff\n'), 'a lone surrogate in CSV': ('in.csv', b'abstract\nWe parse \xed\xa0\x80\n'),
    'UTF-16': ('in.csv', 'abstract\nWe parse.'.encode('utf-16')), 'a pickle': ('in.jsonl', b'\x80\x04\x95\x0c\0\0\0\0\0\0\0}\x94.'), 'gzip without .gz': ('in.csv', gzip.compress(b'abstract\nWe parse.\n')),
    'no gzip': ('in.csv.gz', b'abstract\nWe parse.\n'), 'truncated gzip': ('in.jsonl.gz', gzip.compress(json.dumps(dict(abstract=GOOD)).encode())[:-20]), 'an empty .gz': ('in.csv.gz', b''),
    'broken gzip': ('in.jsonl.gz', gzip.compress(b'{}')[:10] + b'\x07' + gzip.compress(b'{}')[11:]), 'bad sum in gzip': ('in.csv.gz', gzip.compress(b'abstract\nWe parse.\n')[:-8] + b'\0'*8),
    'CSV without the column': ('in.csv', f'title,text\nT,"{GOOD}"\n'), 'CSV with another case': ('in.csv', f'Abstract\n"{GOOD}"\n'), 'CSV with semicolons': ('in.csv', f'id;abstract\n1;{GOOD}\n'), 'CSV with tabs': ('in.csv', 'id\tabstract\n'),
    'an empty CSV': ('in.csv', ''), 'a CSV of blank lines': ('in.csv', '\n\n'), 'a CSV of a BOM': ('in.csv', '\ufeff'), 'a CSV of NUL bytes': ('in.csv', '\0'*9), 'a huge header': ('in.csv', 'x'*1_000_000), 'an open quote in the header': ('in.csv', f'"id,abstract\n{GOOD}\n' + 'word '*100_000),
    'another suffix': ('in.txt', GOOD), 'JSON': ('in.json', '[]'), 'no suffix': ('in', GOOD), 'bzip2': ('in.jsonl.bz2', b'BZh9')}

@pytest.mark.parametrize('old', [None, 'old'], ids=['', 'over an old file'])
@pytest.mark.parametrize('why', WHOLE)
def test_files_that_cannot_be_read(tag_file, tmp_path, why, old):
    name, content = WHOLE[why]
    source = tmp_path/name
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    target = tmp_path/'out'/'out.csv'
    if old: target.write_text(old)
    done, _ = tag_file(source, to='out.csv')
    assert refused(done) and (target.read_text() if old else target.exists()) == (old or False)

@pytest.mark.parametrize('name', ['missing.jsonl', 'no/folder.csv', 'folder.csv', '.', '../..', 'x'*300+'.csv', '\udcff.csv', '/dev/null', '\n.csv', '-'])
def test_input_that_is_no_file(tag_file, tmp_path, name):
    (tmp_path/'folder.csv').mkdir()
    done, out = tag_file(tmp_path/name if name != '-' else '-')
    assert refused(done) and out is None

def test_a_pipe_as_input(tag_file, tmp_path):
    def too_long(*_): raise AssertionError('waits for ever')
    os.mkfifo(tmp_path/'in.jsonl')
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try: done, out = tag_file(tmp_path/'in.jsonl')
    finally: signal.setitimer(signal.ITIMER_REAL, 0)
    assert refused(done) and out is None

@pytest.mark.parametrize('name', ['no/out.jsonl', 'out.txt', 'out', 'out.json', 'out.jsonl.bz2', '.gz', 'folder.jsonl', '', 'in.jsonl/out.jsonl', 'x'*250+'.jsonl', 'in.jsonl', 'link.jsonl', 'hard.jsonl', 'folder.jsonl/../in.jsonl'])
def test_output_that_cannot_be(command, tmp_path, name):
    source = put(tmp_path/'in.jsonl', good(2))
    (tmp_path/'folder.jsonl').mkdir()
    (tmp_path/'link.jsonl').symlink_to(source)
    (tmp_path/'hard.jsonl').hardlink_to(source)
    before = {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()}
    refused(command('tag', '--input', source, '--output', f'{tmp_path}/{name}'))
    assert {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()} == before


# rows that cannot be read

@pytest.mark.parametrize('line', ['{"abstract": "We', '["We parse."]', '"We parse."', '5', 'null', 'true', '{}', '{"text": "We parse."}', "{'abstract': 'We parse.'}", '[' * 100_000, '{"a":' * 100_000, '\0\0', '\ufeff', '{"abstract": "We\tparse."}',
    *(f'{{"abstract": {v}}}' for v in ('null', '5', 'true', '["We parse."]', '{"en": "We parse."}', 'NaN')), *(f'{{"abstract": "We parse.", "title": {v}}}' for v in ('5', 'true', '["T"]', '{"a": "b"}', '"T\\u0000"', '"\\udfff"'))], ids=lambda l: ascii(l)[:50])
@pytest.mark.parametrize('to', ['jsonl', 'csv'])
def test_a_line_that_is_no_paper(tag_file, tmp_path, line, to):
    done, out = tag_file(put(tmp_path/'in.jsonl', '\n'.join([json.dumps(good(1)[0]), line, json.dumps(good(1)[0])])), to=f'out.{to}')
    assert done.status == 1 and '1 of 3' in complaint(done.err)
    assert [tagged(r) for r in out] == [True, False, True] and failed(out[1])

@pytest.mark.parametrize('field,value', [*(('id', v) for v in (5, 0, None, True, [1], {'a': 1}, '', '\ud800', '\0', 10**400)), *(('title', v) for v in (None, '', 0, False, [])), *(('tasks', v) for v in (None, 5, True, '[broken', '[' * 5000, [1], {'a': 1}, '\ud800')),
    ('task', 5), ('task', '[1'), *((k, 1) for k in ('', 'a,b', 'a\nb', '"', '\ud800', '\0', 'é', 'abstract '))], ids=lambda v: ascii(v)[:20])
@pytest.mark.parametrize('to', ['jsonl', 'csv'])
def test_odd_fields_do_not_matter(tag_file, tmp_path, field, value, to):
    row = dict(abstract=GOOD) | {field: value}
    done, out = tag_file(put(tmp_path/'in.jsonl', [row]), to=f'out.{to}')
    assert done.status == 0 and tagged(out[0])
    if to == 'jsonl': assert out[0]['abstract'] == GOOD and out[0][f'input_{field}' if field == 'tasks' else field] == value

@pytest.mark.parametrize('number', ['NaN', '-Infinity', '1e999', '9'*5000], ids=lambda n: n[:9])
def test_what_is_written_is_strict_json(tag_file, tmp_path, number):
    source = put(tmp_path/'in.jsonl', f'{{"abstract": "We parse.", "n": {number}}}\n' + json.dumps(good(1)[0]))
    for to in 'out.jsonl', 'out.csv':
        done, out = tag_file(source, to=to)
        assert done.status in (0, 1) and len(out) == 2 and 'nested' not in (out[0].get('error') or '')
        if to == 'out.jsonl': [strict(l) for l in (tmp_path/'out'/to).read_text().splitlines()]
        (tmp_path/'out'/to).unlink()

@pytest.mark.parametrize('to', ['jsonl', 'csv'])
def test_nesting_of_any_depth(tag_file, tmp_path, to):
    depths = [10, 100, *range(900, 1000), 100_000] # about where Python's parser gives up
    done, out = tag_file(put(tmp_path/'in.jsonl', '\n'.join(f'{{"abstract": "We parse.", "x": {"["*d}{"]"*d}}}' for d in depths)), to=f'out.{to}')
    assert done.status == 1 and complaint(done.err) and len(out) == len(depths) and all(failed(r) or tagged(r) for r in out) and tagged(out[0]) and failed(out[-1])

def test_blank_lines_and_line_ends(tag_file, tmp_path):
    lines = [json.dumps(r) for r in good(3)]
    done, out = tag_file(put(tmp_path/'in.jsonl', f'\ufeff\n{lines[0]}\r\n\n  \n{lines[1]}\n\n{lines[2]}'))
    assert (done.status, [r['id'] for r in out]) == (0, ['p0', 'p1', 'p2'])

@pytest.mark.parametrize('name,content,n', [('in.jsonl', '', 0), ('in.jsonl', '\n \n', 0), ('in.jsonl.gz', '', 0), ('in.csv', 'abstract,id\n', 0), ('in.csv.gz', '\ufeffid,abstract', 0)])
@pytest.mark.parametrize('to', FORMATS)
def test_files_without_rows(tag_file, tmp_path, name, content, n, to):
    done, out = tag_file(put(tmp_path/name, content), to=f'out.{to}')
    assert done.status == 0 and out == []
    if to == 'csv': assert (tmp_path/'out'/'out.csv').read_text().strip().endswith('tasks,scores,error')


# CSV

def test_csv_with_all_its_oddities(tag_file, tmp_path):
    content = f'\ufeffid,abstract,"no,te"\r\n1,"{GOOD}\r\nSecond ""line"".\n\nThird.",x\r\n\r\n2,{GOOD.replace(",", "")},\r\n3,"{GOOD}"\r\n4,{GOOD},x,y\r\n5\r\n6,"{GOOD}",{"y"*3_000_000}\r\n7,"{GOOD}",z'
    done, out = tag_file(put(tmp_path/'in.csv', content), to='out.csv')
    assert done.status == 1 and '2 of 7' in complaint(done.err)
    assert [r['id'] for r in out] == list('1234567') and [tagged(r) for r in out] == [True, True, True, False, False, True, True]
    assert out[0]['abstract'] == f'{GOOD}\r\nSecond "line".\n\nThird.' and out[0]['no,te'] == 'x' and len(out[5]['no,te']) == 3_000_000
    assert 'more fields' in out[3]['error'] and 'missing' in out[4]['error']

def test_csv_with_other_line_ends(tag_file, tmp_path):
    for end in '\n', '\r\n', '\r':
        done, out = tag_file(put(tmp_path/'in.csv', end.join(['id,abstract', f'1,"{GOOD}"', f'2,"{GOOD}"'])))
        assert (done.status, [r['id'] for r in out]) == (0, ['1', '2'])

def test_csv_with_a_quote_left_open(tag_file, tmp_path):
    done, out = tag_file(put(tmp_path/'in.csv', f'id,abstract\n1,"{GOOD}"\n2,"{GOOD}\n' + f'3,{GOOD}\n' * 3000))
    assert done.status == 1 and complaint(done.err) and [tagged(r) for r in out] == [True, False] and failed(out[1])

def test_csv_row_with_too_many_fields_keeps_its_own_error(tag_file, tmp_path):
    _, out = tag_file(put(tmp_path/'in.csv', 'id,abstract,error\n1,We parse.,mine,more\n'))
    assert failed(out[0]) and out[0]['input_error'] == 'mine'

def test_formulas_stay_text(tag_file, tmp_path):
    done, out = tag_file(put(tmp_path/'in.csv', [dict(abstract=GOOD, note=n) for n in ('=1+1', '0012', '1e5', 'NULL', ' x ', 'nan', 'a\rb')]), to='out.csv')
    assert done.status == 0 and [r['note'] for r in out] == ['=1+1', '0012', '1e5', 'NULL', ' x ', 'nan', 'a\rb']


# stopped in the middle

@pytest.mark.parametrize('old', [None, b'old'], ids=['', 'over an old file'])
@pytest.mark.parametrize('how,to', [(signal.SIGKILL, 'out.jsonl'), (signal.SIGTERM, 'out.csv'), (signal.SIGINT, 'out.csv.gz')], ids=['SIGKILL', 'SIGTERM', 'SIGINT'])
def test_stopped_in_the_middle(tmp_path, how, to, old):
    folder, source = tmp_path/'out', put(tmp_path/'in.jsonl', good(20_000))
    folder.mkdir()
    if old: (folder/to).write_bytes(old)
    p = subprocess.Popen([PAPER_TASKS, 'tag', '--input', source, '--output', folder/to], stderr=subprocess.PIPE, text=True, env=ENV, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    deadline = time.monotonic()+30
    while not list(folder.glob('.*')) and p.poll() is None and time.monotonic() < deadline: time.sleep(0.005)
    time.sleep(0.1)
    p.send_signal(how)
    err = p.communicate(timeout=30)[1]
    assert ((folder/to).read_bytes() if old else (folder/to).exists()) == (old or False)
    if how == signal.SIGKILL: assert p.returncode == -how
    else: assert p.returncode not in (0, 1, 2)
    assert {f.name for f in folder.iterdir()} == {f'.{to}.part'} | ({to} if old else set())
    if how == signal.SIGINT: assert p.returncode == 130 and complaint(err)

@formats
def test_disk_full(tmp_path, suffix):
    source, folder = put(tmp_path/'in.jsonl', [r | dict(x=os.urandom(3000).hex()) for r in good(30)]), tmp_path/'out'
    folder.mkdir()
    done = shell('tag', '--input', source, '--output', folder/f'out.{suffix}', preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)))
    assert refused(done) and [p.name for p in folder.iterdir()] == [f'.out.{suffix}.part']
    done = shell('tag', '--input', source, '--output', folder/f'out.{suffix}')
    assert done.status == 0 and ' 0%' not in done.err and len(list(read_rows(folder/f'out.{suffix}'))) == 30 and [p.name for p in folder.iterdir()] == [f'out.{suffix}']

def test_from_a_terminal(tmp_path):
    source = put(tmp_path/'in.csv.gz', [*good(3), dict(id='bad', abstract='')])
    done = shell('tag', '--input', source, '--output', tmp_path/'out.jsonl')
    assert done.status == 1 and done.out == '' and '1 of 4' in complaint(done.err) and '4/4' in done.err
    assert [tagged(r) for r in read_rows(tmp_path/'out.jsonl')] == [True, True, True, False]
    assert refused(shell('tag', '--input', tmp_path/'none.csv', '--output', tmp_path/'out2.jsonl')) and not (tmp_path/'out2.jsonl').exists()

def test_a_huge_header(tmp_path): # in a process of its own, where nothing has raised the CSV reader's limit before
    assert 'column' in refused(shell('tag', '--input', put(tmp_path/'in.csv', f'"id,abstract\n{GOOD}\n' + 'word '*100_000), '--output', tmp_path/'out.csv'))


# stopped, and gone on

@pytest.mark.parametrize('to', ['out.jsonl', 'out.csv.gz', 'out.parquet'])
def test_killed_again_and_again(tmp_path, to):
    source, folder = put(tmp_path/'in.csv', good(400, note='a\nb') + [dict(id='bad', abstract='')]), tmp_path/'out'
    folder.mkdir()
    part, before, starts = folder/f'.{to}.part', 0, []
    while not (folder/to).exists():
        p = subprocess.Popen([PAPER_TASKS, 'tag', '--input', source, '--output', folder/to], stderr=subprocess.PIPE, text=True, env=ENV)
        while p.poll() is None and (not part.exists() or part.read_bytes().count(b'\n') < before + 120): time.sleep(0.002)
        if p.poll() is None: p.kill()
        err = p.communicate(timeout=60)[1]
        if bar := re.search(r'\| (\d+)/401', err): starts.append(int(bar[1]))
        if part.exists(): before = part.read_bytes().count(b'\n')
    assert p.returncode == 1 and '1 of 401' in err and len(starts) > 2 and starts == sorted(set(starts)) and starts[0] == 0 and starts[-1] > 200
    assert not part.exists() and shell('tag', '--input', source, '--output', tmp_path/to).status == 1
    assert list(read_rows(folder/to)) == list(read_rows(tmp_path/to)) and (to.endswith('parquet') or (folder/to).read_bytes() == (tmp_path/to).read_bytes())

@pytest.mark.parametrize('change', ['nothing', 'options', 'model', 'input', 'half a line', 'garbage'])
def test_what_is_gone_on_with(command, tmp_path, tagger, bundle, monkeypatch, change):
    from from_paper_with_tasks.tagging import PaperTagger
    source, options, real = put(tmp_path/'in.jsonl', good(20)), [], PaperTagger.tag_rows
    def some(self, rows, *args):
        for n, row in enumerate(real(self, rows, *args)):
            if n == 12: raise OSError(28, 'No space left on device', 'x')
            yield row
    with monkeypatch.context() as m:
        m.setattr(PaperTagger, 'tag_rows', some)
        assert 'space left' in refused(command('tag', '--input', source, '--output', tmp_path/'out.jsonl'))
    part, done = tmp_path/'.out.jsonl.part', []
    assert len(part.read_bytes().splitlines()) == 13
    if change == 'options': options = ['--top', 3]
    if change == 'model': options = ['--model', bundle({'lexicon.npz': None})]
    if change == 'input': put(source, good(21))
    if change == 'half a line': part.write_bytes(part.read_bytes() + b' {"abstract": "We')
    if change == 'garbage': part.write_bytes(b'\xff\n'*30)
    monkeypatch.setattr(PaperTagger, 'tag_rows', lambda self, rows, *args: real(self, (done.append(r) or r for r in rows), *args))
    assert command('tag', '--input', source, '--output', tmp_path/'out.jsonl', *options).status == 0
    assert len(done) == dict(input=21, nothing=8).get(change, 8 if change == 'half a line' else 20) and not part.exists()
    assert [r['id'] for r in read_rows(tmp_path/'out.jsonl')] == [f'p{i}' for i in range(21 if change == 'input' else 20)]

def test_two_at_once(command, tmp_path):
    source = put(tmp_path/'in.jsonl', good(2000))
    p = subprocess.Popen([PAPER_TASKS, 'tag', '--input', source, '--output', tmp_path/'out.jsonl'], stderr=subprocess.DEVNULL, env=ENV)
    part = tmp_path/'.out.jsonl.part'
    while not part.exists() or part.stat().st_size < 1000: time.sleep(0.01)
    assert 'written by another process' in refused(command('tag', '--input', source, '--output', tmp_path/'out.jsonl'))
    p.kill(); p.wait()


# pipes

def test_from_pipe_to_pipe():
    rows = [json.dumps(good(1)[0]), '{"abstract": ""}', 'x']
    done = shell('tag', '--input', '-', '--output', '-', input='\n'.join(rows).encode())
    out = list(map(strict, done.out.splitlines()))
    assert done.status == 1 and [tagged(r) for r in out] == [True, False, False] and complaint(done.err) == 'paper-tasks: 2 of 3 rows could not be tagged: their `error` says why'

def test_a_row_comes_out_before_the_input_ends():
    p = subprocess.Popen([PAPER_TASKS, 'tag', '--input', '-', '--output', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENV)
    for r in good(30): p.stdin.write(json.dumps(r).encode() + b'\n')
    p.stdin.flush()
    assert tagged(json.loads(p.stdout.readline()))
    p.stdin.close()
    assert len(p.stdout.read().splitlines()) == 29 and p.wait() == 0

def test_csv_from_a_pipe(tmp_path):
    content = put(tmp_path/'in.csv', good(3)).read_bytes()
    done = shell('tag', '--input', '-', '--format', 'csv', '--output', tmp_path/'out.jsonl.gz', input=content)
    assert done.status == 0 and [r['id'] for r in read_rows(tmp_path/'out.jsonl.gz')] == ['p0', 'p1', 'p2']
    assert "column 'abstract'" in refused(shell('tag', '--input', '-', '--format', 'csv', '--output', '-', input=b'id,text\n1,x\n'))
    for wrong in (['--output', tmp_path/'out.csv'], ['--output', tmp_path/'no'/'out.jsonl']): refused(shell('tag', '--input', '-', *wrong, input=b'{"abstract": "We parse."}'))
    refused(shell('tag', '--input', tmp_path/'in.csv', '--output', tmp_path/'out.jsonl', '--format', 'csv'))
    assert 'standard input is not UTF-8' in refused(shell('tag', '--input', '-', '--output', '-', input=b'\xff'))

def test_a_file_to_a_pipe_that_closes(tmp_path):
    source = put(tmp_path/'in.jsonl', good(500))
    p = subprocess.Popen([PAPER_TASKS, 'tag', '--input', source, '--output', '-'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    p.stdout.readline(); p.stdout.close()
    assert p.wait(20) == 141 and p.stderr.read() == b''


# parquet

def test_a_table_keeps_its_types(tag_file, tmp_path):
    import datetime
    import pyarrow as pa, pyarrow.parquet as pq
    day, nan = datetime.date(2020, 1, 31), float('nan')
    table = pa.table(dict(abstract=[GOOD, ''], year=[2020, None], x=[0.5, nan], flag=[True, None], day=[day, None], authors=[['A', 'B'], []], raw=[b'a', None]))
    pq.write_table(table, tmp_path/'in.parquet')
    done, _ = tag_file(tmp_path/'in.parquet', to='out.parquet')
    out = pq.read_table(tmp_path/'out'/'out.parquet')
    assert done.status == 1 and {n: str(t) for n, t in zip(out.schema.names, out.schema.types)} == dict(abstract='string', year='int64', x='double', flag='bool', day='string',
        authors='string', raw='string', tasks='list<element: string>', scores='list<element: struct<task: string, score: double>>', error='string')
    assert out['day'].to_pylist() == ['2020-01-31', None] and out['x'].to_pylist() == [0.5, None] and out['authors'].to_pylist()[0] == '["A", "B"]'

@pytest.mark.parametrize('cut', [0, 3, 100, -1, -20], ids=str)
@pytest.mark.parametrize('name', ['in.parquet', 'in.parquet.gz'])
def test_a_table_that_is_cut_off(tag_file, tmp_path, name, cut):
    source = put(tmp_path/name, good(50))
    source.write_bytes(source.read_bytes()[:cut])
    done, out = tag_file(source)
    assert 'not a whole parquet file' in refused(done) and out is None

def test_a_table_without_the_column(tag_file, tmp_path):
    assert "no column 'abstract': its columns are id, text" in refused(tag_file(put(tmp_path/'in.parquet', [dict(id='1', text=GOOD)]))[0])

def test_without_pyarrow(command, tmp_path, monkeypatch):
    source = put(tmp_path/'in.parquet', good(1))
    monkeypatch.setitem(__import__('sys').modules, 'pyarrow', None)
    assert 'pip install pyarrow' in refused(command('tag', '--input', source, '--output', tmp_path/'out.jsonl'))

"The frame of collecting: selection, ledger, and files that are half written, killed, or someone else's."
import json, os, random, resource, signal, time
from dataclasses import asdict
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from killing import Forks
from stand_in import one_line
from from_paper_with_tasks.core import PaperTasksError, read_rows
from from_paper_with_tasks.scraping import (CATEGORIES, Ledger, PageError, Plan, Record, Selection, Source, check_date, collect, mend_tail, now, our_rows, slugify)

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
text = st.text(st.characters(), max_size=30) # lone surrogates, line separators and all
records = st.lists(st.builds(Record, id=text, url=text, title=text, abstract=text, tasks=st.lists(text, max_size=3), got=st.just('')), max_size=8, unique_by=lambda r: r.url)


class Basket(Source):
    "Papers in memory; those whose names begin with 'stone' cannot be read."
    def __init__(self, records, ended=lambda: None): self.items, self.asked, self.ended = [Record(r, f'basket/{r}') if isinstance(r, str) else r for r in records], [], ended
    def plan(self, selection): return Plan(0, 0., len(self.items))
    def records(self, selection, ledger):
        for r in self.items:
            if ledger.has(r.url): continue
            self.asked.append(r.id)
            with ledger.page(r.url):
                if r.id.startswith('stone'): raise PageError(f'{r.id} is no paper')
                if selection.takes(r): yield r
                else: ledger.pass_over()
        self.ended()

def run(items, out, selection=None, **kwargs):
    basket = Basket(items)
    return collect(basket, out, selection, progress=False, **kwargs), basket.asked

def ids(path): return [r['id'] for r in read_rows(path)]
def files(folder): return {p.name: p.read_bytes() for p in folder.iterdir()}

@pytest.fixture(autouse=True)
def clock(monkeypatch): monkeypatch.setenv('SOURCE_DATE_EPOCH', '1700000000')


# selection

def test_what_a_selection_takes():
    r = Record('a', 'u', tasks=['Named Entity Recognition (NER)', 'OCR'], methods=[dict(name='M', category='q-learning', area='Reinforcement Learning')], date='2021-05-06')
    for s in (dict(), dict(categories=['Q-Learning']), dict(areas=['reinforcement-learning']), dict(tasks=['ocr', 'x']), dict(tasks=['named-entity_recognition (ner)']),
              dict(since='2021-05-06', until='2021-05-06'), dict(categories=['q-learning'], areas=['Graphs', 'Reinforcement Learning'], tasks=['OCR'], until='2022-01-01')):
        assert Selection(**s).takes(r), s
    for s in (dict(categories=['q']), dict(areas=['Graphs']), dict(tasks=['oc']), dict(since='2021-05-07'), dict(until='2021-05-05'), dict(categories=['q-learning'], tasks=['x'])):
        assert not Selection(**s).takes(r), s

def test_a_record_without_a_date_fits_no_span():
    assert [Selection(**s).takes(Record('a', 'u')) for s in (dict(since='1990-01-01'), dict(until='2100-01-01'), dict())] == [False, False, True]

@pytest.mark.parametrize('given', [dict(since='2021'), dict(until='yesterday'), dict(since='2021-02-30'), dict(since='2021-13-01'), dict(since='2022-01-01', until='2021-01-01')])
def test_dates_that_make_no_sense(given):
    with pytest.raises(PaperTasksError) as e: Selection(**given)
    assert one_line(e)

@given(st.text())
def test_dates(s):
    try: assert check_date(s) in (s, '')
    except PaperTasksError: pass

@given(st.text(), st.text())
def test_slugs(a, b):
    assert slugify(slugify(a)) == slugify(a) and slugify(f'{a} {b}').startswith(slugify(a)[:1])
    assert not set(slugify(a)) - set('abcdefghijklmnopqrstuvwxyz0123456789-')

def test_categories():
    found = sum(CATEGORIES.values(), [])
    assert len(found) == len(set(found)) == 29 and len(CATEGORIES) == 6 and all(slugify(c) == c for c in found)

def test_now(monkeypatch):
    assert now() == '2023-11-14T22:13:20Z'
    monkeypatch.delenv('SOURCE_DATE_EPOCH')
    assert now() > '2024'

@pytest.mark.parametrize('plan,said', [(Plan(1200, 30), 'about 1,200 requests and 30 s to look at papers'), (Plan(0, 600, 5), '10 min to look at 5 papers'),
                                       (Plan(36_420, 36_420, 34_000, 'slow'), '10 h to look at 34,000 papers (slow)')])
def test_a_plan_in_words(plan, said): assert str(plan).endswith(said)


# collecting

def test_everything_once(tmp_path):
    done, asked = run(['a', 'b', 'a', 'c'], tmp_path/'p.jsonl')
    assert (done.papers, done.new, done.failed, done.whole) == (3, 3, {}, True) and asked == ['a', 'b', 'c'] and set(files(tmp_path)) == {'p.jsonl'}
    before = files(tmp_path)
    again, asked = run(['a', 'b', 'c'], tmp_path/'p.jsonl')
    assert again.new == 0 and asked == [] and files(tmp_path) == before

def test_new_papers_and_another_selection_are_added(tmp_path):
    items = [Record(i, i, tasks=[t]) for i, t in zip('abcd', 'xyxy')]
    run(items[:2], tmp_path/'p.jsonl', Selection(tasks=['x']))
    assert ids(tmp_path/'p.jsonl') == ['a']
    done, asked = run(items, tmp_path/'p.jsonl')
    assert ids(tmp_path/'p.jsonl') == ['a', 'b', 'c', 'd'] and asked == ['b', 'c', 'd'] and done.new == 3

def test_the_file_stays_as_it_is_until_the_new_one_is_whole(tmp_path):
    run(['a'], tmp_path/'p.jsonl')
    before = (tmp_path/'p.jsonl').read_bytes()
    def fail(): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): collect(Basket(['a', 'b'], fail), tmp_path/'p.jsonl', progress=False)
    assert (tmp_path/'p.jsonl').read_bytes() == before and ids(tmp_path/'p.part.jsonl') == ['a', 'b']
    done, asked = run(['a', 'b', 'c'], tmp_path/'p.jsonl')
    assert asked == ['c'] and ids(tmp_path/'p.jsonl') == ['a', 'b', 'c'] and set(files(tmp_path)) == {'p.jsonl'}

def test_max_papers(tmp_path):
    done, _ = run(['a', 'b', 'c'], tmp_path/'p.jsonl', max_papers=2)
    assert ids(tmp_path/'p.jsonl') == ['a', 'b'] and not done.whole
    done, asked = run(['a', 'b', 'c'], tmp_path/'p.jsonl', max_papers=2)
    assert ids(tmp_path/'p.jsonl') == ['a', 'b', 'c'] and done.whole and asked == ['c']

def test_what_fails_is_written_down_and_retried_alone(tmp_path):
    done, _ = run(['a', 'stone 1', 'b', 'stone 2'], tmp_path/'p.jsonl')
    assert done.failed == {'basket/stone 1': 'stone 1 is no paper', 'basket/stone 2': 'stone 2 is no paper'} and ids(tmp_path/'p.jsonl') == ['a', 'b']
    rows = list(read_rows(tmp_path/'p.failed.jsonl'))
    assert rows == [dict(url=f'basket/stone {i}', error=f'stone {i} is no paper', got='2023-11-14T22:13:20Z') for i in (1, 2)]
    assert run(['a', 'stone 1', 'b', 'stone 2'], tmp_path/'p.jsonl')[1] == [] and list(read_rows(tmp_path/'p.failed.jsonl')) == rows
    mended = Basket(['a', 'stone 1', 'b', Record('c', 'basket/stone 2')])
    done = collect(mended, tmp_path/'p.jsonl', retry=True, progress=False)
    assert mended.asked == ['stone 1', 'c'] and list(done.failed) == ['basket/stone 1'] and ids(tmp_path/'p.jsonl') == ['a', 'b', 'c']
    assert [r['url'] for r in read_rows(tmp_path/'p.failed.jsonl')] == ['basket/stone 1']

def test_ten_in_a_row_stop_the_run_and_the_next_goes_on_behind_them(tmp_path):
    items = ['a', *(f'stone {i}' for i in range(14)), 'b']
    with pytest.raises(PaperTasksError, match='10 pages in a row .*stone 9') as e: run(items, tmp_path/'p.jsonl')
    assert one_line(e) and not isinstance(e.value, PageError)
    done, asked = run(items, tmp_path/'p.jsonl')
    assert asked == [*(f'stone {i}' for i in range(10, 14)), 'b'] and ids(tmp_path/'p.jsonl') == ['a', 'b'] and len(done.failed) == 14

def test_nine_in_a_row_do_not(tmp_path): assert run([*(f'stone {i}' for i in range(9)), 'a', *(f'stone_{i}' for i in range(9)), 'b'], tmp_path/'p.jsonl')[0].papers == 2

def test_nothing_at_all(tmp_path):
    with pytest.raises(PaperTasksError, match=r'no paper could be had \(stone is no paper\).*--retry') as e: run(['stone'], tmp_path/'p.jsonl')
    assert one_line(e) and not (tmp_path/'p.jsonl').exists()
    assert run([], tmp_path/'q.jsonl')[0].papers == 0

def test_nothing_but_page_errors_is_passed_over(tmp_path):
    def trouble(): raise PaperTasksError('the host is gone')
    with pytest.raises(PaperTasksError, match='the host is gone'): collect(Basket(['a'], trouble), tmp_path/'p.jsonl', progress=False)
    assert ids(tmp_path/'p.part.jsonl') == ['a'] and not (tmp_path/'p.failed.jsonl').exists()

@quick
@given(records)
def test_any_text_comes_back(tmp_path, items):
    out = tmp_path/'p.jsonl'
    out.unlink(missing_ok=True)
    collect(Basket(items), out, progress=False)
    plain = [json.loads(json.dumps(asdict(r))) for r in items if not r.id.startswith('stone')]
    assert list(read_rows(out)) == plain

def test_a_bar(tmp_path, capfd):
    collect(Basket(['a', 'b']), tmp_path/'p.jsonl')
    assert '2paper' in capfd.readouterr().err


# half lines

@quick
@given(records, st.data())
def test_cut_anywhere_it_ends_the_same(tmp_path, items, data):
    for p in tmp_path.iterdir(): p.unlink()
    collect(Basket(items), tmp_path/'p.jsonl', progress=False)
    whole = (tmp_path/'p.jsonl').read_bytes()
    cut = whole[:data.draw(st.integers(0, len(whole)))]
    (tmp_path/'q.part.jsonl').write_bytes(cut)
    source = Basket(items)
    done = collect(source, tmp_path/'q.jsonl', progress=False)
    assert (tmp_path/'q.jsonl').read_bytes() == whole and done.new == len(items) - cut.count(b'\n') or any(r.id.startswith('stone') for r in items)

def test_at_every_byte(tmp_path):
    a, b = [Record(i, i, title='é\u2028\ud800"\\\n') for i in 'ab']
    items = [a, 'stone', b]
    run(items, tmp_path/'p.jsonl')
    whole, failed = (tmp_path/'p.jsonl').read_bytes(), (tmp_path/'p.failed.jsonl').read_bytes()
    for part, at in [('part', i) for i in range(len(whole)+1)] + [('failed', i) for i in range(len(failed)+1)]:
        q = tmp_path/'q.jsonl'
        (tmp_path/'q.part.jsonl').write_bytes(whole[:at] if part == 'part' else whole[:whole.index(b'\n')+1])
        (tmp_path/'q.failed.jsonl').write_bytes(failed[:at] if part == 'failed' else b'')
        q.unlink(missing_ok=True)
        run(items, q)
        assert q.read_bytes() == whole and (tmp_path/'q.failed.jsonl').read_bytes() == failed, (part, at)

@quick
@given(st.binary(max_size=300), st.integers(0, 3))
def test_mend_tail(tmp_path, data, times):
    path = tmp_path/'x'
    path.write_bytes(data * 700 ** times if times < 2 else data)
    whole = path.read_bytes()
    mend_tail(path)
    assert path.read_bytes() == whole[:whole.rfind(b'\n')+1]


# files that are not ours

FOREIGN = {
    'notes': 'my notes', 'CSV': 'id,abstract\na,We parse.\n', 'no url': '{"id": "a", "abstract": "We parse."}\n', 'no url and no line end': '{"id": "a", "abstract": "We parse."}',
    'two rows, no line end': '{"id": "a", "url": "u", "abstract": "We parse."}\n{"id": "b", "abstract": "My only copy."}', 'numbers': '{"id": 7, "url": 8}\n', 'another order': '{"url": "u", "id": "a"}\n',
    'a list': '[{"id": "a", "url": "u"}]\n', 'half': '{"id": "a", "url"', 'bytes': b'\xff\xfe', 'NUL': b'\0' * 100, 'bytes behind a good row': b'{"id": "a", "url": "u"}\n\xff\xfe\n',
    'a broken row in the middle': '{"id": "a", "url": "u"}\n{"id": \n{"id": "b", "url": "v"}\n', 'deep': '{"id": ' + '[' * 100_000 + '\n'}

LIKE_OURS = [('p.failed.jsonl', 'another order'), *(('p.part.jsonl', c) for c in ('half', 'no url and no line end', 'two rows, no line end'))]

@pytest.mark.parametrize('name,content', [(n, c) for n in ('p.jsonl', 'p.part.jsonl', 'p.failed.jsonl') for c in FOREIGN if (n, c) not in LIKE_OURS])
def test_someone_elses_file_is_refused_and_left_alone(tmp_path, name, content):
    (tmp_path/name).write_bytes(c if isinstance(c := FOREIGN[content], bytes) else c.encode())
    before = files(tmp_path)
    with pytest.raises(PaperTasksError) as e: run(['a'], tmp_path/'p.jsonl')
    assert one_line(e) and files(tmp_path) == before

def test_a_last_line_without_its_end_that_an_editor_took_away(tmp_path):
    run(['a', 'b'], tmp_path/'p.jsonl')
    whole = (tmp_path/'p.jsonl').read_bytes()
    (tmp_path/'p.jsonl').write_bytes(whole[:-1])
    assert run(['a', 'b'], tmp_path/'p.jsonl')[1] == [] and (tmp_path/'p.jsonl').read_bytes() == whole

def test_an_empty_file_is_a_beginning(tmp_path):
    for name in ('p.jsonl', 'p.part.jsonl', 'p.failed.jsonl'): (tmp_path/name).touch()
    assert run(['a'], tmp_path/'p.jsonl')[0].papers == 1

@pytest.mark.parametrize('out,message', [('p.csv', 'does not end in .jsonl'), ('p', 'does not end in .jsonl'), ('p.jsonl.gz', 'does not end in .jsonl'), ('no/p.jsonl', 'there is no folder'), ('d.jsonl', 'cannot be used')])
def test_names_that_cannot_be(tmp_path, out, message):
    (tmp_path/'d.jsonl').mkdir()
    with pytest.raises(PaperTasksError, match=message) as e: run(['a'], tmp_path/out)
    assert one_line(e) and set(files_in(tmp_path)) == {'d.jsonl'}

def files_in(folder): return [p.name for p in folder.rglob('*')]

def test_our_rows_of_no_file(tmp_path): assert list(our_rows(tmp_path/'x.jsonl', ('id',))) == []

def test_a_ledger_by_itself(tmp_path):
    with Ledger(tmp_path/'p.jsonl') as ledger:
        assert not ledger.has('u')
        ledger.add(Record('a', 'u')); ledger.add(Record('b', 'u'))
        assert ledger.has('u') and ledger.new == 1
        with ledger.page('v'): raise PageError('gone')
        assert ledger.has('v') and ledger.in_a_row == 1
        with ledger.page('w'): pass
        assert not ledger.has('w') and ledger.in_a_row == 0
        with pytest.raises(ZeroDivisionError), ledger.page('x'): 1/0
        assert not ledger.has('x')


# killed, and out of space

def many(out):
    "Run in a child: collects thousands of papers, a stone among each hundred."
    collect(Basket([f'stone {i}' if i % 100 == 50 else f'paper {i}' for i in range(4000)]), out, progress=False)

def cramped(out, size):
    "Run in a child: as `many`, on a disk that is full after `size` bytes."
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    many(out)

@pytest.fixture(scope='module')
def forks():
    f = Forks('test_scraping', SOURCE_DATE_EPOCH='1700000000')
    yield f
    f.stop()

def table(out): return out.read_bytes(), out.with_suffix('.failed.jsonl').read_bytes()

@pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system cannot fork')
def test_kill_in_the_middle_of_a_fast_source(forks, tmp_path):
    started = time.monotonic()
    forks.start('many', str(tmp_path/'whole.jsonl'))
    assert forks.wait() == 0
    span, whole, rng, kills, half = time.monotonic() - started, table(tmp_path/'whole.jsonl'), random.Random(8), 0, 0
    while kills < 30:
        out, status = tmp_path/f'{kills}.jsonl', -9
        while status == -9:
            forks.start('many', str(out))
            time.sleep(rng.uniform(0, span))
            forks.kill()
            kills += (status := forks.wait()) == -9
            part = out.with_suffix('.part.jsonl')
            if part.exists():
                assert whole[0].startswith(part.read_bytes())
                half += 0 < part.stat().st_size < len(whole[0])
        forks.start('many', str(out))
        assert forks.wait() == 0 and table(out) == whole
    assert half > 10

@pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system cannot fork')
@pytest.mark.parametrize('size', [0, 4096, 200_000])
def test_a_full_disk(forks, tmp_path, size, capfd):
    out = tmp_path/'p.jsonl'
    forks.start('cramped', str(out), size)
    assert forks.wait() == 1
    forks.start('many', str(out))
    assert forks.wait() == 0
    forks.start('many', str(tmp_path/'whole.jsonl'))
    assert forks.wait() == 0 and table(out) == table(tmp_path/'whole.jsonl')

"arXiv as a stand-in speaks it, ids from anywhere, and sources that get their abstracts there."
import gzip, re, time
from urllib.parse import parse_qs, urlsplit
import pytest
from hypothesis import example, given, strategies as st
from typeguard import suppress_type_checks
from stand_in import html, one_line
from from_paper_with_tasks.arxiv import ARCHIVES, CANARY, CHUNK, arxiv_session, check_arxiv_id, feed_url, fetch_paper, fetch_papers, parse_feed, with_abstracts
from from_paper_with_tasks.core import PaperTasksError, read_rows
from from_paper_with_tasks.scraping import PageError, Plan, Record, Selection, Source, collect


def id_of(n): return f'2101.{90000+n}'
def entry(id, title='A title', summary='An\n abstract. ', published='2021-01-04T09:00:00Z', host='http://arxiv.org/abs/', version='v2'):
    return f'<entry><id>{host}{id}{version}</id><updated>2022-01-01T00:00:00Z</updated><published>{published}</published><title>{title}</title><summary>  {summary}</summary></entry>'
def feed(*entries):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"><title>arXiv Query</title>'
            f'<id>http://arxiv.org/api/x</id><opensearch:totalResults>{len(entries)}</opensearch:totalResults>{"".join(entries)}</feed>')
def error(summary, name='e'): return feed(f'<entry><id>http://arxiv.org/api/errors#{name}</id><title>Error</title><summary>{summary}</summary></entry>')

class Arxiv(dict):
    "Routes that answer as the export API does: papers 0 to 499 exist, `answers` go before, one each."
    answers, refuses = (), ()
    def get(self, path, default=None):
        url = urlsplit(path)
        if url.path != '/api/query': return super().get(path, default)
        if self.answers: return self.answers.pop(0)
        q = {k: v[0] for k, v in parse_qs(url.query).items()}
        ids = q['id_list'].split(',')[:int(q.get('max_results', 10))]
        if bad := [i for i in ids if i in self.refuses]: return error(f'incorrect id format for {bad[0]}', f'incorrect_id_format_for_{bad[0]}')
        return feed(*[entry(i, f'Paper {i}', f'We study\n  {i}.\n') for i in reversed(ids) if i == CANARY or '/' in i or i in map(id_of, range(500))])

@pytest.fixture
def arxiv(server):
    server.routes = Arxiv(server.routes)
    server.api = f'{server.base}/api/query'
    return server

@pytest.fixture
def session(): return arxiv_session(delay=0, timeout=2, retries=2, backoff=0.01)


# ids

CANONICAL = re.compile(r'\d{4}\.\d{4,5}|[a-z-]+/\d{7}', re.ASCII)

@pytest.mark.parametrize('s,id', [('2309.16653', '2309.16653'), ('2309.16653v2', '2309.16653'), ('0704.0001', '0704.0001'), ('1412.9999v11', '1412.9999'), ('1501.00001', '1501.00001'), (' 2309.16653 ', '2309.16653'),
    ('cs/0112017', 'cs/0112017'), ('math.GT/0309136', 'math/0309136'), ('hep-th/9901001v3', 'hep-th/9901001'), ('cond-mat.supr-con/9901001', 'cond-mat/9901001'), ('arXiv:2309.16653v1', '2309.16653'), ('ARXIV:cs/0112017', 'cs/0112017'),
    ('https://arxiv.org/abs/2309.16653v1', '2309.16653'), ('http://www.arxiv.org/pdf/2309.16653.pdf', '2309.16653'), ('https://export.arxiv.org/abs/math.GT/0309136v2', 'math/0309136'), ('arxiv.org/abs/2309.16653', '2309.16653'),
    ('HTTPS://ArXiv.org/html/2309.16653v1', '2309.16653'), ('https://arxiv.org/pdf/2309.16653v2#page=3', '2309.16653'), ('https://arxiv.org/abs/2309.16653?context=cs.CV', '2309.16653'), ('https://arxiv.org/abs/2309.16653/', '2309.16653')])
def test_ids(s, id): assert check_arxiv_id(s) == id and check_arxiv_id(id) == id

BAD_IDS = ['', ' ', 'x', '2309', '2309.1665', '2309.166533', '1412.10000', '0703.0001', '2313.00001', '2300.00001', '2309.00000', '0704.0000', '2309.16653v0', '2309.16653v', '2309.16653v123', '2309.16653V', '２３０９.16653', '2309.1665٣',
    'foo/0112017', 'cs/0113017', 'cs/0704001', 'cs/9106001', 'CS/0112017', 'cs/01120171', '/cs/0112017', '2309.16653\n', '\n2309.16653', '2309.16653\n2309.16654', '2309.16653&max_results=9', '2309.16653,2309.16654', '2309.16653 2309.16654', '2309.16653#x',
    '2309.16653%0a', '../2309.16653', 'https://arxiv.org@evil.example/abs/2309.16653', 'https://evil.example/arxiv.org/abs/2309.16653', 'https://arxiv.org.evil.example/abs/2309.16653', 'https://evilarxiv.org/abs/2309.16653', 'https://user:arxiv.org/abs/2309.16653',
    'https://evil.example#@arxiv.org/abs/2309.16653', 'https://evil.example\\@arxiv.org/abs/2309.16653', 'https://arxiv.org:8080/abs/2309.16653', 'ftp://arxiv.org/abs/2309.16653', 'javascript://arxiv.org/abs/2309.16653', '//arxiv.org/abs/2309.16653',
    'https://arxiv.org/abs/2309.16653&x=1', 'https://arxiv.org/abs/2309.16653?a=1&b=2', 'https://arxiv.org/abs/2309.16653\r\nHost: evil', 'https://arxiv.org/abs/../2309.16653', 'https://arxiv.org/list/2309.16653', 'https://arxiv.org/abs/arXiv:2309.16653',
    'https://arxiv.org/abs/https://arxiv.org/abs/2309.16653', 'arXiv:https://arxiv.org/abs/2309.16653', 'https://xn--arxv-5pa.org/abs/2309.16653', 'https://arxıv.org/abs/2309.16653', '2309.16653'*10**5, '\ud800', '\0', None, 2309.16653, b'2309.16653', ['2309.16653']]

@pytest.mark.parametrize('s', BAD_IDS, ids=range(len(BAD_IDS)))
def test_what_is_no_id(s):
    with pytest.raises(PaperTasksError, match='is no arXiv id: write it as') as e: check_arxiv_id(s)
    assert one_line(e) and str(e.value).isprintable()

pieces = st.sampled_from(['2309', '.', '16653', '0704', '0001', 'v1', 'v', '.pdf', '/', 'cs', 'math.GT', '0309136', 'arXiv:', 'https://', 'http://', 'arxiv.org', 'www.', 'export.', '/abs/', '/pdf/', '@', '#', '?', '&', '\n', ' ', 'evil.example', '%2e'])

@given(st.text() | st.lists(pieces | st.text(max_size=2), max_size=9).map(''.join))
@example('https://arxiv.org/abs/2309.16653')
def test_any_text(s):
    try: id = check_arxiv_id(s)
    except PaperTasksError as e: assert str(e).isprintable() and len(str(e)) < 300
    else:
        assert CANONICAL.fullmatch(id) and check_arxiv_id(id) == id and '\n' not in s and '@' not in s and '&' not in s
        assert re.search(r'(?i)^ *(arxiv:|(https?://)?(www\.|export\.)?arxiv\.org/\w+/)?[\w.-]+[/.]\d', s)

@given(st.sampled_from(ARCHIVES), st.sampled_from(['', '.AI', '.supr-con']), st.integers(0, 15), st.integers(1, 12), st.integers(0, 999), st.sampled_from(['', 'v1', 'v12']))
def test_any_old_id(archive, subject, year, month, n, version):
    number = f'{(92 + year) % 100:02}{month:02}{n:03}'
    if number[0] != '9' and number[:4] > '0703': number = '0703' + number[4:]
    assert check_arxiv_id(f'{archive}{subject}/{number}{version}') == f'{archive}/{number}'


# feeds

def test_a_feed():
    found = parse_feed(feed(entry(id_of(1), 'A\n  title &amp; more', '  Two\n lines \n'), entry('cs/0112017', host='https://arxiv.org/abs/'), entry(id_of(2), title=' '), entry('nonsense'), '<entry/>', entry(id_of(3), published='soon')).encode(), [])
    assert list(found) == [id_of(1), 'cs/0112017']
    r = found[id_of(1)]
    assert (r.id, r.url, r.title, r.abstract, r.date, r.ids) == (id_of(1), f'https://arxiv.org/abs/{id_of(1)}', 'A title & more', 'Two\n lines', '2021-01-04', dict(arxiv=id_of(1)))

LAUGHS = '<!DOCTYPE feed [<!ENTITY a "ha">' + ''.join(f'<!ENTITY {b} "{f"&{a};"*10}">' for a, b in zip('abcdefghi', 'bcdefghij')) + ']>'
BAD_FEEDS = [(b'', 'not an Atom feed'), (b'Rate exceeded.', 'begins with .*Rate exceeded'), (html('busy').encode(), 'not an Atom feed'), (b'{}', 'not an Atom feed'), (feed(entry(id_of(1)))[:-20].encode(), 'not an Atom feed'), (b'\xff\xfe\0', 'not an Atom feed'),
    (feed().encode(), 'the feed is empty'), (error('start must be an integer').encode(), 'an error: start must be an integer'), (error('').encode(), 'does not say'), (b'<feed><entry/></feed>', 'not an Atom feed'),
    ((LAUGHS + feed(entry(id_of(1), '&j;')).split('\n')[1]).encode(), 'not an Atom feed'), (('<!DOCTYPE feed SYSTEM "http://127.0.0.1:9/x">' + feed(entry(id_of(1))).split('\n')[1]).encode(), 'not an Atom feed'),
    (('<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/hosts">]>' + feed(entry(id_of(1), '&x;')).split('\n')[1]).encode(), 'not an Atom feed'), (feed('<a>'*10_000 + '</a>'*10_000).encode(), 'not an Atom feed')]

@pytest.mark.parametrize('body,message', BAD_FEEDS, ids=range(len(BAD_FEEDS)))
def test_what_is_no_feed(body, message):
    with pytest.raises(PageError, match=f'^not .*{message}|^{message}') as e: parse_feed(body, [id_of(1)])
    assert one_line(e)

@given(st.binary(max_size=200) | st.text(alphabet='<>/&;!"= abefdeintry', max_size=60).map(lambda s: feed(s).encode()))
def test_any_bytes(body):
    try: assert all(check_arxiv_id(k) == k for k, r in parse_feed(body, []).items() if r)
    except PageError as e: assert str(e).startswith('not ') and '\n' not in str(e)


# asking

def test_many(arxiv, session):
    ids = [id_of(n) for n in range(250)]
    found = fetch_papers(session, ['arXiv:' + i + 'v1' for i in ids] + ids[:3] + ['2101.99999'], arxiv.api)
    assert list(found) == ids and found[ids[7]].abstract == f'We study\n  {ids[7]}.'
    assert len(arxiv.asked) == 3 and [a.count(',') + 1 for a in arxiv.asked] == [100, 100, 251 - 2*CHUNK + 1] and all(f'max_results={a.count(",") + 1}' in a for a in arxiv.asked)

def test_none_and_unknown(arxiv, session):
    assert fetch_papers(session, [], arxiv.api) == {} and arxiv.asked == []
    assert fetch_papers(session, ['2101.99999'], arxiv.api) == {} and len(arxiv.asked) == 1
    with pytest.raises(PaperTasksError, match='is no arXiv id'): fetch_papers(session, [id_of(1), 'x&y'], arxiv.api)
    assert len(arxiv.asked) == 1

def test_ids_that_arxiv_refuses(arxiv, session):
    arxiv.routes.refuses = [id_of(1), id_of(3)]
    assert list(fetch_papers(session, map(id_of, range(5)), arxiv.api)) == [id_of(0), id_of(2), id_of(4)] and len(arxiv.asked) == 3
    assert fetch_papers(session, [id_of(1)], arxiv.api) == {}

@pytest.mark.parametrize('answer', [feed(), 'Rate exceeded.', error('internal error'), html('busy'), [(503, {}, '')], [(200, {'Content-Length': 9999}, 'half')], error(f'incorrect id format for {id_of(2)}')])
def test_hiccups(arxiv, session, answer):
    arxiv.routes.answers = [answer]
    assert list(fetch_papers(session, [id_of(1)], arxiv.api)) == [id_of(1)] and len(arxiv.asked) == 2

@pytest.mark.parametrize('answer,message,tries', [(feed(), 'the feed is empty', 3), ('Rate exceeded.', 'Rate exceeded', 3), (error('internal error'), 'an error: internal error', 3), ([(500, {}, '')], 'status 500', 3), ([(404, {}, '')], 'not there', 1),
    ([(302, {'Location': 'http://elsewhere.invalid/'}, '')], 'another host', 1)])
def test_hiccups_for_ever(arxiv, session, answer, message, tries):
    arxiv.routes.answers = [answer]*9
    with pytest.raises(PageError, match=f'/api/query.*{message}') as e: fetch_papers(session, [id_of(1)], arxiv.api)
    assert one_line(e) and len(arxiv.asked) == tries

def test_an_empty_feed_is_not_kept_in_the_cache(arxiv, tmp_path):
    session = arxiv_session(delay=0, retries=0, cache=tmp_path)
    arxiv.routes.answers = [feed()]
    with pytest.raises(PageError, match='empty'): fetch_papers(session, [id_of(1)], arxiv.api)
    for _ in range(2): assert list(fetch_papers(session, [id_of(1)], arxiv.api)) == [id_of(1)]
    assert len(arxiv.asked) == 2

def test_gzip(arxiv, session):
    arxiv.routes.answers = [[(200, {'Content-Encoding': 'gzip'}, gzip.compress(feed(entry(id_of(1))).encode()))]]
    assert list(fetch_papers(session, [id_of(1)], arxiv.api)) == [id_of(1)]

def test_pace_and_robots(arxiv, monkeypatch):
    arxiv.routes['/robots.txt'] = 'User-agent: *\nDisallow: /'
    slept = []
    monkeypatch.setattr(time, 'sleep', slept.append)
    fetch_papers(arxiv_session(), map(id_of, range(150)), arxiv.api)
    assert len(arxiv.asked) == 2 and len(slept) == 1 and 2.5 < slept[0] <= 3 and 'from_paper_with_tasks' in arxiv.agents[0]


# abstracts for a source

class Shelf(Source):
    "Records as they are given; remembers which were asked for."
    def __init__(self, records): self.all, self.given = records, []
    def plan(self, selection): return Plan(7, 7., len(self.all), 'a shelf')
    def records(self, selection, ledger):
        for r in self.all:
            if not ledger.has(r.url): self.given.append(r.url); yield Record(**vars(r))

def shelf(n, lacks=lambda i: True):
    return Shelf([Record(id_of(i) if i % 5 else f'book-{i}', f'shelf/{i}', f'Paper {i}', '' if lacks(i) else 'Has one.', date='' if lacks(i) else '1999-01-01', ids=dict(arxiv=f'{id_of(i)}v1') if i % 5 else {}) for i in range(n)])

def test_abstracts(arxiv, session, tmp_path):
    source = with_abstracts(shelf(250, lambda i: i % 3), session, api=arxiv.api)
    assert source.plan(Selection()) == Plan(10, 16., 250, 'a shelf; of which 3 to arXiv at most')
    assert collect(source, tmp_path/'p.jsonl', progress=False).papers == 250
    rows = list(read_rows(tmp_path/'p.jsonl'))
    assert [r['url'] for r in rows] == [f'shelf/{i}' for i in range(250)] and len(arxiv.asked) == 3
    for i, r in enumerate(rows): assert (r['abstract'], r['date']) == (('', '') if i % 3 and not i % 5 else (f'We study\n  {id_of(i)}.', '2021-01-04') if i % 3 else ('Has one.', '1999-01-01'))

def test_nothing_is_lacking(arxiv, session, tmp_path):
    assert collect(with_abstracts(shelf(20, lambda i: False), session, api=arxiv.api), tmp_path/'p.jsonl', progress=False).papers == 20 and arxiv.asked == []

def test_papers_that_arxiv_has_not_go_on_without(arxiv, session, tmp_path):
    source = with_abstracts(Shelf([Record('2101.99999', 'a'), Record('cs/9106001', 'b'), Record('', 'c', ids=dict(arxiv=None))]), session, api=arxiv.api)
    collect(source, tmp_path/'p.jsonl', progress=False)
    assert [(r['url'], r['abstract']) for r in read_rows(tmp_path/'p.jsonl')] == [('a', ''), ('b', ''), ('c', '')] and len(arxiv.asked) == 1

@pytest.mark.parametrize('answer', [feed(), [(500, {}, '')], [(429, {'Retry-After': '9999'}, '')], error('incorrect id format for somebody')])
def test_when_arxiv_fails_the_next_run_goes_on(arxiv, session, tmp_path, answer):
    "The first record has no arXiv id and is passed on, the next ten get their abstracts, then arXiv fails."
    source = shelf(30)
    arxiv.routes.answers = [feed(*[entry(id_of(i)) for i in range(11)]), *[answer]*3]
    with pytest.raises(PaperTasksError, match='run again') as e: collect(with_abstracts(source, session, hold=10, api=arxiv.api), tmp_path/'p.jsonl', progress=False)
    assert one_line(e) and not isinstance(e.value, PageError) and not (tmp_path/'p.failed.jsonl').exists()
    arxiv.routes.answers, source.given = (), []
    assert collect(with_abstracts(source, session, hold=10, api=arxiv.api), tmp_path/'p.jsonl', progress=False).new == 19
    assert source.given == [f'shelf/{i}' for i in range(11, 30)] and all(r['abstract'] for i, r in enumerate(read_rows(tmp_path/'p.jsonl')) if i % 5)

def test_no_network(session, tmp_path):
    with pytest.raises(PaperTasksError, match='cannot be fetched') as e: collect(with_abstracts(shelf(3), session, api='http://127.0.0.1:9/api/query'), tmp_path/'p.jsonl', progress=False)
    assert one_line(e)

def test_the_address(): assert feed_url([id_of(1), 'cs/0112017'], 'x') == f'x?id_list=2101.90001,cs/0112017,{CANARY}&max_results=3'


## One paper for a reader

def test_fetch_paper(arxiv, session):
    paper = fetch_paper(f'https://arxiv.org/abs/{id_of(1)}v3', arxiv.api, session)
    assert (paper.id, paper.title) == (id_of(1), f'Paper {id_of(1)}') and 'We study' in paper.abstract

@pytest.mark.parametrize('id', ['http://169.254.169.254/latest', 'https://arxiv.org@evil.example/abs/2309.16653', '2309.16653 http://evil.example', 'file:///etc/passwd', 'https://evil.example/abs/2309.16653', '2309.16653&id_list=1', '2309.16653\r\nHost: evil', '', None, '../2309.16653', 'ftp://arxiv.org/abs/2309.16653', 'https://arxiv.org:8080/abs/2309.16653', 'https://arxiv.org.evil.example/abs/2309.16653'])
def test_asks_nobody_else(arxiv, session, id):
    with suppress_type_checks(), pytest.raises(PaperTasksError) as e: fetch_paper(id, arxiv.api, session)
    assert one_line(e) and not arxiv.asked

@pytest.mark.parametrize('answer', [(503, {}, ''), (429, {'Retry-After': '3600'}, ''), (200, {}, 'no Atom'), (200, {}, feed()), (302, {'Location': 'http://127.0.0.1:9/'}, '')])
def test_fetch_paper_from_a_broken_arxiv(arxiv, session, answer):
    arxiv.routes.answers = [answer]*20
    with pytest.raises(PaperTasksError, match='paste the abstract') as e: fetch_paper(id_of(1), arxiv.api, session)
    assert one_line(e)

def test_fetch_paper_that_is_not_there(arxiv, session):
    with pytest.raises(PaperTasksError, match=f'no paper {id_of(700)}'): fetch_paper(id_of(700), arxiv.api, session)

def test_fetch_paper_in_threads(arxiv, monkeypatch):
    "All questions of a process go through one session."
    import threading
    from from_paper_with_tasks import arxiv as module
    module.impatient_session.cache_clear()
    monkeypatch.setenv('PAPER_TASKS_ARXIV_API', arxiv.api)
    monkeypatch.setattr(module, 'arxiv_session', lambda **kwargs: arxiv_session(delay=0, **kwargs))
    found = []
    threads = [threading.Thread(target=lambda i=i: found.append(fetch_paper(id_of(i)).id)) for i in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
    module.impatient_session.cache_clear()
    assert sorted(found) == [id_of(i) for i in range(8)] and len(arxiv.asked) == 8

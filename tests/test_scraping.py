"A site that misbehaves, and what collecting from it does about that."
import gzip, json, signal, socket, subprocess, sys, threading, time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import pytest
from from_paper_with_tasks.core import PaperTasksError, read_rows
from from_paper_with_tasks.scraping import (API, CATEGORIES, MAX_WAIT, PWC, PageError, PoliteSession, Site, collect_papers, fetch, papers_of,
    parse_categories, parse_method_id, parse_methods, parse_paper, parse_paper_list, same_site, slug_of)

REAL = next((d for d in (Path(__file__).parents[1]/'../shared/pages', Path('../shared/pages')) if d.is_dir()), None)
needs_real = pytest.mark.skipif(REAL is None, reason='the real pages are not here: there is no ../shared/pages beside the repository')


def html(*parts): return '<!doctype html><html><body>' + ''.join(parts) + '</body></html>'

def listing(*slugs, next=None, count=None):
    return json.dumps(dict(count=len(slugs) if count is None else count, next=next, results=[dict(title=s, url=f'/paper/{s}') for s in slugs]))

def paper(slug, task='Tree Parsing'):
    return html(f'<div class="paper-title"><h1>{slug}</h1></div><div class="paper-abstract"><p>We study {slug}.</p></div>',
                f'<div class="paper-tasks"><a href="/task/t">{task}</a></div><div class="paper-datasets"></div>')


class Server(ThreadingHTTPServer):
    "Answers a path with what `routes` holds: a body, or a list of `(status, headers, body)` of which all but the last are used up."
    daemon_threads = True
    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.routes, self.asked, self.agents, self.times = {}, [], [], []
        self.base = f'http://127.0.0.1:{self.server_port}'
    def handle_error(self, *args): pass

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        s = self.server
        s.asked.append(self.path); s.agents.append(self.headers['User-Agent']); s.times.append(time.monotonic())
        route = s.routes.get(self.path, [(404, {}, 'no such page')])
        status, headers, body = (200, {}, route) if isinstance(route, (str, bytes)) else route.pop(0) if len(route) > 1 else route[0]
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for k, v in ({'Content-Length': len(body)} | headers).items(): self.send_header(k, str(v))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    s = Server()
    threading.Thread(target=s.serve_forever, kwargs=dict(poll_interval=0.02), daemon=True).start()
    yield s
    s.shutdown(); s.server_close()

@pytest.fixture
def session(): return PoliteSession(delay=0, timeout=2, retries=2, backoff=0.01)

@pytest.fixture
def site(server):
    "Two categories, two methods, five papers; one method is in both categories and one paper has both methods."
    server.routes |= {
        '/methods': html('<div class="card"><a href="/methods/category/one">One</a></div><div class="card"><a href="/methods/category/two">Two</a></div>'),
        '/methods/category/one': html('<div class="method-image"><a href="/method/a"></a></div>'),
        '/methods/category/two': html('<div class="method-image"><a href="/method/a"></a></div><div class="method-image"><a href="/method/b"></a></div>'),
        '/method/a': html("<script>const DATATABLE_PAPERS_FILTER_VALUE = '1';</script>"),
        '/method/b': html('<script>const DATATABLE_PAPERS_FILTER_VALUE = 2;</script>'),
        API+'1': listing('p1', 'p2', next=f'{server.base}{API}1&page=2', count=3), API+'1&page=2': listing('p3', count=3),
        API+'2': listing('p3', 'p4', 'p5')}
    server.routes |= {f'/paper/p{i}': paper(f'p{i}') for i in range(1, 6)}
    return server

def one_line(e): return '\n' not in str(e.value) and len(str(e.value)) < 500
def slugs(out): return [r['url'].split('/')[-1] for r in read_rows(out)]


# fetching

def test_500_then_200(server, session):
    server.routes['/x'] = [(500, {}, 'oops'), (200, {}, 'fine')]
    assert fetch(session, server.base+'/x') == b'fine'
    assert server.asked == ['/x', '/x']
    assert set(server.agents) == {session.headers['User-Agent']} and 'from_paper_with_tasks' in server.agents[0]

def test_500_for_ever(server, session):
    server.routes['/x'] = [(500, {}, 'oops')]
    with pytest.raises(PageError, match='status 500') as e: fetch(session, server.base+'/x')
    assert one_line(e) and len(server.asked) == 3

@pytest.mark.parametrize('retry_after', ['1', lambda: formatdate(time.time()+2, usegmt=True)], ids=['seconds', 'date'])
def test_429_with_retry_after(server, session, retry_after):
    wait = retry_after if isinstance(retry_after, str) else retry_after()
    server.routes['/x'] = [(429, {'Retry-After': wait}, ''), (200, {}, 'fine')]
    assert fetch(session, server.base+'/x') == b'fine'
    assert server.times[1]-server.times[0] >= 0.9

def test_429_with_a_retry_after_that_is_too_long(server, session):
    server.routes['/x'] = [(429, {'Retry-After': str(MAX_WAIT+1)}, '')]
    with pytest.raises(PaperTasksError, match='asks for a wait of 301 s') as e: fetch(session, server.base+'/x')
    assert one_line(e) and server.asked == ['/x']

def test_429_with_nonsense_and_for_ever(server, session):
    server.routes['/x'] = [(429, {'Retry-After': 'soon'}, '')]
    with pytest.raises(PaperTasksError, match='longer delay') as e: fetch(session, server.base+'/x')
    assert not isinstance(e.value, PageError) and len(server.asked) == 3

def test_404_is_not_tried_again(server, session):
    with pytest.raises(PageError, match=r'not there \(404\)'): fetch(session, server.base+'/x')
    assert server.asked == ['/x']

def test_delay_is_per_host_and_counts_redirects(server):
    server.routes |= {'/x': [(302, {'Location': '/y'}, '')], '/y': 'fine'}
    assert fetch(PoliteSession(delay=0.3), server.base+'/x') == b'fine'
    assert server.times[1]-server.times[0] >= 0.29

def test_redirect_to_another_host(server, session):
    server.routes['/x'] = [(301, {'Location': 'http://example.invalid/x'}, '')]
    with pytest.raises(PageError, match='another host .*example.invalid') as e: fetch(session, server.base+'/x')
    assert one_line(e)

@pytest.mark.parametrize('location', ['/x', 'http://[broken'])
def test_redirect_that_leads_nowhere(server, session, location):
    server.routes['/x'] = [(302, {'Location': location}, '')]
    with pytest.raises(PaperTasksError) as e: fetch(session, server.base+'/x')
    assert one_line(e)

def test_truncated_then_whole(server, session):
    server.routes['/x'] = [(200, {'Content-Length': 100}, 'half'), (200, {}, 'whole')]
    assert fetch(session, server.base+'/x') == b'whole'

def test_truncated_for_ever(server, session):
    server.routes['/x'] = [(200, {'Content-Length': 100}, 'half')]
    with pytest.raises(PageError, match='broke off') as e: fetch(session, server.base+'/x')
    assert one_line(e) and len(server.asked) == 3

def test_bad_gzip(server, session):
    server.routes['/x'] = [(200, {'Content-Encoding': 'gzip'}, b'no gzip at all')]
    with pytest.raises(PageError, match='broke off'): fetch(session, server.base+'/x')

@pytest.mark.parametrize('packed', [False, True])
def test_size_limit_counts_what_is_unpacked(server, packed):
    body = b'a' * 3_000_000
    server.routes['/x'] = [(200, {'Content-Encoding': 'gzip'} if packed else {}, gzip.compress(body) if packed else body)]
    assert len(fetch(PoliteSession(delay=0, max_bytes=3_000_000), server.base+'/x')) == 3_000_000
    with pytest.raises(PageError, match='larger than 2,999,999 bytes'): fetch(PoliteSession(delay=0, max_bytes=2_999_999), server.base+'/x')

def test_connection_refused(session):
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    with pytest.raises(PaperTasksError, match='Connection refused') as e: fetch(session, f'http://127.0.0.1:{port}/x')
    assert not isinstance(e.value, PageError) and one_line(e)

def test_a_server_that_says_nothing():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0)); s.listen()
        with pytest.raises(PageError, match='timed out') as e: fetch(PoliteSession(delay=0, timeout=0.1, retries=1, backoff=0), f'http://127.0.0.1:{s.getsockname()[1]}/x')
        assert one_line(e)

@pytest.mark.parametrize('url', ['file:///etc/hosts', 'nonsense', 'http://', 'http://[broken', 'http://a..b/'])
def test_what_is_no_address(session, url):
    with pytest.raises(PaperTasksError) as e: fetch(session, url)
    assert one_line(e)


# parsing

@pytest.mark.parametrize('parse', [parse_categories, parse_methods, parse_method_id, parse_paper_list, lambda b: parse_paper(b, 'x')])
@pytest.mark.parametrize('body', [b'', b'\0\xff\xfe', b'<html><body>', html('hello').encode(), b'{"results": 3}', b'[]', b'null', b'[' * 100_000, html('<a>' * 2000).encode()])
def test_pages_of_another_kind(parse, body):
    with pytest.raises(PageError, match='^not ') as e: parse(body)
    assert one_line(e)

def test_paper_list_passes_over_what_is_no_paper():
    body = json.dumps(dict(count=9, next='', results=[dict(url='/paper/a'), dict(url=None), dict(title='t'), 3, dict(url='/task/b'), dict(url=f'{PWC}/paper/c')]))
    assert parse_paper_list(body.encode()) == dict(count=9, papers=['a', 'c'], next=None)

def test_a_paper_without_abstract_or_sections():
    body = html('<div class="paper-title"><h1>\n A  &amp; B </h1></div><div class="paper-abstract"></div>')
    assert parse_paper(body.encode(), 's') == dict(id='s', url=f'{PWC}/paper/s', title='A & B', abstract='', tasks=[], methods=[], datasets=[])

def test_slugs():
    assert slug_of('https://web.archive.org/web/20240101000000/https://paperswithcode.com/methods/category/q-learning', 'methods/category') == 'q-learning'
    assert slug_of('/paper/a/', 'paper') == slug_of('/paper/a#code', 'paper') == 'a'
    for href in ('/paper/', '/paper/..', '/paper/a/review', '/x?next=/paper/a', '', '/papers/a'): assert slug_of(href, 'paper') is None

def test_same_site():
    assert same_site('https://web.archive.org/web/2025id_/https://paperswithcode.com', 'https://paperswithcode.com/api/?page=2') == '/api/?page=2'
    for href in ('https://example.org/a', '//example.org/a', 'https://paperswithcode.com.example.org/a', 'https://paperswithcode.com@example.org/a', 'http://[broken', 'https://example.org/?https://paperswithcode.com/a'):
        assert same_site('https://paperswithcode.com', href) == ''

def test_categories():
    found = sum(CATEGORIES.values(), [])
    assert len(found) == len(set(found)) == 29 and len(CATEGORIES) == 6


# the real pages

@needs_real
def test_real_methods():
    found = parse_categories((REAL/'methods.html').read_bytes())
    assert len(found) == len(set(found)) == 34
    assert set(sum(CATEGORIES.values(), [])) - set(found) == {'value-function-estimation'}

@needs_real
def test_real_method(): assert parse_method_id((REAL/'method_vae.html').read_bytes()) == '468'

@needs_real
@pytest.mark.parametrize('name,slug,id,n', [('paper_dreamgaussian.html', 'dreamgaussian-generative-gaussian-splatting', '2309.16653', (0, 1, 1)),
                                            ('paper_searching-for-mobilenetv3.html', 'searching-for-mobilenetv3', '1905.02244', (6, 15, 6))])
def test_real_papers(name, slug, id, n):
    p = parse_paper((REAL/name).read_bytes(), slug)
    assert p['id'] == id and p['url'] == f'{PWC}/paper/{slug}' and p['title'] and len(p['abstract']) > 1000
    assert tuple(len(p[k]) for k in ('tasks', 'methods', 'datasets')) == n
    assert all(t and t == ' '.join(t.split()) for k in ('tasks', 'methods', 'datasets') for t in p[k])

@needs_real
@pytest.mark.parametrize('name', ['home.html', 'area_medical.html', 'methods.html', 'method_vae.html', 'paper_dreamgaussian.html'])
def test_real_pages_are_not_mistaken(name):
    body, took = (REAL/name).read_bytes(), []
    for parse in (parse_categories, parse_methods, parse_method_id, parse_paper_list, lambda b: parse_paper(b, 'x')):
        try: took.append(bool(parse(body)))
        except PageError as e: assert str(e).startswith('not ')
    assert len(took) == (name not in ('home.html', 'area_medical.html'))


# collecting

def test_everything_once(site, session, tmp_path):
    out = tmp_path/'p.jsonl'
    assert collect_papers(None, site.base+'/', out, session, progress=False) == dict(papers=5, new=5, problems=[])
    assert slugs(out) == ['p1', 'p2', 'p3', 'p4', 'p5'] and len(site.asked) == len(set(site.asked))
    assert set(next(read_rows(out))) == {'id', 'url', 'title', 'abstract', 'tasks', 'methods', 'datasets'}

def test_html_where_json_was_due(site, session, tmp_path):
    site.routes[API+'1'] = html('please log in')
    done = collect_papers(['one', 'two'], site.base, tmp_path/'p.jsonl', session, progress=False)
    assert done['new'] == 3 and len(done['problems']) == 1
    assert 'papermethod__method_id=1 is not JSON but HTML' in done['problems'][0]

def test_next_at_another_host(site, session, tmp_path):
    site.routes[API+'1'] = listing('p1', 'p2', next=f'http://localhost:{site.server_port}{API}1&page=2', count=3)
    done = collect_papers(['one'], site.base, tmp_path/'p.jsonl', session, progress=False)
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p2'] and 'another host' in done['problems'][0]
    assert API+'1&page=2' not in site.asked

@pytest.mark.parametrize('link', [API+'1', '/api/internal/papers/?papermethod__method_id=1&format=json', API+'1&page=2'])
def test_next_to_itself(site, session, tmp_path, link):
    site.routes[API+'1&page=2'] = listing('p3', next=site.base+link, count=3)
    done = collect_papers(['one'], site.base, tmp_path/'p.jsonl', session, progress=False)
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p2', 'p3'] and 'leads back to itself' in done['problems'][0]
    assert len(site.asked) == len(set(site.asked))

@pytest.mark.parametrize('papers', [(), ('p1',)], ids=['empty', 'full'])
def test_a_list_without_end(site, session, papers):
    for i in range(1, 50): site.routes[f'{API}1&page={i}'] = listing(*papers, next=f'{site.base}{API}1&page={i+1}', count=3)
    site.routes[API+'1'] = site.routes[API+'1&page=1']
    with pytest.raises(PageError, match='goes on after the 3 papers'): list(papers_of(Site(site.base, session), 'a'))
    assert len(site.asked) < 8

def test_a_page_that_is_gone_costs_that_page(site, session, tmp_path):
    out = tmp_path/'p.jsonl'
    p2 = site.routes.pop('/paper/p2')
    site.routes['/paper/p4'] = [(200, {'Content-Length': 10_000}, paper('p4')), (200, {'Content-Length': 10_000}, paper('p4')), (200, {'Content-Length': 10_000}, paper('p4')), (200, {}, paper('p4'))]
    done = collect_papers(['one', 'two'], site.base, out, session, progress=False)
    assert slugs(out) == ['p1', 'p3', 'p5'] and [p.split(' ')[0][-2:] for p in done['problems']] == ['p2', 'p4']
    site.routes['/paper/p2'] = p2
    site.asked.clear()
    assert collect_papers(['one', 'two'], site.base, out, session, progress=False) == dict(papers=5, new=2, problems=[])
    assert [a for a in site.asked if a.startswith('/paper/')] == ['/paper/p2', '/paper/p4']

def test_ten_failures_in_a_row(site, session, tmp_path):
    with pytest.raises(PaperTasksError, match='10 pages in a row') as e: collect_papers([f'c{i}' for i in range(50)], site.base, tmp_path/'p.jsonl', session, progress=False)
    assert len(site.asked) == 10 and one_line(e)

def test_nothing_at_all(site, session, tmp_path):
    with pytest.raises(PaperTasksError, match='no paper could be had: .*c1 is not there') as e: collect_papers(['c1'], site.base, tmp_path/'p.jsonl', session, progress=False)
    assert one_line(e)

def test_max_papers(site, session, tmp_path):
    assert collect_papers(['one', 'two'], site.base, tmp_path/'p.jsonl', session, max_papers=2, progress=False)['new'] == 2
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p2']

@pytest.mark.parametrize('name,content,message', [('p.csv', None, 'does not end in .jsonl'), ('no/p.jsonl', None, 'there is no folder'), ('d.jsonl/', None, 'cannot be written'),
    ('p.jsonl', '{"abstract": "We parse."}\n', 'a row has no url'), ('p.jsonl', 'half a note', 'is not JSON'), ('p.jsonl', b'\xff\xfe', 'not UTF-8')])
def test_files_that_are_not_ours(session, tmp_path, name, content, message):
    out = tmp_path/name
    if name.endswith('/'): out.mkdir()
    if content: out.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = out.read_bytes() if content else None
    with pytest.raises(PaperTasksError, match=message) as e: collect_papers(['one'], 'http://127.0.0.1:9', out, session, progress=False)
    assert one_line(e) and (before is None or out.read_bytes() == before)

@pytest.mark.parametrize('keep', [1, 6, 7, 20, -2, -1], ids=lambda k: f'{k} bytes of the last line')
def test_half_a_line(site, session, tmp_path, keep):
    out = tmp_path/'p.jsonl'
    collect_papers(['one'], site.base, out, session, progress=False)
    lines = out.read_bytes().splitlines(True)
    out.write_bytes(lines[0] + lines[1] + lines[2][:keep])
    assert collect_papers(['one'], site.base, out, session, progress=False)['new'] == (0 if keep == -1 else 1)
    assert out.read_bytes() == b''.join(lines)

def test_kill_and_resume(site, session, tmp_path):
    out, n = tmp_path/'p.jsonl', 60
    site.routes |= {API+'1': listing(*[f'k{i}' for i in range(n)])} | {f'/paper/k{i}': paper(f'k{i}') for i in range(n)}
    code = 'import sys; from from_paper_with_tasks.scraping import *; collect_papers(["one"], sys.argv[1], sys.argv[2], PoliteSession(delay=0.02), progress=False)'
    p = subprocess.Popen([sys.executable, '-c', code, site.base, str(out)])
    try:
        for _ in range(500):
            if out.exists() and out.read_bytes().count(b'\n') >= 10: break
            time.sleep(0.02)
        assert p.poll() is None
    finally: p.send_signal(signal.SIGKILL); p.wait()
    had = slugs(out)
    assert 10 <= len(had) < n
    site.asked.clear()
    assert collect_papers(['one'], site.base, out, session, progress=False) == dict(papers=n, new=n-len(had), problems=[])
    assert sorted(slugs(out)) == sorted(f'k{i}' for i in range(n))
    assert not {f'/paper/{s}' for s in had} & set(site.asked)

def test_base_url_with_a_prefix(site, session, tmp_path):
    "As with the Wayback Machine: the original's address stands behind a prefix, and lists name the original's."
    prefix = '/web/2025id_/https://paperswithcode.com'
    site.routes |= {prefix+k: v for k, v in site.routes.items()}
    site.routes[prefix+API+'1'] = listing('p1', 'p2', next=f'https://paperswithcode.com{API}1&page=2', count=3)
    assert collect_papers(['one'], site.base+prefix, tmp_path/'p.jsonl', session, progress=False) == dict(papers=3, new=3, problems=[])
    assert all(a.startswith(prefix) for a in site.asked)

def test_refused_in_the_middle_keeps_what_was_had(site, session, tmp_path):
    out = tmp_path/'p.jsonl'
    site.routes['/paper/p2'] = [(429, {}, '')]
    with pytest.raises(PaperTasksError, match='429'): collect_papers(['one'], site.base, out, session, progress=False)
    assert slugs(out) == ['p1']

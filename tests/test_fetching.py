"Machines that misbehave, and what asking them does about that."
import gzip, json, os, pickle, socket, sqlite3, subprocess, sys, threading, time
from contextlib import contextmanager
from email.utils import formatdate
import pytest
from from_paper_with_tasks import fetching
from from_paper_with_tasks.core import PaperTasksError
from from_paper_with_tasks.fetching import MAX_WAIT, USER_AGENT, PoliteSession, download, fetch, file_name, host_of, page_key, parse_json, read, unpack
from from_paper_with_tasks.scraping import PageError
from stand_in import Server, html, one_line

QUICK = dict(delay=0, timeout=2, retries=2, backoff=0.01)

@pytest.fixture
def session(): return PoliteSession(**QUICK)

@contextmanager
def raw_server(*answers, drip=0.):
    "Sends each connection the next of `answers`, the last for ever: bytes as they are, or an iterator of pieces; `drip` seconds between the pieces."
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0)); s.listen()
        left = list(answers)
        def serve(con):
            with con:
                while not con.recv(1 << 16).endswith(b'\r\n\r\n'): pass
                a = left.pop(0) if len(left) > 1 else left[0]
                try:
                    for piece in (a() if callable(a) else [a]): con.sendall(piece); time.sleep(drip)
                except OSError: pass
        def loop():
            while True:
                try: con, _ = s.accept()
                except OSError: return
                threading.Thread(target=serve, args=(con,), daemon=True).start()
        threading.Thread(target=loop, daemon=True).start()
        yield f'http://127.0.0.1:{s.getsockname()[1]}'
        s.shutdown(socket.SHUT_RDWR)


# asking

def test_500_then_200(server, session):
    server.routes['/x'] = [(500, {}, 'oops'), (200, {}, 'fine')]
    assert fetch(session, server.base+'/x') == b'fine'
    assert server.asked == ['/x', '/x']
    assert set(server.agents) == {USER_AGENT} and 'from_paper_with_tasks' in USER_AGENT

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

@pytest.mark.parametrize('wait', [MAX_WAIT+1, 86_400])
def test_429_with_a_retry_after_that_is_too_long(server, session, wait):
    server.routes['/x'] = [(429, {'Retry-After': str(wait)}, '')]
    with pytest.raises(PaperTasksError, match=f'asks for a wait of {wait:,} s') as e: fetch(session, server.base+'/x')
    assert one_line(e) and not isinstance(e.value, PageError) and server.asked == ['/x']

@pytest.mark.parametrize('wait', ['soon', '-5', '', 'Mon, 99 Foo 2020', '1'*400, 'Fri, 31 Dec 9999 23:59:59 GMT'])
def test_429_with_nonsense_and_for_ever(server, session, wait):
    server.routes['/x'] = [(429, {'Retry-After': wait}, '')]
    with pytest.raises(PaperTasksError, match='longer delay|asks for a wait') as e: fetch(session, server.base+'/x')
    assert not isinstance(e.value, PageError) and one_line(e) and len(server.asked) in (1, 3)

def test_404_is_not_tried_again(server, session):
    with pytest.raises(PageError, match=r'not there \(404\)'): fetch(session, server.base+'/x')
    assert server.asked == ['/x']

@pytest.mark.parametrize('status', [204, 206, 300, 304, 400, 403, 410, 418, 501])
def test_what_is_no_page(server, session, status):
    server.routes['/x'] = [(status, {}, '')]
    with pytest.raises(PageError, match=f'status {status}') as e: fetch(session, server.base+'/x')
    assert one_line(e) and len(server.asked) == 1

def test_a_login(server, session):
    server.routes['/x'] = [(401, {'WWW-Authenticate': 'Basic'}, '')]
    with pytest.raises(PaperTasksError, match='wants a login') as e: fetch(session, server.base+'/x')
    assert not isinstance(e.value, PageError)

def test_delay_is_per_host_and_counts_redirects_and_further_tries(server):
    server.routes |= {'/x': [(302, {'Location': '/y'}, '')], '/y': [(500, {}, ''), (200, {}, 'fine')]}
    assert fetch(PoliteSession(delay=0.2, robots=False), server.base+'/x') == b'fine'
    assert server.times[1]-server.times[0] >= 0.19 and server.times[2]-server.times[1] >= 0.19

def test_a_delay_for_one_host(server):
    server.routes |= {'/x': 'x', '/y': 'y'}
    slow = PoliteSession(delay=0, delays={host_of(server.base): 0.2})
    for p in ('/x', '/y'): fetch(slow, server.base+p)
    assert server.times[1]-server.times[0] >= 0.19

def test_keep_alive_and_errors(server, session, monkeypatch):
    "With HTTP/1.1, what is left of one answer must not be taken for the next."
    monkeypatch.setattr('stand_in.Handler.protocol_version', 'HTTP/1.1')
    server.routes |= {'/x': [(404, {}, 'no' * 200_000)], '/y': 'fine', '/z': [(302, {'Location': '/y'}, 'moved' * 100_000)]}
    for _ in range(3):
        with pytest.raises(PageError, match='404'): fetch(session, server.base+'/x')
        assert fetch(session, server.base+'/y') == fetch(session, server.base+'/z') == b'fine'

def test_head_has_no_body(server, session):
    server.routes['/x'] = [(200, {'Content-Encoding': 'gzip', 'Content-Length': 10**9}, '')]
    assert session.head(server.base+'/x').content == b''


# redirects

def test_redirect_to_another_host(server, session):
    other = Server().start()
    server.routes['/x'] = [(301, {'Location': other.base.replace('127.0.0.1', 'localhost')+'/x'}, '')]
    with pytest.raises(PageError, match='another host .*localhost') as e: fetch(session, server.base+'/x')
    assert one_line(e) and other.asked == []
    other.stop()

@pytest.mark.parametrize('location', ['/x', 'http://[broken', '/y', '//', 'http:///', '?' + 'a'*5000, 'file:///etc/hosts', '\xff\xfe', 'http://127.0.0.1\\@example.invalid/'])
def test_redirect_that_leads_nowhere(server, session, location):
    server.routes |= {'/x': [(302, {'Location': location}, '')], '/y': [(302, {'Location': '/x'}, '')]}
    with pytest.raises(PaperTasksError) as e: fetch(session, server.base+'/x')
    assert one_line(e) and len(server.asked) <= 6

@pytest.mark.parametrize('cache', [False, True])
def test_redirect_loop(server, tmp_path, cache):
    server.routes |= {'/x': [(302, {'Location': '/y'}, '')], '/y': [(302, {'Location': '/x'}, '')]}
    with pytest.raises(PageError, match='[Rr]edirects') as e: fetch(PoliteSession(**QUICK, cache=tmp_path if cache else None), server.base+'/x')
    assert one_line(e) and len(server.asked) == 6


# bodies

def test_truncated_then_whole(server, session):
    server.routes['/x'] = [(200, {'Content-Length': 100}, 'half'), (200, {}, 'whole')]
    assert fetch(session, server.base+'/x') == b'whole'

PACKED = gzip.compress(os.urandom(3000))
BROKEN = {'short': ({'Content-Length': 100}, b'half'), 'garbage': ({'Content-Encoding': 'gzip'}, b'no gzip at all'), 'half a gzip': ({'Content-Encoding': 'gzip'}, PACKED[:2000]),
          'gzip without its checksum': ({'Content-Encoding': 'gzip'}, PACKED[:-8]), 'wrong checksum': ({'Content-Encoding': 'gzip'}, PACKED[:-8]+b'12345678'),
          'garbage behind the gzip': ({'Content-Encoding': 'gzip'}, PACKED+b'garbage')}
@pytest.mark.parametrize('cache', [False, True])
@pytest.mark.parametrize('headers,body', BROKEN.values(), ids=BROKEN)
def test_broken_bodies(server, tmp_path, headers, body, cache):
    session = PoliteSession(**QUICK, cache=tmp_path if cache else None)
    server.routes['/x'] = [(200, headers, body)]
    with pytest.raises(PageError, match='broke off') as e: fetch(session, server.base+'/x')
    assert one_line(e) and len(server.asked) == 3
    server.routes['/x'] = 'whole'
    assert fetch(session, server.base+'/x') == b'whole'

@pytest.mark.parametrize('body', [b'', b'abc', b'a' * 500_000])
@pytest.mark.parametrize('cut', [1, 3])
def test_gzip_in_several_members(server, session, body, cut):
    server.routes['/x'] = [(200, {'Content-Encoding': 'gzip'}, gzip.compress(body[:cut]) + gzip.compress(body[cut:]))]
    assert fetch(session, server.base+'/x') == body

def test_packed_in_another_way(server, session):
    server.routes['/x'] = [(200, {'Content-Encoding': 'br'}, b'1234')]
    with pytest.raises(PageError, match="packed with 'br'") as e: fetch(session, server.base+'/x')
    assert one_line(e)

@pytest.mark.parametrize('packed', [False, True])
def test_size_limit_counts_what_is_unpacked(server, packed):
    body = b'a' * 3_000_000
    server.routes['/x'] = [(200, {'Content-Encoding': 'gzip'} if packed else {}, gzip.compress(body) if packed else body)]
    assert len(fetch(PoliteSession(delay=0, max_bytes=3_000_000), server.base+'/x')) == 3_000_000
    with pytest.raises(PageError, match='larger than 2,999,999 bytes') as e: fetch(PoliteSession(delay=0, max_bytes=2_999_999), server.base+'/x')
    assert one_line(e)

def test_a_bomb_is_not_unpacked_whole():
    body, whole = unpack(gzip.compress(bytes(1 << 28), 1), 1000)
    assert len(body) == 1001 and not whole

@pytest.mark.parametrize('how', ['with a length', 'chunked', 'without end'])
def test_a_page_of_50_MB(tmp_path, how):
    sent = []
    def answer():
        yield b'HTTP/1.1 200 OK\r\n' + {'with a length': b'Content-Length: 52428800\r\n', 'chunked': b'Transfer-Encoding: chunked\r\n', 'without end': b''}[how] + b'\r\n'
        piece = b'<p>' * (1 << 18)
        for i in range(10**9 if how == 'without end' else 67):
            sent.append(i)
            yield b'%x\r\n%s\r\n' % (len(piece), piece) if how == 'chunked' else piece
    with raw_server(answer) as base:
        session = PoliteSession(**QUICK, robots=False, cache=tmp_path)
        with pytest.raises(PageError, match='larger than 20,971,520 bytes'): fetch(session, base+'/x')
        assert len(sent) < 67 and len(session.cache.responses) == 0

HEAD = b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'
DRIPS = {'body': (HEAD, b'a'), 'chunks': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', b'1\r\na\r\n'), 'trailer': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n', b'a: b\r\n'),
         'error': (b'HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n', b'a'), 'one header': (b'HTTP/1.1 200 OK\r\na: ', b'a'), 'headers': (b'HTTP/1.1 200 OK\r\n', b'a: b\r\n'), 'continue': (b'', b'HTTP/1.1 100 Continue\r\n\r\n')}
@pytest.mark.parametrize('head,piece', DRIPS.values(), ids=DRIPS)
def test_a_server_that_drips(head, piece):
    def answer():
        yield head
        for _ in range(100): yield piece
    with raw_server(answer, drip=0.05) as base:
        started = time.monotonic()
        with pytest.raises(PageError, match='takes longer than 0.3 s') as e: fetch(PoliteSession(**QUICK, robots=False, deadline=0.3), base+'/x')
        assert one_line(e) and time.monotonic()-started < 1

@pytest.mark.parametrize('answer', [b'', b'garbage', b'HTTP/1.1 999999 x\r\n\r\n', b'HTTP/1.1 200 OK\r\n' + b'a: b\r\n'*200, b'HTTP/1.1 200 OK\r\n' + b'a'*70_000, b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc', b'HTTP/1.1 200 OK\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc', b'\xff'*1000, b'HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab'])
def test_answers_that_are_no_http(answer):
    with raw_server(answer) as base:
        with pytest.raises(PaperTasksError) as e: fetch(PoliteSession(**QUICK, robots=False), base+'/x')
        assert one_line(e)

def test_connection_refused(session):
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    with pytest.raises(PaperTasksError, match='Connection refused') as e: fetch(session, f'http://127.0.0.1:{port}/x')
    assert not isinstance(e.value, PageError) and one_line(e)

@pytest.mark.parametrize('robots', [True, False])
def test_a_server_that_says_nothing(robots):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0)); s.listen()
        with pytest.raises(PaperTasksError, match='timed out') as e:
            fetch(PoliteSession(delay=0, timeout=0.1, retries=1, backoff=0, robots=robots), f'http://127.0.0.1:{s.getsockname()[1]}/x')
        assert one_line(e) and isinstance(e.value, PageError) != robots

@pytest.mark.parametrize('url', ['', 'file:///etc/hosts', 'nonsense', 'http://', 'http://[broken', 'http://a..b/', 'http://a:b/', 'http://\n', 'ftp://example.org/', 'http://127.0.0.1:99999/', 'http://\ud800/', 'x'*5000])
def test_what_is_no_address(session, url):
    with pytest.raises(PaperTasksError) as e: fetch(session, url)
    assert one_line(e)


# robots.txt

def robots_asked(server, counted=None):
    "Makes `server` count how often its `robots.txt` is asked for."
    counted, route = [], server.routes['/robots.txt']
    def answer(handler):
        counted.append(handler.headers['User-Agent'])
        return handler.answer(route)
    server.routes['/robots.txt'] = answer
    return counted

@pytest.mark.parametrize('text,allowed', [
    ('User-agent: *\nDisallow: /', ''), ('User-agent: *\nDisallow: /a', 'b'), ('User-agent: *\nDisallow:', 'ab'), ('User-agent: *\nDisallow: /\nAllow: /b', 'b'),
    ('User-agent: from_paper_with_tasks\nDisallow: /a\n\nUser-agent: *\nDisallow: /', 'b'), ('User-agent: research\nDisallow: /', 'ab'), ('\ufeffUser-agent: *\r\nDisallow: /a', 'b'),
    ('', 'ab'), (html('not here'), 'ab'), (b'\xff\xfe\0\0garbage' * 1000, 'ab'), ('Disallow: /', 'ab'), ('User-agent: *\nDisallow: /*?x=\nDisallow: /a$', 'b')])
def test_robots(server, session, text, allowed):
    server.routes |= {'/robots.txt': text, '/a': 'fine', '/b': 'fine'}
    counted = robots_asked(server)
    for path in ('/a', '/b', '/a'):
        if path[1] in allowed: assert fetch(session, server.base+path) == b'fine'
        else:
            with pytest.raises(PageError, match='may not be asked for: .*/robots.txt says so') as e: fetch(session, server.base+path)
            assert one_line(e)
    assert set(server.asked) == {f'/{p}' for p in allowed} and counted == [USER_AGENT]

def test_robots_turned_off(server):
    server.routes |= {'/robots.txt': 'User-agent: *\nDisallow: /', '/a': 'fine'}
    counted = robots_asked(server)
    assert fetch(PoliteSession(**QUICK, robots=False), server.base+'/a') == b'fine' and counted == []

@pytest.mark.parametrize('status', [400, 401, 403, 404, 410, 451])
def test_no_robots_allow_everything(server, session, status):
    server.routes |= {'/robots.txt': [(status, {}, 'User-agent: *\nDisallow: /')], '/a': 'fine'}
    counted = robots_asked(server)
    for _ in range(2): assert fetch(session, server.base+'/a') == b'fine'
    assert len(counted) == 1

@pytest.mark.parametrize('answer', [(500, {}, ''), (503, {}, ''), (429, {}, ''), (200, {'Content-Length': 100}, 'half'), (200, {'Content-Encoding': 'gzip'}, 'garbage'), (200, {'Content-Encoding': 'br'}, 'x')], ids=str)
def test_robots_that_cannot_be_had(server, session, answer):
    server.routes |= {'/robots.txt': [answer], '/a': 'fine'}
    for _ in range(2):
        with pytest.raises(PaperTasksError, match='robots.txt.*') as e: fetch(session, server.base+'/a')
        assert not isinstance(e.value, PageError) and one_line(e) and ('later' in str(e.value) or 'br' in str(e.value))
    assert server.asked == []
    server.routes['/robots.txt'] = [(503, {}, ''), (200, {}, '')]
    assert fetch(session, server.base+'/a') == b'fine'

@pytest.mark.parametrize('packed', [False, True])
def test_huge_robots(server, session, packed):
    body = b'User-agent: *\nDisallow: /a\n' + b'# nothing\n' * 1_000_000 + b'Disallow: /b\n'
    server.routes |= {'/robots.txt': [(200, {'Content-Encoding': 'gzip'}, gzip.compress(body)) if packed else (200, {}, body)], '/a': 'a', '/b': 'b'}
    assert fetch(session, server.base+'/b') == b'b'
    with pytest.raises(PageError, match='robots.txt'): fetch(session, server.base+'/a')

def test_robots_made_to_take_long(server, session):
    server.routes |= {'/robots.txt': 'User-agent: *\n' + ''.join(f'Disallow: /{"*a" * 50}{i}$\n' for i in range(4000)), '/' + 'a' * 1500: 'fine'}
    started = time.monotonic()
    assert fetch(session, server.base + '/' + 'a' * 1500) == b'fine'
    assert time.monotonic() - started < 5

@pytest.mark.parametrize('crawl_delay,delay,seconds', [('0.3', 0, 0.3), ('0.1', 0.2, 0.2), ('9999999', 0, MAX_WAIT), ('-5', 0, 0), ('nan', 0, 0), ('soon', 0, 0), ('inf', 0.2, 0.2)])
def test_crawl_delay(server, crawl_delay, delay, seconds):
    server.routes |= {'/robots.txt': f'User-agent: *\nCrawl-delay: {crawl_delay}', '/a': 'a'}
    session = PoliteSession(delay=delay)
    session.get_adapter('http://').robots.rules_of(server.base + '/a')
    pace = session.get_adapter('http://').pace
    assert pace.seconds(host_of(server.base)) == seconds and pace.seconds('example.org') == delay
    if seconds < 1:
        for _ in range(2): fetch(session, server.base+'/a')
        assert server.times[1]-server.times[0] >= seconds-0.01

def test_the_archives_robots_count_for_what_it_keeps(server, session):
    page = '/web/2025id_/https://paperswithcode.com/paper/a'
    server.routes |= {'/robots.txt': 'User-agent: *\nDisallow: /web/2025id_/https://paperswithcode.com/paper/b', page: 'a'}
    assert fetch(session, server.base+page) == b'a'
    with pytest.raises(PageError, match='says so'): fetch(session, server.base+page.replace('/a', '/b'))
    assert server.asked == [page]

def test_redirects_are_asked_for_too(server, session):
    server.routes |= {'/robots.txt': 'User-agent: *\nDisallow: /b', '/a': [(302, {'Location': '/b'}, '')], '/b': 'b'}
    with pytest.raises(PageError, match='/b may not be asked'): fetch(session, server.base+'/a')
    assert server.asked == ['/a']

def test_robots_that_lie_elsewhere(server, session):
    other = Server().start()
    other.routes['/rules'] = 'User-agent: *\nDisallow: /b'
    server.routes |= {'/robots.txt': [(301, {'Location': other.base+'/rules'}, '')], '/a': 'a', '/b': 'b'}
    assert fetch(session, server.base+'/a') == b'a'
    with pytest.raises(PageError, match='says so'): fetch(session, server.base+'/b')
    other.stop()

def test_robots_that_lead_in_circles(server, session):
    "RFC 9309: after five redirects it may be taken for absent."
    other = Server().start()
    server.routes |= {'/robots.txt': [(301, {'Location': other.base+'/x'}, '')], '/x': [(301, {'Location': other.base+'/x'}, '')], '/a': 'a'}
    other.routes |= {'/robots.txt': [(301, {'Location': server.base+'/x'}, '')], '/x': [(301, {'Location': server.base+'/x'}, '')]}
    assert fetch(session, server.base+'/a') == b'a'
    other.stop()


# the cache

def cached(folder, **kwargs): return PoliteSession(**QUICK | kwargs, cache=folder)

def validated(etag=None, modified=None, body='fine'):
    "A page that is confirmed with a 304 to who has it; notes the requests' headers in `validated.seen`."
    headers = {k: v for k, v in dict(ETag=etag, **{'Last-Modified': modified}).items() if v}
    def answer(handler):
        validated.seen.append({k: handler.headers[k] for k in ('If-None-Match', 'If-Modified-Since') if handler.headers[k]})
        same = etag and handler.headers['If-None-Match'] == etag or modified and handler.headers['If-Modified-Since'] == modified
        return (304, headers | {'Content-Length': 0}, '') if same else (200, headers, body)
    validated.seen = []
    return answer

def test_a_second_fetch_asks_nothing(server, tmp_path):
    server.routes |= {'/x': 'fine', '/y': [(302, {'Location': '/x'}, '')], '/empty': '', '/packed': [(200, {'Content-Encoding': 'gzip'}, gzip.compress(b'fine'))]}
    counted = robots_asked(server)
    for _ in range(3):
        session = cached(tmp_path)
        for _ in range(2): assert [fetch(session, server.base+p) for p in ('/x', '/y', '/empty', '/packed')] == [b'fine', b'fine', b'', b'fine']
        session.close()
    assert server.asked == ['/x', '/y', '/empty', '/packed'] and len(counted) == 1

def test_without_a_cache_every_fetch_asks(server, session):
    server.routes['/x'] = 'fine'
    for _ in range(2): fetch(session, server.base+'/x')
    assert server.asked == ['/x', '/x']

@pytest.mark.parametrize('validators', [dict(etag='"1"'), dict(etag='W/"1"'), dict(modified='Mon, 03 Aug 2026 10:00:00 GMT'), dict(etag='"1"', modified='Mon, 03 Aug 2026 10:00:00 GMT')])
def test_an_old_answer_is_confirmed(server, tmp_path, validators):
    server.routes['/x'] = validated(**validators)
    session = cached(tmp_path, max_age=0.3)
    for _ in range(2): assert fetch(session, server.base+'/x') == b'fine'
    time.sleep(0.35)
    for _ in range(2): assert fetch(session, server.base+'/x') == b'fine'
    assert len(server.asked) == 2 and [bool(s) for s in validated.seen] == [False, True]
    server.routes['/x'] = validated(etag='"2"', body='changed')
    time.sleep(0.35)
    for _ in range(2): assert fetch(session, server.base+'/x') == b'changed'
    assert len(server.asked) == 3

def test_an_old_answer_that_cannot_be_confirmed_is_got_again(server, tmp_path):
    server.routes['/x'] = 'old'
    session = cached(tmp_path, max_age=0.1)
    fetch(session, server.base+'/x')
    server.routes['/x'] = 'new'
    time.sleep(0.15)
    assert fetch(session, server.base+'/x') == b'new'

def test_max_age_is_that_of_the_session_that_asks(server, tmp_path):
    server.routes['/x'] = validated(etag='"1"')
    for age, asked in ((86_400, 1), (86_400, 1), (0, 2), (86_400, 2)):
        session = cached(tmp_path, max_age=age, robots=False)
        assert fetch(session, server.base+'/x') == b'fine' and len(server.asked) == asked
        session.close()

def test_a_confirmed_answer_is_fresh_again_in_the_next_session(server, tmp_path):
    server.routes['/x'] = validated(etag='"1"')
    fetch(cached(tmp_path), server.base+'/x')
    fetch(cached(tmp_path, max_age=0), server.base+'/x')
    confirmed = time.monotonic()
    time.sleep(0.2)
    assert fetch(cached(tmp_path, max_age=10), server.base+'/x') == b'fine' and len(server.asked) == 2 and time.monotonic()-confirmed < 10

@pytest.mark.parametrize('answer', [(404, {}, 'no'), (500, {}, 'no'), (403, {}, 'no'), (204, {}, ''), (302, {'Location': '/gone'}, ''), (200, {'Content-Length': 50}, 'no')], ids=lambda a: str(a[0]))
def test_errors_are_never_kept(server, tmp_path, answer):
    server.routes['/x'] = [answer]
    session = cached(tmp_path)
    with pytest.raises(PageError): fetch(session, server.base+'/x')
    server.routes['/x'] = 'fine'
    assert fetch(session, server.base+'/x') == b'fine'

def test_an_error_does_not_replace_what_is_kept(server, tmp_path):
    server.routes['/x'] = validated(etag='"1"')
    assert fetch(cached(tmp_path), server.base+'/x') == b'fine'
    page, server.routes['/x'] = server.routes['/x'], [(500, {}, '')]
    with pytest.raises(PageError, match='500'): fetch(cached(tmp_path, max_age=0), server.base+'/x')
    server.routes['/x'] = page
    assert fetch(cached(tmp_path, max_age=0), server.base+'/x') == b'fine' and validated.seen[-1]

@pytest.mark.parametrize('path', ['/x', '/y'])
def test_what_a_parser_refuses_is_forgotten(server, tmp_path, path):
    server.routes |= {'/x': html('an error page'), '/y': [(302, {'Location': '/x'}, '')]}
    session = cached(tmp_path)
    with pytest.raises(PageError, match=f'{path} is not JSON but HTML') as e: read(session, server.base+path, parse_json)
    assert one_line(e)
    server.routes['/x'] = '{"a": 1}'
    assert read(session, server.base+path, parse_json) == {'a': 1}
    server.routes['/x'] = html()
    assert read(session, server.base+path, parse_json) == {'a': 1}

def test_an_answer_that_a_redirect_led_to_is_forgotten(server, tmp_path):
    "The old answer to /y has the ETag of /x, which is not in the cache any more when the server says that it has not changed."
    server.routes |= {'/x': validated(etag='"1"'), '/y': [(302, {'Location': '/x'}, '')]}
    session = cached(tmp_path, max_age=0.1)
    assert fetch(session, server.base+'/y') == b'fine'
    session.forget(server.base+'/x')
    time.sleep(0.15)
    assert fetch(session, server.base+'/y') == b'fine'

def test_keys_are_addresses_character_by_character(server, tmp_path):
    paths = ['/a?x=1&y=2', '/a?y=2&x=1', '/a?x=1', '/a?x=1&y=', '/A?x=1', '/a//b', '/a/b', '/a%2Fb', '/2025id_/https://p.com/a', '/2025id_/https:/p.com/a', '/a?api_key=1', '/a?api_key=2']
    server.routes |= {p: [(200, {}, p)] for p in paths}
    session = cached(tmp_path)
    for _ in range(2): assert [fetch(session, server.base+p).decode() for p in paths] == paths
    assert fetch(session, server.base+'/a/b#c') == b'/a/b' and server.asked == paths

def test_answers_that_vary(server, tmp_path):
    server.routes['/x'] = lambda h: (200, {'Vary': 'Accept, Accept-Encoding'}, h.headers['Accept'])
    session = cached(tmp_path)
    for _ in range(2): assert [session.get(server.base+'/x', headers={'Accept': a}).text for a in ('a', 'b')] == ['a', 'b']
    assert len(server.asked) == 2

def test_the_library_would_mix_addresses_up():
    "If this fails, `page_key` can go."
    from requests import Request
    from requests_cache.cache_keys import create_key
    assert create_key(Request('GET', 'http://a/b/https://c').prepare()) == create_key(Request('GET', 'http://a/b/https:/c').prepare())
    assert page_key(Request('GET', 'http://a/b/https://c').prepare()) != page_key(Request('GET', 'http://a/b/https:/c').prepare())

class Bomb:
    def __reduce__(self): return os.mkdir, (Bomb.folder,)

@pytest.mark.parametrize('table', ['responses', 'redirects'])
def test_nothing_is_unpickled(server, tmp_path, table):
    server.routes['/x'] = 'fine'
    fetch(cached(tmp_path), server.base+'/x')
    Bomb.folder = str(tmp_path/'exploded')
    with sqlite3.connect(tmp_path/'pages.sqlite') as con:
        if table == 'redirects': con.execute('INSERT INTO redirects (key, value) SELECT key, ? FROM responses', (pickle.dumps(Bomb()),)); con.execute('DELETE FROM responses')
        else: con.execute('UPDATE responses SET value = ?', (pickle.dumps(Bomb()),))
    con.close()
    try: assert fetch(cached(tmp_path), server.base+'/x') == b'fine'
    except PaperTasksError as e: assert 'remove it' in str(e)
    assert not (tmp_path/'exploded').exists()

def test_nothing_imports_what_unpickles(server, tmp_path, monkeypatch):
    for name in ('loads', 'load', 'Unpickler'): monkeypatch.setattr(pickle, name, lambda *args, **kwargs: pytest.fail('unpickled'))
    server.routes['/x'] = 'fine'
    for _ in range(2): assert fetch(cached(tmp_path), server.base+'/x') == b'fine'
    assert server.asked == ['/x']

def damage(path, how):
    data = path.read_bytes()
    def sql(*statements):
        with sqlite3.connect(path) as con:
            for s in statements: con.execute(s)
        con.close()
    if how == 'text': path.write_text('my notes\n' * 1000)
    if how == 'head': path.write_bytes(data[:100])
    if how == 'half': path.write_bytes(data[:len(data)//2])
    if how == 'middle': path.write_bytes(data[:4096] + b'\xff' * 8192 + data[12288:])
    if how == 'folder': path.unlink(); path.mkdir()
    if how == 'other table': path.unlink(); sql('CREATE TABLE notes (text)')
    if how == 'other columns': path.unlink(); sql('CREATE TABLE responses (a, b)')
    if how.startswith('value '): sql(f'UPDATE responses SET value = {how[6:]}')
@pytest.mark.parametrize('how', ['text', 'head', 'half', 'middle', 'folder', 'other table', 'other columns', 'value NULL', "value 'x'", "value '3'", "value 'null'", "value '[]'", "value '{}'", "value '\"x\"'",
    """value '{"url": 3, "headers": 3, "history": 3, "request": 3}'""", """value '{"created_at": "soon"}'""", """value '{"created_at": 3, "status_code": "x"}'""", """value '{"_content": 5}'""", """value '{"_content": "%%"}'""",
    """value '{"created_at": "2999-01-01T00:00:00", "status_code": 200, "_content": "YQ=="}'""", "value x'ff'"])
def test_a_cache_that_is_broken_or_foreign(server, tmp_path, how):
    server.routes['/x'] = 'fine'
    session = cached(tmp_path)
    fetch(session, server.base+'/x'); session.close()
    damage(tmp_path/'pages.sqlite', how)
    try: assert fetch(cached(tmp_path), server.base+'/x') == b'fine'
    except PaperTasksError as e:
        assert 'pages.sqlite' in str(e) and ('remove it' in str(e) or 'move it away' in str(e)) and '\n' not in str(e) and not isinstance(e, PageError)
        assert how != 'text' or (tmp_path/'pages.sqlite').read_text().startswith('my notes')
    else: assert how.startswith('value') or how in ('half', 'middle')

def test_a_cache_that_breaks_while_it_is_used(server, tmp_path):
    server.routes |= {f'/{i}': 'x' * 20_000 for i in range(20)}
    session = cached(tmp_path)
    for i in range(10): fetch(session, f'{server.base}/{i}')
    with open(tmp_path/'pages.sqlite', 'r+b') as f: f.write(b'garbage' * 3000)
    for i in range(20):
        try: assert fetch(session, f'{server.base}/{i}') == b'x' * 20_000
        except PaperTasksError as e: assert 'remove it' in str(e) and '\n' not in str(e)

def test_a_cache_that_cannot_be_made(tmp_path):
    (tmp_path/'file').write_text('')
    with pytest.raises(PaperTasksError, match='cannot be used') as e: cached(tmp_path/'file')
    assert one_line(e)
    with pytest.raises(PaperTasksError, match='cannot be used') as e: cached(tmp_path/'file'/'folder')
    assert one_line(e)

def test_two_sessions_share_a_cache(server, tmp_path):
    server.routes |= {f'/{i}': f'page {i}' for i in range(30)}
    def work(): session = cached(tmp_path); got.extend(fetch(session, f'{server.base}/{i}') == f'page {i}'.encode() for i in range(30))
    got, threads = [], [threading.Thread(target=work) for _ in range(3)]
    for t in threads: t.start()
    for t in threads: t.join(20)
    assert got == [True]*90

FULL = '''
import resource, sys; from from_paper_with_tasks.fetching import *
session = PoliteSession(delay=0, cache=sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for i in range(20): print(len(fetch(session, f'{sys.argv[1]}/{i}')))'''
def test_the_disk_is_full(server, tmp_path):
    "What cannot be kept is fetched all the same."
    server.routes |= {f'/{i}': 'x' * 20_000 for i in range(20)}
    done = subprocess.run([sys.executable, '-c', FULL, server.base, str(tmp_path)], capture_output=True, text=True, timeout=30)
    assert done.stdout == '20000\n'*20 and done.stderr == ''
    session = cached(tmp_path)
    for i in range(20): assert fetch(session, f'{server.base}/{i}') == b'x' * 20_000
    assert 20 < len(server.asked) < 40

FETCH_MANY = '''
import sys; from from_paper_with_tasks.fetching import *
session = PoliteSession(delay=0, cache=sys.argv[2])
for i in range(100_000): fetch(session, f'{sys.argv[1]}/{i}'); print(i, flush=True)'''
def test_killed_in_a_write(server, tmp_path):
    body = os.urandom(60_000).hex()
    class Pages(dict):
        def get(self, path, default=None): return 'User-agent: *' if path == '/robots.txt' else path + body
    server.routes = Pages()
    for round in range(4):
        p = subprocess.Popen([sys.executable, '-c', FETCH_MANY, server.base, str(tmp_path)], stdout=subprocess.PIPE)
        try:
            for _ in range(12 + 9*round): last = int(p.stdout.readline())
            time.sleep(0.0013*round)
        finally: p.kill(); p.wait()
        server.asked.clear()
        session = cached(tmp_path)
        assert all(fetch(session, f'{server.base}/{i}').decode() == f'/{i}{body}' for i in range(last+1)) and not {f'/{i}' for i in range(last+1)} & set(server.asked)
        session.close()


# reading

@pytest.mark.parametrize('body,found', [(b'{"a": [1]}', {'a': [1]}), (b'[]', []), ('{"a": "\N{BLACK STAR}"}'.encode('utf-16'), {'a': '★'}), (b'\xef\xbb\xbf{}', {}), (b'{"a": NaN, "b": -Infinity}', {'a': None, 'b': None})])
def test_json(body, found): assert parse_json(body) == found

@pytest.mark.parametrize('body,message', [(html().encode(), 'HTML'), (b'\n<HTML lang=x>', 'HTML'), (b'', 'begins with'), (b'oops', 'begins with'), (b'\xff\xfe\0', 'begins with'), (b'{"a": 1', 'begins with'), (b'<?xml version="1.0"?>', 'begins with'),
    (b'3', 'object or list'), (b'"a"', 'object or list'), (b'null', 'object or list'), (b'[' * 100_000, 'too deep'), (b'{"a":' * 100_000, 'too deep'), (b'[1' + b'0' * 5000, 'begins with')])
def test_what_is_no_json(body, message):
    with pytest.raises(PageError, match=f'^not .*{message}') as e: parse_json(body)
    assert one_line(e)


# large files

DATA = os.urandom(3_000_000)
def ranged(data=DATA, etag='"1"', modified=None, stop=None, **headers):
    "A file of which parts can be had; notes `(first byte, whether the part was given)`; the first answers break off after `stop` bytes each."
    stops = list(stop or [])
    def answer(handler):
        start = int((handler.headers['Range'] or 'bytes=0-')[6:-1])
        part = 'Range' in handler.headers and handler.headers['If-Range'] in (etag, modified) and handler.headers['If-Range'] is not None
        answer.seen.append((start, part))
        more = {k: v for k, v in dict(ETag=etag, **{'Last-Modified': modified}).items() if v} | headers
        if part and start >= len(data): return 416, {'Content-Range': f'bytes */{len(data)}'}, ''
        rest = data[start:] if part else data
        if part: more['Content-Range'] = f'bytes {start}-{len(data)-1}/{len(data)}'
        return 206 if part else 200, {'Content-Length': len(rest)} | more, rest[:stops.pop(0)] if stops else rest
    answer.seen = []
    return answer

def names(folder): return sorted(p.name for p in folder.iterdir())

@pytest.fixture
def shard(server, session, tmp_path):
    "`shard()` downloads `/a.parquet` into a folder; `shard.folder` is that."
    def get(**kwargs): return download(PoliteSession(**QUICK | kwargs), server.base+'/a.parquet', shard.folder, progress=False)
    shard = get
    shard.folder = tmp_path/'new'/'folder'
    return shard

def test_download(server, shard):
    server.routes['/a.parquet'] = ranged()
    for _ in range(2): assert shard() == shard.folder/'a.parquet' and shard().read_bytes() == DATA
    assert names(shard.folder) == ['a.parquet'] and server.asked == ['/a.parquet']

def test_download_is_not_kept_in_the_cache(server, shard, tmp_path):
    server.routes |= {'/a.parquet': ranged(), '/x': 'fine'}
    session = cached(tmp_path/'cache')
    fetch(session, server.base+'/x')
    download(session, server.base+'/a.parquet', shard.folder, progress=False)
    fetch(session, server.base+'/x')
    assert server.asked == ['/x', '/a.parquet'] and len(session.cache.responses) == 2

@pytest.mark.parametrize('validators', [dict(), dict(etag=None, modified='Mon, 03 Aug 2026 10:00:00 GMT')], ids=['etag', 'modified'])
def test_download_breaks_off_and_goes_on(server, shard, validators):
    server.routes['/a.parquet'] = file = ranged(stop=[1_000_000, 500_000], **validators)
    assert shard().read_bytes() == DATA and file.seen == [(0, False), (1_000_000, True), (1_500_000, True)]

def test_download_breaks_off_for_ever_and_goes_on_later(server, shard):
    server.routes['/a.parquet'] = file = ranged(stop=[100_000]*3)
    with pytest.raises(PageError, match='broke off') as e: shard()
    assert one_line(e) and names(shard.folder) == ['a.parquet.part', 'a.parquet.part.json']
    assert shard().read_bytes() == DATA and file.seen[-1] == (300_000, True) and names(shard.folder) == ['a.parquet']

@pytest.mark.parametrize('validators', [dict(etag=None), dict(etag='W/"1"')], ids=str)
def test_a_file_that_cannot_be_known_again_is_begun_anew(server, shard, validators):
    server.routes['/a.parquet'] = file = ranged(stop=[1_000_000], **validators)
    assert shard().read_bytes() == DATA and file.seen == [(0, False), (0, False)]

@pytest.mark.parametrize('change', [dict(etag='"2"'), dict(etag='"2"', data=DATA[::-1]), dict(etag='"2"', data=DATA[:1000]), dict(etag='"2"', data=b''), dict(etag=None, modified='Tue, 04 Aug 2026 10:00:00 GMT', data=b'new')], ids=lambda c: f'{c.get("etag")} {len(c.get("data", DATA))}')
def test_a_file_that_changed_between(server, shard, change):
    server.routes['/a.parquet'] = ranged(stop=[1_000_000, 10, 10])
    with pytest.raises(PageError): shard()
    server.routes['/a.parquet'] = file = ranged(**change)
    assert shard().read_bytes() == change.get('data', DATA) and file.seen == [(1_000_020, False)]

def ignores_if_range(data, etag, total=None, start=None):
    "A server that gives the part of whatever there is."
    def answer(handler):
        first = int((handler.headers['Range'] or 'bytes=0-')[6:-1])
        if 'Range' not in handler.headers: return 200, {'ETag': etag}, data
        return 206, {'Content-Range': f'bytes {first if start is None else start}-{len(data)-1}/{total or len(data)}'} | ({'ETag': etag} if etag else {}), data[first:]
    return answer
@pytest.mark.parametrize('lie', [dict(etag='"2"'), dict(etag='"1"', total=5), dict(etag='"1"', start=0), dict(etag='"1"', data=DATA[:2_500_000])], ids=['etag', 'total', 'start', 'length'])
def test_a_part_of_another_file(server, shard, lie):
    server.routes['/a.parquet'] = ranged(stop=[1_000_000, 10, 10])
    with pytest.raises(PageError): shard()
    data = lie.pop('data', DATA[::-1])
    server.routes['/a.parquet'] = ignores_if_range(data, **lie)
    assert shard().read_bytes() == data

@pytest.mark.parametrize('headers,body', [({'Content-Length': 5000}, b'short'), ({'Content-Length': 4}, b'long body')])
def test_a_length_that_is_wrong(server, shard, headers, body):
    server.routes['/a.parquet'] = [(200, headers, body)]
    if headers['Content-Length'] == 4: assert shard().read_bytes() == b'long'; return
    with pytest.raises(PageError, match='broke off') as e: shard()
    assert one_line(e) and not (shard.folder/'a.parquet').exists()

@pytest.mark.parametrize('content_range', ['', 'bytes 0-1/2', 'bytes 5-', 'nonsense', 'bytes */*'])
def test_a_part_that_nobody_asked_for(server, shard, content_range):
    server.routes['/a.parquet'] = [(206, {'Content-Range': content_range}, b'part')]
    with pytest.raises(PageError, match='broke off') as e: shard()
    assert one_line(e) and not (shard.folder/'a.parquet').exists()

@pytest.mark.parametrize('had', [0, 10, 3_000_000, 3_000_001])
def test_416(server, shard, had):
    server.routes['/a.parquet'] = ranged(stop=[had]*3)
    try: shard()
    except PageError: pass
    server.routes['/a.parquet'] = [(416, {'Content-Range': 'bytes */3000000'}, ''), (200, {}, DATA)]
    assert shard().read_bytes() == DATA

def test_416_for_ever(server, shard):
    server.routes['/a.parquet'] = [(416, {}, '')]
    with pytest.raises(PageError) as e: shard()
    assert one_line(e) and len(server.asked) <= 3

def test_all_of_it_was_there_but_its_name(server, shard):
    server.routes['/a.parquet'] = ranged()
    shard.folder.mkdir(parents=True)
    (shard.folder/'a.parquet.part').write_bytes(DATA)
    (shard.folder/'a.parquet.part.json').write_text(json.dumps(dict(url=server.base+'/a.parquet', same='"1"', size=len(DATA))))
    assert shard().read_bytes() == DATA and names(shard.folder) == ['a.parquet'] and server.asked == []

@pytest.mark.parametrize('note', ['', 'x', '3', '[]', '{}', '[' * 100_000, '\xff', {'url': 'http://other/a.parquet'}, {'same': None}, {'same': 3}, {'size': 'x'}, {'size': -1}, {'size': None}, {'size': 5}], ids=lambda n: str(n)[:20])
def test_a_part_that_is_not_known(server, shard, note):
    server.routes['/a.parquet'] = ranged()
    shard.folder.mkdir(parents=True)
    (shard.folder/'a.parquet.part').write_bytes(b'something else')
    known = dict(url=server.base+'/a.parquet', same='"1"', size=len(DATA))
    (shard.folder/'a.parquet.part.json').write_text(json.dumps(known | note) if isinstance(note, dict) else note, encoding='latin-1')
    assert shard().read_bytes() == DATA and names(shard.folder) == ['a.parquet']

def test_a_part_that_someone_else_began(server, shard):
    shard.folder.mkdir(parents=True)
    (shard.folder/'a.parquet.part').write_bytes(b'something else')
    with pytest.raises(PaperTasksError, match='not begun by us') as e: shard()
    assert one_line(e) and server.asked == [] and (shard.folder/'a.parquet.part').read_bytes() == b'something else'

def head(handler, whole):
    "Send the head of an answer; give the body, for a test that sends it in its own way."
    status, headers, body = whole(handler)
    handler.send_response(status)
    for k, v in headers.items(): handler.send_header(k, str(v))
    handler.end_headers()
    return body

def test_two_at_once(server, shard):
    started, go = threading.Event(), threading.Event()
    whole = ranged()
    def slowly(handler):
        body = head(handler, whole)
        handler.wfile.write(body[:1_000_000]); started.set(); go.wait(5); handler.wfile.write(body[1_000_000:])
        raise ConnectionAbortedError
    server.routes['/a.parquet'] = slowly
    first = threading.Thread(target=shard)
    first.start()
    assert started.wait(5)
    while not here(shard.folder/'a.parquet.part'): time.sleep(0.01)
    with pytest.raises(PaperTasksError, match='written by another process') as e: shard()
    go.set()
    first.join(5)
    assert one_line(e) and shard().read_bytes() == DATA

def test_html_instead_of_a_file(server, shard, session, tmp_path):
    server.routes |= {p: [(200, {'Content-Type': 'text/html; charset=utf-8'}, html('log in first'))] for p in ('/a.parquet', '/a.html')}
    with pytest.raises(PageError, match='an HTML page') as e: shard()
    assert one_line(e) and names(shard.folder) == []
    assert download(session, server.base+'/a.html', tmp_path, progress=False).read_text() == html('log in first')

def test_a_file_that_is_packed_on_its_way(server, session, tmp_path):
    packed = gzip.compress(b'{}')
    server.routes |= {p: [(200, {'Content-Encoding': 'gzip'}, packed)] for p in ('/a.json', '/a.json.gz')}
    with pytest.raises(PageError, match='packed on its way') as e: download(session, server.base+'/a.json', tmp_path)
    assert one_line(e) and download(session, server.base+'/a.json.gz', tmp_path, progress=False).read_bytes() == packed

@pytest.mark.parametrize('rest', [b'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', b'\r\nabc', b'Content-Length: ' + b'9'*5000 + b'\r\n\r\nabc', b'Content-Length: -1\r\n\r\nabc'], ids=['chunked', 'none', 'huge', 'negative'])
def test_a_file_without_a_length(tmp_path, rest):
    with raw_server(b'HTTP/1.1 200 OK\r\n' + rest) as base:
        session = PoliteSession(**QUICK, robots=False)
        with pytest.raises(PageError, match='without a length') as e: download(session, base+'/a.gz', tmp_path, progress=False)
        assert one_line(e) and names(tmp_path) == []

def test_download_may_go_elsewhere(server, shard):
    other = Server().start()
    other.routes['/blob?key=1'] = file = ranged(stop=[1_000_000])
    server.routes['/a.parquet'] = [(302, {'Location': other.base+'/blob?key=1'}, '')]
    assert shard().read_bytes() == DATA and file.seen == [(0, False), (1_000_000, True)]
    other.stop()

@pytest.mark.parametrize('location', ['/a.parquet', 'file:///etc/hosts', 'ftp://example.org/a', 'http://[broken'])
def test_download_led_astray(server, shard, location):
    server.routes['/a.parquet'] = [(302, {'Location': location}, '')]
    with pytest.raises(PaperTasksError) as e: shard()
    assert one_line(e) and len(server.asked) <= 6 and names(shard.folder) == []

def test_https_is_not_left(monkeypatch):
    from types import SimpleNamespace
    r = SimpleNamespace(is_redirect=True, url='https://example.org/a', headers=dict(location='http://example.org/a'))
    with pytest.raises(PageError, match='not safe'): fetching.stay_on_web(r)
    r.headers['location'] = 'https://cdn.example.org/b'
    fetching.stay_on_web(r)

@pytest.mark.parametrize('etag', ['', '"', '""', '"a b"', '"\xff"', '"a"b"', 'a', '"' + 'a'*5000 + '"', '"a";\r\n "b"'], ids=lambda e: ascii(e)[:12])
def test_validators_that_are_none(server, shard, etag):
    "What was sent as an ETag is sent back, so it must not spoil the next request."
    server.routes['/a.parquet'] = [(200, {'ETag': etag, 'Last-Modified': etag, 'Content-Length': len(DATA)}, DATA[:10])]*3 + [(200, {}, DATA)]
    with pytest.raises(PageError): shard()
    assert shard().read_bytes() == DATA

@pytest.mark.parametrize('status,error', [(404, PageError), (403, PageError), (500, PageError), (429, PaperTasksError), (401, PaperTasksError)])
def test_download_refused(server, shard, status, error):
    server.routes['/a.parquet'] = [(status, {}, 'no')]
    with pytest.raises(error, match=str(status)) as e: shard()
    assert one_line(e) and names(shard.folder) == []

def test_download_obeys_robots(server, shard):
    server.routes |= {'/robots.txt': 'User-agent: *\nDisallow: /', '/a.parquet': ranged()}
    with pytest.raises(PageError, match='robots.txt says so'): shard()
    assert server.asked == []

@pytest.mark.parametrize('url', ['http://a/', 'http://a', 'http://a/..', 'http://a/b%2F..', 'http://a/%00', 'http://a/.hidden', 'http://a/b/', 'http://a/' + 'x'*300, 'http://a/?b.gz', 'http://a/a%0Ab', '', 'http://[broken/a.gz'])
def test_what_names_no_file(session, tmp_path, url):
    with pytest.raises(PaperTasksError) as e: download(session, url, tmp_path)
    assert one_line(e) and names(tmp_path) == []

def test_names():
    assert [file_name(f'http://a/b/{n}?c=/d') for n in ('a.gz', 'a%20b.parquet', 'train-00000-of-00004.parquet', '..%2Fa.gz', 'A+b(1).json')] == ['a.gz', 'a b.parquet', 'train-00000-of-00004.parquet', 'a.gz', 'A+b(1).json']

def test_no_folder_can_be_made(server, session, tmp_path):
    (tmp_path/'file').write_text('')
    for folder in (tmp_path/'file', tmp_path/'file'/'below'):
        with pytest.raises(PaperTasksError, match='cannot be written to') as e: download(session, server.base+'/a.gz', folder)
        assert one_line(e) and server.asked == []

def test_a_folder_in_the_place_of_the_file(server, shard):
    server.routes['/a.parquet'] = ranged()
    (shard.folder/'a.parquet').mkdir(parents=True)
    with pytest.raises(PaperTasksError) as e: shard()
    assert one_line(e) and server.asked == []

def test_no_room(server, shard, monkeypatch):
    server.routes['/a.parquet'] = ranged()
    monkeypatch.setattr('shutil.disk_usage', lambda path: type('Usage', (), dict(free=2_000_000)))
    with pytest.raises(PaperTasksError, match='room for 2 MB, and a.parquet needs 3') as e: shard()
    assert one_line(e) and not isinstance(e.value, PageError)

LIMITED = '''
import resource, sys; from from_paper_with_tasks.core import PaperTasksError; from from_paper_with_tasks.fetching import *
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try: download(PoliteSession(delay=0), sys.argv[1], sys.argv[2], progress=False)
except PaperTasksError as e: print(e)'''
def test_the_disk_refuses_in_the_middle(server, shard):
    server.routes['/a.parquet'] = file = ranged()
    done = subprocess.run([sys.executable, '-c', LIMITED, server.base+'/a.parquet', str(shard.folder)], capture_output=True, text=True)
    assert 'cannot be written to (File too large)' in done.stdout and done.stdout.count('\n') == 1 and done.stderr == ''
    assert shard().read_bytes() == DATA and file.seen == [(0, False), (1_000_000, True)]

def test_the_bar(server, session, tmp_path, capsys):
    server.routes['/a.parquet'] = ranged()
    download(session, server.base+'/a.parquet', tmp_path)
    assert 'a.parquet' in (err := capsys.readouterr().err) and '3.00M' in err and '100%' in err

def here(path):
    try: return path.stat().st_size
    except FileNotFoundError: return 0

DOWNLOAD = 'import sys; from from_paper_with_tasks.fetching import *; download(PoliteSession(delay=0), sys.argv[1], sys.argv[2], progress=False)'
def test_download_killed_and_resumed(server, shard):
    "Killed at a dozen moments, among them before the first byte and near the end; the bytes are the same, and none is sent twice but for those in the pipe."
    whole = ranged()
    def slowly(handler):
        body = head(handler, whole)
        for i in range(0, len(body), 100_000): handler.wfile.write(body[i:i+100_000]); handler.wfile.flush(); time.sleep(0.01)
        raise ConnectionAbortedError
    server.routes['/a.parquet'] = slowly
    part, had = shard.folder/'a.parquet.part', 0
    for moment in (0, 1, 200_000, 400_000, 700_000, 1_000_000, 1_500_000, 2_000_000, 2_400_000, 2_800_000, 2_990_000):
        p = subprocess.Popen([sys.executable, '-c', DOWNLOAD, server.base+'/a.parquet', str(shard.folder)])
        while (not here(part) or here(part) < moment) and p.poll() is None: time.sleep(0.001)
        p.kill(); p.wait()
        if (shard.folder/'a.parquet').exists(): break
        assert part.read_bytes() == DATA[:part.stat().st_size] and part.stat().st_size >= had
        had = part.stat().st_size
    assert shard().read_bytes() == DATA and names(shard.folder) == ['a.parquet']
    starts = [start for start, _ in whole.seen]
    assert starts == sorted(starts) and len(set(starts)) > 5

"`paper-tasks serve` as programs, impatient and hostile ones among them, meet it."
import json, os, re, signal, socket, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
import pytest
from helpers import GOOD, UNUSABLE, refused
from serving import Serve, raw_post, read_all, until
from from_paper_with_tasks.core import PACKAGE, read_rows
from from_paper_with_tasks.web import PROBLEM

SAMPLE = list(read_rows(PACKAGE/'sample'/'papers.jsonl'))[:24]
HEADERS = {'Content-Security-Policy', 'X-Content-Type-Options', 'Referrer-Policy', 'Permissions-Policy', 'Cross-Origin-Opener-Policy'}
SECRET = 'zqxunlikely'


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp('site')
    s = Serve(folder, '--feedback', folder/'feedback.jsonl')
    s.feedback = folder/'feedback.jsonl'
    yield s
    assert s.stop() == 0

@pytest.fixture
def serve(tmp_path):
    "Starts sites for one test."
    sites = []
    def start(*args, **env): sites.append(Serve(tmp_path, *args, **env)); return sites[-1]
    yield start
    for s in sites:
        if s.process.poll() is None: s.process.kill(); s.process.wait()

def problem(answer, status):
    "The line of a refusal."
    body = answer.json()
    assert (answer.status_code, answer.headers['Content-Type'], body['status']) == (status, PROBLEM, status) and set(body) == {'type', 'title', 'status', 'detail'}
    assert '\n' not in body['detail'] and len(body['detail']) < 500 and HEADERS <= set(answer.headers)
    return body['detail']


## Tagging

def test_one_paper(site, tagger):
    for p in SAMPLE[:6]:
        assert site.tag(p['abstract'], title=p['title']).json() == tagger(p['abstract'], p['title']).to_dict()

def test_a_batch(site, tagger):
    papers = [dict(abstract=p['abstract'], title=p['title']) for p in SAMPLE]
    assert site.post('/api/v1/tag', json=dict(papers=papers)).json()['results'] == [t.to_dict() for t in tagger(papers)]
    assert site.post('/api/v1/tag', json=dict(papers=[])).json() == dict(results=[])

@pytest.mark.parametrize('options', [dict(top=1), dict(top=10_000), dict(top=3.0), dict(threshold=0), dict(threshold=1), dict(threshold=.3, top=2), dict(title=None), dict(title='A Parser')], ids=str)
def test_options(site, tagger, options):
    assert site.tag(GOOD, **options).json() == tagger(GOOD, **{k: int(v) if k == 'top' else v for k, v in options.items()}).to_dict()

def test_a_bad_row_costs_that_row_only(site, tagger):
    bad = [dict(abstract=text) for text, _ in UNUSABLE.values() if len(text) < 10**5 and '\ud83d' not in text]
    rows = [dict(abstract=GOOD), *bad, 7, None, [], 'text', {}, dict(abstract=None), dict(abstract=GOOD, title=5), dict(abstract=GOOD, year=2020)]
    first, *results = site.post('/api/v1/tag', json=dict(papers=rows)).json()['results']
    assert first == results[-1] == tagger(GOOD).to_dict() and len(results) == len(rows) - 1
    assert all(set(r) == {'error'} and '\n' not in r['error'] for r in results[:len(bad)])
    assert 'scores' in results[len(bad) + 3] or 'error' in results[len(bad) + 3]

@pytest.mark.parametrize('text, why', UNUSABLE.values(), ids=UNUSABLE)
def test_a_paper_that_cannot_be_tagged(site, text, why):
    answer = site.tag(text)
    assert len(text) > 10**6 and problem(answer, 413) or '\ud83d' in text and problem(answer, 422) or re.search(why, problem(answer, 422))

def test_why(site, tagger):
    answer = site.tag(GOOD, explain=True).json()
    assert {k: answer[k] for k in ('tasks', 'scores')} == tagger(GOOD).to_dict() and list(answer['why']) == answer['tasks']
    task = tagger.find_task('dependency parsing').task
    why = site.tag(GOOD, explain='dependency  PARSING').json()['why']
    want = tagger.explain(GOOD).contributions(task)
    assert list(why) == [task] and [p['text'] for p in why[task]] == [w for w, _ in want] and [p['weight'] for p in why[task]] == pytest.approx([v for _, v in want], abs=1e-3)
    assert 'why' not in site.tag(GOOD, explain=False).json()

def test_why_is_for_papers_of_a_known_length_and_known_tasks(site):
    assert 'no task of this model' in problem(site.tag(GOOD, explain='Alchemy'), 422)
    many = ' '.join(f'word{chr(97+i%26)}{chr(97+i//26)}' for i in range(500))
    assert 'different words' in problem(site.tag(many, explain=True), 422) and site.tag(many).status_code == 200


## Forms of requests

@pytest.mark.parametrize('body, status', [(b'', 400), (b'{', 400), (b'\xff{}', 400), (b'{"abstract": NaN}', 400), (b'[' * 10**5, 400), (b'1' * 5000, 400), (b'[]', 422), (b'"{}"', 422), (b'null', 422), (b'{}', 422),
    (b'{"abstract": 5}', 422), (b'{"abstract": null}', 422), (b'{"abstract": "We parse.", "papers": []}', 422), (b'{"papers": [], "title": "x"}', 422), (b'{"papers": [], "explain": true}', 422), (b'{"papers": {}}', 422),
    (b'{"abstract": "We parse.", "top": 0}', 422), (b'{"abstract": "We parse.", "top": "5"}', 422), (b'{"abstract": "We parse.", "top": 1.5}', 422), (b'{"abstract": "We parse.", "top": true}', 422),
    (b'{"abstract": "We parse.", "top": 1e400}', 422), (b'{"abstract": "We parse.", "threshold": 2}', 422), (b'{"abstract": "We parse.", "treshold": 0.5}', 422), (b'{"abstract": "\\ud800"}', 422)], ids=lambda b: repr(b)[:40])
def test_bodies(site, body, status): problem(site.post('/api/v1/tag', data=body, headers={'Content-Type': 'application/json'}), status)

@pytest.mark.parametrize('kind', ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json; charset=utf-16', 'application/jsonp', ''])
def test_other_content_types(site, kind): problem(site.post('/api/v1/tag', data=json.dumps(dict(abstract=GOOD)), headers={'Content-Type': kind}), 415)

@pytest.mark.parametrize('packing', ['gzip', 'deflate', 'br', 'x'])
def test_packed_bodies(site, packing): problem(site.post('/api/v1/tag', data=b'x', headers={'Content-Type': 'application/json', 'Content-Encoding': packing}), 415)

def test_utf8_is_named(site): assert site.post('/api/v1/tag', data=json.dumps(dict(abstract=GOOD)), headers={'Content-Type': 'application/json; charset=UTF-8'}).status_code == 200

@pytest.mark.parametrize('method, path, status', [('GET', '/api/v1/tag', 405), ('PUT', '/api/v1/tag', 405), ('DELETE', '/api/v1/labels', 405), ('POST', '/api/v1/labels', 405), ('POST', '/health', 405), ('TRACE', '/', 405), ('FOO', '/', 405), ('GET', '/api/v1/nothing', 404), ('GET', '/about/', 404),
    ('GET', '/static/../../settings.ini', 404), ('GET', '/static/%2e%2e/web.py', 404), ('GET', '/docs/files/..%2f__init__.py', 404), ('GET', '//evil.example/', 404)])
def test_addresses_and_methods(site, method, path, status):
    answer = site.ask(method, path)
    assert problem(answer, status) and ('Allow' in answer.headers) == (status == 405)
    page = site.ask(method, path, headers={'Accept': 'text/html'})
    assert page.status_code == status and page.headers['Content-Type'] == (PROBLEM if path.startswith('/api/') else 'text/html; charset=utf-8')

def test_headers(site):
    for path in ('/', '/about', '/docs', '/static/site.css', '/docs/files/css/swagger-ui.css', '/api/v1/labels', '/openapi.json', '/health', '/nothing'):
        h = site.get(path, headers={'Accept': 'text/html', 'Host': 'evil.example'}).headers
        assert HEADERS <= set(h) and h['X-Content-Type-Options'] == 'nosniff' and 'Set-Cookie' not in h and 'Server' not in h and 'Access-Control-Allow-Origin' not in h
        csp = dict(p.split(' ', 1) for p in h['Content-Security-Policy'].split('; '))
        assert csp['default-src'] == csp['base-uri'] == csp['frame-ancestors'] == "'none'" and not re.search(r'unsafe|https?:|\*', h['Content-Security-Policy'])
        assert csp['img-src'] == ("'self' data:" if path == '/docs' else "'self'")
    assert all('evil.example' not in site.get(p, headers={'Host': 'evil.example', 'Accept': 'text/html'}).text for p in ('/', '/about', '/docs', '/openapi.json'))

def test_labels(site, tagger):
    def ask(query=''): return site.get('/api/v1/labels' + query).json()['labels']
    labels = ask()
    assert [l['task'] for l in labels] == tagger.labels and [l['threshold'] for l in labels] == tagger.thresholds.tolist() and site.get('/api/v1/labels').json()['model'] == tagger.checksum
    assert {l['evidence'] for l in ask('?evidence=weak')} == {'weak'} and {l['area'] for l in ask('?area=Computer Vision')} == {'Computer Vision'}
    assert 'Named Entity Recognition' in [l['task'] for l in ask('?q=ner&area=Natural Language Processing&evidence=measured')] and ask('?q=xyzzy') == []
    for bad in ('evidence=good', 'evidence=', 'what=x', 'q=' + 'x'*201): problem(site.get(f'/api/v1/labels?{bad}'), 422)

def test_openapi(site):
    spec, page = site.get('/openapi.json'), site.get('/docs')
    assert spec.headers['Content-Type'] == 'application/json' and set(spec.json()['paths']) == {'/api/v1/tag', '/api/v1/labels', '/api/v1/feedback', '/health', '/ready', '/metrics'}
    assert '/openapi.json' in page.text and 'http' not in page.text.replace('http-equiv', '')

def test_schemathesis(site, tmp_path):
    "Requests made up from the description, right and wrong ones, are answered as described."
    if not find_spec('schemathesis'): pytest.skip('no schemathesis: pip install -e ".[dev]"')
    (tmp_path/'schemathesis.toml').write_text('[checks.positive_data_acceptance]\nexpected-statuses = ["2xx", "422"]\n') # a text that is no abstract
    command = [Path(sys.executable).with_name('st'), '--config-file', 'schemathesis.toml', 'run', f'{site.url}/openapi.json', '--max-examples', '40', '--phases', 'examples,coverage,fuzzing', '--no-color', '--warnings', 'off', '--seed', '1']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180, env=os.environ | dict(NO_PROXY='127.0.0.1'))
    assert done.returncode == 0 and re.search(r'Tested: 6', done.stdout), done.stdout[-5000:]


## Feedback

def told(site): return list(read_rows(site.feedback)) if site.feedback.exists() else []

def test_feedback(site):
    before = len(told(site))
    answer = site.post('/api/v1/feedback', json=dict(abstract=GOOD, title='Parsing', task='dependency parsing', verdict='right'))
    assert (answer.status_code, answer.json()) == (201, dict(task='dependency parsing', verdict='right'))
    row = told(site)[-1]
    assert len(told(site)) == before + 1 and (row['abstract'], row['title'], row['verdict']) == (GOOD, 'Parsing', 'right')
    for bad in (dict(task=''), dict(task='x'*500), dict(task='Alchemy'), dict(verdict='perhaps'), dict(abstract='')):
        problem(site.post('/api/v1/feedback', json=dict(abstract=GOOD, task='Dependency Parsing', verdict='wrong') | bad), 422)
    assert len(told(site)) == before + 1

@pytest.mark.parametrize('headers', [{'Sec-Fetch-Site': 'cross-site'}, {'Sec-Fetch-Site': 'same-site'}, {'Sec-Fetch-Site': 'none'}, {'Origin': 'http://evil.example'}, {'Origin': 'null'}, {'Origin': ''}], ids=str)
def test_feedback_from_another_site(site, headers):
    before, said = told(site), dict(abstract=GOOD, task='Dependency Parsing', verdict='right')
    problem(site.post('/api/v1/feedback', json=said, headers=headers), 403)
    for h in (headers, {}): problem(site.post('/feedback', data=dict(abstract=GOOD, right='Dependency Parsing'), headers=h), 403)
    assert told(site) == before

def test_feedback_from_this_site(site):
    before = len(told(site))
    for headers in ({'Sec-Fetch-Site': 'same-origin'}, {'Origin': site.url}):
        page = site.post('/feedback', data=dict(abstract=GOOD, wrong='Dependency Parsing'), headers=headers)
        assert page.status_code == 200 and 'Noted: Dependency Parsing is wrong.' in page.text
    assert len(told(site)) == before + 2

def test_no_feedback_unless_asked_for(serve):
    s = serve()
    problem(s.post('/api/v1/feedback', json=dict(abstract=GOOD, task='Dependency Parsing', verdict='right')), 404)
    problem(s.post('/feedback', data=dict(abstract=GOOD, right='Dependency Parsing'), headers={'Sec-Fetch-Site': 'same-origin'}), 404)
    problem(s.post('/arxiv', data=dict(arxiv='2101.00001')), 404)
    assert 'right' not in s.post('/', data=dict(abstract=GOOD)).text.split('acts')[1].split('</li>')[0]


## Limits

def test_payload(site):
    problem(site.tag('x', title='parsing '*140_000), 413)
    answer = read_all(site.send(raw_post(b'', **{'Content-Length': 10**9})))
    assert b'413' in answer.split(b'\r\n')[0] and PROBLEM.encode() in answer and b'Content-Security-Policy' in answer
    chunks = b''.join(b'%x\r\n%s\r\n' % (60_000, b'x'*60_000) for _ in range(25)) + b'0\r\n\r\n'
    answer = read_all(site.send(b'POST /api/v1/tag HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n' + chunks))
    assert b'413' in answer.split(b'\r\n')[0] and PROBLEM.encode() in answer

def test_rows(site): assert '33 papers' in problem(site.post('/api/v1/tag', json=dict(papers=[dict(abstract=GOOD)]*33)), 422)

@pytest.mark.parametrize('data', [b'GET\r\n\r\n', b'\x16\x03\x01\x02\x00\x01\r\n\r\n', b'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', b'GET / HTTP/1.1\r\nA: ' + b'x'*20_000 + b'\r\n\r\n', b'POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n',
    b'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx', b'GET /%ff%00%0d%0a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'], ids=lambda d: repr(d)[:30])
def test_no_http(site, data):
    with site.send(data) as s: answer = read_all(s)
    assert re.match(rb'HTTP/1.[01] (4\d\d|501)', answer) and PROBLEM.encode() in answer and b'waitress' not in answer.lower()

def test_an_address_that_the_server_cannot_parse(site): assert read_all(site.send(b'GET http://[ HTTP/1.1\r\n\r\n')) == b'' and site.get('/health').status_code == 200

def test_busy(serve, tagger):
    "While one place is taken, others are told at once to come back; what needs no model is answered."
    s = serve('--max-busy', 1, '--max-papers', 64)
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(s.post, '/api/v1/tag', json=dict(papers=[dict(abstract=' '.join([GOOD]*20))]*64))
        until('the place is taken', lambda: s.figure('paper_tasks_in_flight') == 2)
        t = time.monotonic()
        answers = [s.tag(GOOD) for _ in range(5)]
        page = s.post('/', data=dict(abstract=GOOD, title=SECRET), headers={'Accept': 'text/html'})
        assert time.monotonic() - t < 2 and not long.done()
        for a in answers: assert 'busy' in problem(a, 503) and int(a.headers['Retry-After']) > 0
        assert (page.status_code, 'Retry-After' in page.headers) == (503, True) and 'busy' in page.text and GOOD in page.text and SECRET in page.text
        assert all(s.get(p).status_code == 200 for p in ('/health', '/ready', '/metrics', '/', '/api/v1/labels'))
        assert len(long.result().json()['results']) == 64
    assert s.tag(GOOD).json() == tagger(GOOD).to_dict()

def test_time(serve):
    "Time is looked at between two papers."
    s = serve('--max-seconds', .2, '--max-papers', 64)
    t = time.monotonic()
    answer = s.post('/api/v1/tag', json=dict(papers=[dict(abstract=' '.join([GOOD]*20))]*64))
    assert 'too long' in problem(answer, 503) and 'Retry-After' in answer.headers and time.monotonic() - t < 2
    assert s.tag(GOOD).status_code == 200

def test_64_clients_at_once(site, tagger):
    want = [tagger(p['abstract']).to_dict() for p in SAMPLE]
    with ThreadPoolExecutor(64) as pool: found = list(pool.map(lambda i: site.tag(SAMPLE[i % len(SAMPLE)]['abstract']), range(192)))
    assert [f.status_code for f in found] == [200]*192 and [f.json() for f in found] == [want[i % len(SAMPLE)] for i in range(192)]

def test_a_single_paper_passes_lists_that_have_just_come(site):
    papers = dict(papers=[dict(abstract=' '.join([GOOD]*20))]*32)
    with ThreadPoolExecutor(6) as pool:
        lists = [pool.submit(site.post, '/api/v1/tag', json=papers) for _ in range(6)]
        until('they are there', lambda: site.figure('paper_tasks_in_flight') == 7)
        assert site.tag(GOOD).status_code == 200 and sum(l.done() for l in lists) < 3
        assert all(l.result().status_code == 200 for l in lists)

def test_slow_clients_hold_no_thread(site):
    "Two hundred who send a byte now and then, and stop, are in nobody's way."
    slow = [site.send(raw_post(b'{"abstract": "We parse', **{'Content-Length': 5000})) for _ in range(100)] + [site.send(b'GET / HTTP/1.1\r\nX-a: b') for _ in range(100)]
    for s in slow: s.sendall(b'x')
    t = time.monotonic()
    assert site.tag(GOOD).status_code == 200 and time.monotonic() - t < 5
    for s in slow: s.close()
    assert site.get('/health').status_code == 200

def test_a_client_that_leaves(site):
    for _ in range(20): site.send(raw_post(json.dumps(dict(papers=[dict(abstract=GOOD)]*4)).encode())).close()
    assert site.tag(GOOD).status_code == 200
    until('all places are free', lambda: site.figure('paper_tasks_in_flight') == 1)

def test_one_after_the_other_on_one_connection(site):
    body = json.dumps(dict(abstract=GOOD)).encode()
    with site.send(raw_post(body, close=False)*3 + raw_post(body)) as s: assert read_all(s).count(b'HTTP/1.1 200') == 4


## In a process of our own, with a short patience

def test_late_requests_are_cut_off(tagger):
    import threading
    from from_paper_with_tasks.web import Limits
    from from_paper_with_tasks.web_serving import make_site, open_server, run
    server = open_server(make_site(tagger, Limits(arrival=1, idle=1, drain=2)))
    thread = threading.Thread(target=run, args=[server], daemon=True)
    thread.start()
    def connect(data): s = socket.create_connection(('127.0.0.1', server.effective_port), timeout=8); s.sendall(data); return s
    idle, header, body, blank, kept = connect(b''), connect(b'GET / HTTP/1.1\r\n'), connect(raw_post(b'{', **{'Content-Length': 99})), connect(b'\r\n'), connect(b'GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    t = time.monotonic()
    for _ in range(12): # bytes that come now and then do not help
        time.sleep(.25)
        for s in (header, body, blank):
            try: s.sendall(b'\r\n' if s is blank else b'a')
            except OSError: pass
    assert [read_all(s) for s in (idle, header, body, blank)] == [b'']*4 and b'200 OK' in read_all(kept) and time.monotonic() - t < 6
    server.site.leaving.set(); server.pull_trigger()
    thread.join(5)
    assert not thread.is_alive()


## The log, the figures, the idle

def test_no_text_of_users_in_the_log(site):
    for ask in (lambda: site.tag(f'We parse {SECRET}.', title=SECRET), lambda: site.tag(SECRET, explain=SECRET), lambda: site.tag(f'{SECRET}\0'), lambda: site.get(f'/{SECRET}?{SECRET}', headers={'User-Agent': SECRET, 'Referer': SECRET}),
                lambda: site.post('/', data=dict(abstract=SECRET, why=SECRET)), lambda: site.ask(SECRET, '/'), lambda: site.get(f'/about?q={SECRET}'), lambda: read_all(site.send(f'{SECRET}\r\n\r\n'.encode())),
                lambda: site.post('/api/v1/feedback', json=dict(abstract=GOOD, task=SECRET, verdict='missing'))): ask()
    text = site.log_file.read_text()
    assert SECRET not in text and SECRET not in site.get('/metrics').text and len(site.log) > 9
    for line in site.log: assert set(line) <= {'time', 'method', 'route', 'status', 'ms', 'papers', 'server', 'what'}
    site.post('/api/v1/tag', json=dict(papers=[dict(abstract=GOOD)]*3))
    assert {k: v for k, v in site.log[-1].items() if k not in ('time', 'ms')} == dict(method='POST', route='/api/v1/tag', status=200, papers=3)

def test_metrics(site):
    from prometheus_client.parser import text_string_to_metric_families
    before = site.figure('paper_tasks_papers_total')
    site.post('/api/v1/tag', json=dict(papers=[dict(abstract=GOOD)]*5 + [dict(abstract='')]))
    answer = site.get('/metrics')
    families = {f.name: f for f in text_string_to_metric_families(answer.text)}
    assert site.figure('paper_tasks_papers_total') == before + 5 and answer.headers['Content-Type'].startswith('text/plain; version=')
    assert {'paper_tasks_requests', 'paper_tasks_request_seconds', 'paper_tasks_in_flight', 'paper_tasks_papers', 'process_resident_memory_bytes'} <= set(families)
    labels = [s.labels for s in families['paper_tasks_requests'].samples]
    assert {l['route'] for l in labels if l} <= {'none', '/', '/about', '/docs', '/tasks.css', '/feedback', '/download', '/arxiv', '/static/<path:filename>', '/docs/files/<path:filename>', '/api/v1/tag', '/api/v1/labels', '/api/v1/feedback', '/health', '/ready', '/metrics', '/openapi.json'}

def test_waiting_costs_nothing(site):
    site.tag(GOOD)
    time.sleep(.3)
    before = site.cpu()
    time.sleep(1.5)
    assert site.cpu() - before < .05


## The end

def slow_request(s):
    "A batch under way, as a future."
    pool = ThreadPoolExecutor(1)
    asked = pool.submit(s.post, '/api/v1/tag', json=dict(papers=[dict(abstract=' '.join([GOOD]*20))]*32), headers={'Connection': 'close'})
    until('it is worked on', lambda: s.figure('paper_tasks_papers_total') > 0)
    return asked

@pytest.mark.parametrize('sig', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(serve, sig):
    s = serve()
    half, kept = s.send(raw_post(b'{"abstract": "We parse', **{'Content-Length': 37})), s.send(b'GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    asked = slow_request(s)
    s.process.send_signal(sig)
    until('no connection is taken', lambda: not asked.done() and not s.connects())
    half.sendall(b' Basque well."}')
    assert len(asked.result().json()['results']) == 32 and b'"tasks"' in read_all(half)
    assert b'200 OK' in read_all(kept) and s.stop(None) == 0

def test_the_end_is_announced(serve):
    s = serve('--grace', 1)
    assert s.get('/ready').status_code == 200
    s.process.send_signal(signal.SIGTERM)
    answer = until('/ready says no', lambda: (a := s.get('/ready')).status_code == 503 and [a])
    assert 'leave' in problem(*answer, 503) and s.get('/health').status_code == 200 and s.tag(GOOD).status_code == 200 and s.stop(None) == 0

def test_draining_ends(serve):
    s = serve('--drain', .5)
    stuck, t = s.send(raw_post(b'{', **{'Content-Length': 36})), time.monotonic()
    assert s.stop() == 0 and time.monotonic() - t < 4 and read_all(stuck) == b''

def test_a_second_signal_does_not_wait(serve):
    s = serve()
    stuck, t = s.send(raw_post(b'{', **{'Content-Length': 36})), time.monotonic()
    s.get('/health')
    s.process.send_signal(signal.SIGTERM)
    until('no connection is taken', lambda: s.process.poll() is None and not s.connects())
    assert s.stop(signal.SIGINT) == 130 and time.monotonic() - t < 5 and read_all(stuck) == b''

def test_killed_while_feedback_is_written(serve, tmp_path):
    "What was written is whole lines, and the next process goes on below them."
    file = tmp_path/'feedback.jsonl'
    def tell(s, i):
        try: return s.post('/api/v1/feedback', json=dict(abstract=f'{GOOD} {"Again. "*i}', task='Dependency Parsing', verdict='right')).status_code
        except OSError: return None
    s = serve('--feedback', file)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(tell, s, i) for i in range(60)]
        until('some is written', lambda: file.exists() and file.read_text().count('\n') > 5)
        s.process.kill()
        noted = sum(a.result() == 201 for a in asked)
    assert s.process.wait() == -signal.SIGKILL
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert noted <= len(rows) < 60 and all(r['verdict'] == 'right' for r in rows)
    assert tell(serve('--feedback', file), 0) == 201 and len(file.read_text().splitlines()) == len(rows) + 1


## The command

def test_options_that_make_no_sense(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0)); s.listen()
        assert '--port' in refused(command('serve', '--port', s.getsockname()[1]))
    for args in (['--port', '0'], ['--port', '70000'], ['--host', '203.0.113.7'], ['--max-busy', '0'], ['--max-seconds', 'x'], ['--feedback', 'no/such/folder.jsonl'], ['--feedback', 'feedback.txt'], ['--model', 'none'], ['x']): refused(command('serve', *args))
    assert '/metrics' in command('serve', '--help').out and not list(tmp_path.iterdir())


## The folder to deploy

DEPLOYMENT = Path(__file__).resolve().parents[1]/'deployment'/'flask'

def test_the_application_for_other_servers():
    done = subprocess.run([sys.executable, '-c', f'from app import app; answer = app.test_client().post("/api/v1/tag", json=dict(abstract={GOOD!r})); print(answer.status_code)'], cwd=DEPLOYMENT, capture_output=True, text=True)
    assert done.stdout == '200\n', done.stderr

def test_the_image_gets_what_it_needs():
    "What the build may see is there, and the package's own list of files is among it."
    seen = [line[1:] for line in (DEPLOYMENT/'Dockerfile.dockerignore').read_text().splitlines() if line.startswith('!')]
    root = DEPLOYMENT.parents[1]
    assert all((root/name).exists() for name in seen) and {'setup.py', 'settings.ini', 'constraints.txt', 'README.md', 'from_paper_with_tasks'} <= set(seen)
    for folder in ('templates', 'static'):
        assert any((PACKAGE/folder).iterdir()) and f"'{folder}/*'" in (root/'setup.py').read_text() and f'from_paper_with_tasks/{folder} *' in (root/'MANIFEST.in').read_text()

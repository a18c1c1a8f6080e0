"The live API as a stand-in speaks it, well and badly, and what collecting from it does about that."
import json, os, random, re, signal, subprocess, sys, time
from contextlib import suppress
from math import ceil
from urllib.parse import parse_qs, unquote, urlsplit
import pytest
from hypothesis import given, strategies as st
from stand_in import html, one_line
from from_paper_with_tasks import live as module
from from_paper_with_tasks.core import PaperTasksError, read_rows
from from_paper_with_tasks.fetching import PoliteSession
from from_paper_with_tasks.live import (Listing, Live, LiveApi, check_filters, day_of, key_of, methods_of, name_of, names_of, parse_areas, parse_detail,
    parse_list, task_of, text_of)
from from_paper_with_tasks.scraping import PageError, Selection, collect

API = '/api/v1'


def arxiv(n): return f'2101.{90000+n}'

class Catalogue(dict):
    """Routes that answer as the live API does; what is set for a path goes before. `areas` has numbers of papers by area and task, `hidden` tasks of the
    first area that only the complete list has. Paper `n` is of day `n` of January 2021, or of February from 31 on."""
    def __init__(self, routes, areas, hidden=None):
        super().__init__(routes)
        self.areas, self.hidden = areas, hidden or {}
        self.tasks = [(a, name, papers) for a, (area, tasks) in enumerate(areas.items()) for name, papers in tasks.items()]
        self.tasks += [(0, name, papers) for name, papers in self.hidden.items()]
        self.most, self.filters, self.bend = 100, 'applied', lambda path, d: d
    def get(self, path, default=None):
        if path in self: return self[path]
        url = urlsplit(path)
        q = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        d = self.answer(url.path.removeprefix(API).strip('/').split('/'), q) if path.startswith(API) else None
        return default if d is None else self.bend(path, d)
    def answer(self, parts, q):
        if parts == ['areas', 'with-tasks']:
            return dict(results=[dict(id=a, name=area, tasks=[self.task(i) for i, t in enumerate(self.tasks) if t[0] == a and t[1] in tasks]) for a, (area, tasks) in enumerate(self.areas.items())])
        if parts == ['tasks']: return self.page([self.task(i) for i, t in enumerate(self.tasks) if q['q'].lower() in t[1].lower()], q)
        if parts[0] == 'tasks': return self.page([self.paper(n) for n in self.tasks[int(parts[1])][2]], q)
        if parts == ['papers']: return self.filtered(q)
        if parts[0] == 'papers' and (n := int(parts[1][5:]) - 90000) in {n for t in self.tasks for n in t[2]}:
            return self.paper(n) | dict(abstract=f' We study {n}.\n', authors=['A. Birch'], url_abs=f'https://arxiv.org/abs/{unquote(parts[1])}')
    def task(self, i):
        area, name, papers = self.tasks[i]
        return dict(id=i, slug=name.lower().replace(' ', '-'), name=name, level=1, paper_count=len(papers), area_id=area)
    def paper(self, n): return dict(id=n, arxiv_id=arxiv(n), title=f'Paper {n}', published=f'2021-{1 + n//31:02}-{1 + n%31:02}', citation_count=n, methods=['Leaf Net'])
    def page(self, rows, q):
        size = min(int(q['page_size']), self.most)
        start = (int(q['page']) - 1)*size
        return dict(count=len(rows), results=rows[start:start+size], next=f'http://elsewhere.invalid{API}')
    def filtered(self, q):
        rows = [self.paper(n) for n in next(self.tasks[i][2] for i in range(len(self.tasks)) if self.task(i)['slug'] == q['task'])]
        since, until = q.get('start_date', ''), q.get('end_date', '9')
        if self.filters == 'applied': rows = [p for p in rows if since <= p['published'] <= until]
        said = {k: q[k] for k in ('task', 'start_date', 'end_date') if k in q}
        return self.page(rows, q) | ({} if self.filters == 'ignored' else dict(applied_filters=said))


@pytest.fixture
def session(): return PoliteSession(delay=0, timeout=2, retries=2, backoff=0.01)

@pytest.fixture
def site(server):
    "Two areas, three tasks that they show, one that they do not, and 12 papers, of which 2 and 3 have two tasks and 11 has three."
    server.routes = Catalogue(server.routes, {'Vision': {'Leaf Counting': [0, 1, 2, 3, 4, 11], 'Twig Parsing': [2, 3, 5, 11]}, 'Speech': {'Rain Detection': [6, 7, 8, 11]}}, {'Bark Reading': [9, 10]})
    server.base += API
    return server

@pytest.fixture
def get(site, session, tmp_path):
    "Collects, with what failed as path and reason."
    def run(selection=None, name='p', retry=False, **kwargs):
        done = collect(Live(site.base, session, **kwargs), tmp_path/f'{name}.jsonl', selection, retry=retry, progress=False)
        return done, {u.removeprefix(site.base): e for u, e in done.failed.items()}
    run.rows = lambda name='p': list(read_rows(tmp_path/f'{name}.jsonl'))
    return run

def numbers(rows): return [int(r['id'][5:]) - 90000 for r in rows]
def first_page(i): return f'{API}/tasks/{i}/papers?page=1&page_size=100'
def details(asked): return [a for a in asked if a.startswith(f'{API}/papers/21')]


# what is collected

def test_everything_once(site, get):
    done, failed = get()
    assert (done.papers, done.new, failed, done.whole) == (12, 12, {}, True)
    assert numbers(get.rows()) == list(range(12)) and len(site.asked) == len(set(site.asked)) == 1 + 1 + 4 + 12
    r = get.rows()[11]
    assert r.pop('got') and r == dict(id=arxiv(11), url=f'{site.base}/papers/{arxiv(11)}', title='Paper 11', abstract='We study 11.', tasks=['Leaf Counting', 'Twig Parsing', 'Rain Detection'],
        methods=[dict(name='Leaf Net', category='', area='')], datasets=[], date='2021-01-12', ids=dict(arxiv=arxiv(11), live='11'), source=f'{site.base}/papers/{arxiv(11)}')
    assert set(site.agents) == {PoliteSession().headers['User-Agent']}

def test_plan(site, session):
    plan = Live(site.base, session).plan(Selection())
    assert (plan.papers, plan.requests) == (16, 1 + 4 + 16) and len(site.asked) == 2 and 'at most' in str(plan)
    site.asked.clear()
    plan = Live(site.base, PoliteSession(delay=.5), subtasks=False).plan(Selection(areas=['speech']))
    assert (plan.papers, plan.requests, plan.seconds) == (4, 6, 3.) and len(site.asked) == 1

@pytest.mark.parametrize('selection,wanted,lists', [(dict(areas=['speech']), [6, 7, 8, 11], {2}), (dict(areas=['Vision']), [0, 1, 2, 3, 4, 5, 9, 10, 11], {0, 1, 3}),
    (dict(tasks=['twig-parsing', 'RAIN  detection']), [2, 3, 5, 6, 7, 8, 11], {1, 2}), (dict(tasks=['bark reading']), [9, 10], {3}), (dict(tasks=['Bark Reading'], areas=['vision']), [9, 10], {3})])
def test_selections(site, get, selection, wanted, lists):
    get(Selection(**selection))
    assert numbers(get.rows()) == wanted and {int(a.split('/')[4]) for a in site.asked if '/tasks/' in a and '/papers' in a} == lists

@pytest.mark.parametrize('selection,message', [(dict(areas=['Visoin']), "no area 'Visoin' .* mean Vision"), (dict(areas=['x\ny']), r"no area 'x\\ny'.*Vision, Speech"), (dict(tasks=['Leaf Countng']), 'mean Leaf Counting'),
    (dict(tasks=['Bark Reading'], areas=['Speech']), "no task 'Bark Reading'"), (dict(tasks=['z'*500]), 'no task'), (dict(categories=['graph-models']), 'by method category: select by area')])
def test_what_there_is_not(get, selection, message):
    with pytest.raises(PaperTasksError, match=message) as e: get(Selection(**selection))
    assert one_line(e)

@pytest.mark.parametrize('filters', ['applied', 'ignored', 'claimed', 'html', 'other', 'missing'])
@pytest.mark.parametrize('selection,wanted', [(dict(since='2021-01-04', until='2021-01-10'), list(range(3, 10))), (dict(until='2021-01-03'), [0, 1, 2]), (dict(since='2021-01-12'), [11]), (dict(since='2021-03-01'), [])])
def test_dates(site, get, filters, selection, wanted):
    site.routes.filters = filters
    def bend(path, d):
        if not path.startswith(f'{API}/papers/?'): return d
        if filters == 'html': return html('Sign in')
        if filters == 'other': d['applied_filters'] |= {k: '1999-01-01' for k in ('start_date', 'end_date')}
        return d
    if filters != 'missing': site.routes.bend = bend
    else: site.routes.get = lambda path, default=None: default if path.startswith(f'{API}/papers/?') else Catalogue.get(site.routes, path, default)
    assert get(Selection(**selection))[1] == {} and numbers(get.rows()) == wanted
    assert len(details(site.asked)) == len(wanted)
    assert sum('/papers?' in a for a in site.asked) == (0 if filters == 'applied' else 4) and sum('/papers/?' in a for a in site.asked) <= 4

def test_dates_that_the_lists_do_not_give(site, get):
    site.routes.bend = lambda path, d: d | dict(results=[p | dict(published=None) for p in d['results']], applied_filters=None) if 'papers' in path and 'results' in d else d
    get(Selection(since='2021-01-10'))
    assert numbers(get.rows()) == [9, 10, 11]

def test_papers_that_are_not_on_arxiv(site, get):
    site.routes[first_page(2)] = dict(count=2, results=[dict(id=412, arxiv_id=None, title='t'), dict(id='math/0309136', title='t')])
    site.routes[f'{API}/papers/412'] = dict(id=412, arxiv_id=None, title='A book', published='2021', methods=None, tasks=['Drying', dict(name='Rain Detection')])
    site.routes[f'{API}/papers/math%2F0309136'] = dict(id=7, arxiv_id='math/0309136v2', title='On knots', abstract=None)
    assert get(Selection(areas=['Speech']))[1] == {}
    a, b = get.rows()
    assert (a['id'], a['ids'], a['tasks'], a['date'], a['methods']) == ('412', dict(live='412'), ['Rain Detection', 'Drying'], '', [])
    assert (b['id'], b['ids'], b['abstract'], b['url']) == ('math/0309136', dict(arxiv='math/0309136', live='7'), '', f'{site.base}/papers/math%2F0309136')

def test_new_papers_and_new_tasks(site, get):
    get(Selection(areas=['Speech']))
    site.asked.clear()
    assert get()[0].new == 8 + 1 and arxiv(11) not in str(details(site.asked))
    old, new = [r for r in get.rows() if r['id'] == arxiv(11)]
    assert old['tasks'] == ['Rain Detection'] and new['tasks'] == ['Rain Detection', 'Leaf Counting', 'Twig Parsing'] and new | dict(tasks=0, url=0, got=0) == old | dict(tasks=0, url=0, got=0)
    assert get()[0].new == 0 and get(Selection(areas=['Speech']))[0].new == 0


# lists that cannot be trusted

@pytest.mark.parametrize('most', [1, 2, 5])
def test_fewer_a_page_than_asked(site, get, most):
    site.routes.most = most
    assert get()[1] == {} and numbers(get.rows()) == list(range(12))
    assert sum(a.startswith(f'{API}/tasks/0/') for a in site.asked) == ceil(6/most)

def only_list(path): return path.startswith(f'{API}/tasks/0/papers')

def test_page_is_ignored(site, get):
    site.routes.bend = lambda path, d: d | dict(results=[site.routes.paper(n) for n in (0, 1)]) if only_list(path) else d
    done, failed = get()
    assert done.papers == 11 and list(failed) == ['/tasks/0/papers?page=2&page_size=100'] and 'adds nothing' in str(failed)

BAD_LISTS = [ # what becomes of page `n` of list 0, the papers that are lost (0, 1 and 4 are on no other list), and what is said
    (lambda n, d: d | dict(count=7), [], '1 of 7 are missing'),
    (lambda n, d: d | dict(count=6, results=d['results'][:2]) if n == 1 else d | dict(count=0, results=[]), [4], '4 of 6 are missing'),
    (lambda n, d: d | dict(count=1), [], 'counts 1 and gave 6'),
    (lambda n, d: d | dict(results=[]), [0, 1, 4], '6 of 6 are missing'),
    (lambda n, d: d | dict(results=[None, 3, 'x', {}]*2), [0, 1, 4], 'adds nothing'),
    (lambda n, d: d | dict(results={}), [0, 1, 4], 'needs `count`'),
    *[(lambda n, d, c=c: d | dict(count=c), [0, 1, 4], 'needs `count`') for c in (None, -1, True, '6')],
    (lambda n, d: d['results'], [0, 1, 4], 'needs `count`'),
    (lambda n, d: {'detail': 'Internal error'}, [0, 1, 4], 'needs `count`'),
    (lambda n, d: html('Sign in'), [0, 1, 4], 'not JSON but HTML'),
    (lambda n, d: json.dumps(d)[:-9], [0, 1, 4], 'not JSON'),
    (lambda n, d: b'\xff\xfe', [0, 1, 4], 'not JSON'),
    (lambda n, d: '['*100_000, [0, 1, 4], 'nested too deep'),
    (lambda n, d: [(500, {}, 'oops')], [0, 1, 4], 'status 500'),
    (lambda n, d: [(302, {'Location': 'http://elsewhere.invalid/'}, '')], [0, 1, 4], 'another host .*elsewhere'),
    (lambda n, d: [(302, {'Location': first_page(0)}, '')], [0, 1, 4], 'redirect')]

@pytest.mark.parametrize('bend,lost,message', BAD_LISTS)
def test_a_bad_list_costs_what_is_on_it(site, get, bend, lost, message):
    site.routes.bend = lambda path, d: bend(int(path.split('page=')[1].split('&')[0]), d) if only_list(path) else d
    _, failed = get()
    assert [u.split('?')[0] for u in failed] == ['/tasks/0/papers'] and re.search(message, str(failed)) and '\\n' not in str(failed)
    assert numbers(get.rows()) == [n for n in range(12) if n not in lost]
    site.asked.clear()
    assert get()[0].new == 0 and not details(site.asked)
    site.routes.bend = lambda path, d: d
    assert get(retry=True)[1] == {} and set(numbers(get.rows())) == set(range(12)) and len(details(site.asked)) == len(lost)
    for n in range(12): assert {t for r in get.rows() if r['id'] == arxiv(n) for t in r['tasks']} == {name for _, name, papers in site.routes.tasks if n in papers}

def test_junk_between_papers_is_passed_over(site, get):
    junk = [None, 3, 'x', [], {}, dict(id=None), dict(arxiv_id='../x?y'), dict(id=True)]
    site.routes.bend = lambda path, d: d | dict(results=junk + d['results'], count=d['count'] + len(junk)) if only_list(path) else d
    assert get()[1] == {} and numbers(get.rows()) == list(range(12))

def test_papers_that_come_while_we_read(site, get):
    "A paper is put before the others after the first page was read, so that all moves on by one; what is missing is the new one."
    site.routes.most, tasks = 2, site.routes.tasks
    def bend(path, d):
        if path == first_page(0) and 12 not in tasks[0][2]: tasks[0] = (0, 'Leaf Counting', [12, *tasks[0][2]])
        return d
    site.routes.bend = bend
    assert '1 of 7 are missing' in str(get()[1]) and numbers(get.rows()) == list(range(12))
    assert get(retry=True)[1] == {} and numbers(get.rows()) == list(range(13))

def test_a_list_that_never_ends(site, session, tmp_path):
    site.routes.bend = lambda path, d: dict(count=10**9 if 'page=5' in path else 6, results=[site.routes.paper(1000 + len(site.asked))]) if only_list(path) else d
    assert len(list(LiveApi(site.base, session).each('tasks/1/papers'))) == 4
    with pytest.raises(PageError, match='6 in all at first and has 1000000000 now') as e: list(LiveApi(site.base, session).each('tasks/0/papers'))
    assert one_line(e) and len(site.asked) < 10

@pytest.mark.parametrize('body', [html('x'), '{"results": []}', '{"results": [{"name": "x"}]}', '[]', '{"results": [', 'null', ''])
def test_no_areas(site, get, body):
    site.routes[f'{API}/areas/with-tasks/'] = body
    with pytest.raises(PageError, match='/areas/with-tasks/ is not ') as e: get()
    assert one_line(e)

def test_without_the_complete_list(site, get):
    site.routes[f'{API}/tasks/?q=&page=1&page_size=100'] = [(404, {}, '')]
    assert list(get()[1]) == ['/tasks/?q=&page=1&page_size=100'] and numbers(get.rows()) == [n for n in range(12) if n not in (9, 10)]
    site.asked.clear()
    assert get(name='q', subtasks=False)[1] == {} and not any('/tasks/?' in a for a in site.asked)

def test_ten_lists_in_a_row(site, get):
    site.routes.tasks += [(0, f'Task {i}', [0]) for i in range(20)]
    site.routes.bend = lambda path, d: html() if '/papers?' in path else d
    with pytest.raises(PaperTasksError, match='10 pages in a row') as e: get()
    assert one_line(e) and not details(site.asked)


# papers

BAD_PAPERS = [(html('Sign in'), 'not JSON but HTML'), ('{"id": 2, "arxiv_id": "2101.90002", "tit', 'not JSON'), ({'detail': 'Not found.'}, 'no title'), ([1], 'no title'), ('null', 'not a JSON object'), ('', 'not JSON'),
    (dict(id=2, arxiv_id=arxiv(2), title=' '), 'no title'), (dict(id=2, arxiv_id=arxiv(2), title=['x']), 'no title'), (dict(id=3, arxiv_id=arxiv(3), title='Paper 3'), f'not the paper that was asked for but {arxiv(3)}'),
    (dict(title='Paper'), 'but one without an id'), ([(404, {}, '')], 'not there'), ([(403, {}, '')], 'status 403'), ([(500, {}, '')], 'status 500'), ([(200, {'Content-Length': 999}, '{"id": 2')], 'broke off'),
    ([(302, {'Location': 'http://elsewhere.invalid/'}, '')], 'another host'), (b'{' + b' '*21_000_000 + b'}', 'larger than')]

@pytest.mark.parametrize('body,message', BAD_PAPERS, ids=range(len(BAD_PAPERS)))
def test_a_bad_paper_costs_itself(site, get, body, message):
    url = f'/papers/{arxiv(2)}'
    site.routes[API + url] = body
    _, failed = get(Selection(areas=['Vision']))
    assert list(failed) == [url] and message in failed[url] and '\n' not in failed[url] and 2 not in numbers(get.rows())
    del site.routes[API + url]
    site.asked.clear()
    assert get(Selection(areas=['Vision']))[0].new == 0 and not details(site.asked)
    assert get(Selection(areas=['Vision']), retry=True)[0].new == 1 and details(site.asked) == [API + url]

def test_odd_but_usable(site, get):
    site.routes[f'{API}/papers/{arxiv(6)}'] = dict(id='6', arxiv_id=f'{arxiv(6)}v3', title=' Wet\n leaves ', abstract=['no text'], published='2021-01-07T12:00:00Z', datasets=[dict(name='Drops')],
        methods=[None, 'A', dict(name='B', category='Graph Models', area=dict(name='Graphs')), dict(id=3), 7, []], tasks='none')
    get(Selection(tasks=['Rain Detection']))
    r = get.rows()[0]
    assert (r['id'], r['title'], r['abstract'], r['date'], r['datasets'], r['tasks']) == (arxiv(6), 'Wet leaves', '', '2021-01-07', ['Drops'], ['Rain Detection'])
    assert r['methods'] == [dict(name='A', category='', area=''), dict(name='B', category='graph-models', area='Graphs'), dict(name='7', category='', area='')]

def test_patience(site, get):
    p = dict(id=2, arxiv_id=arxiv(2), title='Paper 2')
    site.routes[f'{API}/papers/{arxiv(2)}'] = [(500, {}, ''), (429, {'Retry-After': '1'}, ''), (200, {}, p)]
    started = time.monotonic()
    assert get(Selection(tasks=['Twig Parsing']))[1] == {} and time.monotonic() - started >= 0.9

def test_refused_in_the_middle_keeps_what_was_had(site, get):
    site.routes[f'{API}/papers/{arxiv(3)}'] = [(429, {}, '')]
    with pytest.raises(PaperTasksError, match='429') as e: get()
    assert one_line(e) and not isinstance(e.value, PageError)
    del site.routes[f'{API}/papers/{arxiv(3)}']
    site.asked.clear()
    assert get()[0].new == 9 and numbers(get.rows()) == list(range(12)) and len(details(site.asked)) == 9

def test_robots(site, get):
    site.routes['/robots.txt'] = 'User-agent: *\nDisallow: /api/'
    with pytest.raises(PageError, match='robots.txt says so') as e: get()
    assert one_line(e) and site.asked == []


# whatever comes

anything = st.recursive(st.none() | st.booleans() | st.integers(-2, 10**6) | st.floats() | st.text(max_size=5) | st.sampled_from(['2101.90001', '2021-01-04', '../x']),
    lambda x: st.lists(x, max_size=4) | st.dictionaries(st.sampled_from(['id', 'arxiv_id', 'name', 'slug', 'title', 'tasks', 'results', 'count', 'methods', 'category', 'area', 'paper_count', 'applied_filters', 'published']), x, max_size=6), max_leaves=12)

@given(anything)
def test_any_json(x):
    body = json.dumps(x).encode()
    for parse in (parse_list, parse_areas, lambda b: parse_detail(b, '1'), Listing(dict(task='x')).take, Listing().take):
        try: parse(body)
        except PageError as e: assert str(e).startswith('not ') and '\n' not in str(e)
    for f in (text_of, name_of, day_of, key_of): assert isinstance(f(x), str) and '\n' not in f(x)
    assert all(names_of(x)) and (task_of(x) is None or task_of(x).name)
    if isinstance(x, dict): assert all(isinstance(m['name'], str) and m['name'] for m in methods_of(x))

@given(st.lists(st.builds(lambda count, ids: dict(count=count, results=[dict(id=i) for i in ids]), st.integers(0, 9), st.lists(st.integers(1, 9), max_size=4)), min_size=1, max_size=30))
def test_any_pages_come_to_an_end(pages):
    asked = []
    def read(session, url, parse): asked.append(url); return parse(json.dumps(pages[len(asked) % len(pages)]).encode())
    with pytest.MonkeyPatch.context() as m:
        m.setattr(module, 'read', read)
        found = []
        try: found += LiveApi('http://x').each('papers/')
        except PageError: pass
        assert len(asked) <= 20 and len({d['id'] for d in found}) == len(found) <= 9

@given(st.dictionaries(st.sampled_from(['task', 'start_date']), st.text(min_size=1, max_size=3), min_size=1), anything)
def test_filters_are_believed_only_if_all_were_applied(asked, applied):
    check_filters(dict(applied_filters={k: v for k, v in asked.items() if ' '.join(v.split()) == v} | {'x': 1}), {k: v for k, v in asked.items() if ' '.join(v.split()) == v})
    for wrong in (None, {}, {k: v + 'x' for k, v in asked.items()}, dict(list(asked.items())[1:])):
        with pytest.raises(PageError): check_filters(dict(applied_filters=wrong), asked)


# killed

COLLECT = """
import os, sys
from from_paper_with_tasks.fetching import PoliteSession
from from_paper_with_tasks.live import Live
from from_paper_with_tasks.scraping import collect
for line in sys.stdin:
    base, out = line.split()
    if not (pid := os.fork()):
        try: collect(Live(base, PoliteSession(delay=.004, backoff=.01, retries=1, cache=out[:-6])), out, progress=False)
        finally: os._exit(0)
    print(pid, flush=True)
    os.waitpid(pid, 0)
    print('gone', flush=True)
"""

@pytest.fixture
def nursery(monkeypatch):
    "A process that has imported all, and makes for each address and file a child that collects; gives its id."
    monkeypatch.setenv('SOURCE_DATE_EPOCH', '1767225600')
    p = subprocess.Popen([sys.executable, '-c', COLLECT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    def start(base, out): print(base, out, file=p.stdin, flush=True); return int(p.stdout.readline())
    start.gone = lambda: p.stdout.readline()
    yield start
    p.stdin.close(); p.wait(); p.stdout.close()

def test_killed_at_any_moment(server, nursery, tmp_path):
    server.routes = Catalogue(server.routes, {'Vision': {'Leaf Counting': range(20), 'Twig Parsing': range(8, 26)}})
    server.routes.most, server.base = 5, server.base + API
    server.routes[f'{API}/papers/{arxiv(12)}'] = [(404, {}, '')]
    server.routes[f'{API}/tasks/1/papers?page=4&page_size=100'] = html('Sign in')
    files = lambda out: [out.read_bytes(), out.with_suffix('.failed.jsonl').read_bytes()]
    def finish(out): return collect(Live(server.base, PoliteSession(delay=0, backoff=.01, retries=1, cache=out.with_suffix(''))), out, progress=False)

    for name in ('first', 'whole'):
        started = time.monotonic()
        nursery(server.base, tmp_path/f'{name}.jsonl'); nursery.gone()
    took, whole = time.monotonic() - started, files(tmp_path/'whole.jsonl')
    assert whole[0].count(b'\n') == 22 and whole[1].count(b'\n') == 2
    caught, moments = 0, random.Random(0)
    for i in range(15):
        out = tmp_path/f'{i}.jsonl'
        server.asked.clear()
        pid = nursery(server.base, out)
        time.sleep(moments.uniform(0, took))
        with suppress(ProcessLookupError): os.kill(pid, signal.SIGKILL)
        nursery.gone()
        part, asked = out.with_suffix('.part.jsonl'), len(server.asked)
        had = {r['url'].removeprefix(server.base) for r in read_rows(part) if 'url' in r} if part.exists() else set()
        caught += 0 < len(had) < 22
        assert finish(out).whole and files(out) == whole
        assert not had & {a.removeprefix(API) for a in server.asked[asked:]}
        assert len(details(server.asked)) <= 23 + 1 and len(server.asked) <= 23 + 10 + 1 + 2
    assert caught >= 3

"Papers with Code's pages: the real ones, a site that misbehaves, the Wayback Machine's dialect, and a crawl that is killed a hundred times."
import gzip, json, os, random, time
from datetime import date
import pytest
from pathlib import Path
from hypothesis import given, strategies as st
from killing import Forks
from stand_in import html, one_line
from from_paper_with_tasks.core import PaperTasksError, read_rows
from from_paper_with_tasks.fetching import PoliteSession
from from_paper_with_tasks.pages import (API, PWC, Pages, PartsList, SavedPages, area_of, arxiv_id, categories_of, own_slug, pages_source, parse_categories, parse_date,
    parse_method_id, parse_methods, parse_paper, parse_paper_list, same_site, slug_of)
from from_paper_with_tasks.scraping import CATEGORIES, Ledger, PageError, Selection, collect, slugify

REAL = next((d for d in (Path(__file__).parents[1]/'../shared/pages', Path('../shared/pages')) if d.is_dir()), None)
needs_real = pytest.mark.skipif(REAL is None, reason='the real pages are not here: there is no ../shared/pages beside the repository')
needs_fork = pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system cannot fork')
PARSERS = [parse_categories, parse_methods, parse_method_id, parse_paper_list, lambda b: parse_paper(b, 'x')]
WAYBACK = '/web/2025id_/https://paperswithcode.com'


def div(css, *hrefs): return ''.join(f'<div class="{css}"><a href="{h}">{h.split("/")[-1]}</a></div>' for h in hrefs)
def category(*methods): return html(div('method-image', *(f'/method/{m}' for m in methods)))
def method(n): return html(f"<script>const DATATABLE_PAPERS_FILTER_VALUE = '{n}';</script>")
def listing(*slugs, next=None, count=None): return json.dumps(dict(count=len(slugs) if count is None else count, next=next, results=[dict(title=s, url=f'/paper/{s}') for s in slugs]))

def paper(slug, task='Tree Parsing', day='1 Feb 2021', methods=('a',), arxiv=''):
    return html(f'<div class="paper-title"><h1>{slug}</h1></div><div class="authors"><p><span class="author-span">{day}</span><span class="author-span">Ada Quill</span></p></div>',
                f'<div class="paper-abstract"><p>We study {slug}.</p>{arxiv and f"""<a class="badge badge-light" href="{arxiv}">PDF</a>"""}</div>',
                f'<div class="paper-tasks"><a href="/task/t">{task}</a></div><div class="paper-datasets"></div>', div('method-section', *(f'/method/{m}' for m in methods)))

def polite(**kwargs): return PoliteSession(**dict(delay=0, timeout=2, retries=2, backoff=0.01) | kwargs)
def slugs(out): return [r['url'].split('/')[-1] for r in read_rows(out)]
def papers_asked(server): return [a.split('/')[-1] for a in server.asked if '/paper/' in a]
def failed(done, base): return {u.replace(base, ''): e.replace(base, '') for u, e in done.failed.items()}

@pytest.fixture(autouse=True)
def clock(monkeypatch): monkeypatch.setenv('SOURCE_DATE_EPOCH', '1700000000')

@pytest.fixture
def site(server):
    "Two categories, two methods, five papers; one method is in both categories and one paper has both methods."
    server.routes |= {
        '/methods': html(div('card', '/methods/category/graph-models', '/methods/category/odd')),
        '/methods/category/graph-models': category('a'), '/methods/category/odd': category('a', 'b'), '/method/a': method(1), '/method/b': method(2),
        API+'1': listing('p1', 'p2', next=f'{server.base}{API}1&page=2', count=3), API+'1&page=2': listing('p3', count=3), API+'2': listing('p3', 'p4', 'p5')}
    server.routes |= {f'/paper/p{i}': paper(f'p{i}', methods=('a', 'b', 'c')) for i in range(1, 6)}
    return server

@pytest.fixture
def crawl(site, tmp_path):
    "Collects from the site; what it asked is in `site.asked`."
    def run(name='p.jsonl', selection=None, base=site.base, session=None, **kwargs):
        site.asked.clear()
        return collect(Pages(base, session or polite()), tmp_path/name, selection, progress=False, **kwargs)
    return run


# parsing

@pytest.mark.parametrize('parse', PARSERS)
@pytest.mark.parametrize('body', [b'', b'\0\xff\xfe', b'<html><body>', html('hello').encode(), b'{"results": 3}', b'[]', b'null', b'[' * 100_000, html('<a>' * 5000).encode(), html('<div>' * 20_000).encode(),
    '<html></html>'.encode('utf-16'), b'<!DOCTYPE html><html>' + b'<![CDATA[' * 1000 + b'</html>', b'{"count": true, "results": []}'])
def test_pages_of_another_kind(parse, body):
    with pytest.raises(PageError, match='^not ') as e: parse(body)
    assert one_line(e)

def test_paper_list_passes_over_what_is_no_paper():
    results = [dict(url='/paper/a'), dict(url=None), dict(title='t'), 3, dict(url='/task/b'), dict(url=f'{PWC}/paper/c'), dict(url='/paper/\ud800'), dict(url='/paper/' + 'x' * 1000), dict(url=['/paper/d'])]
    assert parse_paper_list(json.dumps(dict(count=9, next='', results=results)).encode()) == dict(count=9, papers=['a', 'c'], next=None)

def test_a_paper_without_abstract_or_sections():
    r = parse_paper(html('<div class="paper-title"><h1>\n A  &amp; B<sub>2</sub> </h1></div><div class="paper-abstract"></div>').encode(), 's')
    assert (r.id, r.url, r.title, r.abstract, r.tasks, r.methods, r.datasets, r.date, r.ids) == ('s', f'{PWC}/paper/s', 'A & B2', '', [], [], [], '', dict(pwc='s'))

def test_a_whole_paper():
    r = parse_paper(paper('s', arxiv='https://arxiv.org/pdf/2101.00001v3.pdf', methods='ab').encode(), 's', dict(a=dict(category='graph-models', area='Graphs')), 'here')
    assert (r.id, r.ids, r.date, r.tasks, r.source, r.got) == ('2101.00001', dict(arxiv='2101.00001', pwc='s'), '2021-02-01', ['Tree Parsing'], 'here', '2023-11-14T22:13:20Z')
    assert r.methods == [dict(name='a', category='graph-models', area='Graphs'), dict(name='b', category='', area='')]

def test_slugs():
    assert slug_of('https://web.archive.org/web/20240101000000/https://paperswithcode.com/methods/category/q-learning', 'methods/category') == 'q-learning'
    assert slug_of('/paper/a/', 'paper') == slug_of('/paper/a#code', 'paper') == 'a'
    for href in ('/paper/', '/paper/..', '/paper/a/review', '/x?next=/paper/a', '', '/papers/a', '/paper/a b', '/paper/a\0b'): assert slug_of(href, 'paper') is None

@given(st.text() | st.text().map('/paper/{}'.format))
def test_any_slug(href):
    if slug := slug_of(href, 'paper'): assert slug in href and not set(slug) & set('/?# \n\0') and slug.encode() and len(slug) <= 300

@given(st.text(), st.sampled_from(['https://arxiv.org/abs/', '/web/2025/http://www.arxiv.org/pdf/', '']))
def test_any_arxiv_id(s, head): assert arxiv_id([head + s]) in ('', *(s[:n] for n in range(len(s)+1)))

@pytest.mark.parametrize('href,id', [('http://arxiv.org/pdf/2101.00001v12.pdf', '2101.00001'), ('https://arxiv.org/abs/0704.0001', '0704.0001'), ('https://export.arxiv.org/abs/cs/0101001v1', 'cs/0101001'),
    ('https://web.archive.org/web/20250101000000/https://arxiv.org/pdf/2101.00001v1.pdf', '2101.00001'), ('https://arxiv.org/abs/2101.00001?context=cs', '2101.00001'),
    ('https://arxiv.org/list/cs.CL', ''), ('https://arxiv.org.example.org/abs/2101.00001', ''), ('https://example.org/?u=https://arxiv.org/abs/2101.00001', ''), ('https://arxiv.org/abs/nonsense', '')])
def test_arxiv_ids(href, id): assert arxiv_id(['/nothing', href]) == id

@given(st.dates(date(1000, 1, 1)))
def test_days(d): assert parse_date(f' {d.day} {["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][d.month-1]} {d.year}\n') == d.isoformat()

@given(st.text() | st.from_regex(r'\d{1,2} [A-Z][a-z]{2} \d{4}'))
def test_any_day(s): assert (found := parse_date(s)) == '' or date.fromisoformat(found)

ARCHIVE = 'https://web.archive.org/web/2025id_/https://paperswithcode.com'

@pytest.mark.parametrize('base', [ARCHIVE, 'http://localhost:8000', 'http://localhost:8000/mirror'])
def test_same_site(base):
    for href in (f'{base}/api/?page=2', '/web/2024/https://paperswithcode.com/api/?page=2', 'http://paperswithcode.com/api/?page=2', 'https://www.paperswithcode.com/api/?page=2#x', '/api/?page=2'):
        assert same_site(base, href) == '/api/?page=2', href
    for href in ('https://example.org/a', '//example.org/a', 'https://paperswithcode.com.example.org/a', 'https://paperswithcode.com@example.org/a', 'http://[broken', 'https://example.org/?https://paperswithcode.com/a',
                 'javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x'):
        assert same_site(base, href) == '', href

@given(st.text() | st.text().map('https://paperswithcode.com{}'.format) | st.text().map('//{}'.format))
def test_any_link(href):
    assert same_site(ARCHIVE, href) == '' or not href.startswith(('http://example', '//example'))
    parts = PartsList(ARCHIVE, '7')
    try: parts.go_on(dict(count=9, papers=['a'], next=href))
    except PageError as e: assert '\n' not in str(e)
    assert parts.path is None or parts.path.startswith('/api/internal/papers/')

def test_areas_and_categories():
    assert categories_of(Selection()) == [] and categories_of(Selection(areas=['GRAPHS', 'audio'])) == CATEGORIES['Audio'] + CATEGORIES['Graphs']
    assert categories_of(Selection(categories=['Q-Learning', 'q-learning', 'odd'])) == ['q-learning', 'odd'] and area_of('odd') == ''
    for s in (dict(areas=['Botany']), dict(areas=['Graphs'], categories=['q-learning'])):
        with pytest.raises(PaperTasksError) as e: categories_of(Selection(**s))
        assert one_line(e)


# the real pages

@needs_real
def test_real_methods():
    found = parse_categories((REAL/'methods.html').read_bytes())
    assert len(found) == len(set(found)) == 34 and set(sum(CATEGORIES.values(), [])) - set(found) == {'value-function-estimation'}

@needs_real
def test_real_method(): assert parse_method_id((REAL/'method_vae.html').read_bytes()) == '468'

@needs_real
@pytest.mark.parametrize('name,slug,id,n,day', [('paper_dreamgaussian.html', 'dreamgaussian-generative-gaussian-splatting', '2309.16653', (0, 1, 1), '2023-09-28'),
                                                ('paper_searching-for-mobilenetv3.html', 'searching-for-mobilenetv3', '1905.02244', (6, 15, 6), '')])
def test_real_papers(name, slug, id, n, day):
    body = (REAL/name).read_bytes()
    p = parse_paper(body, slug)
    assert (p.id, p.url, p.ids, p.date) == (id, f'{PWC}/paper/{slug}', dict(arxiv=id, pwc=slug), day) and p.title and len(p.abstract) > 1000
    assert (len(p.tasks), len(p.methods), len(p.datasets)) == n and own_slug(body, 'paper', Path('x.html')) == slug
    assert all(t and t == ' '.join(t.split()) for t in (*p.tasks, *p.datasets, *(m['name'] for m in p.methods)))

@needs_real
@pytest.mark.parametrize('name', ['home.html', 'area_medical.html', 'methods.html', 'method_vae.html', 'paper_dreamgaussian.html'])
def test_real_pages_are_not_mistaken(name):
    body, took = (REAL/name).read_bytes(), []
    for parse in PARSERS:
        try: took.append(bool(parse(body)))
        except PageError as e: assert str(e).startswith('not ')
    assert len(took) == (name not in ('home.html', 'area_medical.html'))

@needs_real
def test_real_pages_as_a_folder(tmp_path):
    done = collect(SavedPages(REAL), tmp_path/'p.jsonl', progress=False)
    assert slugs(tmp_path/'p.jsonl') == ['dreamgaussian-generative-gaussian-splatting', 'searching-for-mobilenetv3'] and done.failed == {}

@needs_real
def test_real_pages_from_a_site(server, tmp_path):
    "The walk from the real list of categories to the real papers; the pages between are ours, since nobody saved them."
    server.routes |= {'/methods': (REAL/'methods.html').read_bytes(), '/methods/category/generative-models': category('vae'), '/method/vae': (REAL/'method_vae.html').read_bytes(),
                      API+'468': listing('dreamgaussian-generative-gaussian-splatting'), '/paper/dreamgaussian-generative-gaussian-splatting': (REAL/'paper_dreamgaussian.html').read_bytes()}
    with Ledger(tmp_path/'x.jsonl', max_failures=99) as ledger: found = list(Pages(server.base, polite()).records(Selection(), ledger))
    assert [r.id for r in found] == ['2309.16653'] and len(ledger.failed) == 33 and len(server.asked) == 1 + 34 + 3


# the walk

def test_everything_once(crawl, site, tmp_path):
    done = crawl(base=site.base+'/')
    assert (done.papers, done.new, done.failed, done.whole) == (5, 5, {}, True)
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p2', 'p3', 'p4', 'p5'] and len(site.asked) == len(set(site.asked)) == 1 + 2 + 2 + 3 + 5
    row = next(read_rows(tmp_path/'p.jsonl'))
    assert row == dict(id='p1', url=f'{PWC}/paper/p1', title='p1', abstract='We study p1.', tasks=['Tree Parsing'], datasets=[], date='2021-02-01', ids=dict(pwc='p1'), source=f'{site.base}/paper/p1', got='2023-11-14T22:13:20Z',
                       methods=[dict(name='a', category='graph-models', area='Graphs'), dict(name='b', category='odd', area=''), dict(name='c', category='', area='')])

@pytest.mark.parametrize('selection,papers', [(dict(categories=['Odd']), 'p1 p2 p3 p4 p5'), (dict(categories=['graph-models']), 'p1 p2 p3'), (dict(categories=['odd', 'graph-models']), 'p1 p2 p3 p4 p5'),
    (dict(tasks=['tree-parsing']), 'p1 p2 p3 p4 p5'), (dict(tasks=['ocr']), 'p4'), (dict(since='2022-01-01'), 'p2'), (dict(until='2021-12-31', categories=['graph-models']), 'p1 p3'), (dict(tasks=['OCR'], since='2022-01-01'), '')])
def test_selection(crawl, site, tmp_path, selection, papers):
    site.routes |= {'/paper/p2': paper('p2', day='3 Mar 2022'), '/paper/p4': paper('p4', '<b>Tree Parsing</b></a> <a href="/task/ocr">OCR')}
    assert crawl(selection=Selection(**selection)).failed == {} and ' '.join(slugs(tmp_path/'p.jsonl')) == papers

def test_areas_are_walked_by_their_categories(crawl, site, tmp_path):
    done = crawl(selection=Selection(areas=['gRaphs']))
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p2', 'p3'] and sorted(failed(done, site.base)) == [f'/methods/category/{c}' for c in ('graph-data-augmentation', 'graph-embeddings', 'graph-representation-learning')]
    assert '/methods' not in site.asked

def test_a_paper_counts_for_its_method_even_if_its_page_does_not_say_so(crawl, site, tmp_path):
    site.routes['/paper/p1'] = paper('p1', methods=())
    crawl(selection=Selection(categories=['graph-models'], tasks=['tree parsing']))
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p2', 'p3']

def test_more_later(crawl, site, tmp_path):
    crawl(selection=Selection(categories=['graph-models']))
    assert crawl().new == 2 and slugs(tmp_path/'p.jsonl') == ['p1', 'p2', 'p3', 'p4', 'p5'] and papers_asked(site) == ['p4', 'p5']

def test_max_papers(crawl, site, tmp_path):
    assert not crawl(max_papers=2).whole and papers_asked(site) == ['p1', 'p2']
    assert crawl(max_papers=2).new == 2 and papers_asked(site) == ['p3', 'p4']

def test_what_was_passed_over_is_in_the_cache(crawl, site, tmp_path):
    none = Selection(since='2030-01-01')
    assert crawl(selection=none, session=polite(cache=tmp_path/'cache')).papers == 0 and len(papers_asked(site)) == 5
    assert crawl(selection=none, session=polite(cache=tmp_path/'cache')).papers == 0 and site.asked == []
    assert crawl(session=polite(cache=tmp_path/'cache')).papers == 5 and site.asked == []
    site.asked.clear()
    assert str(Pages(site.base, polite(cache=tmp_path/'cache')).plan(Selection())) and site.asked == []

def test_retried_alone(crawl, site, tmp_path):
    p2, p4 = site.routes.pop('/paper/p2'), site.routes['/paper/p4']
    site.routes['/paper/p4'] = html('Please try again.')
    done = crawl(session=polite(cache=tmp_path/'cache'))
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p3', 'p5'] and failed(done, site.base) == {'/paper/p2': '/paper/p2 is not there (404)', '/paper/p4': '/paper/p4 is not a paper page: it has no `.paper-title h1`'}
    assert crawl().new == 0 and papers_asked(site) == []
    site.routes |= {'/paper/p2': p2, '/paper/p4': p4}
    assert crawl(retry=True, session=polite(cache=tmp_path/'cache')).failed == {} and slugs(tmp_path/'p.jsonl') == ['p1', 'p3', 'p5', 'p2', 'p4'] and site.asked == ['/paper/p2', '/paper/p4']

def test_ten_failures_in_a_row(crawl, site, tmp_path):
    with pytest.raises(PaperTasksError, match='10 pages in a row') as e: crawl(selection=Selection(categories=[f'c{i}' for i in range(50)]))
    assert len(site.asked) == 10 and one_line(e)

def test_nothing_at_all(crawl):
    for _ in range(2):
        with pytest.raises(PaperTasksError, match=r'no paper could be had \(.*c1 is not there') as e: crawl(selection=Selection(categories=['c1']))
        assert one_line(e)

def test_refused_in_the_middle_keeps_what_was_had(crawl, site, tmp_path):
    p2, site.routes['/paper/p2'] = site.routes['/paper/p2'], [(429, {}, '')]
    with pytest.raises(PaperTasksError, match='429'): crawl()
    assert slugs(tmp_path/'p.part.jsonl') == ['p1'] and not (tmp_path/'p.failed.jsonl').exists()
    site.routes['/paper/p2'] = p2
    assert crawl().papers == 5 and papers_asked(site) == ['p2', 'p3', 'p4', 'p5']

def test_a_host_that_goes_away(crawl, site):
    with pytest.raises(PaperTasksError, match='refused') as e: crawl(base='http://127.0.0.1:9')
    assert not isinstance(e.value, PageError) and one_line(e)

@pytest.mark.parametrize('base', ['paperswithcode.com', 'ftp://x', '', 'http://', '/tmp'])
def test_what_is_no_address(base):
    with pytest.raises(PaperTasksError) as e: Pages(base)
    assert one_line(e)

def test_robots(crawl, site):
    site.routes['/robots.txt'] = 'User-agent: *\nDisallow: /paper/p2\n'
    done = crawl()
    assert done.papers == 4 and 'robots.txt' in done.failed[f'{site.base}/paper/p2'] and '/paper/p2' not in site.asked


# pages that are not what they should be

BIG = gzip.compress(b'<html>' + b'a ' * 25_000_000 + b'</html>')
HOSTILE = {
    'HTML': html('please log in'), 'an empty page': '', 'half a page': '<html><body><div class="paper-title">', 'JSON': '{"detail": "Not found."}', 'a list of nothing': '[]', 'deep JSON': '[' * 100_000,
    'truncated gzip': [(200, {'Content-Encoding': 'gzip'}, gzip.compress(html('x').encode())[:-9])], 'no gzip': [(200, {'Content-Encoding': 'gzip'}, b'no gzip at all')], '50 MB, packed': [(200, {'Content-Encoding': 'gzip'}, BIG)],
    '50 MB': [(200, {}, b'a' * 50_000_000)], 'a redirect to itself': [(302, {'Location': '?'}, '')], 'a redirect elsewhere': [(302, {'Location': 'http://example.invalid/'}, '')], 'a redirect to the front page': [(302, {'Location': '/'}, '')],
    'half an answer': [(200, {'Content-Length': 1000}, 'half')], '404': [(404, {}, html('nothing here'))], '403': [(403, {}, '')], '500': [(500, {}, '')], '204': [(204, {}, '')], 'a 200 error page': html('<h1>Server error</h1>'),
    'not archived': html('<div id="error"><h2>Hrm.</h2><p>The Wayback Machine has not archived that URL.</p></div>'), 'noise': bytes(range(256)) * 50}

@pytest.mark.parametrize('where,papers', [('/methods/category/graph-models', 'p1 p2 p3 p4 p5'), ('/method/a', 'p3 p4 p5'), (API+'1', 'p3 p4 p5'), (API+'1&page=2', 'p1 p2 p3 p4 p5'), ('/paper/p2', 'p1 p3 p4 p5')])
@pytest.mark.parametrize('answer', HOSTILE.values(), ids=HOSTILE)
def test_a_bad_page_costs_that_page(crawl, site, tmp_path, where, papers, answer):
    site.routes |= {'/': html('Papers with Code, the front page'), where: list(answer) if isinstance(answer, list) else answer}
    done = crawl()
    assert list(failed(done, site.base)) == [where] and '\n' not in done.failed[site.base+where] and where in done.failed[site.base+where]
    assert ' '.join(slugs(tmp_path/'p.jsonl')) == papers
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert crawl().new == 0 and where not in site.asked and {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before

def test_a_bad_list_of_categories(crawl, site):
    site.routes['/methods'] = html('The site has closed.')
    with pytest.raises(PaperTasksError, match='not the list of method categories') as e: crawl()
    assert one_line(e) and crawl(selection=Selection(categories=['odd'])).papers == 5

@pytest.mark.parametrize('link', ['http://localhost:{port}/api/internal/papers/?format=json&papermethod__method_id=1&page=2', '//example.invalid/api/internal/papers/?papermethod__method_id=1&page=2', 'http://[', 7, ['x'],
    API+'1', '/api/internal/papers/?papermethod__method_id=1&format=json', API+'2', '/api/internal/papers/?page=2', '/logout?papermethod__method_id=1', 'javascript:alert(1)', 'x'*5000,
    API+'1&page=\ud800', API+'1&page=2&é', 'http://\ud800/'])
def test_a_link_that_leads_away(crawl, site, tmp_path, link):
    if isinstance(link, str): link = link.replace('{port}', str(site.server_port))
    site.routes[API+'1'] = listing('p1', 'p2', next=link, count=3)
    done = crawl(selection=Selection(categories=['graph-models']))
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p2'] and list(failed(done, site.base)) == [f'{API}1#next'] and len(site.asked) == 5
    assert (reason := done.failed[f'{site.base}{API}1#next']).endswith('the rest of the list is passed over') and len(reason) < 500 and '\n' not in reason
    assert crawl(selection=Selection(categories=['graph-models'])).new == 0 and len((tmp_path/'p.failed.jsonl').read_text().splitlines()) == 1

def test_odd_slugs_cost_themselves(crawl, site, tmp_path):
    odd = ['é', 'a%zz', 'a\\b', '"><script>', '[x]', '%00x', '..%2f..%2fa', 'a;b:c@d', 'ſ' * 300]
    site.routes |= {API+'1': listing(*odd, 'p1', '\ud800', 'x' * 301, '..', '')} | {'/paper/a;b:c@d': paper('ok')}
    done = crawl()
    assert slugs(tmp_path/'p.jsonl') == ['a;b:c@d', 'p1', 'p3', 'p4', 'p5'] and len(done.failed) == 8 and all('not there (404)' in e and '\n' not in e for e in done.failed.values())

@pytest.mark.parametrize('papers,count', [((), 3), (('p1',), 3), (('p1',), 10**30), ((), -1)], ids=['empty', 'full', 'boasting', 'negative'])
def test_a_list_without_end(crawl, site, papers, count):
    for i in range(1, 50): site.routes[f'{API}1&page={i}'] = listing(*papers, next=f'{site.base}{API}1&page={i+1}', count=count)
    site.routes[API+'1'] = site.routes[API+'1&page=1']
    done = crawl()
    assert len(done.failed) == 1 and 'nothing new' in str(done.failed) and len(site.asked) < 14

def test_a_list_that_goes_round(crawl, site, tmp_path):
    site.routes[API+'1&page=2'] = listing('p3', next=f'{API}1&page=2', count=30)
    assert 'with itself' in failed(crawl(), site.base)[f'{API}1&page=2#next'] and len(slugs(tmp_path/'p.jsonl')) == 5 and len(site.asked) == len(set(site.asked))


# the Wayback Machine

TOOLBAR = '<!-- BEGIN WAYBACK TOOLBAR INSERT --><div id="wm-ipp-base"><a href="/web/2024*/https://paperswithcode.com/paper/x">12 captures</a><div class="card"><a href="/web/">x</a></div></div><!-- END WAYBACK TOOLBAR INSERT -->'

def rewritten(page):
    "A page as the Wayback Machine shows it to a browser."
    return page.replace('<body>', '<body>' + TOOLBAR).replace('href="/m', 'href="/web/20240607080910/https://paperswithcode.com/m').replace('href="https://arxiv', 'href="https://web.archive.org/web/20240607080910/https://arxiv') + '\n<!-- FILE ARCHIVED ON 07:08:09 Jun 07, 2024 -->'

@pytest.fixture
def archive(site):
    "The site as the Wayback Machine has it: links rewritten, every page at a moment of its own, one page lost and one soft error."
    pages = {k: v for k, v in site.routes.items() if k != '/robots.txt'} | {'/paper/p2': paper('p2', arxiv='https://arxiv.org/pdf/2101.00002v1.pdf', methods=('a', 'b', 'c'))}
    pages[API+'1'] = listing('p1', 'p2', next=f'https://paperswithcode.com{API}1&page=2', count=3)
    for k in pages: del site.routes[k]
    for i, (k, v) in enumerate(pages.items()):
        moment = f'/web/202406070809{i:02}id_/https://paperswithcode.com{k}'
        site.routes |= {WAYBACK+k: [(302, {'Location': moment if i % 2 else site.base+moment}, '')], moment: rewritten(v) if v.startswith('<') else v}
    site.routes |= {WAYBACK+'/paper/p4': HOSTILE['not archived'], WAYBACK+'/paper/p5': [(404, {}, HOSTILE['not archived'])]}
    return site

def test_the_wayback_machine(crawl, archive, tmp_path):
    done = crawl(base=archive.base+WAYBACK)
    assert slugs(tmp_path/'p.jsonl') == ['p1', 'p2', 'p3'] and all(a.startswith('/web/') for a in archive.asked)
    assert failed(done, archive.base+WAYBACK) == {'/paper/p4': '/paper/p4 is not a paper page: it has no `.paper-title h1`', '/paper/p5': '/paper/p5 is not there (404)'}
    rows = list(read_rows(tmp_path/'p.jsonl'))
    assert rows[1]['id'] == '2101.00002' and rows[1]['source'] == f'{archive.base}{WAYBACK}/paper/p2' and rows[1]['url'] == f'{PWC}/paper/p2'
    assert [m['area'] for m in rows[0]['methods']] == ['Graphs', '', ''] and all('Wayback' not in r['title'] + r['abstract'] for r in rows)

@pytest.mark.parametrize('link', ['/web/20240607080910/https://paperswithcode.com{}', 'http://paperswithcode.com{}', '{}', 'https://web.archive.org/web/2024id_/http://www.paperswithcode.com{}'])
def test_a_list_in_the_archive_goes_on_in_the_archive(crawl, archive, tmp_path, link):
    archive.routes[WAYBACK+API+'1'] = listing('p1', 'p2', next=link.format(API+'1&page=2'), count=3)
    assert crawl(base=archive.base+WAYBACK, selection=Selection(categories=['graph-models'])).failed == {} and slugs(tmp_path/'p.jsonl') == ['p1', 'p2', 'p3']

def test_a_redirect_out_of_the_archive(crawl, archive, tmp_path):
    archive.routes[WAYBACK+'/paper/p1'] = [(302, {'Location': f'http://localhost:{archive.server_port}/paper/p1'}, '')]
    assert 'another host' in crawl(base=archive.base+WAYBACK, selection=Selection(categories=['graph-models'])).failed[f'{archive.base}{WAYBACK}/paper/p1'] and '/paper/p1' not in archive.asked


# a plan

def test_a_plan(site):
    plan = Pages(site.base, polite(delay=0.01)).plan(Selection())
    assert (plan.requests, plan.papers) == (3 + 2 + 3 + 6, 6) and plan.seconds == pytest.approx(0.14) and '2 of 2 methods' in plan.note and papers_asked(site) == []

def test_a_plan_looks_at_five_lists(site):
    names = [f'm{i}' for i in range(93)]
    site.routes |= {'/methods/category/odd': category(*names)} | {f'/method/{m}': method(i+100) for i, m in enumerate(names)} | {f'{API}{i+100}': listing('p1', 'p2', count=20) for i in range(93)}
    plan = Pages(site.base, polite()).plan(Selection(categories=['odd']))
    assert len(site.asked) == 1 + 5 * 2 and (plan.requests, plan.papers) == (1 + 93 + 93*10 + 93*20, 93*20)

def test_a_plan_survives_bad_pages(site):
    site.routes |= {'/methods/category/odd': html('oops'), API+'1': listing(count=-5)}
    assert Pages(site.base, polite()).plan(Selection()).papers == 0
    site.routes['/methods'] = html('The site has closed.')
    with pytest.raises(PaperTasksError, match='nothing can be planned .* not the list of method categories') as e: Pages(site.base, polite()).plan(Selection())
    assert one_line(e)


# saved pages

@pytest.fixture
def saved(tmp_path):
    "A folder of pages, and what is needed to collect from it."
    folder = tmp_path/'saved'
    (folder/'deep'/'er').mkdir(parents=True)
    def say(kind, slug, page): return page.replace('<body>', f'<head><meta property="og:url" content="{PWC}/{kind}/{slug}"></head><body>')
    (folder/'z.html').write_text(say('methods/category', 'graph-models', category('a', 'b')))
    (folder/'b.HTM').write_text(say('paper', 'p2', paper('p2', methods=('b', 'c'))))
    (folder/'deep'/'a.html').write_text(say('paper', 'p3', paper('p3', 'OCR', '')).replace('<meta property="og:url" content=', '<link rel="canonical" href='))
    (folder/'deep'/'er'/'paper_p4.html').write_text(paper('p4'))
    (folder/'Papers & Trees _ Papers With Code.html').write_text(paper('p5'))
    (folder/'home.html').write_text(html('home')); (folder/'notes.txt').write_text('notes'); (folder/'x.html').mkdir()
    (folder/'about paper-title.html').write_text(html('How to style .paper-title'))
    (folder/'method.html').write_text(say('method', 'a', method(7) + div('method-image', '/method/q')))
    def run(name='p.jsonl', selection=None, where=folder, **kwargs): return collect(SavedPages(where), tmp_path/name, selection, progress=False, **kwargs)
    run.folder, run.out = folder, tmp_path/'p.jsonl'
    return run

def test_a_folder(saved):
    done = saved()
    assert done.failed == {} and slugs(saved.out) == ['papers-trees', 'p2', 'p3', 'p4']
    rows = {r['id']: r for r in read_rows(saved.out)}
    assert rows['p2']['methods'] == [dict(name='b', category='graph-models', area='Graphs'), dict(name='c', category='', area='')] and rows['p3']['date'] == '' and rows['p2']['date'] == '2021-02-01'
    assert rows['p4']['source'] == str(saved.folder/'deep/er/paper_p4.html')
    whole = saved.out.read_bytes()
    assert saved().new == 0 and saved.out.read_bytes() == whole

@pytest.mark.parametrize('selection,papers', [(dict(tasks=['ocr']), 'p3'), (dict(areas=['graphs']), 'papers-trees p2 p3 p4'), (dict(categories=['Graph Models'], since='2021-01-01'), 'papers-trees p2 p4'), (dict(areas=['Audio']), '')])
def test_a_selection_of_a_folder(saved, selection, papers):
    saved(selection=Selection(**selection))
    assert ' '.join(slugs(saved.out)) == papers

def test_a_selection_that_a_folder_cannot_tell(saved):
    (saved.folder/'z.html').unlink()
    for s in (dict(areas=['Graphs']), dict(categories=['graph-models']), dict(areas=['Botany'])):
        with pytest.raises(PaperTasksError) as e: saved(selection=Selection(**s))
        assert one_line(e)

def test_broken_files_are_noted(saved):
    for name, content in dict(half=paper('x')[:100], empty='', title=html('<div class="paper-title"><h1>x</h1></div>'), big='<html>' + ' ' * (21 << 20) + '</html>', noise='\0\1\2').items(): (saved.folder/f'{name}.html').write_text(content)
    (saved.folder/'gone.html').symlink_to('nowhere.html')
    done = saved()
    assert slugs(saved.out) == ['papers-trees', 'p2', 'p3', 'p4'] and [Path(u).stem for u in done.failed] == ['big', 'empty', 'half', 'noise', 'title']
    assert all(u in e and '\n' not in e for u, e in done.failed.items()) and '22,020,109 bytes' in done.failed[str(saved.folder/'big.html')]
    before = (saved.out.read_bytes(), saved.out.with_suffix('.failed.jsonl').read_bytes())
    assert saved().new == 0 and (saved.out.read_bytes(), saved.out.with_suffix('.failed.jsonl').read_bytes()) == before
    (saved.folder/'half.html').write_text(paper('x'))
    assert len(saved(retry=True).failed) == 4 and slugs(saved.out)[-1] == 'half'

def test_odd_file_names(saved):
    for name in (b'a\nb.html', b'\xff.html', b'\xe8\xab\x96.html', b'x' * 240 + b'.html'): Path(os.fsdecode(os.path.join(os.fsencode(saved.folder), name))).write_text(paper('x'))
    Path(os.fsdecode(os.fsencode(saved.folder) + b'/c\nd\xfe.html')).write_text('half')
    done = saved()
    assert set(slugs(saved.out)) == {'papers-trees', 'p2', 'p3', 'p4', 'a-b', 'x' * 240} and len(done.failed) == 3 and all('\n' not in e for e in done.failed.values())
    assert saved().new == 0

def test_the_same_paper_twice(saved):
    (saved.folder/'c.html').write_bytes((saved.folder/'b.HTM').read_bytes())
    assert saved().papers == 4

def test_pages_that_the_wayback_machine_rewrote(saved):
    for p in saved.folder.rglob('*.*m*'):
        if p.is_file(): p.write_text(rewritten(p.read_text().replace(f'="{PWC}', f'="https://web.archive.org/web/20240607080910/{PWC}')))
    assert saved().failed == {} and slugs(saved.out) == ['papers-trees', 'p2', 'p3', 'p4'] and next(read_rows(saved.out))['methods'][0]['area'] == 'Graphs'

def test_one_file_and_what_is_none(saved, tmp_path):
    assert saved(where=saved.folder/'b.HTM').papers == 1
    for where in (saved.folder/'notes.txt', saved.folder/'nothing.html', ''):
        if where == '': continue
        with pytest.raises(PaperTasksError) as e: SavedPages(where)
        assert one_line(e)

def test_a_plan_of_a_folder(saved):
    plan = SavedPages(saved.folder).plan(Selection())
    assert (plan.requests, plan.papers) == (0, 8)

def test_which_of_the_two(saved):
    assert isinstance(pages_source(saved.folder), SavedPages) and isinstance(pages_source(str(saved.folder)), SavedPages)
    assert pages_source('HTTPS://example.org/x/', session := polite()).session is session

@given(st.text(st.characters(exclude_characters='/\0', exclude_categories=['Cs']), min_size=1))
def test_any_file_name(name):
    try: assert (slug := own_slug(b'<head></head>', 'paper', Path(name))) == slugify(slug) != ''
    except PageError as e: assert '\n' not in str(e)


# killed

def walk(base, out, cache=None):
    "Run in a child: the whole crawl, at some milliseconds a page."
    collect(Pages(base, PoliteSession(delay=0.001, timeout=5, retries=1, backoff=0.01, cache=cache)), out, Selection(until='2021-12-31'), progress=False)

@pytest.fixture(scope='module')
def forks():
    f = Forks('test_pages', SOURCE_DATE_EPOCH='1700000000', NO_PROXY='127.0.0.1')
    yield f
    f.stop()

@pytest.fixture
def wide(server):
    "Forty papers of six methods in four categories; two papers have gone, one has moved, some are not selected, one list is HTML, and one leads back to itself."
    cats = sum(CATEGORIES.values(), [])[:4]
    server.routes['/methods'] = html(div('card', *(f'/methods/category/{c}' for c in cats)))
    for i, c in enumerate(cats): server.routes[f'/methods/category/{c}'] = category(*(f'm{j}' for j in range(i, i+3)))
    for j in range(6):
        mine = [f'k{i}' for i in range(40) if i % 6 == j or i % 7 == j]
        for n, at in enumerate(range(0, len(mine), 7)):
            more = f'{server.base}{API}{j}&page={n+2}' if at + 7 < len(mine) else f'{API}{j}' if j == 2 else None
            server.routes[f'{API}{j}' + (n > 0) * f'&page={n+1}'] = listing(*mine[at:at+7], next=more, count=99)
        server.routes[f'/method/m{j}'] = method(j)
    server.routes |= {f'/paper/k{i}': paper(f'k{i}', day=f'1 Feb {2022 if i % 10 == 3 else 2020}', methods=(f'm{i % 6}', f'm{i % 7}')) for i in range(40)}
    server.routes |= {'/paper/k6': [(404, {}, 'gone')], '/paper/k28': html('no paper'), '/paper/k7': [(302, {'Location': '/paper/k7-moved'}, '')], '/paper/k7-moved': server.routes['/paper/k7'], API+'5': html('log in')}
    return server

@needs_fork
def test_killed_a_hundred_times(wide, forks, tmp_path):
    "With and without a cache, at any moment between the first request and the last rename."
    def table(out): return out.read_bytes(), out.with_suffix('.failed.jsonl').read_bytes()
    def asked(): return [a.split('/')[-1] for a in wide.asked if a.startswith('/paper/')]
    forks.start('walk', wide.base, str(tmp_path/'whole.jsonl'))
    assert forks.wait() == 0
    whole, requests, rng, kills, had_at = table(tmp_path/'whole.jsonl'), len(wide.asked), random.Random(3), 0, []
    assert whole[0].count(b'\n') == 33 and whole[1].count(b'\n') == 4
    while kills < 100:
        out, cache, status, recorded = tmp_path/f'{kills}.jsonl', str(tmp_path/f'cache{kills}') if rng.random() < 0.2 else None, -9, set()
        for last in [False] * rng.randrange(4, 20) + [True]:
            wide.asked.clear()
            forks.start('walk', wide.base, str(out), cache)
            if not last:
                moment, jitter = rng.randrange(-1, requests - len(recorded)), rng.uniform(0, 0.005)
                while len(wide.asked) <= moment and not forks.ended(): time.sleep(0.0005)
                time.sleep(jitter)
                forks.kill()
            status = forks.wait()
            kills += status == -9
            assert not recorded & set(asked()), 'a paper that was recorded was asked for again'
            part = out.with_suffix('.part.jsonl')
            if status == -9 and part.exists():
                recorded = {json.loads(line)['url'].split('/')[-1] for line in part.read_bytes().splitlines(True) if line.endswith(b'\n')}
                had_at.append(len(recorded))
            if status == 0: break
        assert status == 0 and table(out) == whole
    assert len(set(had_at)) > 8, had_at

"The page of `paper-tasks app`, as a reader with a browser, a program over HTTP and a shell meet it."
import json, re, signal, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
import pytest
from browsing import WAIT, Page, contrast, free_port, launch, narrow, said, start, stop, wait_up, wide
from from_paper_with_tasks.core import PACKAGE, ROOT, read_rows
from from_paper_with_tasks.explaining import pieces_of
from from_paper_with_tasks.feedback import Feedback
from from_paper_with_tasks.showing import by_area
from stand_in import Server
from test_arxiv import Arxiv, id_of

missing = [m for m in ('gradio', 'requests') if not find_spec(m)]
if missing: pytest.skip(f'no {" and no ".join(missing)}: pip install -e ".[app,data,dev]"', allow_module_level=True)
import requests
from from_paper_with_tasks import arxiv as arxiv_module
from from_paper_with_tasks.app import Found, find, nothing, on_arxiv, on_paper, on_task, on_why, said_html

HTTP = requests.Session()
HTTP.trust_env = False # a proxy in the environment does not concern this machine
TITLE = 'Finding Names in Old Letters'
ABSTRACT = ('Named entity recognition in letters of the eighteenth century is hard, since their spelling varies and few of them are annotated. We pre-train '
            'a language model on old prints, and transfer it from news. It finds people and places far better than earlier taggers do.')
RUSSIAN = 'Мы обучаем модель, которая находит имена людей и названия мест в письмах.'
ATTACK = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">${window.hacked=1}{{window.hacked=1}}'
HASTY = 'from from_paper_with_tasks import arxiv, cli; s = arxiv.arxiv_session(delay=0, timeout=2, retries=0); arxiv.impatient_session = lambda: s; cli.main()' # does not leave 3 s between requests

@pytest.fixture(scope='session')
def app():
    port = free_port()
    process = start(port)
    yield wait_up(process, port)
    stop(process)

@pytest.fixture
def page(browser, app):
    page = Page(browser, app).open()
    yield page
    page.no_errors()

@pytest.fixture
def phone(browser, page):
    narrow(browser)
    yield page.open()
    wide(browser)


## A second server: labels with markup, arXiv from a stand-in, and feedback

@pytest.fixture(scope='session')
def arxiv():
    "A stand-in for arXiv's API, see `test_arxiv.Arxiv`."
    s = Server().start()
    s.routes = Arxiv(s.routes)
    s.routes.answers = []
    yield s
    s.stop()

@pytest.fixture(scope='session')
def odd(tmp_path_factory, marked_bundle, arxiv):
    folder, port = tmp_path_factory.mktemp('odd'), free_port()
    process = launch(sys.executable, '-c', HASTY, 'app', '--port', str(port), '--model', marked_bundle, '--feedback', folder/'said.jsonl',
                     PAPER_TASKS_ARXIV_API=f'{arxiv.base}/api/query', NO_PROXY='127.0.0.1')
    yield wait_up(process, port), folder/'said.jsonl'
    stop(process)

@pytest.fixture
def odd_page(browser, odd):
    page = Page(browser, odd[0]).open()
    yield page
    page.no_errors()


## Loading

def test_asks_no_other_host(page):
    page.tag(ABSTRACT)
    assert page.rows
    for tab in ('A file', 'About'): page.tab(tab)
    page.wait('#labels tr')
    names = page.js('return performance.getEntries().filter(e => /^(resource|navigation)$/.test(e.entryType)).map(e => e.name)')
    assert len(names) > 10 and not [n for n in names if not n.startswith(page.url + '/')]

def test_labels(page):
    names = {e.accessible_name: e.aria_role for e in (page.title, page.abstract, page.arxiv, page.clear, page.submit, page.find('#arxiv button')[0])}
    assert names == {'Title': 'textbox', 'Abstract': 'textbox', 'Or a paper on arXiv Fetch': 'textbox', 'Clear': 'button', 'Find tasks': 'button', 'Fetch': 'button'}
    assert page.browser.title == 'Research tasks of a paper' and page.js('return document.documentElement.lang')
    page.tag(ABSTRACT)
    assert page.rows
    names = [page.wait(css).accessible_name for css in ('#threshold input[type=range]', '#own input', '#task input', '#why')]
    assert names == ['range slider for Threshold', "the model's own", 'Which words spoke for', 'Why?']

def test_keyboard(page):
    "Tab goes from the tabs over title and abstract to both buttons, and Enter presses the one that tags."
    from selenium.webdriver import ActionChains, Keys
    def press(key): ActionChains(page.browser).send_keys(key).perform()
    def focus(): return page.js('return document.activeElement.closest("[id]").id')
    for _ in range(5):
        press(Keys.TAB)
        if focus() == 'title': break
    assert focus() == 'title'
    press(Keys.TAB); press(ABSTRACT)
    reached = [focus()]
    for _ in range(2):
        press(Keys.TAB)
        reached.append(focus())
        if focus() == 'submit': press(Keys.ENTER)
    assert reached == ['abstract', 'clear', 'submit']
    assert page.rows


## Tagging

def names_of(tags): return [s['task'] for _, scores in by_area(tags) for s in scores]

def test_bars(page, tagger):
    page.tag(ABSTRACT, TITLE)
    want = tagger(ABSTRACT, TITLE)
    shown = page.until('all bars', lambda: [[e.text for e in r.find_elements('css selector', 'th, td:last-child')] for r in page.rows])
    assert shown == [[s['task'], f'{s["score"]:.1%}'] for _, scores in by_area(want) for s in scores] and len(shown) == 10
    assert [e.text for e in page.find('#tasks .pt-area')] == [area or 'Other' for area, _ in by_area(want)]
    bold = page.find('#tasks .pt-over th')
    assert {b.text for b in bold} == set(want.tasks) and all(int(b.value_of_css_property('font-weight')) >= 600 for b in bold)
    n, line = len(want.tasks), page.find('#tasks p')[0].text
    assert line.startswith('No task is' if n == 0 else 'One task is' if n == 1 else f'{n} tasks are')

def parts(page, css):
    "Where the right ends of `css` are in their bars, from 0 to 1."
    return page.js('''return [...document.querySelectorAll("#tasks .pt-bar")].map(b => { const w = b.querySelector(".pt-whole").getBoundingClientRect(), p = b.querySelector(arguments[0]).getBoundingClientRect();
                      return (p.right - w.left)/w.width })''', css)

def test_bars_are_as_long_as_the_scores(page, tagger):
    page.tag(ABSTRACT)
    assert page.rows
    tags = tagger(ABSTRACT)
    scores = {s['task']: s['score'] for s in tags.scores}
    assert parts(page, '.pt-part') == pytest.approx([scores[n] for n in names_of(tags)], abs=.02)
    assert parts(page, '.pt-at') == pytest.approx([tags.thresholds[n] for n in names_of(tags)], abs=.02)

def test_enter_in_the_title(page):
    page.abstract.send_keys(ABSTRACT)
    page.title.send_keys(TITLE + '\n')
    assert page.rows and page.fields == (TITLE, ABSTRACT)

@pytest.mark.parametrize('abstract, why', [('', 'empty'), (' \n \n', 'empty'), (RUSSIAN, 'Latin'), ('12 + 34', 'no words')])
def test_bad_then_good_then_bad_abstract(page, abstract, why):
    page.tag(abstract, TITLE)
    assert why in page.alert() and '\n' not in page.alert() and not page.find('#tasks tr, #why')
    page.tag(ABSTRACT, TITLE)
    assert page.rows and page.wait('#why') and not page.find('#tasks [role=alert]')
    page.tag(abstract)
    assert page.alert() and not page.find('#tasks tr, #why')

def test_threshold(page, tagger):
    "It is the model's own until the slider is moved, and again when that is asked for."
    from selenium.webdriver import Keys
    page.tag(ABSTRACT, TITLE)
    assert page.rows
    slider = page.wait('#threshold input[type=range]')
    assert float(slider.get_property('value')) == pytest.approx(tagger.thresholds.mean(), abs=.01) and page.wait('#own input').is_selected()
    slider.send_keys(Keys.HOME)
    page.until('the lowest threshold', lambda: len(page.find('#tasks .pt-over')) == len(tagger(ABSTRACT, TITLE, threshold=.01).tasks))
    assert not page.find('#own input')[0].is_selected() and parts(page, '.pt-at') == pytest.approx([.01]*len(page.rows), abs=.02)
    slider.send_keys(Keys.END)
    page.until('the highest threshold', lambda: page.text('#tasks p').startswith('No task'))
    page.find('#own input')[0].click()
    page.until("the model's own", lambda: {e.text for e in page.find('#tasks .pt-over th')} == set(tagger(ABSTRACT, TITLE).tasks))

def test_why(page, tagger):
    page.tag(ABSTRACT, TITLE)
    assert page.rows
    page.wait('#why').click()
    explanation = tagger.explain(ABSTRACT, TITLE)
    first, other = (s['task'] for s in tagger(ABSTRACT, TITLE).scores[:2])
    assert page.until('marks', lambda: page.find('#reasons mark.pt-4')[0].text) in [w for w, _ in explanation.top(first, 100)]
    assert first in page.text('#reasons .pt-note') and page.text('#reasons .pt-text') == ' '.join(''.join(pieces_of(explanation.paper.text)).split())
    page.js('scrollTo(0, 0)'); page.shoot('app_why')
    page.choose('#task', other)
    page.until('the other task', lambda: other in page.text('#reasons .pt-note'))
    strongest = explanation.top(other, 1)[0][0]
    assert strongest in {m.text for m in page.find('#reasons mark.pt-4')}
    page.tag(ABSTRACT.replace('letters', 'diaries'))
    page.until('no reasons for a new paper', lambda: not page.find('#reasons p'))

def test_model_runs_once(tagger, monkeypatch):
    "For the bars at every threshold and, word by word, for the reasons of all tasks."
    runs, logits = [], type(tagger.classifier).logits
    monkeypatch.setattr(type(tagger.classifier), 'logits', lambda self, text, session=None: (runs.append(text), logits(self, text, session))[1])
    found, *_ = on_paper(tagger, TITLE, ABSTRACT, True, .5)
    for t in (None, .1, .9): found.tags(tagger, t)
    assert len(runs) == 1
    reason, html = on_why(tagger, found, None, tagger.labels[0])
    n = len(runs)
    assert n <= 2 + len(set(ABSTRACT.lower().split())) + len(TITLE.split())
    assert on_why(tagger, found, reason, tagger.labels[0]) == [reason, html] and all('pt-text' in on_task(found, reason, t) for t in tagger.labels)
    assert len(runs) == n
    other = find(tagger, '', 'We parse Basque.')
    assert on_task(other, reason, tagger.labels[0]) == '' and on_why(tagger, other, reason, tagger.labels[0])[0].paper == other.paper
    assert on_why(tagger, None, None, 'Parsing') == [None, ''] and 'alert' in on_why(tagger, found, None, 'no such task')[1] and isinstance(found, Found)

def test_copy(page, tagger):
    page.browser.execute_cdp_cmd('Browser.grantPermissions', dict(permissions=['clipboardReadWrite', 'clipboardSanitizedWrite']))
    page.tag(ABSTRACT, TITLE)
    assert page.rows
    page.wait('#copy button').click()
    want = tagger(ABSTRACT, TITLE)
    for css, read, expected in (('#text', str.splitlines, want.tasks), ('#json', json.loads, want.to_dict())):
        page.wait(f'{css} button').click()
        assert read(page.until('the clipboard', lambda: page.browser.execute_async_script('navigator.clipboard.readText().then(arguments[0], () => arguments[0](""))'))) == expected

@pytest.mark.parametrize('which', ['page', 'odd_page'])
def test_markup_is_text(which, request):
    "In fields, answers, reasons and, on the second server, in the names of tasks."
    page = request.getfixturevalue(which)
    for abstract, seen in ((ABSTRACT, lambda: page.rows), (RUSSIAN*3, page.alert)):
        page.tag(abstract + ATTACK, ATTACK)
        assert seen()
    page.tag('We hacked window.hacked onerror. ' + ABSTRACT + ATTACK.replace('<', ' < '), TITLE)
    assert page.rows
    page.wait('#why').click()
    assert page.until('reasons', lambda: page.find('#reasons mark'))
    page.tab('About')
    assert page.wait('#labels tr')
    time.sleep(.3)
    assert page.js('return window.hacked === undefined')
    assert not page.find('.pt-page img, .pt-page script, #card img, #card script, [role=option] img')
    if which == 'odd_page': assert '<img' in page.text('#labels')

def test_examples_fill_the_fields(page):
    rows = page.find('#examples tbody tr')
    papers = [(p['title'], p['abstract']) for p in read_rows(PACKAGE/'sample'/'papers.jsonl')]
    assert len(rows) == 4
    for i in range(len(rows)):
        page.find('#examples tbody tr')[i].find_element('tag name', 'td').click()
        page.until(f'example {i}', lambda: page.fields == papers[i])
    page.submit.click()
    assert page.rows

def test_examples_by_keyboard(page):
    from selenium.webdriver import ActionChains, Keys
    page.find('#arxiv button')[0].send_keys(Keys.TAB)
    assert page.js('return !!document.activeElement.closest("#examples")')
    ActionChains(page.browser).send_keys(Keys.ENTER).perform()
    page.until('an example', lambda: all(page.fields))

def test_clear(page):
    page.arxiv.send_keys('2309.16653')
    page.tag(ABSTRACT, TITLE)
    assert page.rows
    page.clear.click()
    page.until('all is empty', lambda: page.fields == ('', '') and not page.answer.text and not page.arxiv.get_property('value') and not page.find('#why'))


## arXiv

def test_arxiv_field(odd_page, arxiv):
    page = odd_page
    page.arxiv.send_keys(f'https://arxiv.org/abs/{id_of(7)}v2')
    page.find('#arxiv button')[0].click()
    page.until('title and abstract', lambda: [' '.join(f.split()) for f in page.fields] == [f'Paper {id_of(7)}', f'We study {id_of(7)}.'])
    assert len(page.rows) == 10 and len(arxiv.asked) and all(a.startswith('/api/query?id_list=') for a in arxiv.asked)

@pytest.mark.parametrize('s', ['http://169.254.169.254/', 'https://arxiv.org@evil.example/abs/2309.16653', '2309.16653 http://evil.example', 'http://127.0.0.1:80/abs/2309.16653', 'file:///etc/passwd', '2309.16653,2309.16654', '', ATTACK])
def test_arxiv_field_asks_nobody_else(odd_page, arxiv, s):
    asked = len(arxiv.asked)
    odd_page.fill(odd_page.arxiv, s + '\n')
    assert 'is no arXiv id' in odd_page.alert() and '\n' not in odd_page.alert()
    assert len(arxiv.asked) == asked and odd_page.fields == ('', '') and odd_page.js('return window.hacked === undefined')

def hang_up(handler): handler.connection.close(); return 200, {}, ''

@pytest.mark.parametrize('answer, why', [([(503, {}, 'later')], 'arXiv'), ('<html>busy</html>', 'arXiv'), (hang_up, 'arXiv'), (None, 'no paper')], ids=['503', 'not Atom', 'hangs up', 'no such paper'])
def test_arxiv_says_no(odd_page, arxiv, answer, why):
    page = odd_page
    if answer is not None: arxiv.routes.answers = [answer]*9
    page.tag(ABSTRACT)
    assert page.rows
    page.fill(page.arxiv, '2102.00001\n')
    try: assert why in page.alert() and '\n' not in page.alert() and page.fields == ('', ABSTRACT) and 'http' not in page.alert()
    finally: arxiv.routes.answers = []

def test_offline(tagger, monkeypatch):
    monkeypatch.setenv('PAPER_TASKS_ARXIV_API', f'http://127.0.0.1:{free_port()}/api/query')
    session = arxiv_module.arxiv_session(delay=0, timeout=2, retries=0)
    monkeypatch.setattr(arxiv_module, 'impatient_session', lambda: session)
    _, _, *rest = on_arxiv(tagger, '2309.16653', True, .5)
    assert len(rest) == len(nothing()) and 'paste the abstract instead' in rest[2]


## Feedback

def test_no_feedback_unless_asked_for(page):
    page.tag(ABSTRACT)
    assert page.rows and page.wait('#why') and not page.find('#feedback')

def test_feedback(odd_page, odd):
    page, said = odd_page, odd[1]
    page.tag(ABSTRACT, TITLE)
    assert page.rows
    best = page.until('the best task', lambda: page.find('#task input')[0].get_property('value'))
    page.wait('#feedback > button').click()
    assert page.wait('#judged input').get_property('value') == best
    page.wait('#is-right').click()
    page.until('thanks', lambda: 'is right. Thank you' in page.text('#said'))
    page.fill(page.wait('#judged input'), 'Reading Seals\n')
    page.wait('#is-wrong').click()
    assert 'knows no task' in page.alert('#said')
    page.wait('#is-missing').click()
    page.until('thanks', lambda: 'Reading Seals is missing. Thank you' in page.text('#said'))
    rows = [json.loads(line) for line in said.read_text(encoding='utf-8').splitlines()]
    assert [(r['title'], r['abstract'], r['task'], r['verdict']) for r in rows] == [(TITLE, ABSTRACT, best, 'right'), (TITLE, ABSTRACT, 'Reading Seals', 'missing')]

def test_feedback_without_a_paper(tagger, tmp_path): assert 'no paper to judge' in said_html(Feedback(tmp_path/'said.jsonl', tagger), None, 'Parsing', 'right')


## About

def test_about(page, tagger):
    page.tab('About')
    assert 'Intended use' in page.text('#card') and page.find('#card table')
    page.until('all tasks', lambda: page.text('#labels p') == f'{len(tagger.tasks)} of {len(tagger.tasks)} tasks')
    page.fill(page.wait('#search input, #search textarea'), 'entity measured')
    want = sorted(t.task for t in tagger.tasks if t.evidence == 'measured' and 'entity' in ' '.join([t.task, t.area, *t.aliases]).lower())
    page.until('those that match', lambda: page.text('#labels p').startswith(f'{len(want)} of'))
    assert want and sorted(e.text for e in page.find('#labels tbody th')) == want
    page.fill(page.find('#search input, #search textarea')[0], 'image classification measured')
    page.until('one with its papers', lambda: 'Image Classification' in page.text('#labels tbody'))
    task = next(t for t in tagger.tasks if t.task == 'Image Classification')
    cells = next([c.text for c in r.find_elements('css selector', 'th, td')] for r in page.find('#labels tbody tr') if r.text.startswith(task.task))
    assert cells == [task.task, task.area, task.evidence, f'{task.support:,}']


## Looks

def test_desktop(page):
    page.tag(ABSTRACT, TITLE)
    assert page.rows and page.wait('#why') and page.no_sideways(1280)
    page.shoot('app')

def test_phone(phone):
    assert phone.js('return innerWidth') == 390
    assert phone.no_sideways(390)
    phone.tag(ABSTRACT, TITLE)
    assert phone.rows
    phone.wait('#why').click()
    assert phone.until('reasons', lambda: phone.find('#reasons mark')) and phone.no_sideways(390)
    phone.js('scrollTo(0, 0)'); phone.shoot('app_phone')
    phone.tab('About')
    assert phone.wait('#labels tr') and phone.no_sideways(390)

@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_readable(page, theme):
    page.open(f'/?__theme={theme}').tag(ABSTRACT, TITLE)
    assert page.rows
    page.wait('#why').click()
    page.until('reasons', lambda: page.find('#reasons mark'))
    page.js('document.head.insertAdjacentHTML("beforeend", "<style>* { transition: none !important }</style>")')
    texts = page.js('''const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0(\\.\\d+)?\\)$/.test(c)) return c } return "rgb(255, 255, 255)" };
        return [...arguments[0]].map(e => [e.innerText, getComputedStyle(e).color, behind(e)])''', page.find('#tasks th, #tasks td, #tasks p, h1, label span, button, #reasons p, #reasons mark'))
    assert len(texts) > 30 and not [t for t in texts if t[0].strip() and contrast(*t[1:]) < 4.5]


## Programs

def call(url, *data):
    "What `POST` and then `GET` of gradio's endpoint give: the last event and its data."
    r = HTTP.post(f'{url}/gradio_api/call/tag', json=dict(data=data), timeout=WAIT)
    r.raise_for_status()
    lines = HTTP.get(f'{url}/gradio_api/call/tag/{r.json()["event_id"]}', timeout=WAIT).text.strip().splitlines()
    return lines[-2].removeprefix('event: '), json.loads(lines[-1].removeprefix('data: '))

def test_api(app, tagger):
    assert call(app, TITLE, ABSTRACT) == ('complete', [tagger(ABSTRACT, TITLE).to_dict()])

@pytest.mark.parametrize('data', [('', ''), (TITLE, RUSSIAN), (None, None), ('', 'word '*20_000), (3, ['x']), (TITLE, dict(path='/etc/passwd'))])
def test_api_says_what_is_wrong(app, data):
    event, (answer,) = call(app, *data)
    assert event == 'complete' and list(answer) == ['error'] and '\n' not in answer['error']

def test_api_has_one_endpoint(app):
    assert list(HTTP.get(f'{app}/gradio_api/info', timeout=WAIT).json()['named_endpoints']) == ['/tag']

def test_serves_no_other_files(app):
    assert HTTP.get(f'{app}/gradio_api/file=/etc/passwd', timeout=WAIT).status_code == 403
    assert HTTP.get(f'{app}/gradio_api/runs', timeout=WAIT).status_code >= 400

def test_the_queue_cannot_be_skipped(app):
    assert HTTP.post(f'{app}/gradio_api/run/tag', json=dict(data=['', ABSTRACT]), timeout=WAIT).status_code >= 400

def test_the_queue_has_an_end(app):
    "Who comes when it is full is told so at once, and later it works again."
    def ask(_=None): return HTTP.post(f'{app}/gradio_api/call/tag', json=dict(data=['', ABSTRACT*150]), timeout=WAIT).status_code
    with ThreadPoolExecutor(8) as threads: assert set(threads.map(ask, range(200))) == {200, 503}
    def answered():
        try: return call(app, '', ABSTRACT)[0]
        except requests.HTTPError as e: return e.response.status_code
    end = time.monotonic() + WAIT
    while (last := answered()) == 503 and time.monotonic() < end: time.sleep(.1)
    assert last == 'complete'


## The shell

def test_signals():
    "Two servers side by side, to save time, and a proxy in their environment, which cannot reach this machine and does not matter."
    proxy = dict(HTTP_PROXY='http://127.0.0.1:9', http_proxy='http://127.0.0.1:9', NO_PROXY='', no_proxy='')
    servers = [(sig, port, start(port, **proxy)) for sig, port in ((signal.SIGINT, free_port()), (signal.SIGTERM, free_port()))]
    for _, port, process in servers: assert call(wait_up(process, port), '', ABSTRACT)[0] == 'complete'
    for sig, _, process in servers:
        err, seconds = stop(process, sig)
        assert seconds < 5 and 'Traceback' not in err

def refusal(port, *args, **env):
    "The one line on standard error of a server that should not start."
    process = start(port, *args, **env)
    try: err = said(process, WAIT)
    except subprocess.TimeoutExpired: err = stop(process)[0]
    assert process.returncode == 2 and err.startswith('paper-tasks: ') and err.count('\n') == 1
    return err

def test_port_in_use(app):
    port = app.rsplit(':')[-1]
    err = refusal(port)
    assert port in err and '--port' in err and 'a file' not in err

@pytest.mark.parametrize('port', ['abc', '0', '-1', '1.5', '', '70000'])
def test_bad_port(port): assert '--port' in refusal(port)

def test_bad_host():
    assert '203.0.113.7' in refusal(free_port(), '--host', '203.0.113.7')

def test_bad_settings():
    assert 'PAPER_TASKS_MAX_ROWS' in refusal(free_port(), PAPER_TASKS_MAX_ROWS='many')

## The Space

SPACE = ROOT/'deployment'/'huggingface_space'

def test_the_space_serves_the_same_page():
    port = free_port()
    process = launch(sys.executable, SPACE/'app.py', GRADIO_SERVER_PORT=str(port))
    assert 'Research tasks of a paper' in HTTP.get(wait_up(process, port), timeout=WAIT).text
    stop(process)

def test_the_space_is_complete():
    front = dict(re.findall(r'^(\w+): (.*)$', (SPACE/'README.md').read_text(encoding='utf-8').split('---\n')[1], re.M))
    pinned = re.search(r'^gradio==([\d.]+)', (ROOT/'constraints.txt').read_text(), re.M)[1]
    assert front['sdk'] == 'gradio' and front['sdk_version'] == pinned and (SPACE/front['app_file']).is_file() and len(front['short_description']) <= 60
    assert '[app]' in (SPACE/'requirements.txt').read_text() and len((SPACE/'app.py').read_text().splitlines()) < 10
    assert sorted(p.name for p in SPACE.iterdir() if p.name != '__pycache__') == ['README.md', 'app.py', 'requirements.txt']
    assert Path(SPACE/'README.md').read_text(encoding='utf-8').count('\n1. ') == 1

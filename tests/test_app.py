"The page of `paper-tasks app`, as a reader with a browser, a program over HTTP and a shell meet it."
import base64, json, os, re, signal, socket, subprocess, sys, time
from importlib.util import find_spec
from pathlib import Path
import pytest
from from_paper_with_tasks.core import PACKAGE, read_rows
from from_paper_with_tasks.tagging import PaperTagger

missing = [m for m in ('gradio', 'requests') if not find_spec(m)]
if missing: pytest.skip(f'no {" and no ".join(missing)}: pip install -e ".[app,data,dev]"', allow_module_level=True)
import requests

HTTP = requests.Session()
HTTP.trust_env = False # a proxy in the environment does not concern this machine
SCRIPT = Path(sys.executable).with_name('paper-tasks')
CHROMIUM, DRIVER = Path('/usr/bin/chromium'), Path('/usr/bin/chromedriver')
FLAGS = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --window-size=1280,900'
SHOTS = os.environ.get('PAPER_TASKS_SCREENSHOTS')
TITLE = 'Finding Names in Old Letters'
ABSTRACT = ('Named entity recognition in letters of the eighteenth century is hard, since their spelling varies and few of them are annotated. We pre-train '
            'a language model on old prints, and transfer it from news. It finds people and places far better than earlier taggers do.')
RUSSIAN = 'Мы обучаем модель, которая находит имена людей и названия мест в письмах.'
WAIT = 15 # seconds, on a busy machine


## The server

def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]

started = [] # every server of this session

@pytest.fixture(scope='session', autouse=True)
def no_leftovers():
    yield
    for p in started:
        if p.poll() is None: p.kill(); p.communicate()

def start(port, *args, **env):
    "`paper-tasks app`, which may be interrupted even if pytest runs in the background."
    if not SCRIPT.exists(): pytest.skip(f'there is no {SCRIPT}: pip install -e ".[app]"')
    started.append(subprocess.Popen([SCRIPT, 'app', '--port', str(port), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env},
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)))
    return started[-1]

def wait_up(process, port):
    for _ in range(WAIT*10):
        if process.poll() is not None: pytest.fail(f'the server ended: {process.communicate()}')
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0: return f'http://127.0.0.1:{port}'
        time.sleep(.1)
    process.kill()
    pytest.fail(f'no server after {WAIT} s: {process.communicate()}')

def stop(process, sig=signal.SIGTERM):
    "Its standard error, and the seconds until it ended."
    t = time.monotonic()
    process.send_signal(sig)
    try: return process.communicate(timeout=WAIT)[1], time.monotonic() - t
    except subprocess.TimeoutExpired: process.kill(); process.communicate(); pytest.fail(f'still there {WAIT} s after signal {sig}')

@pytest.fixture(scope='session')
def server():
    port = free_port()
    process = start(port)
    yield wait_up(process, port)
    stop(process)

@pytest.fixture(scope='session')
def tagger(): return PaperTagger.from_pretrained()


## The browser

@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    if not find_spec('selenium'): pytest.skip('no selenium: pip install -e ".[dev]"')
    if not (CHROMIUM.exists() and DRIVER.exists()): pytest.skip(f'no {CHROMIUM} or no {DRIVER}: apt-get install chromium chromium-driver')
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for f in [*FLAGS.split(), f'--user-data-dir={tmp_path_factory.mktemp("chromium")}']: options.add_argument(f)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    driver = Chrome(options, ChromeService(str(DRIVER)))
    yield driver
    driver.quit()

class Page:
    "The page in a browser."
    def __init__(self, browser, url): self.browser, self.url = browser, url
    def open(self, query=''):
        self.browser.get(self.url + query)
        self.until('the page is drawn', lambda: self.find('#examples tbody tr'))
        return self
    def find(self, css): return self.browser.find_elements('css selector', css)
    def js(self, code, *args): return self.browser.execute_script(code, *args)
    def until(self, what, test):
        end = time.monotonic() + WAIT
        while not (found := test()):
            if time.monotonic() > end: pytest.fail(f'not within {WAIT} s: {what}; the answer is {self.answer.get_attribute("innerHTML")}')
            time.sleep(.05)
        return found
    title, abstract = (property(lambda self, i=i: self.find(f'#{i} textarea')[0]) for i in ('title', 'abstract'))
    submit, clear, answer = (property(lambda self, i=i: self.find(f'#{i}')[0]) for i in ('submit', 'clear', 'tasks'))
    @property
    def fields(self): return self.title.get_property('value'), self.abstract.get_property('value')
    def tag(self, abstract, title=''):
        "Replace the fields and press the button."
        from selenium.webdriver import Keys
        for field, text in ((self.title, title), (self.abstract, abstract)):
            field.send_keys(Keys.CONTROL, 'a')
            field.send_keys(Keys.BACKSPACE, text) # unlike clear(), which the page does not hear
        self.submit.click()
    @property
    def rows(self): return self.until('rows of bars', lambda: self.find('#tasks tr'))
    @property
    def alert(self): return self.until('an alert', lambda: self.find('#tasks [role=alert]'))[0].text
    def shoot(self, name):
        if not SHOTS: return
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        time.sleep(.5) # gradio fades its answers in
        shot = self.browser.execute_cdp_cmd('Page.captureScreenshot', dict(captureBeyondViewport=True))
        (Path(SHOTS)/f'{name}.png').write_bytes(base64.b64decode(shot['data']))

@pytest.fixture
def page(browser, server):
    page = Page(browser, server).open()
    yield page
    severe = [e for e in browser.get_log('browser') if e['level'] == 'SEVERE']
    assert not severe

@pytest.fixture
def phone(browser, page):
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', dict(width=390, height=844, deviceScaleFactor=1, mobile=True))
    yield page.open()
    browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


## Loading

def test_asks_no_other_host(page):
    page.tag(ABSTRACT)
    assert page.rows
    names = page.js('return performance.getEntries().filter(e => /^(resource|navigation)$/.test(e.entryType)).map(e => e.name)')
    assert len(names) > 10 and not [n for n in names if not n.startswith(page.url + '/')]

def test_labels(page):
    names = {e.accessible_name: e.aria_role for e in (page.title, page.abstract, page.clear, page.submit)}
    assert names == {'Title': 'textbox', 'Abstract': 'textbox', 'Clear': 'button', 'Find tasks': 'button'}
    assert page.browser.title == 'Research tasks of a paper' and page.js('return document.documentElement.lang')

def test_keyboard(page):
    "Tab goes from the title through the abstract to both buttons, and Enter presses the one that tags."
    from selenium.webdriver import ActionChains, Keys
    def press(key): ActionChains(page.browser).send_keys(key).perform()
    def focus(): return page.js('return document.activeElement.closest("[id]").id')
    press(Keys.TAB)
    assert focus() == 'title'
    press(Keys.TAB); press(ABSTRACT)
    reached = [focus()]
    for _ in range(2):
        press(Keys.TAB)
        reached.append(focus())
        if focus() == 'submit': press(Keys.ENTER)
    assert reached[0] == 'abstract' and set(reached[1:]) == {'clear', 'submit'}
    assert page.rows


## Tagging

def test_bars(page, tagger):
    page.tag(ABSTRACT, TITLE)
    want = tagger(ABSTRACT, TITLE)
    assert len(page.rows) == len(want.scores) == min(10, len(tagger.tasks))
    shown = [[td.text for td in r.find_elements('tag name', 'td')] for r in page.rows]
    assert shown == [[s['task'], '', f'{s["score"]:.1%}'] for s in want.scores]
    bold = [b.text for b in page.find('#tasks tr b')]
    assert bold == want.tasks[:10] and all(int(b.value_of_css_property('font-weight')) >= 600 for b in page.find('#tasks tr b'))
    n, line = len(want.tasks), page.find('#tasks p')[0].text
    assert line.startswith('No task is' if n == 0 else 'One task is' if n == 1 else f'{n} tasks are')
    page.shoot('desktop')

def test_bars_are_as_long_as_the_scores(page, tagger):
    page.tag(ABSTRACT)
    scores = [s['score'] for s in tagger(ABSTRACT).scores]
    widths = [page.js('const d = arguments[0], p = d.parentNode, s = getComputedStyle(p); return d.offsetWidth / (p.clientWidth - parseFloat(s.paddingLeft) - parseFloat(s.paddingRight))', r.find_element('tag name', 'div'))
              for r in page.rows]
    assert widths == pytest.approx(scores, abs=.03)

def test_line_counts_the_rows(page, tagger):
    "The sentence above the bars says ten only if there are ten."
    page.tag(ABSTRACT)
    words = 'one two three four five six seven eight nine ten'.split()
    assert re.search(rf'\b({words[len(page.rows)-1]}|{len(page.rows)})\b', page.find('#tasks p')[0].text.split('threshold')[1])

def test_enter_in_the_title(page):
    page.abstract.send_keys(ABSTRACT)
    page.title.send_keys(TITLE + '\n')
    assert page.rows and page.fields == (TITLE, ABSTRACT)

@pytest.mark.parametrize('abstract, why', [('', 'empty'), (' \n \n', 'empty'), (RUSSIAN, 'Latin'), ('12 + 34', 'no words')])
def test_bad_then_good_then_bad_abstract(page, abstract, why):
    page.tag(abstract, TITLE)
    assert why in page.alert and '\n' not in page.alert and not page.find('#tasks tr')
    page.tag(ABSTRACT, TITLE)
    assert page.rows and not page.find('#tasks [role=alert]')
    page.tag(abstract)
    assert page.alert and not page.find('#tasks tr')

def test_markup_is_text(page):
    attack = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">'
    for abstract, seen in ((ABSTRACT, lambda: page.rows), (RUSSIAN*3, lambda: page.alert)):
        page.tag(abstract + attack, attack)
        assert seen()
        time.sleep(.3)
        assert page.js('return window.hacked === undefined')
        assert not page.find('#tasks img, #tasks script') and 'hacked' not in page.answer.get_attribute('innerHTML')

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
    page.submit.send_keys(Keys.TAB)
    assert page.js('return !!document.activeElement.closest("#examples")')
    ActionChains(page.browser).send_keys(Keys.ENTER).perform()
    page.until('an example', lambda: all(page.fields))

def test_clear(page):
    page.tag(ABSTRACT, TITLE)
    assert page.rows
    page.clear.click()
    page.until('all is empty', lambda: page.fields == ('', '') and not page.answer.text)


## Looks

def contrast(a, b):
    "The contrast ratio of two CSS colours, as WCAG defines it."
    def light(c): return sum(w*(x/12.92 if x <= .03928 else ((x+.055)/1.055)**2.4) for w, x in zip((.2126, .7152, .0722), (int(float(v))/255 for v in re.findall(r'[\d.]+', c)[:3])))
    lo, hi = sorted((light(a), light(b)))
    return (hi + .05)/(lo + .05)

def no_sideways(page, width):
    wide = page.js('return [...document.querySelectorAll("#tasks *, button, textarea")].filter(e => e.getBoundingClientRect().right > arguments[0] + 1).map(e => e.outerHTML.slice(0, 80))', width)
    return page.js('return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)') <= width and not wide

def test_phone(phone):
    assert phone.js('return innerWidth') == 390
    assert no_sideways(phone, 390)
    phone.tag(ABSTRACT, TITLE)
    assert phone.rows
    phone.shoot('phone')
    assert no_sideways(phone, 390)

@pytest.mark.parametrize('theme', ['light', 'dark'])
def test_readable(page, theme):
    page.open(f'/?__theme={theme}').tag(ABSTRACT, TITLE)
    page.js('document.head.insertAdjacentHTML("beforeend", "<style>* { transition: none !important }</style>")')
    texts = page.js('''const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c } return "rgb(255, 255, 255)" };
        return [...arguments[0]].map(e => [e.innerText, getComputedStyle(e).color, behind(e)])''', [*page.rows[0].find_elements('tag name', 'td'), *page.find('#tasks p, h1, label span, button')])
    if theme == 'dark': page.shoot('dark')
    assert not [t for t in texts if t[0].strip() and contrast(*t[1:]) < 4.5]


## Programs

def call(url, *data):
    "What `POST` and then `GET` of gradio's endpoint give: the last event and its data."
    r = HTTP.post(f'{url}/gradio_api/call/tag', json=dict(data=data), timeout=WAIT)
    r.raise_for_status()
    lines = HTTP.get(f'{url}/gradio_api/call/tag/{r.json()["event_id"]}', timeout=WAIT).text.strip().splitlines()
    return lines[-2].removeprefix('event: '), json.loads(lines[-1].removeprefix('data: '))

def test_api(server, tagger):
    event, (html,) = call(server, TITLE, ABSTRACT)
    assert event == 'complete' and html.count('<tr') == min(10, len(tagger.tasks)) and 'over the threshold' in html

@pytest.mark.parametrize('data', [('', ''), (TITLE, RUSSIAN), (None, None), ('', 'word '*20_000)])
def test_api_says_what_is_wrong(server, data):
    event, (html,) = call(server, *data)
    assert event == 'complete' and html.startswith('<p role="alert">') and '\n' not in html

def test_api_has_one_endpoint(server):
    assert list(HTTP.get(f'{server}/gradio_api/info', timeout=WAIT).json()['named_endpoints']) == ['/tag']

def test_serves_no_other_files(server):
    assert HTTP.get(f'{server}/gradio_api/file=/etc/passwd', timeout=WAIT).status_code == 403


## The shell

def test_signals():
    "Two servers side by side, to save time."
    servers = [(sig, port, start(port)) for sig, port in ((signal.SIGINT, free_port()), (signal.SIGTERM, free_port()))]
    for _, port, process in servers: call(wait_up(process, port), '', ABSTRACT)
    for sig, _, process in servers:
        err, seconds = stop(process, sig)
        assert seconds < 5 and 'Traceback' not in err

def refusal(port, *args):
    "The one line on standard error of a server that should not start."
    process = start(port, *args)
    try: err = process.communicate(timeout=WAIT)[1]
    except subprocess.TimeoutExpired: err = stop(process)[0]
    assert process.returncode == 2 and err.startswith('paper-tasks: ') and err.count('\n') == 1
    return err

def test_port_in_use(server):
    port = server.rsplit(':')[-1]
    err = refusal(port)
    assert port in err and '--port' in err and 'a file' not in err

@pytest.mark.parametrize('port', ['abc', '0', '-1', '1.5', '', '70000'])
def test_bad_port(port): assert '--port' in refusal(port)

def test_bad_host():
    assert '203.0.113.7' in refusal(free_port(), '--host', '203.0.113.7')

def test_behind_a_proxy():
    "A proxy in the environment, which cannot reach this machine, does not matter."
    port = free_port()
    process = start(port, HTTP_PROXY='http://127.0.0.1:9', http_proxy='http://127.0.0.1:9', NO_PROXY='', no_proxy='')
    url = wait_up(process, port)
    time.sleep(1)
    assert process.poll() is None, process.communicate()[1][-200:]
    assert call(url, '', ABSTRACT)[0] == 'complete'
    assert 'Traceback' not in stop(process)[0]


## The Space

def test_the_space_serves_the_same_page():
    port = free_port()
    space = Path(__file__).resolve().parents[1]/'deployment'/'huggingface_space'/'app.py'
    process = subprocess.Popen([sys.executable, space], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, 'GRADIO_SERVER_PORT': str(port)})
    started.append(process)
    assert 'Research tasks of a paper' in HTTP.get(wait_up(process, port), timeout=WAIT).text
    stop(process)

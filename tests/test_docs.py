"The site: built once without a network, every link followed, every page opened in a browser at the width of a phone, light and dark."
import ast, functools, http.server, json, os, re, subprocess, sys, threading
from importlib.util import find_spec
from pathlib import Path
import pytest

missing = [m for m in ('sphinx', 'myst_nb', 'furo', 'gradio', 'torch') if not find_spec(m)]
if missing: pytest.skip(f'no {" and no ".join(missing)}: make .venv/.docs', allow_module_level=True)
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/'tools'))
import check_docs  # noqa: E402

CHROMIUM, DRIVER = Path('/usr/bin/chromium'), Path('/usr/bin/chromedriver')
FLAGS = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'
SHOTS = os.environ.get('PAPER_TASKS_SCREENSHOTS')
NOTEBOOKS = sorted(p.relative_to(ROOT/'nbs').with_suffix('').as_posix() for p in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)


def text_of(path): return path.read_text(encoding='utf-8')


## What is built

@pytest.fixture(scope='session')
def pages():
    "Each notebook and the name of its page; in a process of its own, since conftest's hooks are no part of it."
    code = 'import json, build_docs; print(json.dumps(build_docs.pages()))'
    return json.loads(subprocess.run([sys.executable, '-c', code], cwd=ROOT/'tools', capture_output=True, check=True).stdout)

@pytest.fixture(scope='session')
def site(tmp_path_factory):
    "The site; pages that did not change since the last time are not read again."
    folder = tmp_path_factory.mktemp('docs')/'site'
    nowhere = {v: 'http://127.0.0.1:9' for v in ('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY')}
    done = subprocess.run([sys.executable, 'tools/build_docs.py', folder], cwd=ROOT, env=os.environ | nowhere, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr[-3000:] # a warning is a failure
    return folder

def test_every_notebook_has_a_page(pages, site):
    assert sorted(pages) == NOTEBOOKS, 'say in nbs/sidebar.yml where it stands'
    assert all((site/f'{page}.html').is_file() for page in pages.values())

def test_every_link_leads_somewhere(site):
    found = check_docs.problems(site)
    assert not found, '\n'.join(found)

def test_an_entry_has_signature_parameters_and_source(site):
    entry = re.search(r'<section id="papertagger\.from_pretrained">.*?</section>', text_of(site/'tagging.html'), re.S)[0]
    plain = re.sub(r'<.*?>', '', entry)
    assert re.search(r'blob/main/from_paper_with_tasks/tagging\.py#L\d+"', entry)
    assert 'PaperTagger.from_pretrained(path=None, threads=None)' in plain and 'folder of a model; None: the bundled one' in plain and 'Load a model' in plain

@pytest.mark.parametrize('anchor', ['core.html#atomic_write', 'tagging.html#papertagger', 'calibration.html#the-threshold'])
def test_anchors_are_those_of_quarto(site, anchor):
    page, _, name = anchor.partition('#')
    assert f'id="{name}"' in text_of(site/page)

def test_nothing_of_the_sources_shows(site, pages):
    for page in pages.values():
        prose = re.sub(r'<(pre|code|script|style|svg|table)\b.*?</\1>', '', text_of(site/f'{page}.html'), flags=re.S)
        assert not re.search(r'\{\.callout|^:::|#\||\.ipynb\)|\$[^ $]+\$|Traceback|<IPython', re.sub(r'<.*?>', '', prose), re.M), page

def test_what_is_hidden_is_hidden(site):
    assert 'default_exp' not in text_of(site/'core.html') and "os.environ['PATH']" not in text_of(site/'tutorials'/'million.html').replace('&#39;', "'")


def code_cells(path):
    "The source of each cell of Python that is not exported."
    cells = (''.join(c['source']) for c in json.loads(text_of(path))['cells'] if c['cell_type'] == 'code')
    return [re.sub('(?m)^[!%].*$', '', s) for s in cells if not re.match(r'(#\| *(export|exporti|exports)\b|%%)', s)]

@pytest.mark.parametrize('name', [n for n in NOTEBOOKS if '#| default_exp ' in text_of(ROOT/'nbs'/f'{n}.ipynb')])
def test_imports_have_a_cell_of_their_own(name):
    "nbdev_docs runs the cells that import something, and no others but those that are exported."
    for source in code_cells(ROOT/'nbs'/f'{name}.ipynb'):
        kinds = {isinstance(n, (ast.Import, ast.ImportFrom)) for n in compile(source, name, 'exec', ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT).body}
        assert kinds != {True, False}, source[:300]


## What the check finds

SAID = {'other.html': 'which is not there', '#nowhere': 'no such place', 'b.html#nowhere': 'no such place', 'http://': 'no name of a host', 'https://exa mple.org': 'no name of a host',
        'javascript:void(0)': 'unknown scheme', 'https://github.com/x/y/blob/main/z.py#LNone': 'characters', '/b.html': 'which is not there', 'mailto:nobody': 'no address'}

@pytest.mark.parametrize('url', SAID)
def test_a_link_that_leads_nowhere_is_found(tmp_path, url):
    (tmp_path/'b.html').write_text('<p id="here">')
    (tmp_path/'a.html').write_text(f'<a href="{url}">x</a>')
    assert [SAID[url] in p and p.startswith('a.html ') for p in check_docs.problems(tmp_path)] == [True]

def test_what_comes_from_elsewhere_is_found(tmp_path):
    (tmp_path/'a.html').write_text('<script src="https://cdn.example.org/x.js"></script><img src="data:image/png;base64,AA"><a href="a.html#i" id="i">fine</a>')
    (tmp_path/'a.css').write_text('@font-face { src: url("https://fonts.example.org/x.woff2") }')
    assert [p.split(' loads ')[1].split(',')[0] for p in check_docs.problems(tmp_path)] == ['https://cdn.example.org/x.js', '//fonts.example.org/x.woff2']


## In a browser

@pytest.fixture(scope='session')
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args): pass
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown(); server.server_close()

@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    if not (find_spec('selenium') and CHROMIUM.exists() and DRIVER.exists()): pytest.skip('no browser: apt-get install chromium chromium-driver')
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for f in [*FLAGS.split(), f'--user-data-dir={tmp_path_factory.mktemp("chromium")}']: options.add_argument(f)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    driver = Chrome(options, ChromeService(str(DRIVER)))
    yield driver
    driver.quit()

def requested(browser):
    "The addresses that were asked for since the last call."
    messages = (json.loads(e['message'])['message'] for e in browser.get_log('performance'))
    return [m['params']['request']['url'] for m in messages if m['method'] == 'Network.requestWillBeSent']

@pytest.mark.parametrize('width, theme', [(390, 'light'), (1280, 'dark')])
def test_pages_fit_and_are_quiet(browser, address, pages, width, theme):
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', dict(width=width, height=850, deviceScaleFactor=1, mobile=width < 500))
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', dict(features=[dict(name='prefers-color-scheme', value=theme)]))
    for page in pages.values():
        browser.get(f'{address}/{page}.html')
        wide, wanted = browser.execute_script('return [document.documentElement.scrollWidth, innerWidth]')
        assert wide <= wanted == width, f'{page} is {wide} wide'
        assert not browser.execute_script('return [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)'), page
        assert not [u for u in requested(browser) if not u.startswith((address, 'data:', 'chrome:'))], page
        assert not browser.get_log('browser'), page
        if SHOTS: (Path(SHOTS)/f'{page.replace("/", "-")}-{width}-{theme}.png').write_bytes(browser.get_screenshot_as_png())

def test_search_finds(browser, address):
    from selenium.webdriver.support.wait import WebDriverWait
    browser.get(f'{address}/search.html?q=threshold')
    WebDriverWait(browser, 15).until(lambda b: b.find_elements('css selector', '#search-results li a'))
    assert any('calibration' in a.get_attribute('href') for a in browser.find_elements('css selector', '#search-results li a'))

"Servers of the command, and Chromium to look at their pages."
import base64, os, re, signal, socket, subprocess, sys, tempfile, time
from importlib.util import find_spec
from pathlib import Path
import pytest

SCRIPT = Path(sys.executable).with_name('paper-tasks')
CHROMIUM, DRIVER = Path('/usr/bin/chromium'), Path('/usr/bin/chromedriver')
FLAGS = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --window-size=1280,900'
SHOTS = os.environ.get('PAPER_TASKS_SCREENSHOTS')
WAIT = 60 # seconds, on a busy machine


## Servers

def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]

started = [] # every server of this session

@pytest.fixture(scope='session', autouse=True)
def no_leftovers():
    yield
    for p in started:
        if p.poll() is None: p.kill(); p.wait()
        p.log.close()

def launch(*argv, **env):
    "A process which may be interrupted even if pytest runs in the background."
    log = tempfile.TemporaryFile('w+') # a pipe that nobody reads would stop the server when it is full
    started.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=log, text=True, env={**os.environ, **env},
                                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)))
    started[-1].log = log
    return started[-1]

def said(process, timeout=None):
    "The standard error of a process, when it has ended."
    process.wait(timeout)
    process.log.seek(0)
    return process.log.read()

def start(port, *args, **env):
    "`paper-tasks app`"
    if not SCRIPT.exists(): pytest.skip(f'there is no {SCRIPT}: pip install -e ".[app]"')
    return launch(SCRIPT, 'app', '--port', str(port), *map(str, args), **env)

def wait_up(process, port):
    for _ in range(WAIT*10):
        if process.poll() is not None: pytest.fail(f'the server ended: {said(process)}')
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0: return f'http://127.0.0.1:{port}'
        time.sleep(.1)
    process.kill()
    pytest.fail(f'no server after {WAIT} s: {said(process)}')

def stop(process, sig=signal.SIGTERM):
    "Its standard error, and the seconds until it ended."
    t = time.monotonic()
    process.send_signal(sig)
    try: return said(process, WAIT), time.monotonic() - t
    except subprocess.TimeoutExpired: process.kill(); process.wait(); pytest.fail(f'still there {WAIT} s after signal {sig}')


## Pages

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
    "The page of `paper-tasks app` in a browser."
    def __init__(self, browser, url): self.browser, self.url = browser, url
    def open(self, query=''):
        self.browser.get('about:blank') # a page that is left complains of streams that end
        self.browser.get_log('browser')
        self.browser.get(self.url + query)
        self.until('the page is drawn', lambda: self.find('#examples tbody tr'))
        return self
    def find(self, css): return self.browser.find_elements('css selector', css)
    def js(self, code, *args): return self.browser.execute_script(code, *args)
    def until(self, what, test):
        end = time.monotonic() + WAIT
        while not (found := self.steady(test)):
            if time.monotonic() > end: pytest.fail(f'not within {WAIT} s: {what}; the page says {self.find("main, body")[0].text[-1500:]}')
            time.sleep(.05)
        return found
    def steady(self, test):
        "What `test` finds, unless the page is redrawn under it."
        from selenium.common.exceptions import StaleElementReferenceException
        try: return test()
        except (StaleElementReferenceException, IndexError): return None
    def wait(self, css): return self.until(css, lambda: next((e for e in self.find(css) if e.is_displayed()), None))
    def text(self, css): return self.until(css, lambda: ' '.join(e.text for e in self.find(css)).strip())
    title, abstract, arxiv = (property(lambda self, i=i: self.find(f'#{i} textarea, #{i} input')[0]) for i in ('title', 'abstract', 'arxiv'))
    submit, clear, answer = (property(lambda self, i=i: self.find(f'#{i}')[0]) for i in ('submit', 'clear', 'tasks'))
    @property
    def fields(self): return self.title.get_property('value'), self.abstract.get_property('value')
    def fill(self, field, text):
        "Paste over what stands in a field, and press Enter if the text of a single line ends in one."
        from selenium.webdriver import Keys
        enter = '\n'*(field.tag_name == 'input' and text.endswith('\n'))
        field.send_keys(Keys.CONTROL, 'a')
        field.send_keys(Keys.BACKSPACE)
        self.browser.execute_cdp_cmd('Input.insertText', dict(text=text.removesuffix(enter)))
        if enter: field.send_keys(enter)
    def tag(self, abstract, title=''):
        "Replace the fields and press the button."
        for field, text in ((self.title, title), (self.abstract, abstract)): self.fill(field, text)
        self.submit.click()
    def tab(self, name): self.until(name, lambda: [b for b in self.find('button[role=tab]') if b.text == name and b.is_displayed()])[0].click()
    def choose(self, css, option):
        "Choose from a dropdown."
        self.fill(self.wait(f'{css} input'), option + '\n')
        self.until(f'{option} is chosen', lambda: self.find(f'{css} input')[0].get_property('value') == option)
    @property
    def rows(self): return self.until('rows of bars', lambda: self.find('#tasks tr:has(td)'))
    def alert(self, css='#tasks'): return self.until(f'an alert in {css}', lambda: self.find(f'{css} [role=alert]')[0].text)
    def shoot(self, name):
        if not SHOTS: return
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        time.sleep(.5) # gradio fades its answers in
        shot = self.browser.execute_cdp_cmd('Page.captureScreenshot', dict(captureBeyondViewport=True))
        (Path(SHOTS)/f'{name}.png').write_bytes(base64.b64decode(shot['data']))
    def no_errors(self):
        "No error in the console since the last time."
        severe = [e for e in self.browser.get_log('browser') if e['level'] == 'SEVERE']
        assert not severe, severe
    def no_sideways(self, width):
        wide = self.js('''return [...document.querySelectorAll(".pt-page *, button, textarea, input")].filter(e => e.getBoundingClientRect().right > arguments[0] + 1)
                          .map(e => e.outerHTML.slice(0, 80))''', width)
        return self.js('return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)') <= width and not wide

def narrow(browser, width=390):
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', dict(width=width, height=844, deviceScaleFactor=1, mobile=True))

def wide(browser): browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})

def contrast(a, b):
    "The contrast ratio of two CSS colours, as WCAG defines it."
    def light(c): return sum(w*(x/12.92 if x <= .03928 else ((x+.055)/1.055)**2.4) for w, x in zip((.2126, .7152, .0722), (int(float(v))/255 for v in re.findall(r'[\d.]+', c)[:3])))
    lo, hi = sorted((light(a), light(b)))
    return (hi + .05)/(lo + .05)

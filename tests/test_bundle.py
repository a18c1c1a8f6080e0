"Model folders that are damaged, or made to do harm."
import json, os, pickle
from dataclasses import replace
import numpy as np
import pytest
from helpers import GOOD, put, refused, shell
from from_paper_with_tasks.core import PACKAGE, PaperTasksError
from from_paper_with_tasks.lexicon import names_only, to_arrays
from from_paper_with_tasks.tagging import BUNDLED, LEXICON, PaperTagger, check_bundle

FILES = ['model.onnx', 'tokenizer.json', 'config.json', 'SHA256SUMS']
each_file = pytest.mark.parametrize('name', FILES)
CONFIG = json.loads((BUNDLED/'config.json').read_text(encoding='utf-8'))
LONG = 'parsing ' * 3000 # more tokens than any position that the model knows

class Harm: # what runs when it is unpickled
    def __reduce__(self): return os.mkdir, ('harm',)

PICKLE = pickle.dumps(Harm())


def test_the_bundle_is_whole(): assert check_bundle(BUNDLED) == BUNDLED

def test_a_copy_works_like_the_bundle(command, bundle): assert command('tag', GOOD, '--json', '--model', bundle({})) == command('tag', GOOD, '--json')

@each_file
def test_a_missing_file(command, bundle, name):
    (bundle.folder/name).unlink()
    assert name in refused(command('tag', GOOD, '--model', bundle.folder))

@each_file
def test_a_folder_for_a_file(command, bundle, name):
    (bundle.folder/name).unlink()
    (bundle.folder/name).mkdir()
    assert name in refused(command('tag', GOOD, '--model', bundle.folder))

@pytest.mark.parametrize('at', [0, 0.5, 1])
@pytest.mark.parametrize('name', FILES[:3])
def test_an_altered_byte(command, bundle, name, at):
    path = bundle.folder/name
    data = bytearray(path.read_bytes())
    data[int((len(data)-1)*at)] ^= 1
    path.write_bytes(data)
    line = refused(command('tag', GOOD, '--model', bundle.folder))
    assert name in line and 'checksum' in line

@pytest.mark.parametrize('at', [0, 70, 100, 200])
def test_an_altered_checksum(command, bundle, at):
    data = bytearray((bundle.folder/'SHA256SUMS').read_bytes())
    data[at] ^= 1
    (bundle.folder/'SHA256SUMS').write_bytes(data)
    refused(command('tag', GOOD, '--model', bundle.folder))

@each_file
@pytest.mark.parametrize('content', [b'', b'\xff\xfe\0', PICKLE], ids=['empty', 'binary', 'pickle'])
def test_a_replaced_file(command, bundle, name, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (bundle.folder/name).write_bytes(content)
    assert refused(command('tag', GOOD, '--model', bundle.folder)) and not (tmp_path/'harm').exists()

@pytest.mark.parametrize('name', ['model.pkl', 'weights.pickle', 'model.pt', 'model.pth', 'pytorch_model.bin', 'a.joblib', 'a.ckpt', 'MODEL.PKL'])
def test_a_stray_pickle(command, bundle, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (bundle.folder/name).write_bytes(PICKLE)
    assert name in refused(command('tag', GOOD, '--model', bundle.folder)) and not (tmp_path/'harm').exists()

@pytest.mark.parametrize('model', ['missing', 'file', 'x'*300, 'a\0b', '', '\udcff', '..'])
def test_no_model_folder(command, tmp_path, model):
    (tmp_path/'file').write_text('')
    refused(command('tag', GOOD, '--model', tmp_path/model if model else ''))

@pytest.mark.parametrize('argv', [['tag', GOOD], ['tag', '-'], ['labels'], ['labels', '--json'], ['demo'], ['evaluate', '--data', PACKAGE/'sample'/'papers.jsonl']], ids=lambda a: ' '.join(map(str, a))[:30])
def test_every_command_says_so(command, bundle, argv):
    (bundle.folder/'model.onnx').unlink()
    assert 'model.onnx' in refused(command(*argv, '--model', bundle.folder))

def test_nothing_is_written(bundle, tmp_path):
    (tmp_path/'out').mkdir()
    (bundle.folder/'tokenizer.json').write_text('{}')
    assert refused(shell('tag', '--input', put(tmp_path/'in.csv', [dict(abstract=GOOD)]), '--output', tmp_path/'out'/'out.csv', '--model', bundle.folder))
    assert not list((tmp_path/'out').iterdir())

def test_from_python(bundle):
    (bundle.folder/'config.json').write_text('{}')
    with pytest.raises(PaperTasksError, match='altered'): PaperTagger.from_pretrained(bundle.folder)


# with checksums that fit

@pytest.mark.parametrize('content', [b'', b'{', b'null', b'5', b'[]', b'{}', b'\xff', b'\0', '{"tasks": []}'.encode('utf-16'), b'[' * 100_000, PICKLE], ids=lambda c: repr(c)[:20])
def test_config_that_is_none(command, bundle, content): assert 'config.json' in refused(command('tag', GOOD, '--model', bundle({'config.json': content})))

def one_task(**changes): return [CONFIG['tasks'][0] | changes, *CONFIG['tasks'][1:]]

@pytest.mark.parametrize('change', [dict(thresholds=None), dict(tasks=None), dict(max_tokens=None), dict(thresholds='0.5'), dict(thresholds=[]), dict(tasks=[], thresholds=[]), dict(thresholds=CONFIG['thresholds'][1:]), dict(thresholds=['0.5'] * len(CONFIG['tasks'])),
    dict(thresholds=[None] * len(CONFIG['tasks'])), dict(thresholds=[[0.5]] * len(CONFIG['tasks'])), dict(thresholds=[0.5, [0.5]] + CONFIG['thresholds'][2:]), dict(thresholds=[float('nan')] * len(CONFIG['tasks'])), dict(tasks=[t['task'] for t in CONFIG['tasks']]), dict(tasks={}),
    dict(tasks=one_task(colour='red')), dict(tasks=one_task(task=5)), dict(tasks=one_task(aliases=5)), dict(tasks=[{}, *CONFIG['tasks'][1:]]),
    dict(tasks=CONFIG['tasks'][1:], thresholds=CONFIG['thresholds'][1:]), dict(tasks=CONFIG['tasks'] + one_task(task='x')[:1], thresholds=CONFIG['thresholds'] + [0.5]), *(dict(max_tokens=n) for n in (0, 1, -1, 10**30, '256', 256.5, True, 10**6))], ids=lambda c: repr(c)[:50])
def test_config_that_does_not_fit(command, bundle, change):
    content = {k: v for k, v in (CONFIG | change).items() if v is not None}
    assert str(bundle.folder) in refused(command('tag', LONG, '--model', bundle({'config.json': json.dumps(content).encode()})))

@pytest.mark.parametrize('content', [b'', b'garbage', b'null', b'{}', b'[]', b'\xff\xfe', b'[' * 100_000, PICKLE,
    json.dumps(dict(version='1.0', model=dict(type='WordLevel', vocab={'[UNK]': 10**6}, unk_token='[UNK]'))).encode(), json.dumps(dict(version='1.0', model=dict(type='WordLevel', vocab={'a': 0}, unk_token='[UNK]'))).encode()], ids=lambda c: repr(c)[:50])
def test_tokenizer_that_is_none(command, bundle, content): refused(command('tag', GOOD, '--model', bundle({'tokenizer.json': content})))

@pytest.mark.parametrize('content', [b'', b'garbage', b'\0' * 1000, PICKLE, b'PK\x03\x04' + b'\0'*50, b'\x1f\x8b\x08', -100, 5000], ids=lambda c: repr(c)[:20])
def test_model_that_is_none(command, bundle, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if isinstance(content, int): content = (BUNDLED/'model.onnx').read_bytes()[:content]
    assert 'model.onnx' in refused(command('tag', GOOD, '--model', bundle({'model.onnx': content}))) and not (tmp_path/'harm').exists()

def small_model(onnx, inputs=('input_ids',), output='logits', width=len(CONFIG['tasks'])): # gives the same logits, 0, to all
    h, T = onnx.helper, onnx.TensorProto
    nodes = [h.make_node('ReduceMin', [inputs[0], 'axes'], ['least'], keepdims=0), h.make_node('Sub', ['least', 'least'], ['zero']), h.make_node('Gather', ['weights', 'zero'], [output])]
    weights = [onnx.numpy_helper.from_array(np.array([1]), 'axes'), onnx.numpy_helper.from_array(np.zeros((100, width), np.float32), 'weights')]
    graph = h.make_graph(nodes, 'g', [h.make_tensor_value_info(i, T.INT64, [1, 't']) for i in inputs], [h.make_tensor_value_info(output, T.FLOAT, [1, width])], weights)
    return h.make_model(graph, opset_imports=[h.make_opsetid('', 18)], ir_version=9)

def test_another_model_with_the_right_form(command, bundle):
    onnx = pytest.importorskip('onnx')
    done = command('tag', GOOD, '--json', '--model', bundle({'model.onnx': small_model(onnx).SerializeToString(), LEXICON: None}))
    assert done.status == 0 and {s['score'] for s in json.loads(done.out)['scores']} == {0.5}

@pytest.mark.parametrize('form', [dict(inputs=('x',)), dict(inputs=('input_ids', 'attention_mask')), dict(output='scores'), dict(width=1), dict(width=len(CONFIG['tasks'])+1)], ids=str)
def test_another_model_with_another_form(command, bundle, form):
    onnx = pytest.importorskip('onnx')
    assert str(bundle.folder) in refused(command('tag', GOOD, '--model', bundle({'model.onnx': small_model(onnx, **form).SerializeToString()})))

@pytest.mark.parametrize('place', ['weights.data', '../secret', '/etc/hostname', ''])
def test_external_data(command, bundle, tmp_path, monkeypatch, place):
    onnx = pytest.importorskip('onnx')
    monkeypatch.chdir(tmp_path)
    onnx.save_model(onnx.load(BUNDLED/'model.onnx'), 'model.onnx', save_as_external_data=True, location='weights.data', size_threshold=0)
    model = onnx.load('model.onnx', load_external_data=False)
    for t in model.graph.initializer:
        for e in t.external_data:
            if e.key == 'location': e.value = place
    assert 'other files' in refused(command('tag', GOOD, '--model', bundle({'model.onnx': model.SerializeToString()})))

def number(n, width=1, top=0): # a varint; it may be longer than need be, and what lies over 32 bits is dropped
    out = []
    while n > 127 or len(out) < width-1: out.append(n & 127 | 128); n >>= 7
    return bytes([*out, n | top])

def field(i, content): return number(i << 3 | 2) + number(len(content)) + content

@pytest.mark.parametrize('key', [b'\x0a\x08', number(10) + number(8, 3), number(10, 2) + number(8), number(10, 3) + number(8, 2), number(10, 5, 0x10) + number(8)], ids=bytes.hex)
def test_external_data_in_disguise(command, bundle, tmp_path, monkeypatch, key):
    onnx = pytest.importorskip('onnx')
    monkeypatch.chdir(tmp_path)
    n, model = len(CONFIG['tasks']), small_model(onnx)
    (tmp_path/'secret').write_bytes(np.arange(100*n, dtype='<f4').tobytes())
    del model.graph.initializer[1]
    tensor = b'\x08\x64\x08' + number(n) + b'\x10\x01' + field(8, b'weights') + field(13, key + b'location' + field(2, b'secret')) + b'\x70\x01'
    refused(command('tag', GOOD, '--model', bundle({'model.onnx': field(7, field(5, tensor)) + model.SerializeToString()})))


# with a lexicon

N = len(CONFIG['tasks'])

@pytest.fixture
def lexicon(tmp_path):
    "`lexicon(tasks, **changes)`: the bytes of a lexicon that knows the word Basque as a name of the first task, and `changes` to its arrays."
    def make(tasks=N, least=30., **changes):
        np.savez(tmp_path/LEXICON, **to_arrays(names_only([{'basque'}] + [set()]*(tasks-1)).scaled(1, floor=least)) | changes)
        return (tmp_path/LEXICON).read_bytes()
    return make

def first(done): return json.loads(done.out)['scores'][0]

def test_a_lexicon_lifts_what_is_named(command, bundle, lexicon):
    plain = command('tag', GOOD, '--json', '--model', bundle({LEXICON: None}))
    lifted = command('tag', GOOD, '--json', '--model', bundle({LEXICON: lexicon()}))
    assert first(lifted) == dict(task=CONFIG['tasks'][0]['task'], score=1.0) != first(plain) and (lifted.status, lifted.err) == (0, '')
    assert command('tag', GOOD, '--json', '--model', bundle({LEXICON: lexicon(least=None)})) == plain

def test_probabilities_with_a_lexicon(bundle, lexicon):
    papers, other = [GOOD, GOOD.replace('Basque', 'Welsh'), 'Basque. ' * 40, 'We count leaves.'], replace(names_only([set()]*(N-1) + [{'leave'}]).scaled(1, bend=(-2, .5), floor=1.5), shift=np.full(N, -.25, np.float32))
    plain, named = (PaperTagger.from_pretrained(bundle({LEXICON: c}), threads=1) for c in (None, lexicon(least=1.5)))
    logits = [np.log(p/(1-p)) for p in (tagger.probabilities(papers).astype(float) for tagger in (plain, named))]
    first = logits[0][:, 0].copy()
    logits[0][[0, 2], 0] = first[[0, 2]].clip(1.5)
    assert logits[1] == pytest.approx(logits[0], abs=1e-3) and (first < 1.5).all() and named.probabilities([]).shape == (0, N)
    def given(): return np.stack([plain.classifier.logits(p) for p in papers])
    x = given() - .25
    x[x > -2] = x[x > -2]/2 - 1
    x[3, -1] = max(x[3, -1], 1.5)
    plain.classifier.lexicon = other
    assert given() == pytest.approx(x, abs=1e-4)

def test_a_lexicon_that_is_named_but_missing(command, bundle, lexicon):
    folder = bundle({LEXICON: lexicon()})
    (folder/LEXICON).unlink()
    assert f'has no {LEXICON}' in refused(command('tag', GOOD, '--model', folder))
    (folder/LEXICON).mkdir()
    assert f'has no {LEXICON}' in refused(command('tag', GOOD, '--model', folder))

def test_a_lexicon_that_is_there_but_not_named(command, bundle, lexicon):
    folder = bundle({LEXICON: None})
    assert command('tag', GOOD, '--model', folder).status == 0
    (folder/LEXICON).write_bytes(lexicon())
    assert LEXICON in (line := refused(command('tag', GOOD, '--model', folder))) and 'no checksum' in line

@pytest.mark.parametrize('at', [0, 0.5, 1])
def test_an_altered_lexicon(command, bundle, lexicon, at):
    data = bytearray(lexicon())
    folder = bundle({LEXICON: bytes(data)})
    data[int((len(data)-1)*at)] ^= 1
    (folder/LEXICON).write_bytes(data)
    assert LEXICON in (line := refused(command('tag', GOOD, '--model', folder))) and 'checksum' in line

@pytest.mark.parametrize('tasks', [1, N-1, N+1, 5000])
def test_a_lexicon_for_other_tasks(command, bundle, lexicon, tasks):
    line = refused(command('tag', GOOD, '--model', bundle({LEXICON: lexicon(tasks)})))
    assert str(bundle.folder) in line and f'{N} tasks' in line and str(tasks) in line

@pytest.mark.parametrize('width', [1, N-1, N+1])
def test_a_lexicon_beside_a_model_for_other_tasks(command, bundle, lexicon, width):
    onnx = pytest.importorskip('onnx')
    for tasks in (N, width): assert str(bundle.folder) in refused(command('tag', GOOD, '--model', bundle({'model.onnx': small_model(onnx, width=width).SerializeToString(), LEXICON: lexicon(tasks)})))

@pytest.mark.parametrize('change', [dict(shift=np.full(N, np.nan, np.float32)), dict(name_columns=np.array([N], np.uint16)), dict(idf=np.array([Harm()], dtype=object)), dict(floor=np.zeros((N, 2), np.float32)), dict(bend=np.float32([0, 0])), dict(values=np.ones(3, np.float16)), dict(more=np.zeros(1))], ids=lambda c: ' '.join(c))
def test_a_lexicon_that_does_not_fit(command, bundle, lexicon, change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert LEXICON in refused(command('tag', GOOD, '--model', bundle({LEXICON: lexicon(**change)}))) and not (tmp_path/'harm').exists()

@pytest.mark.parametrize('content', [b'', b'garbage', PICKLE, b'PK\x03\x04' + b'\0'*50, -100], ids=lambda c: repr(c)[:20])
def test_a_lexicon_that_is_none(command, bundle, lexicon, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if isinstance(content, int): content = lexicon()[:content]
    assert LEXICON in refused(command('tag', GOOD, '--model', bundle({LEXICON: content}))) and not (tmp_path/'harm').exists()

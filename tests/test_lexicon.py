"What words say about tasks: the lexicon's scores, learning it, and its file."
import io, pickle, subprocess, sys, warnings, zipfile
from dataclasses import replace
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from helpers import ENV
from from_paper_with_tasks import lexicon as module
from from_paper_with_tasks.core import PaperTasksError
from from_paper_with_tasks.lexicon import MAX_BYTES, NO_FLOOR, Lexicon, bent, by_term, fit_lexicon, flaw, from_arrays, lifted, names_only, to_arrays
from from_paper_with_tasks.words import ngrams, words

def checks(n): return settings(deadline=None, max_examples=n, derandomize=True)

def made(terms, weights, names=(), shift=0., floor=NO_FLOOR, bend=(0, 1), familiar=0., dtype=np.float16): # weights: (terms, tasks), 0 where there is none
    weights = np.array(weights, dtype).reshape(len(terms), -1)
    found = [(np.flatnonzero(w), w[w != 0]) for w in weights.T]
    starts, columns, values = by_term(found, len(terms))
    tasks = weights.shape[1]
    return replace(names_only([set()]*tasks), terms=list(terms), idf=np.linspace(1, 3, len(terms), dtype=np.float32), starts=starts, columns=columns, values=values,
        names=dict(names), shift=np.full(tasks, shift, np.float32), floor=np.full(tasks, floor, np.float32), bend=np.float32(bend), familiar=np.float32([familiar]))

SMALL = made(['leaf', 'oak leaf', 'rain', 'song'], [[.5, 0, -1], [2, 0, 0], [0, 1, 1], [0, 0, 0]], {'rain': [1], 'oak leaf': [0, 2]}, shift=-1, floor=.5, bend=(-.25, .5), familiar=.25)
same_as = pytest.approx
anything = st.text(st.characters(), max_size=60) | st.text('aAbBsS-_ 2\n²ßİ\ud800\0', max_size=60) | st.sampled_from(['oak leaf ' * 9, 'rain'])
few = st.lists(st.sampled_from('a b cd ef. gh, Gh-a leaves rain'.split()), max_size=15).map(' '.join) # texts that share words


# scores

def by_hand(lexicon, text): # what the scores should be, without a trick
    grams = [g for g in ngrams(words(text), max((t.count(' ')+1 for t in lexicon.terms), default=0)) if g in lexicon.terms]
    x = {t: (1 + np.log(grams.count(t))) * lexicon.idf[i] for i, t in enumerate(lexicon.terms) if t in grams}
    norm = sum(v*v for v in x.values())**.5
    scores = lexicon.shift.astype(float)
    for i, t in enumerate(lexicon.terms):
        for k in range(lexicon.starts[i], lexicon.starts[i+1]): scores[lexicon.columns[k]] += float(lexicon.values[k]) * x.get(t, 0)/(norm or 1)
    return scores

def named_by_hand(lexicon, text): return {c for n, cs in lexicon.names.items() if n in ngrams(words(text), 9) for c in cs}

def share_by_hand(lexicon, text):
    known = [w in lexicon.terms for w in sorted(set(words(text)))]
    return 1. if not lexicon.terms else known.count(True)/len(known) if known else 0.

def logits_by_hand(lexicon, text, logits):
    at_home = np.float32(share_by_hand(lexicon, text)) >= lexicon.familiar[0]
    named, (knee, slope), out = named_by_hand(lexicon, text), lexicon.bend.astype(float), []
    for c, x in enumerate(logits + by_hand(lexicon, text)):
        if x > knee: x = knee + slope*(x - knee)
        out.append(max(x, lexicon.floor[c]) if c in named and at_home else x)
    return out

@checks(300)
@given(st.lists(anything, max_size=4))
def test_any_text_has_scores(texts):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        scores, named, logits = SMALL.scores(texts), SMALL.named(texts), SMALL(texts, np.zeros((len(texts), 3)))
    assert scores.shape == named.shape == logits.shape == (len(texts), 3) and scores.dtype == logits.dtype == np.float32 and named.dtype == bool and np.isfinite([scores, logits]).all()
    for text, *rows in zip(texts, scores, logits): assert rows == [same_as(by_hand(SMALL, text), abs=1e-5), same_as(logits_by_hand(SMALL, text, 0), abs=1e-5)]

numbers, slopes, shares = st.floats(-4, 4, width=16), st.floats(.125, 4, width=16), st.sampled_from([0, .25, 1/3, .5, .6, 1]) | st.floats(0, 1, width=16)

@st.composite
def lexicons(draw):
    terms = draw(st.lists(st.sampled_from('abcde').map(str) | st.sampled_from(['a b', 'b c', 'a b c', 'é', 'leaf', 'rain']), unique=True, max_size=6))
    tasks = draw(st.integers(1, 4))
    rows = st.lists(st.just(0.) | numbers, min_size=len(terms)*tasks, max_size=len(terms)*tasks)
    names = draw(st.dictionaries(st.sampled_from(['a', 'b c', 'leaf', 'rain on leaf', 'ü']), st.lists(st.integers(0, tasks-1), max_size=3), max_size=4))
    extra = dict(floor=np.float32([draw(numbers | st.just(NO_FLOOR)) for _ in range(tasks)]), bend=np.float32([draw(numbers), draw(slopes)]), familiar=np.float32([draw(st.just(0.) | shares)]))
    if not terms: return replace(names_only([set()]*tasks), names=names, **extra)
    return replace(made(terms, draw(rows), names, draw(numbers), dtype=draw(st.sampled_from([np.float16, np.float32]))), **extra)

@checks(200)
@given(lexicons(), st.lists(few, max_size=3))
def test_scores_are_what_they_should_be(lexicon, texts):
    scores = lexicon.scores(texts)
    for text, row in zip(texts, scores): assert row == same_as(by_hand(lexicon, text), abs=1e-4)
    for i, text in enumerate(texts): assert (lexicon.scores([text])[0] == scores[i]).all()

def drawn_logits(data, lexicon, texts, dtype=np.float32): return np.array([[data.draw(st.floats(-9, 9, width=16)) for _ in lexicon.shift] for _ in texts], dtype).reshape(len(texts), -1 if texts else len(lexicon.shift))

@checks(200)
@given(lexicons(), st.lists(few, max_size=3), st.sampled_from([np.float16, np.float32, np.float64]), st.data())
def test_calibrated_logits_are_what_they_should_be(lexicon, texts, dtype, data):
    logits = drawn_logits(data, lexicon, texts, dtype)
    logits.flags.writeable = False
    out = lexicon(texts, logits)
    assert out.dtype == np.float32 and out.shape == logits.shape
    for text, row, said in zip(texts, out, logits): assert row == same_as(logits_by_hand(lexicon, text, said), abs=1e-3)
    at_home = np.array([np.float32(lexicon.known_share(words(t))) >= lexicon.familiar[0] for t in texts], bool)[:, None]
    assert (out == lifted(bent(np.float32(logits) + lexicon.scores(texts), lexicon.bend), lexicon.named(texts) & at_home, lexicon.floor)).all()
    for i, text in enumerate(texts): assert (lexicon([text], logits[i:i+1])[0] == out[i]).all()

@checks(100)
@given(lexicons(), st.lists(few, max_size=3), st.data())
def test_nothing_is_bent_or_lifted_unless_asked_for(lexicon, texts, data):
    plain, logits = lexicon.scaled(1), drawn_logits(data, lexicon, texts)
    assert (plain(texts, logits) == logits + lexicon.scores(texts)).all() and plain.bend.tolist() == [0, 1] and set(plain.floor) == {np.float32(NO_FLOOR)} and plain.familiar.tolist() == [0]

def test_a_text_is_taken_apart_once(monkeypatch):
    seen = []
    monkeypatch.setattr(module, 'words', lambda text: seen.append(text) or words(text))
    SMALL(['rain', 'oak leaf'], np.zeros((2, 3)))
    assert seen == ['rain', 'oak leaf']

@pytest.mark.parametrize('shape', [(1, 3), (3, 3), (2, 4), (2, 1)], ids=str)
def test_logits_of_another_shape(shape):
    with pytest.raises(ValueError): SMALL(['rain', 'oak leaf'], np.zeros(shape))

SHAPES = [(), (0,), (5,), (2, 3), (0, 3), (2, 1, 4)]

@checks(200)
@given(st.sampled_from(SHAPES), st.sampled_from([np.float32, np.float64]), numbers, slopes, st.data())
def test_a_bend_keeps_the_order(shape, dtype, knee, slope, data):
    x = np.array([data.draw(st.floats(-20, 20, width=16)) for _ in range(int(np.prod(shape)))], dtype).reshape(shape)
    for bend in ((knee, slope), np.float32([knee, slope]), np.array([knee, slope])):
        y = bent(x, bend)
        assert y.shape == shape and y.dtype == dtype and (y[x <= knee] == x[x <= knee]).all() and y[x > knee] == same_as(knee + slope*(x[x > knee] - knee), abs=1e-4)
    assert (np.diff(y.ravel()[np.argsort(x, None)]) >= 0).all() and (bent(x, (0, 1)) == x).all() and bent(np.array(knee, dtype), (knee, slope)) == dtype(knee)

@checks(200)
@given(st.sampled_from(SHAPES), numbers, st.data())
def test_a_floor_lifts_what_is_named_and_moves_nothing_else(shape, floor, data):
    n = int(np.prod(shape))
    x, named = np.float32([data.draw(numbers) for _ in range(n)]).reshape(shape), np.array([data.draw(st.booleans()) for _ in range(n)], bool).reshape(shape)
    for f in (floor, np.float32(floor), np.full(shape[-1:], floor, np.float32)):
        y = lifted(x, named, f)
        assert y.shape == shape and y.dtype == np.float32 and (y[~named] == x[~named]).all() and (y[named] == x[named].clip(floor)).all()
    assert (lifted(x, named, NO_FLOOR) == x).all()

@checks(200)
@given(lexicons(), st.lists(few, max_size=3), st.floats(0, 8), st.floats(.25, 2), numbers, slopes, numbers, shares)
def test_scaling(lexicon, texts, weight, gain, knee, slope, floor, least):
    before, gains = parts(lexicon), np.linspace(gain, 2, len(lexicon.shift))
    scaled, floors = lexicon.scaled(weight, gains, (knee, slope), floor, least), floor + gains
    size = 1 + np.abs(lexicon.values.astype(float)).sum() # each value is rounded once more
    assert scaled.scores(texts) == same_as(gains * weight * lexicon.scores(texts), abs=weight*2*size*2**-11 + 1e-4) and (scaled.named(texts) == lexicon.named(texts)).all()
    assert scaled.bend.tolist() == [knee, slope] and (scaled.floor == floor).all() and (scaled.scaled(1, floor=floors).floor == np.float32(floors)).all() and parts(lexicon.scaled(weight, gains, [knee, slope], [floor]*len(gains), familiar=least)) == parts(scaled)
    assert not flaw(to_arrays(scaled)) and scaled.values.dtype == lexicon.values.dtype and parts(lexicon) == before and (lexicon.scaled(2).floor == np.float32(NO_FLOOR)).all() and scaled.familiar.dtype == np.float32 and scaled.familiar.tolist() == [np.float32(least)] and lexicon.scaled(2).familiar.tolist() == [0]

@checks(200)
@given(lexicons(), few)
def test_a_floor_is_given_exactly_where_a_name_stands(lexicon, text):
    named, low = named_by_hand(lexicon, text), np.full((1, len(lexicon.shift)), -9.)
    assert set(np.flatnonzero(lexicon.named([text])[0])) == named == set(np.flatnonzero(lexicon.scaled(0, floor=-5)([text], low)[0] == -5))

@checks(200)
@given(lexicons(), few, shares)
def test_a_floor_is_given_in_familiar_texts_only(lexicon, text, least):
    share, low, named = lexicon.known_share(words(text)), np.full((1, len(lexicon.shift)), -9.), lexicon.named([text])
    assert type(share) is float and share == share_by_hand(lexicon, text) == lexicon.known_share(words(text)[::-1]*2)
    def lifts(least): return lexicon.scaled(0, floor=-5, familiar=least)([text], low) == -5
    assert (lifts(least) == (named & (np.float32(share) >= np.float32(least)))).all() and (lifts(0) == named).all() and (lifts(share) == named).all()
    if share < 1: assert not lifts(np.nextafter(np.float32(share), np.float32(1))).any()

@pytest.mark.parametrize('text,share', [('', 0), ('. -', 0), ('Rain', 1), ('rain, rains: RAIN', 1), ('oak', 0), ('oak leaf', .5), ('oak leaves in rain', .25), ('Leaf after leaf after leaf', .5), ('漢字', 0)])
def test_the_share_of_known_words(text, share): # of distinct words; a term of two words makes neither known
    assert SMALL.known_share(words(text)) == share and names_only([{'rain'}]).known_share(words(text)) == 1

def test_the_limit_of_familiar_texts():
    lexicon, texts = SMALL.scaled(0, floor=3, familiar=.6), ['oak leaf', 'oak leaf rain', 'leaf rain song oak leaf wind', 'rain', 'rain on a roof']
    assert [lexicon.known_share(words(t)) for t in texts] == [.5, 2/3, .6, 1, .25]
    assert (lexicon(texts, np.zeros((5, 3))) == [[0, 0, 0], [3, 3, 3], [3, 3, 3], [0, 3, 0], [0, 0, 0]]).all()
    assert (lexicon(texts, np.full((5, 3), 4)) == 4).all()

def test_a_limit_leaves_scores_and_bend_alone():
    texts, zeros = ['an oak leaf of another kind', 'in the rain of that year'], np.zeros((2, 3))
    low = replace(SMALL, familiar=f(1))
    assert (low(texts, zeros) == bent(SMALL.scores(texts), SMALL.bend)).all() and (low.named(texts) == SMALL.named(texts)).all() and low.named(texts).any(1).all() and (low(texts, zeros) != replace(SMALL, familiar=f(0))(texts, zeros)).any(1).all()

def test_what_speaks_for_a_task():
    assert SMALL.strongest(0) == [('oak leaf', 2.), ('leaf', .5)] and SMALL.strongest(2, 1) == [('rain', 1.)] and SMALL.strongest(1, 0) == []

def test_a_lexicon_of_many_words_is_told_in_a_line(): assert repr(SMALL) == 'Lexicon(4 terms, 5 weights, 2 names, 3 tasks)'


# learning

@checks(25)
@given(st.lists(few, min_size=4, max_size=20), st.data())
def test_scores_are_those_of_scikit_learn(texts, data):
    sklearn = pytest.importorskip('sklearn')
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC
    y = np.array([[data.draw(st.booleans()) for _ in range(3)] for _ in texts])
    new = data.draw(st.lists(few, max_size=4))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', sklearn.exceptions.ConvergenceWarning)
        lexicon = fit_lexicon(texts, y, [{'a'}, {'b cd'}, set()])
        tfidf = TfidfVectorizer(analyzer=lambda t: ngrams(words(t), 2), sublinear_tf=True, min_df=2)
        try: x = tfidf.fit_transform(texts)
        except ValueError:
            assert lexicon.terms == [] and not lexicon.scores([*texts, *new]).any()
            return
        assert lexicon.terms == list(tfidf.get_feature_names_out())
        for i in range(3):
            scores = lexicon.scores([*texts, *new])[:, i]
            if y[:, i].all() or not y[:, i].any(): assert not scores.any() and lexicon.strongest(i) == []; continue
            svm = LinearSVC(C=1, dual='auto', random_state=0).fit(x, y[:, i])
            rounding = (abs(tfidf.transform([*texts, *new])) @ np.abs(svm.coef_[0])) * 2**-11 + 1e-5
            assert (np.abs(scores - svm.decision_function(tfidf.transform([*texts, *new]))) <= rounding).all()

TEXTS = ['we count leaves of oaks', 'counting leaves of maize', 'counts of leaves', 'we forecast rain', 'rain forecasts on a radar', 'a radar for rain']
Y = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])

def test_pruning_keeps_the_largest():
    pytest.importorskip('sklearn')
    whole, pruned = (fit_lexicon(TEXTS, Y, [set()]*2, per_task=n) for n in (800, 3))
    assert whole.terms == pruned.terms and (whole.shift == pruned.shift).all() and len(whole.values) > 6 == len(pruned.values)
    def of(lexicon, i): return {t: float(lexicon.values[k]) for n, t in enumerate(lexicon.terms) for k in range(lexicon.starts[n], lexicon.starts[n+1]) if lexicon.columns[k] == i}
    for i in (0, 1):
        kept, all_ = of(pruned, i), of(whole, i)
        assert kept.items() <= all_.items() and len(kept) == 3 and min(map(abs, kept.values())) >= max(abs(v) for t, v in all_.items() if t not in kept)
    assert fit_lexicon([*TEXTS, 'leaves in rain'], np.r_[Y, Y[:1]], [set()]*2, max_terms=2).terms == ['leave', 'rain']

@pytest.mark.parametrize('kind', [bool, np.int64, np.float32, np.uint8, list])
def test_fitting_takes_any_kind_of_zeros_and_ones(kind):
    pytest.importorskip('sklearn')
    lexicon = fit_lexicon(TEXTS, Y.tolist() if kind is list else Y.astype(kind), [{'leaf counting'}, {'rain'}])
    assert lexicon.scores(['oak leaves', 'radar'])[:, 0].argmax() == 0 and (lexicon.floor == NO_FLOOR).all() and lexicon.bend.tolist() == [0, 1] and lexicon.familiar.tolist() == [0] and (lexicon.scores(TEXTS) == fit_lexicon(TEXTS, Y, [set()]*2).scores(TEXTS)).all()
    assert lexicon.names == {'leaf counting': [0], 'rain': [1]} and not flaw(to_arrays(lexicon))

def test_tasks_that_are_not_fitted():
    pytest.importorskip('sklearn')
    lexicon = fit_lexicon(TEXTS, np.c_[Y, Y[:, :1], 0*Y, 0*Y+1], [{'x y'}]*7, fitted=np.array([True, True, False, True, True, True, True]))
    assert set(lexicon.columns) == {0, 1} and not lexicon.shift[2:].any() and lexicon.names == {'x y': list(range(7))}
    assert (lexicon.scaled(1, floor=2)(['x y'], np.zeros((1, 7)))[0, 2:] == 2).all()

@pytest.mark.parametrize('texts', [[], ['one paper alone'], ['one', 'another'], ['', ''], ['漢字', '仮名']])
def test_papers_that_share_no_word(texts):
    pytest.importorskip('sklearn')
    lexicon = fit_lexicon(texts, np.zeros((len(texts), 2), int), [{'rain'}, set()])
    assert lexicon.terms == [] and (lexicon.scaled(1, floor=2)(['Rain', 'x'], np.zeros((2, 2))) == [[2, 0], [0, 0]]).all() and not flaw(to_arrays(lexicon))


# its file

def parts(lexicon): return lexicon.terms, lexicon.names, [(getattr(lexicon, k).dtype, getattr(lexicon, k).tolist()) for k in ('idf', 'starts', 'columns', 'values', 'shift', 'floor', 'bend', 'familiar')]

@checks(100)
@given(lexicons())
def test_what_is_saved_can_be_loaded(tmp_path_factory, lexicon):
    path = tmp_path_factory.getbasetemp()/'saved.npz'
    lexicon.save(path)
    loaded, data = Lexicon.load(path), path.read_bytes()
    loaded.save(path)
    assert parts(loaded) == parts(lexicon) == parts(from_arrays(to_arrays(lexicon))) and path.read_bytes() == data
    assert (loaded(['a b c', 'rain on leaves'], zeros := np.zeros((2, len(lexicon.shift)))) == lexicon(['a b c', 'rain on leaves'], zeros)).all()

def npz(arrays, pack=zipfile.ZIP_DEFLATED): # with members that are bytes left as they are
    with zipfile.ZipFile(out := io.BytesIO(), 'w', pack) as z:
        for name, a in arrays.items():
            if not isinstance(a, bytes): np.save(f := io.BytesIO(), a, allow_pickle=True); a = f.getvalue()
            z.writestr(f'{name}.npy', a)
    return out.getvalue()

def refused(path, content=None):
    if content is not None: path.write_bytes(content)
    with warnings.catch_warnings(), pytest.raises(PaperTasksError) as e:
        warnings.simplefilter('error')
        Lexicon.load(path)
    assert str(path) in str(e.value) and '\n' not in str(e.value) and len(str(e.value)) < 400
    return str(e.value)

GOOD = to_arrays(SMALL)
WHOLE = npz(GOOD)

def test_a_file_as_numpy_writes_it(tmp_path):
    np.savez_compressed(tmp_path/'a.npz', **GOOD); np.savez(tmp_path/'b.npz', **GOOD); (tmp_path/'c.npz').write_bytes(WHOLE)
    assert all(parts(Lexicon.load(tmp_path/n)) == parts(SMALL) for n in ('a.npz', 'b.npz', 'c.npz'))

class Harm: # what runs when it is unpickled
    def __reduce__(self): return exec, ('raise SystemExit("harm")',)

def f(*xs): return np.array(xs, np.float32)
HARM = np.array([Harm(), Harm()], dtype=object)
WRONG = dict(
    pickled=(dict(idf=HARM), 'read'), a_pickle_for_an_array=(dict(idf=pickle.dumps(Harm())), 'idf'), no_array=(dict(terms=b'leaf'), 'terms'), structured=(dict(shift=np.zeros(3, 'f4,f4')), 'shift'),
    text=(dict(terms=np.array(['leaf', 'oak leaf', 'rain', 'song'])), 'terms'), double=(dict(idf=np.ones(4)), 'idf'), half=(dict(idf=np.ones(4, np.float16)), 'idf'), signed=(dict(columns=GOOD['columns'].astype(np.int16)), 'columns'), wide=(dict(starts=GOOD['starts'].astype(np.int64)), 'starts'),
    numbers=(dict(values=GOOD['columns']), 'values'), time=(dict(floor=np.zeros(3, 'M8[s]')), 'floor'), two_dimensions=(dict(shift=f(0, 0, 0)[None]), 'shift'), no_dimension=(dict(shift=np.float32(0)), 'shift'), flat=(dict(values=GOOD['values'][:, None]), 'values'),
    too_short=(dict(idf=f(1, 1, 1)), 'lengths'), too_long=(dict(idf=f(1, 1, 1, 1, 1)), 'lengths'), more_values=(dict(values=np.ones(9, np.float16)), 'lengths'), more_columns=(dict(columns=np.zeros(9, np.uint16)), 'lengths'), tasks=(dict(floor=f(1, 1)), 'numbers of tasks'), no_tasks=(dict(floor=f(), shift=f()), 'columns'),
    column=(dict(columns=np.array([0, 2, 0, 1, 3], np.uint16)), 'task 3 of 3'), last_column=(dict(columns=np.full(5, 65535, np.uint16)), 'task 65535 of 3'), name_column=(dict(name_columns=np.array([1, 0, 3], np.uint16)), 'task 3 of 3'), fewer_tasks=(dict(floor=f(0, 0), shift=f(0, 0)), 'columns'),
    from_one=(dict(starts=np.array([1, 2, 3, 5, 5], np.int32)), 'starts'), negative=(dict(starts=np.array([0, -2, 3, 5, 5], np.int32)), 'starts'), falling=(dict(starts=np.array([0, 3, 2, 5, 5], np.int32)), 'starts'), beyond=(dict(starts=np.array([0, 99, 99, 99, 5], np.int32)), 'starts'),
    past_the_end=(dict(starts=np.array([0, 2, 3, 5, 6], np.int32)), 'starts'), overflow=(dict(starts=np.array([0, 2**31-1, -2**31, 5, 5], np.int32)), 'starts'), few_starts=(dict(starts=np.array([0, 5], np.int32)), 'starts'), no_starts=(dict(starts=np.zeros(0, np.int32)), 'starts'),
    name_starts=(dict(name_starts=np.array([0, 5, 3], np.int32)), 'starts'), name_end=(dict(name_starts=np.array([0, 1, 9], np.int32)), 'starts'), nan=(dict(shift=f(0, np.nan, 0)), 'finite'), infinite=(dict(floor=f(0, -np.inf, 0)), 'finite'), minus_infinite=(dict(idf=f(1, 1, 1, -np.inf)), 'finite'),
    nan_weight=(dict(values=np.array([1, 1, 1, 1, np.nan], np.float16)), 'finite'), infinite_weight=(dict(values=np.array([1, 1, 1, 1, -np.inf], np.float16)), 'finite'), too_large_a_number=(dict(values=f(1, 1, 1, 1, 1e30)), 'too large'),
    not_utf8=(dict(terms=np.array([255, 254], np.uint8)), 'read'), half_a_letter=(dict(names=np.frombuffer('é'.encode()[:1], np.uint8)), 'read'), twice=(dict(terms=np.frombuffer(b'leaf\nrain\nsong\nleaf', np.uint8)), 'twice'), name_twice=(dict(names=np.frombuffer(b'a\na', np.uint8)), 'twice'),
    empty_lines=(dict(terms=np.full(10**6, 10, np.uint8)), 'twice'), no_terms=(dict(terms=np.zeros(0, np.uint8)), 'lengths'), no_names=(dict(names=np.zeros(0, np.uint8)), 'starts'), another=(dict(more=f(1)), 'not known'), boost=(dict(boost=f(0, 0, 0)), 'not known'),
    flat_bend=(dict(bend=f(0, 0)), 'slope over 0'), falling_bend=(dict(bend=f(0, -1)), 'slope over 0'), half_a_bend=(dict(bend=f(1)), 'slope over 0'), no_bend=(dict(bend=f()), 'slope over 0'), two_bends=(dict(bend=f(0, 1, 1, 2)), 'slope over 0'), nan_bend=(dict(bend=f(0, np.nan)), 'finite'), steep_bend=(dict(bend=f(0, 2e6)), 'too large'), double_bend=(dict(bend=np.array([0., 1.])), 'bend'),
    no_share=(dict(familiar=f()), 'one number'), two_shares=(dict(familiar=f(0, 1)), 'one number'), share_under_0=(dict(familiar=f(-.01)), 'one number'), share_over_1=(dict(familiar=f(1.01)), 'one number'), nan_share=(dict(familiar=f(np.nan)), 'finite'), infinite_share=(dict(familiar=f(np.inf)), 'finite'),
    double_share=(dict(familiar=np.array([.5])), 'familiar'), whole_share=(dict(familiar=np.array([1])), 'familiar'), bare_share=(dict(familiar=np.float32(.5)), 'familiar'))

@pytest.mark.parametrize('change,why', WRONG.values(), ids=WRONG)
def test_a_file_with_wrong_arrays(tmp_path, change, why): assert why in refused(tmp_path/'lexicon.npz', npz(GOOD | change))

@pytest.mark.parametrize('name', GOOD)
def test_a_file_without_an_array(tmp_path, name): assert name in refused(tmp_path/'lexicon.npz', npz({k: a for k, a in GOOD.items() if k != name}))

def header(text): return b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little') + text

@pytest.mark.parametrize('member', [b'', b'\x93NUMPY', header(b''), header(b'{'), header(b'('*9000), header(b'__import__("os").abort()\n'), header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}\n"), header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999,)}\n"),
    header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-4,)}\n"), header(b"{'descr': '|V0', 'fortran_order': False, 'shape': (9999999999999999999,)}\n"), header(b"{'descr': '|O', 'fortran_order': False, 'shape': (4,)}\n" + pickle.dumps(Harm())), header(b"{'descr': '<U0', 'fortran_order': False, 'shape': (4,)}\n")], ids=lambda m: repr(m)[:40])
def test_a_file_with_a_broken_array(tmp_path, member): refused(tmp_path/'lexicon.npz', npz(GOOD | dict(idf=member)))

@pytest.mark.parametrize('content', [b'', b'PK', b'PK\x03\x04' + b'\0'*50, b'\x93NUMPY', pickle.dumps(Harm()), npz(GOOD)[:-1], npz(GOOD)[1:], WHOLE[:len(WHOLE)//2], WHOLE[:30], npz({}), npz(GOOD, zipfile.ZIP_LZMA), npz(GOOD, zipfile.ZIP_BZIP2)], ids=lambda c: repr(c)[:20])
def test_no_file_of_arrays(tmp_path, content): refused(tmp_path/'lexicon.npz', content)

@checks(150)
@given(st.data())
def test_a_damaged_file(tmp_path_factory, data):
    path, content = tmp_path_factory.getbasetemp()/'damaged.npz', bytearray(WHOLE)
    if data.draw(st.booleans()): content = content[:data.draw(st.integers(0, len(content)-1))]
    else: content[data.draw(st.integers(0, len(content)-1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try: loaded = Lexicon.load(path)
        except PaperTasksError as e: assert '\n' not in str(e) and str(path) in str(e)
        else: assert parts(loaded) == parts(SMALL)

@checks(150)
@given(st.data())
def test_a_file_that_is_accepted_can_be_used(tmp_path_factory, data): # with arrays of the right kinds and any content
    arrays = dict(GOOD)
    for name in data.draw(st.lists(st.sampled_from(sorted(GOOD)), min_size=1, max_size=3)):
        raw = bytearray(arrays[name].tobytes())
        for _ in range(data.draw(st.integers(1, 3))): raw[data.draw(st.integers(0, len(raw)-1))] = data.draw(st.integers(0, 255))
        arrays[name] = np.frombuffer(bytes(raw), arrays[name].dtype)
    path = tmp_path_factory.getbasetemp()/'content.npz'
    path.write_bytes(npz(arrays))
    try: loaded = Lexicon.load(path)
    except PaperTasksError as e: assert '\n' not in str(e); return
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert np.isfinite(loaded(['oak leaves', 'rain', 'song of rain on leaves', ''], np.full((4, 3), 9))).all()
    loaded.save(path)
    assert parts(Lexicon.load(path)) == parts(loaded)

def test_a_small_file_that_unpacks_to_much(tmp_path):
    bomb = npz(dict(GOOD, terms=np.zeros(MAX_BYTES + (1 << 17), np.uint8)))
    assert len(bomb) < 100_000 and 'read' in refused(tmp_path/'lexicon.npz', bomb)
    assert 'bytes' in flaw(dict(GOOD, terms=np.zeros(MAX_BYTES, np.uint8)))

@pytest.mark.parametrize('name', ['missing.npz', 'folder', 'a\0b', 'missing/lexicon.npz'])
def test_no_file(tmp_path, name):
    (tmp_path/'folder').mkdir()
    refused(tmp_path/name)

@pytest.mark.parametrize('change', [dict(terms=['a']), dict(terms=['a\nb', 'c', 'd', 'e']), dict(terms=['']), dict(idf=np.ones(4)), dict(columns=GOOD['columns'] + np.uint16(3)), dict(values=GOOD['values']*np.nan), dict(floor=f(1)), dict(bend=f(0, 0)), dict(familiar=f(2)), dict(familiar=.5), dict(names={'a': [3]}), dict(names={'a\nb': [0]})], ids=str)
def test_what_cannot_be_loaded_is_not_saved(tmp_path, change):
    with pytest.raises(PaperTasksError, match='cannot be saved'): replace(SMALL, **change).save(tmp_path/'lexicon.npz')
    assert not list(tmp_path.iterdir())

def test_saving_where_there_is_no_folder(tmp_path):
    with pytest.raises(PaperTasksError, match='no folder'): SMALL.save(tmp_path/'missing'/'lexicon.npz')

def test_importing_it_needs_numpy_alone():
    code = 'import sys, from_paper_with_tasks.lexicon; print(*sorted({m.split(".")[0] for m in sys.modules} & {"sklearn", "scipy", "torch", "onnxruntime", "pandas", "requests"}))'
    assert subprocess.run([sys.executable, '-c', code], env=ENV, capture_output=True, text=True, check=True).stdout.strip() == ''

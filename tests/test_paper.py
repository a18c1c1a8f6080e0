"Titles and abstracts in whatever state they come."
import functools, hashlib, random, signal, unicodedata
from contextlib import contextmanager
import pytest
from hypothesis import assume, given, settings, strategies as st
from helpers import GOOD
from from_paper_with_tasks.core import BadRow, PaperTasksError
from from_paper_with_tasks.paper import (MAX_CHARS, MAX_TITLE_CHARS, Paper, bare_arxiv_id, check_abstract, check_title, clean_text, join_lines, latex_words,
    plain_characters, says_nothing, split_of, to_paper, without_addresses, without_headers)

def checks(n): return settings(deadline=None, max_examples=n, derandomize=True)

def refused(f, *args):
    "The line with which `f` refuses what it was given."
    with pytest.raises(PaperTasksError) as e: f(*args)
    assert '\n' not in str(e.value) and len(str(e.value)) < 300
    return str(e.value)


# any text

FRAGMENTS = ['\\emph{', '\\cite{a}', '\\"o', '\\', '\\\\', '\\c{c}', '\\H', '\\i', '\\~', '\\$', '\\%', '\\begin{', '$', '$x^2$', '$5', '&amp;', '&lt;', '&gt;', '&', 'lt;', 'amp;', '&nbsp;', '&shy;', '#38;', '<i>', '</p>', '<br/>', '<', '>',
    'https://', 'http://a.b/c', 'http : / /', 'www.', 'example.org/', '- ', '-', '-\n', '\u00ad', '\u200b', '\ufffd', '\ufeff', '\ue000', 'arXiv:', 'arXiv:1609.09869v2', '[stat.ML]', ' 5 Jan 2017', '{', '}', '``', "''", "'", '"', 'ﬁ', 'ﬃ', '①', '½', '…', '¨',
    '\u00a0', '\u3000', '\u2028', '\x0c', '\x85', '\x1f', '\0', '\u0301', '\u0308', 'é', 'ß', 'İ', 'ΐ', 'ŉ', '한', 'a', 'A', 'K', '1', '1 INTRODUCTION', 'I. Introduction', '. ', '.', '!', ': ', ', ', '\n', '\r\n', '\t', ' ', '  ', '~', '@', 'a@b.cd', '{a,b}@c.de', '_', '^', '=',
    'Code is available at', 'The code is available.', 'Our code', 'and models', 'is available', 'here', 'Abstract', 'Abstract:', 'We', 'we release our code', 'Under review', 'Published as a conference paper at ICLR 2020', 'A PREPRINT', 'preprint',
    'IEEE', '*', '†', '* Equal contribution', '©', 'word', 'analy', 'sis', 'TRANS', 'FER', 'to appear in', '(', '[', ')', ']', '/', '|']

texts = st.text() | st.lists(st.sampled_from(FRAGMENTS), max_size=14).map(''.join) | st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=14).map(''.join)

@checks(1500)
@given(texts)
def test_any_text(s):
    assume(s.count('amp') < 6) # an entity in an entity in an entity …
    cleaned = clean_text(s)
    assert cleaned == ' '.join(cleaned.split())
    assert not [c for c in cleaned if unicodedata.category(c) == 'Cc']
    assert clean_text(cleaned) == cleaned

def test_entities_nested_for_ever(): assert clean_text('&' + 'amp;'*1000 + 'lt;b').startswith('&amp;')

@checks(500)
@given(texts, texts)
def test_text_of_a_paper(title, abstract):
    a, t = clean_text(abstract), clean_text(title)
    assert Paper(abstract).text == Paper(abstract, '').text == Paper(abstract, ' \n').text == a and Paper(abstract, title).text == (f'{t}. {a}' if t else a)

WORDS = '''the a of and for with on tree trees image speech graph network networks data model results word words language parser parsing translation detection recognition video robot protein music
    we they study train compare measure show learn predict grow prune reviews images networked low-rank state-of-the-art don't 12 40% F1 well-known (large) faster, deeper; than before'''.split()
sentences = st.lists(st.sampled_from(WORDS), min_size=3, max_size=15).map(lambda ws: (' '.join(ws)[0].upper() + ' '.join(ws)[1:] + '.'))

@checks(500)
@given(st.lists(sentences, min_size=1, max_size=6).map(' '.join))
def test_plain_sentences_are_left_alone(s): assert clean_text(s) == s

@contextmanager
def seconds(n): # of computing: others may use the machine
    def late(*_): raise AssertionError(f'takes more than {n} s')
    old = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, n)
    try: yield
    finally: signal.setitimer(signal.ITIMER_PROF, 0); signal.signal(signal.SIGPROF, old)

HOSTILE = ['\\emph{', '$', 'http://', 'https : / / ', 'a- ', '- ', '-', '.', ':', '—', ' *', '*', '\\', '{', '}', 'The code ', 'code, ', '. The code is available', '. Our code and models and', '&amp;', "''", '``', '`', 'a@', '@', 'a.', 'a,', '\\"', '\\c{', 'arXiv: ', 'arXiv:', '~a', '~',
    'we release our code and ', 'ﷺ', '$a', '$a$ ', '\\cite{', '\\cite[', '\\begin{', '. 1 INTRODUCTION', 'a. 1 ', 'http://a. b', 'http://a/ b1/', 'www.', '© www.', '1 ', '<p', '<p ', '\\math', 'equal ', 'abstract ', 'Abstract: ', 'preprint ', 'IEEE ', '\n', ' \n', '\t', '\u0301', '\xad', '\xad\n', '-\n ', 'a', 'A', '(', '&', '&#']

@pytest.mark.parametrize('unit', HOSTILE, ids=ascii)
def test_hostile_texts_take_linear_time(unit):
    with seconds(2): clean_text(unit * (50_000//len(unit)))
    with seconds(2): clean_text((unit * (290//len(unit)) + '. X ') * 160) # sentences of the length at which boilerplate is looked for

def test_hostile_words_take_linear_time():
    rng = random.Random(1)
    words = 'the our code codes model data and or of for used is are be been available released at on publicly we make provide share also both source equal contribution work done during intern authors first © copyright found in here:, / with to as well'.split()
    for _ in range(40):
        unit = ' '.join(rng.choice(words) for _ in range(rng.randint(1, 6))) + ' '
        with seconds(1): clean_text(((unit * (290//len(unit)+1))[:295].capitalize() + '. ') * 20)


# each kind of trace

def table(**kinds): return pytest.mark.parametrize('raw,clean', [pytest.param(*c, id=f'{k}: {ascii(c[0])[:40]}') for k, cs in kinds.items() for c in cs])

@table(
    characters=[('R&amp;D', 'R&D'), ('AT&T', 'AT&T'), ('1 &lt; 2 &gt; 0', '1 < 2 > 0'), ('Sch&ouml;n&#8217;s', 'Schön’s'), ('e&#xFB03;cient', 'efficient'), ('&amp;amp;lt;i&amp;gt;x', 'x'), ('ﬁ ﬂ ﬀ ﬃ ﬄ', 'fi fl ff ffi ffl'), ('ｗｉｄｅ x² № …', 'wide x2 No ...'),
        ('non\u00a0breaking\u2003space', 'non breaking space'), ('so\u00adft', 'soft'), ('so\u00ad\n  ft', 'soft'), ('ze\u200bro', 'zero'), ('\ufeffWe grow', 'We grow'), ('a\0b\x01c\x7fd', 'abcd'), ('los\ufffdt', 'lost'), ('\u202ewe\u202c g\u2060r\u2062o\u061cw', 'we grow'),
        ('page\x0cbreak', 'page break'), ('next\x85line', 'next line'), ('<i>Escherichia</i> H<sub>2</sub>O', 'Escherichia H2O'), ('<p>One.</p><p>Two.</p>', 'One. Two.'), ('One.<br/>Two.', 'One. Two.'), ('<jats:p>We grow <jats:italic>trees</jats:italic>.</jats:p>', 'We grow trees.'),
        ('if a<b and b>c', 'if a<b and b>c'), ('x <y> z', 'x <y> z'), ('a \t\r\n b', 'a b'), ('', ''), (' \n', '')],
    hyphens=[('re-\npresentation', 'representation'), ('re- \r\n presentation', 'representation'), ('syntactic analy- sis', 'syntactic analysis'), ('TRANS- FER', 'TRANSFER'), ('inter- and intra-sentence', 'inter- and intra-sentence'), ('two- or three-fold', 'two- or three-fold'), ('low- to high-level', 'low- to high-level'),
        ('state-of- the-art', 'state-of- the-art'), ('e- mail', 'e- mail'), ('ResNet- based', 'ResNetbased'), ('GPT- 2', 'GPT- 2'), ('trees - and leaves', 'trees - and leaves'), ('a -- b', 'a -- b'), ('Basque-\nFrench', 'Basque- French')],
    accents=[(r'na\"{i}ve na\"ive na\"{\i}ve', 'naïve naïve naïve'), (r"Poincar\'e and Erd\H{o}s", 'Poincaré and Erdős'), (r'Nystr{\"o}m', 'Nyström'), (r'\v{S}m\'{\i}d', 'Šmíd'), (r'gar\c{c}on', 'garçon'), (r'stra{\ss}e \o \L', 'straße ø Ł'), (r'\~n \^e \`a \=u \.z', 'ñ ê à ū ż')],
    math=[(r'$k$-NN', 'k-NN'), (r'$\ell_1$-ball', 'ell_1-ball'), (r'$$E=mc^2$$', 'E=mc^2'), (r'in $O(n\log n)$ time', 'in O(n log n) time'), (r'an $F_1$ of $0.9$', 'an F_1 of 0.9'), (r'\mathbb{R}^n', 'R^n'), (r'$n < m$', 'n < m'), (r'x_{i}', 'x_i')],
    money=[('from $5 to $10', 'from $5 to $10'), (r'\$5 or \$10', '$5 or $10'), ('It costs $3 million.', 'It costs $3 million.'), ('between $20 and $30 a month', 'between $20 and $30 a month')],
    commands=[(r'\emph{bagging}', 'bagging'), (r'\textbf{a} \textit{b} {\em c}', 'a b c'), (r'so~\cite{a,b}, \citep[see][p. 3]{c} and', 'so, and'), (r'by 5\% in R\&D', 'by 5% in R&D'), (r'Figure~\ref{x} shows', 'Figure shows'), (r'\textsc{Tree}Net', 'TreeNet'), (r'a \url{b}', 'a b'),
        (r'\begin{itemize} \item one \end{itemize}', 'one'), (r'\alpha and \beta', 'alpha and beta'), ("``peak'' hours", '"peak" hours'), (r'word\footnote{Not now.}', 'word'), (r'deep~learning', 'deep learning'), (r'\TreeNet\ grows', 'TreeNet grows'), ('~50 and p~<~0.05', '~50 and p~<~0.05'), ('{a} {b', 'a b')])
def test_text(raw, clean): assert clean_text(raw) == clean

@table(
    stamps=[('arXiv:1609.09869v2 [stat.ML] 5 Jan 2017', ''), ('We grow. arXiv:1609.09869v2 [stat.ML]', 'We grow.'), ('arXiv:cs/0112017v1 [cs.CL] 1 Dec 2001 We grow.', 'We grow.'), ('ArXiv: 2101.00001 We grow.', 'We grow.'), ('papers on arXiv: a study', 'papers on arXiv: a study')],
    urls=[('We grow. See https://a.org/b_c?d=1#e.', 'We grow. See.'), ('We grow: www.a.org/b', 'We grow.'), ('Trees (https://a.org) grow.', 'Trees ( ) grow.'), ('We grow at https://github. com/abc/ def.', 'We grow.'), ('We grow (https://a.org).', 'We grow.'), ('We grow (see http : //a.org/b).', 'We grow.'), ('ratio 1:2 and w/o www', 'ratio 1:2 and w/o www'),
        ('We grow at http://a.org/b. Trees grow.', 'We grow. Trees grow.'), ('https://a.org We grow.', 'We grow.'), ('We grow. https://a.org', 'We grow.'), ('We grow trees at https://a.org like nobody else.', 'We grow trees at like nobody else.')],
    mails=[('J. Doe jane.doe@a-b.ac.uk We grow.', 'J. Doe We grow.'), ('{jane,joe}@a.org We grow.', 'We grow.'), ('an mAP@0.50 of 31 and F1@0.25', 'an mAP@0.50 of 31 and F1@0.25'), ('Recall@10, hits@k', 'Recall@10, hits@k'), ('AP@[0.50:0.95]', 'AP@[0.50:0.95]')],
    introduction=[('We grow. 1 INTRODUCTION Trees are tall.', 'We grow.'), ('We grow trees. 1. Introduction Trees', 'We grow trees.'), ('It is 31.2! I. INTRODUCTION Trees', 'It is 31.2!'), ('We grow.1 Introduction Trees', 'We grow.'), ('An Introduction to Trees', 'An Introduction to Trees'), ('Part 1 Introduction', 'Part 1 Introduction'), ('1 Introduction Trees', '1 Introduction Trees')])
def test_what_is_not_about_the_paper(raw, clean): assert clean_text(raw) == clean and ' '.join(without_addresses(raw).split()) == clean

@table(
    headers=[('Published as a conference paper at ICLR 2020 GROWING TREES', 'GROWING TREES'), ('Under review as a conference paper at ICLR 2021 Growing Trees', 'Growing Trees'), ('Accepted as a workshop paper at NeurIPS 2019: Growing Trees', 'Growing Trees'), ('Workshop track - ICLR 2017 GROWING TREES', 'GROWING TREES'),
        ('IEEE TRANSACTIONS ON TREES, VOL. 3 1 Growing Trees', 'Growing Trees'), ('JOURNAL OF LATEX CLASS FILES 1 Growing Trees', 'Growing Trees'), ('Growing Trees A PREPRINT', 'Growing Trees'), ('Growing Trees - Preprint', 'Growing Trees'), ('A PREPRINT Growing Trees', 'Growing Trees'), ('Growing Trees *', 'Growing Trees'), ('Growing Trees †‡', 'Growing Trees'),
        ('Abstract. We grow.', 'We grow.'), ('ABSTRACT We grow.', 'We grow.'), ('Abstract — We grow.', 'We grow.'), ('abstract: we grow', 'we grow')],
    no_headers=[(t, t) for t in ('Abstract Meaning Representation', 'Abstract Interpretation of Trees', 'Abstract-to-text generation', 'IEEE 802.11 Throughput Prediction', 'A* Search', 'A preprint is a draft.', 'A Preprint Server for Trees', 'Under review conditions, readers rush.', 'Reviewing under Review', 'Published Trees', 'Journal Trees', 'Abstract', 'IEEE')])
def test_headers(raw, clean): assert clean_text(raw) == clean and without_headers(raw) == clean

EMPTY = ['Our source code is publicly available.', 'Code is available.', 'The code and pre-trained models will be made publicly available at.', 'Code: https://a.org/b.', 'Source code: .', 'Code and models are available here.', 'The dataset, the code and all trained models have been released.', 'The source code can be found at.', 'Source code available online.',
    'We release our code and models.', 'We will make our code publicly available.', 'We make all our data and code available.', 'We publicly release the source code of our parser.', 'Our implementation is open-sourced on GitHub.', 'The project page is available at.', 'Data and code will be released upon acceptance.', 'Software is available under the MIT license.',
    '* Equal contribution', 'The first two authors made an equal contribution.', '† indicates equal contribution.', 'Corresponding author: Jane Doe.', 'Correspondence to: Jane Doe.', '* Work done during an internship at Trees Inc.', 'This work was done while the author was at Trees Inc.', 'Preprint.', 'Under review.', 'This work is under review.', 'Work in progress.',
    'To appear in the Journal of Trees.', 'Accepted at ICLR 2020.', 'Published in Proceedings of TREES 2019.', '© 2020 Trees Inc.', 'Copyright 2019 by the authors.', 'Copyright (c) 2019, Trees Inc.']

@pytest.mark.parametrize('s', EMPTY)
def test_boilerplate_goes(s):
    assert says_nothing(s)
    assert clean_text(f'{GOOD} {s}') == GOOD and clean_text(f'{GOOD} {s.rstrip(".")}. It wins.') == f'{GOOD} It wins.'
    assert clean_text(s) # a text that says nothing else keeps it

TELLING = ['We search source code with graph networks.', 'Code search is a hard problem.', 'We summarize code with a transformer that reads its syntax tree.', 'Our code completion model beats all others.', 'We release a corpus of 9,000 annotated treaties in Basque.', 'We release TreeBank-9, a corpus of annotated sentences.',
    'Models found by our search outperform those that people drew.', 'Training data available for low-resource languages is scarce.', 'Data is shared by all layers of the network, which halves its size.', 'Data augmentation increases the diversity of the available images.', 'Our model tracks shared boundaries with a pointer network.',
    'The results of experiments on two publicly available datasets show that trees help parsers.', 'Results obtained on three treebanks demonstrate the merits of reranking.', 'The model is evaluated on publicly available images of leaves.', 'Data sharing between cars is limited by the available bandwidth.', 'Model capacity has been found crucial for translation.',
    'Datasets published in recent years lack annotations of coreference.', 'The dataset is available in English and Hindi, providing eight times as many questions.', 'The benchmark is publicly available and contains a hidden test set of manipulated photos.', 'We share model parameters across languages in one network.', 'We share weights between the two networks.',
    'We provide results for speech recognition with neural networks.', 'We make data augmentation part of the network.', 'Each head makes an equal contribution to the loss.', 'Dense correspondence to a template is learned without labels.', 'We detect copyright violations in generated images.', 'The work done during inference is halved by pruning.',
    'We review what is known of trees.', 'Reviews of products are classified.', 'Peer review is simulated with language models.', 'Web pages are ranked.', 'Videos are captioned by a network that is available for one second.', 'Preprints are clustered.', 'The appearance of a person changes.', 'Published work on parsing is surveyed.', 'Codebook vectors are shared.', 'It is available.']

@pytest.mark.parametrize('s', TELLING)
def test_sentences_that_say_more_stay(s): assert not says_nothing(s) and clean_text(f'{GOOD} {s}') == f'{GOOD} {s}' and clean_text(s) == s

def test_the_steps_by_themselves(): # each leaves to the others what is theirs
    assert plain_characters('$x$ re-\nturn') == '$x$ re-\nturn' and join_lines('&amp; $a- bc$') == '&amp; $a- bc$' and latex_words('&amp; re- turn') == '&amp; re- turn'


# what can be tagged

@pytest.mark.parametrize('abstract,why', [(None, 'missing'), *((v, 'give it as text') for v in (0, 1.5, True, b'We grow trees.', ['We grow trees.'], {'en': 'We grow trees.'})), ('word '*(MAX_CHARS//5) + 'x', '50,001 characters'), ('We \u2400 grow', 'NUL'), ('\udfffWe grow', 'UTF-8'),
    ('$1+1=2$', 'no words'), ('\\cite{a}', 'no words'), ('https://a.org/b', 'no words'), ('<p></p>', 'no words'), ('&#8203;', 'no words'), ('…?!', 'no words'), ('Мы grow деревья', 'Latin'), ('نحن ندرس الأشجار', 'Latin'), ('हम पेड़ों का अध्ययन करते हैं', 'Latin'), ('私たちは木を研究します', 'Latin')], ids=lambda v: ascii(v)[:30])
def test_abstracts_that_cannot_be_tagged(abstract, why):
    assert why in refused(check_abstract, abstract)

@pytest.mark.parametrize('abstract', ['word '*(MAX_CHARS//5), 'We grow αβγδ trees.', 'ﬁ', 'ｗｅ ｇｒｏｗ', '𝐖𝐞 𝐠𝐫𝐨𝐰', 'Café', 'Straße', 'Łódź', 'Người Việt', '我们研究 trees', 'Türkçe ağaç', 'Code is available.', 'a', '\\"o', '<i>x</i>', 'x'*MAX_CHARS, 'We &mdash; grow'], ids=lambda v: ascii(v)[:30])
def test_abstracts_that_can_be_tagged(abstract): assert check_abstract(abstract) == abstract

@checks(500)
@given(texts | st.text(st.characters(exclude_categories=[])) | st.none() | st.integers() | st.binary())
def test_an_abstract_is_taken_as_it_is_or_refused_with_a_reason(v):
    try: assert check_abstract(v) is v
    except PaperTasksError as e: assert str(e).startswith('the abstract ') and '\n' not in str(e)
    else: assert any(map(str.isalpha, Paper(v).text))

@pytest.mark.parametrize('title,why', [*((v, 'give it as text') for v in (5, True, b'Trees', ['Trees'])), ('x'*(MAX_TITLE_CHARS+1), '2,001 characters'), ('Tr\0ees', 'NUL'), ('Tr\u2400ees', 'NUL'), ('Tr\ud800ees', 'UTF-8')], ids=lambda v: ascii(v)[:30])
def test_titles_that_cannot_be_used(title, why): assert why in refused(check_title, title) and 'the title ' in refused(to_paper, dict(title=title, abstract=GOOD))

@pytest.mark.parametrize('title', ['', 'x'*MAX_TITLE_CHARS, '木', '\n', 'A 1'])
def test_titles_that_can_be_used(title): assert check_title(title) is None and to_paper(dict(title=title, abstract=GOOD)).title == title


# papers

@pytest.mark.parametrize('row,paper', [(dict(), Paper(GOOD)), (dict(title=None, id=None, tasks=None), Paper(GOOD)), (dict(title='', id='', tasks=[]), Paper(GOOD, '')), (dict(title='T', id='2101.00001'), Paper(GOOD, 'T', '2101.00001')), (dict(id=5), Paper(GOOD, id='5')), (dict(tasks=['A', ' B ', '', 3]), Paper(GOOD, tasks=['A', 'B'])),
    (dict(task='OCR'), Paper(GOOD, tasks=['OCR'])), (dict(tasks='A; B;'), Paper(GOOD, tasks=['A', 'B'])), (dict(tasks='["A", "B;C"]'), Paper(GOOD, tasks=['A', 'B;C'])), (dict(tasks=[], task='A'), Paper(GOOD, tasks=['A'])), (dict(tasks='[', year=1), Paper(GOOD))], ids=lambda v: ascii(v)[:40])
def test_a_row_becomes_a_paper(row, paper): assert to_paper(row | dict(abstract=GOOD)) == paper

def test_rows_that_are_no_papers():
    assert refused(to_paper, BadRow(error='line 3 is not JSON')) == 'line 3 is not JSON' and 'missing' in refused(to_paper, {}) and 'missing' in refused(to_paper, dict(title='T', abstract=None)) and 'empty' in refused(to_paper, dict(abstract=' '))

def test_papers_do_not_share_their_tasks():
    to_paper(dict(abstract=GOOD)).tasks.append('A')
    assert Paper(GOOD).tasks == to_paper(dict(abstract=GOOD)).tasks == []

@pytest.mark.parametrize('s,id', [('2101.00001', '2101.00001'), ('2101.00001v12', '2101.00001'), ('0704.0001v1', '0704.0001'), ('arXiv:2101.00001', '2101.00001'), ('ARXIV: 2101.00001v2', '2101.00001'), ('https://arxiv.org/abs/2101.00001v2', '2101.00001'), ('http://www.arxiv.org/pdf/2101.00001.pdf', '2101.00001'),
    ('https://export.arxiv.org/abs/cs/0112017v1?x#y', 'cs/0112017'), ('cs/0112017', 'cs/0112017'), ('math.GT/0309136v1', 'math/0309136'), ('math/0309136', 'math/0309136'), ('cond-mat.supr-con/9901001', 'cond-mat/9901001'), ('hep-th/9901001', 'hep-th/9901001'),
    *((s, '') for s in ('', 'x', 'sample-001', '2101.001', '2101.000001', '2101.00001v', 'see 2101.00001', '2101.00001 ', '２１０１.00001', 'https://a.org/abs/2101.00001', 'cs/011201', '/0112017', '2101.00001\n'))])
def test_arxiv_ids(s, id): assert bare_arxiv_id(s) == id and bare_arxiv_id(id) == id


# splits

def last_digit(id): # of the MD5 as a decimal number, without the number
    return functools.reduce(lambda r, b: (r*256 + b) % 10, hashlib.md5(id.encode('utf-8', 'surrogatepass')).digest())

@checks(500)
@given(st.text(st.characters(exclude_categories=[])) | st.from_regex(r'\A\d{4}\.\d{5}(v\d)?\Z'))
def test_the_split_follows_the_rule(id): assert split_of(id) == ['test', 'validation', *['train']*8][last_digit(id)]

@pytest.mark.parametrize('id,split', [('2101.00001', 'train'), ('2101.00005', 'test'), ('2101.00000', 'validation'), ('sample-001', 'train'), ('', 'train'), ('é', 'train')])
def test_the_split_of_known_ids(id, split): assert split_of(id) == split # as md5sum says

def test_a_tenth_is_for_testing_and_a_tenth_for_validation():
    splits = [split_of(f'{i:05}') for i in range(10_000)]
    assert all(900 < splits.count(s) < 1100 for s in ('test', 'validation'))

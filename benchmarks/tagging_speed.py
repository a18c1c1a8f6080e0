"""How fast papers are tagged: by the bundled model, as the original project did it, and by TF-IDF + LinearSVC.

    python benchmarks/tagging_speed.py [--papers N] [--rounds N] [--rows N]

Invents abstracts with the words and lengths of real ones and runs all three on them, round by round in one process. The original's
path is a distilroberta of its shape with random weights, since speed does not depend on them: dynamic QUInt8, one abstract a call.
Then commands are timed in processes of their own. Prints tables and writes them to `tagging_speed.json` beside this file."""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from tokenizers import ByteLevelBPETokenizer

from from_paper_with_tasks.lexicon import Lexicon
from from_paper_with_tasks.tagging import BUNDLED, LEXICON, PaperTagger, n_cores

TOKENS, SPREAD = 250, 70 # of real titles with abstracts: half of them have 207 to 298
ORIGINAL_TASKS = 260


def invent(n, seed=0):
    "Abstracts of words that are as frequent as in real ones."
    rng, lexicon = np.random.default_rng(seed), Lexicon.load(BUNDLED/LEXICON)
    single = [i for i, t in enumerate(lexicon.terms) if ' ' not in t]
    words, p = np.array([lexicon.terms[i] for i in single]), np.exp(-lexicon.idf[single].astype(float))
    tokenizer = PaperTagger.from_pretrained().classifier.tokenizer
    tokenizer.no_truncation()
    per_word = np.mean([len(tokenizer.encode(w).ids) - 2 for w in rng.choice(words, 2000, p=p/p.sum())]) + .12 # punctuation
    def sentence(words): return ' '.join(words).capitalize() + '.'
    def abstract(tokens):
        found = rng.choice(words, max(20, int(tokens/per_word)), p=p/p.sum())
        return ' '.join(sentence(found[i:i+17]) for i in range(0, len(found), 17))
    made = [abstract(t) for t in rng.normal(TOKENS, SPREAD, n)]
    return made, [len(tokenizer.encode(a).ids) for a in made]


def original(texts, folder):
    "The original project's tagger: one abstract in, probabilities out."
    import onnxruntime as ort
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import RobertaConfig, RobertaForSequenceClassification
    config = RobertaConfig(vocab_size=50265, num_hidden_layers=6, max_position_embeddings=514, type_vocab_size=1, num_labels=ORIGINAL_TASKS)
    model = RobertaForSequenceClassification(config).eval()
    class Logits(torch.nn.Module):
        def __init__(self): super().__init__(); self.model = model
        def forward(self, input_ids): return self.model(input_ids).logits
    ids = torch.full((1, 250), 5)
    program = torch.onnx.export(Logits(), (ids,), input_names=['input_ids'], output_names=['logits'], dynamic_shapes=({1: torch.export.Dim('tokens')},), dynamo=True, verbose=False)
    program.save(str(folder/'float32.onnx'), external_data=False)
    quantize_dynamic(folder/'float32.onnx', folder/'int8.onnx', weight_type=QuantType.QUInt8)
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(texts, vocab_size=50265, show_progress=False)
    tokenizer.enable_truncation(512)
    session = ort.InferenceSession(folder/'int8.onnx', providers=['CPUExecutionProvider'])
    def tag(text): return 1/(1 + np.exp(-session.run(None, dict(input_ids=np.array([tokenizer.encode(text).ids])))[0]))
    return tag, (folder/'int8.onnx').stat().st_size


def linear(texts, tasks):
    "TF-IDF with a linear support vector machine for each task, fitted to random labels."
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC
    y = (np.random.default_rng(0).random((len(texts), tasks)) < .02).astype(np.int64)
    y[:2] = [[1]*tasks, [0]*tasks]
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), OneVsRestClassifier(LinearSVC(max_iter=50))).fit(texts, y)


def rate(f, texts):
    "Texts a second of one call for all of them."
    start = time.perf_counter()
    f(texts)
    return len(texts)/(time.perf_counter() - start)


def latency(f, texts):
    "Milliseconds that one text takes, by the mean."
    return 1000/rate(lambda ts: [f(t) for t in ts], texts)


def spread(values): return dict(zip(('low', 'median', 'high'), (round(float(v), 3) for v in np.percentile(values, [0, 50, 100]))))


COMMAND = '''
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True)
print(json.dumps(dict(status=done.returncode, seconds=time.perf_counter() - start, peak_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)))
'''

def command(*args):
    "Seconds and peak memory of a command."
    tool = str(Path(sys.executable).with_name('paper-tasks'))
    found = json.loads(subprocess.run([sys.executable, '-c', COMMAND, tool, *map(str, args)], check=True, stdout=subprocess.PIPE).stdout)
    assert found.pop('status') == 0, args
    return found


IDLE = '''
import sys, time
from from_paper_with_tasks.tagging import PaperTagger
tagger = PaperTagger.from_pretrained()
tagger(sys.argv[1]); tagger([sys.argv[1]]*4)
before = time.process_time()
time.sleep(5)
print(time.process_time() - before)
'''

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--papers', type=int, default=100, help='abstracts a round (100)')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--rows', type=int, default=20_000, help='rows of one sentence in the file that is tagged for memory (20,000)')
    args = parser.parse_args()
    warnings.simplefilter('ignore') # random labels cannot be learned
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        texts, tokens = invent(args.papers)
        tagger = PaperTagger.from_pretrained()
        tag, original_bytes = original(texts, folder)
        svm = linear(texts*5, len(tagger.tasks))
        systems = {'ours': tagger, 'original': lambda ts: [tag(t) for t in ts], 'linear': svm.decision_function}
        for f in systems.values(): f(texts[:10])
        tagger(texts[0])
        rates, times = {s: [] for s in systems}, {s: [] for s in ('ours', 'original')}
        for _ in range(args.rounds):
            for s, f in systems.items(): rates[s].append(rate(f, texts))
            for s, f in dict(ours=tagger, original=tag).items(): times[s].append(latency(f, texts[:40]))
        (folder/'rows.jsonl').write_text(''.join(json.dumps(dict(id=str(i), abstract=texts[i % len(texts)].split('.')[0])) + '\n' for i in range(args.rows)))
        first = [command('tag', texts[0]) for _ in range(args.rounds)]
        idle = float(subprocess.run([sys.executable, '-c', IDLE, texts[0]], check=True, stdout=subprocess.PIPE).stdout)
        streamed = command('tag', '--input', folder/'rows.jsonl', '--output', folder/'out.jsonl')
    figures = dict(
        abstracts=dict(n=args.papers, tokens=round(float(np.mean(tokens)), 1)), rounds=args.rounds,
        per_second={s: spread(r) for s, r in rates.items()}, times_the_original=spread(np.divide(rates['ours'], rates['original'])),
        milliseconds_for_one={s: spread(t) for s, t in times.items()}, share_of_the_originals=spread(np.divide(times['ours'], times['original'])),
        seconds_to_first_answer=spread([f['seconds'] for f in first]),
        share_of_a_core_while_idle=round(idle/5, 4), streaming=dict(rows=args.rows, peak_mb=round(streamed['peak_mb'])),
        megabytes=dict(ours=round(sum(p.stat().st_size for p in BUNDLED.iterdir())/1e6, 1), original=round(original_bytes/1e6, 1)),
        machine=f'{platform.system()} {platform.machine()}, {n_cores()} of {os.cpu_count()} cores', python=platform.python_version(),
        versions={p: version(p) for p in ('onnxruntime', 'tokenizers', 'numpy', 'scikit-learn')})
    Path(__file__).with_suffix('.json').write_text(json.dumps(figures, indent=1) + '\n')
    print(json.dumps(figures, indent=1))


if __name__ == '__main__': main()

"""Annif (Bonsai trees, and TF-IDF) on the training papers, validation and test split of the bundled model: the same papers, tasks and measures as in `06_evaluation`.

Needs a run in full (`runs/full`) and `annif` with its extra `omikuji`, in an environment of its own since it pins other versions of what we use:
    python3 -m venv annif && annif/bin/pip install "annif[omikuji]"
    PAPER_TASKS_DATA=../shared/data python benchmarks/annif_beside_ours.py annif/bin/annif
"""
import argparse, json, os, subprocess, tempfile
from pathlib import Path

import numpy as np
from from_paper_with_tasks.calibration import choose_threshold
from from_paper_with_tasks.core import current_run
from from_paper_with_tasks.evaluation import bootstrap, measured_columns
from from_paper_with_tasks.tagging import PaperTagger
from from_paper_with_tasks.training import one_hot
from from_paper_with_tasks.weak_labels import load_papers

PROJECTS = {'Annif, Bonsai': 'backend=omikuji\ncluster_balanced=False\ncluster_k=100\nmax_depth=3\nmin_df=2\nngram=2', # as the National Library of Finland sets it
            'Annif, TF-IDF': 'backend=tfidf'}

# Annif splits sentences with a model that NLTK would fetch; an untrained one will do, since only words are counted.
PUNKT = 'import os, sys; from nltk.tokenize.punkt import PunktParameters, save_punkt_params; os.makedirs(sys.argv[1]); save_punkt_params(PunktParameters(), dir=sys.argv[1])'


def projects_cfg(n):
    return '\n'.join(f'[p{i}]\nname={name}\nlanguage=en\nanalyzer=snowball(english)\nvocab=tasks\nlimit={n}\n{p}\n' for i, (name, p) in enumerate(PROJECTS.items()))

def write_corpus(path, texts, tasks):
    rows = (dict(text=t, subjects=[dict(uri=f'http://task/{i}') for i in ts]) for t, ts in zip(texts, tasks, strict=True))
    path.write_text(''.join(json.dumps(r) + '\n' for r in rows))
    return path

def read_scores(path, papers, tasks):
    out = np.zeros((papers, tasks))
    for row, line in zip(out, path.read_text().splitlines(), strict=True):
        for s in json.loads(line)['results']: row[int(s['uri'].rsplit('/', 1)[1])] = s['score']
    return out

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('annif', type=Path, help='the executable')
    annif = str(parser.parse_args().annif.absolute())
    papers, tasks, _ = load_papers(current_run().folder)
    papers = papers[papers.known == 'all'].reset_index(drop=True)
    at = measured_columns(tasks)
    y = one_hot(list(papers.tasks), [t.task for t in tasks])[:, at]
    splits = {s: np.flatnonzero((papers.split == s) & y.any(1)) for s in ('train', 'validation', 'test')}
    found = {}
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        def run(*args): subprocess.run([annif, *map(str, args)], cwd=folder, check=True, env=os.environ | dict(NLTK_DATA=str(folder)))
        subprocess.run([Path(annif).parent/'python', '-c', PUNKT, folder/'tokenizers'/'punkt_tab'/'english'], check=True)
        (folder/'projects.cfg').write_text(projects_cfg(len(at)))
        (folder/'vocab.tsv').write_text(''.join(f'<http://task/{i}>\t{tasks[c].task}\n' for i, c in enumerate(at)))
        files = {s: write_corpus(folder/f'{s}.jsonl', papers.text[rows], map(np.flatnonzero, y[rows])) for s, rows in splits.items()}
        run('load-vocab', '--language', 'en', 'tasks', 'vocab.tsv')
        for i, name in enumerate(PROJECTS):
            run('train', f'p{i}', files['train'])
            scores = {}
            for s in ('validation', 'test'):
                run('index', '--force', '--limit', len(at), '--output', folder/'out.jsonl', f'p{i}', files[s])
                scores[s] = read_scores(folder/'out.jsonl', len(splits[s]), len(at))
            threshold = float(choose_threshold(scores['validation'], y[splits['validation']]))
            found[name] = dict(threshold=threshold, measures=bootstrap(scores['test'], scores['test'] >= threshold, y[splits['test']]))
    tagger, rows = PaperTagger.from_pretrained(), splits['test']
    probs = tagger.classifier(list(papers.text[rows]))[:, at]
    ours = {'bundled model (int8)': dict(threshold=float(tagger.thresholds[0]), measures=bootstrap(probs, probs >= tagger.thresholds[at], y[rows]))}
    version = subprocess.run([annif, '--version'], check=True, capture_output=True, text=True).stdout.strip()
    figures = dict(annif=version, papers={s: len(r) for s, r in splits.items()}, systems=ours | found)
    Path(__file__).with_suffix('.json').write_text(json.dumps(figures, indent=1) + '\n')
    print(json.dumps(figures, indent=1))


if __name__ == '__main__': main()

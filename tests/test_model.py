"The bundled model is the one that its configuration describes."
import json, os, subprocess, sys

import numpy as np
import onnxruntime as ort
import pytest

from from_paper_with_tasks.core import PACKAGE, ROOT, read_rows
from from_paper_with_tasks.evaluation import evaluate
from from_paper_with_tasks.tagging import BUNDLED, PaperTagger

PAPERS = ROOT/'../shared/data/pwc_leaderboard_papers.jsonl.gz'


def test_bundle_is_small_and_holds_nothing_else():
    files = {p.name: p.stat().st_size for p in BUNDLED.iterdir()}
    needed = {'model.onnx', 'tokenizer.json', 'config.json', 'SHA256SUMS'}
    assert needed <= set(files) <= needed | {'lexicon.npz', 'README.md'}
    assert sum(files.values()) <= 20_000_000


def test_labels_have_support_and_their_spellings_are_unambiguous():
    tagger = PaperTagger.from_pretrained()
    assert all(t.support >= dict(measured=10, few=1, weak=0)[t.evidence] and t.task in t.aliases for t in tagger.tasks)
    spellings = [a for t in tagger.tasks for a in t.aliases]
    assert len(spellings) == len(set(spellings))
    assert all(tagger.find_task(a) is t for t in tagger.tasks for a in t.aliases)


@pytest.mark.skipif(not PAPERS.exists(), reason=f'the labelled papers are not here: there is no {PAPERS}')
def test_bundled_model_reaches_the_figures_it_states():
    tagger = PaperTagger.from_pretrained()
    found = evaluate(tagger, read_rows(PAPERS), split='test')
    stated = tagger.config['metrics']
    assert found.papers == stated['papers']
    for measure, v in stated['measures'].items():
        assert found.measures[measure]['value'] == pytest.approx(v['value'], abs=0.005), measure


def test_comparison_is_of_the_bundled_model():
    results = json.loads((ROOT/'json_files'/'results.json').read_text())
    stated = PaperTagger.from_pretrained().config['metrics']['measures']
    assert results['systems']['bundled model (int8)'] == stated


def test_sample_papers_are_tagged_sensibly():
    found = evaluate(PaperTagger.from_pretrained(), read_rows(PACKAGE/'sample'/'papers.jsonl'))
    assert found.measures['hit@5']['value'] > 0.9


def test_scores_on_this_machine_and_without_vnni():
    "The scores of the machine that made the bundle, the scores here, and those of the kernels that processors without VNNI have."
    rows, golden = list(read_rows(PACKAGE/'sample'/'papers.jsonl')), json.loads((ROOT/'tests'/'golden.json').read_text())
    tagger, options = PaperTagger.from_pretrained(), ort.SessionOptions()
    assert golden['model'] == tagger.checksum, 'the bundle is a new one: python tools/write_golden.py'
    here = tagger.probabilities(rows)
    options.add_session_config_entry('session.x64quantprecision', '1')
    tagger.classifier.session = ort.InferenceSession(BUNDLED/'model.onnx', options, providers=['CPUExecutionProvider'], disabled_optimizers=['SkipLayerNormFusion'])
    assert np.abs(tagger.probabilities(rows) - here).max() <= 1e-6
    for row, probs in zip(golden['scores'], here): assert [probs[tagger.labels.index(t)] for t in row] == pytest.approx(list(row.values()), abs=.06) # another version of onnxruntime rounds in other places

def test_reports_to_nobody(tmp_path):
    "onnxruntime, which would leave an id of this machine in the temporary folder, is told not to report."
    code = 'from from_paper_with_tasks.tagging import PaperTagger; PaperTagger.from_pretrained()("We parse."); import os; print(os.environ["ORT_DISABLE_TELEMETRY"])'
    env = {k: v for k, v in os.environ.items() if k != 'ORT_DISABLE_TELEMETRY'} | dict(TMPDIR=str(tmp_path))
    done = subprocess.run([sys.executable, '-c', code], env=env, check=True, capture_output=True, text=True)
    assert done.stdout == '1\n' and not list(tmp_path.iterdir())

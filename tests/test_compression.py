"From a trained network to a bundle, for encoders of several kinds."
import json
from collections import Counter
from dataclasses import asdict
import numpy as np
import pytest
from helpers import put, refused

pytest.importorskip('from_paper_with_tasks.compression', reason='compressing needs the extra [train]')

import onnx  # noqa: E402
import torch  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from from_paper_with_tasks.compression import ENOUGH, keep_pieces, used_pieces  # noqa: E402
from from_paper_with_tasks.core import Task  # noqa: E402
from from_paper_with_tasks.tagging import PaperTagger  # noqa: E402
from from_paper_with_tasks.training import LinearClassifier, PaperTaskClassifier, load_encoder, load_trained, predict_logits, save_trained  # noqa: E402
from test_own_labels import BOOKS, bert, distilbert, roberta  # noqa: E402, F401

TEXTS = [b['description'] for b in BOOKS]
TASKS = [Task(f'Task {n}', [f'Task {n}'], support=3) for n in range(4)]

@pytest.fixture(params=['bert', 'roberta', 'distilbert', 'a linear head'])
def trained(request, tmp_path):
    "The folder of a model that 03a_calibration might have left."
    _, _, tokenizer, encoder = load_encoder(request.getfixturevalue(request.param if request.param != 'a linear head' else 'bert'))
    torch.manual_seed(1)
    model = LinearClassifier(encoder, 4) if request.param == 'a linear head' else PaperTaskClassifier(encoder, torch.randn(4, encoder.config.hidden_size))
    save_trained(model.eval(), tokenizer, dict(encoder=request.param), tmp_path/'trained')
    (tmp_path/'trained'/'tasks.json').write_text(json.dumps(dict(threshold=.3, tasks=list(map(asdict, TASKS)))))
    return tmp_path/'trained'

def nodes(path): return Counter(n.op_type for n in onnx.load(path).graph.node)

def test_the_bundle_says_what_the_network_says(trained, tmp_path, command):
    done = command('compress', trained, '--out', tmp_path/'out', '--threshold', .25)
    assert done.status == 0 and 'The model is in' in done.out
    tagger, (model, tokenizer, _) = PaperTagger.from_pretrained(tmp_path/'out'), load_trained(trained)
    long = [TEXTS[0], ' '.join(TEXTS)]
    expected = 1/(1 + np.exp(-predict_logits(model, tokenizer, long)))
    assert np.abs(tagger.classifier(long) - expected).max() < .03 and list(tagger.thresholds) == [.25]*4
    layers = getattr(model.encoder.config, 'num_hidden_layers', 2)
    found = nodes(tmp_path/'out'/'model.onnx')
    assert found['QAttention'] == layers and found['DynamicQuantizeMatMul'] == 3*layers and found['MatMul'] + found['FusedMatMul'] + found['Gemm'] == 1

def test_word_pieces(bert, tmp_path):  # noqa: F811
    tokenizer = Tokenizer.from_file(f'{bert}/tokenizer.json')
    kept = used_pieces(tokenizer, TEXTS, 40)
    table = np.arange(2*tokenizer.get_vocab_size(), dtype=np.float32).reshape(-1, 2)
    gather = onnx.helper.make_node('Gather', ['w', 'input_ids'], ['y'])
    model = onnx.helper.make_model(onnx.helper.make_graph([gather], 'g', [], [], [onnx.numpy_helper.from_array(table, 'w')]))
    keep_pieces(model, pieces := json.loads(tokenizer.to_str()), kept)
    smaller = Tokenizer.from_str(json.dumps(pieces))
    rows = onnx.numpy_helper.to_array(model.graph.initializer[0])
    assert len(rows) == len(kept) == smaller.get_vocab_size() < tokenizer.get_vocab_size()
    dropped = {tokenizer.id_to_token(i) for i in range(len(table))} - set(smaller.get_vocab())
    assert 'mystery' in dropped or len(dropped) > 5
    for text in TEXTS:
        old, new = tokenizer.encode(text), smaller.encode(text)
        assert '[UNK]' not in new.tokens and ''.join(new.tokens).replace('##', '') == ''.join(old.tokens).replace('##', '')
        for token, i in zip(new.tokens, new.ids): assert (rows[i] == table[tokenizer.token_to_id(token)]).all()

def test_word_pieces_are_dropped_if_there_are_enough_texts(tmp_path, command, bert):  # noqa: F811
    _, _, tokenizer, encoder = load_encoder(bert)
    save_trained(PaperTaskClassifier(encoder, torch.randn(4, 64)).eval(), tokenizer, {}, tmp_path/'trained')
    (tmp_path/'trained'/'tasks.json').write_text(json.dumps(dict(threshold=.3, tasks=list(map(asdict, TASKS)))))
    for n in (ENOUGH - 1, ENOUGH):
        texts = put(tmp_path/f'{n}.jsonl', [dict(abstract='A robot paints.')]*n)
        assert command('compress', tmp_path/'trained', '--out', tmp_path/str(n), '--texts', texts).status == 0
    sizes = [PaperTagger.from_pretrained(tmp_path/str(n)).classifier.tokenizer.get_vocab_size() for n in (ENOUGH - 1, ENOUGH)]
    assert sizes[0] == len(tokenizer) > sizes[1]

def test_what_cannot_be_compressed(tmp_path, command):
    (tmp_path/'empty').mkdir(); (tmp_path/'full').mkdir()
    for trained in ('none', 'empty'): assert 'holds no calibrated model' in refused(command('compress', tmp_path/trained, '--out', tmp_path/'out'))
    (tmp_path/'full').joinpath('notes').write_text('x')
    assert 'holds other things' in refused(command('compress', tmp_path/'empty', '--out', tmp_path/'full'))

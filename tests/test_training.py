"Training that is cut off goes on from its checkpoint and ends with the same weights."
import pytest

torch = pytest.importorskip('torch', reason='training needs the extra [train]')

from fastai.text.all import Callback  # noqa: E402

from from_paper_with_tasks.core import PACKAGE, PaperTasksError, read_rows  # noqa: E402
from from_paper_with_tasks.paper import to_paper  # noqa: E402
from from_paper_with_tasks.training import (  # noqa: E402
    PaperTaskClassifier, Stage, encode_names, fit_stage, get_dls, get_learner, load_encoder, load_trained, rows_for, save_trained, targets, tiny_encoder)

LABELS = ['Image Classification', 'Machine Translation', 'Node Classification']


class Killed(Exception): pass


class KillAt(Callback):
    order = 99
    def __init__(self, epoch, batch): self.at = epoch, batch
    def after_batch(self):
        if self.training and (self.epoch, self.iter) == self.at: raise Killed('now')


@pytest.fixture(scope='module')
def encoder(tmp_path_factory):
    return tiny_encoder([to_paper(r).text for r in read_rows(PACKAGE/'sample'/'papers.jsonl')], tmp_path_factory.mktemp('encoder'))


def learner(encoder, folder, labels=LABELS, batch_size=4):
    import pandas as pd
    papers = [to_paper(r) for r in read_rows(PACKAGE/'sample'/'papers.jsonl')][:16]
    table = pd.DataFrame(dict(text=[p.text for p in papers], tasks=[p.tasks for p in papers], split=['train']*12 + ['validation']*4))
    torch.manual_seed(0)
    objects = load_encoder(encoder)
    model = PaperTaskClassifier(objects[3], encode_names(objects[3], objects[2], labels))
    learn = get_learner(get_dls(rows_for(table, targets(table, labels)), labels, objects, batch_size), model, folder)
    learn.remove_cbs([learn.progress])
    learn.logger = lambda *_: None
    return learn


def stage(epochs): return Stage('stage', epochs, 1e-3, 1e-3)


def weights(learn): return torch.cat([v.flatten().float() for v in learn.model.state_dict().values()])


@pytest.mark.parametrize('epoch,batch', [(0, 1), (1, 0), (2, 2)])
def test_a_killed_stage_resumes_to_the_same_weights(encoder, tmp_path, epoch, batch):
    (tmp_path/'whole').mkdir(); (tmp_path/'cut').mkdir()
    whole = learner(encoder, tmp_path)
    history = fit_stage(whole, stage(3), tmp_path/'whole')
    cut = learner(encoder, tmp_path)
    cut.add_cb(KillAt(epoch, batch))
    with pytest.raises(Killed): fit_stage(cut, stage(3), tmp_path/'cut')
    resumed = learner(encoder, tmp_path)
    again = fit_stage(resumed, stage(3), tmp_path/'cut')
    assert [h['epoch'] for h in again] == [0, 1, 2]
    assert torch.allclose(weights(whole), weights(resumed), atol=1e-6)
    assert again[-1]['valid_loss'] == pytest.approx(history[-1]['valid_loss'], abs=1e-6)


def test_a_finished_stage_is_loaded_and_not_trained_again(encoder, tmp_path):
    first = learner(encoder, tmp_path)
    fit_stage(first, stage(1), tmp_path)
    second = learner(encoder, tmp_path)
    second.add_cb(KillAt(0, 0))
    fit_stage(second, stage(1), tmp_path)
    assert torch.equal(weights(first), weights(second))


def test_a_checkpoint_of_other_labels_is_not_used(encoder, tmp_path):
    fit_stage(learner(encoder, tmp_path), stage(1), tmp_path)
    other = learner(encoder, tmp_path, [*LABELS, 'Question Answering'])
    assert fit_stage(other, stage(1), tmp_path)[0]['epoch'] == 0
    assert other.model.hf_model.task_vectors.shape[0] == 4


@pytest.mark.parametrize('other', [Stage('stage', 1, 2e-3, 1e-3), Stage('stage', 1, 1e-3, 1e-3, -1), Stage('stage', 1, 1e-3, 1e-3, known=('all', 'one'))])
def test_a_checkpoint_of_other_settings_is_not_used(encoder, tmp_path, other):
    fit_stage(learner(encoder, tmp_path), stage(1), tmp_path)
    second = learner(encoder, tmp_path)
    second.add_cb(KillAt(0, 0))
    with pytest.raises(Killed): fit_stage(second, other, tmp_path)


def test_fewer_papers_than_a_batch_holds(encoder, tmp_path):
    learn = learner(encoder, tmp_path, batch_size=64)
    assert len(learn.dls.train) == 1
    assert len(fit_stage(learn, stage(1), tmp_path)[0]['losses']) == 1


def test_an_encoder_in_half_precision_trains_in_single(encoder, tmp_path):
    objects = load_encoder(encoder)
    objects[3].to(torch.bfloat16).save_pretrained(tmp_path/'half')
    objects[2].save_pretrained(tmp_path/'half')
    assert next(load_encoder(tmp_path/'half')[3].parameters()).dtype == torch.float32


def test_names_longer_than_any_text(encoder):
    objects = load_encoder(encoder)
    assert encode_names(objects[3], objects[2], ['graph '*5000, 'x'*5000, '']).isfinite().all()


def test_a_checkpoint_that_would_execute_code_is_refused(encoder, tmp_path):
    import pickle
    class Evil:
        def __reduce__(self): return (open, (str(tmp_path/'evil'), 'w'))
    (tmp_path/'stage.pt').write_bytes(pickle.dumps(Evil()))
    with pytest.raises(Exception): fit_stage(learner(encoder, tmp_path), stage(1), tmp_path)
    assert not (tmp_path/'evil').exists()


def test_a_trained_model_is_the_same_after_loading(encoder, tmp_path):
    learn = learner(encoder, tmp_path)
    model = learn.model.hf_model.eval()
    save_trained(model, load_encoder(encoder)[2], {}, tmp_path/'trained')
    loaded, tokenizer, _ = load_trained(tmp_path/'trained')
    x = tokenizer(['We parse.', 'A longer text about graphs.'], padding=True, return_tensors='pt')
    with torch.no_grad(): a, b = (m(x['input_ids'], x['attention_mask']).logits for m in (model, loaded))
    assert torch.allclose(a, b, atol=1e-5)


def test_missing_model_and_encoder_are_said_in_a_line(tmp_path):
    with pytest.raises(PaperTasksError, match='run 03_training first'): load_trained(tmp_path)
    with pytest.raises(PaperTasksError, match='is not to be had'): load_encoder(str(tmp_path/'nowhere'))

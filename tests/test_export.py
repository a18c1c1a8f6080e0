"The exported files, the README and the outputs are those of the notebooks."
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(p for p in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)


def modules(root): return {p.name: p.read_text(encoding='utf-8') for p in (root/'from_paper_with_tasks').glob('*.py')}


def test_exported_files_equal_the_notebooks(tmp_path):
    (tmp_path/'from_paper_with_tasks').mkdir()
    for folder in {p.parent for p in NOTEBOOKS}: (tmp_path/folder.relative_to(ROOT)).mkdir(parents=True, exist_ok=True)
    for p in [*NOTEBOOKS, ROOT/'settings.ini', ROOT/'pyproject.toml', ROOT/'from_paper_with_tasks'/'__init__.py']: shutil.copy(p, tmp_path/p.relative_to(ROOT))
    subprocess.run([Path(sys.executable).parent/'nbdev_export'], cwd=tmp_path, check=True)
    made, kept = modules(tmp_path), modules(ROOT)
    assert sorted(made) == sorted(kept)
    assert not [n for n in made if made[n] != kept[n]], 'run nbdev_export'


def test_readme_equals_the_index():
    sys.path.insert(0, str(ROOT/'tools'))
    from write_readme import readme
    assert (ROOT/'README.md').read_text(encoding='utf-8') == readme(), 'run tools/write_readme.py'


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.name)
def test_outputs_are_saved_and_hold_no_error(path):
    cells = [c for c in json.loads(path.read_text(encoding='utf-8'))['cells'] if c['cell_type'] == 'code']
    outputs = [o for c in cells for o in c['outputs']]
    assert outputs, 'run the notebook'
    assert not [o for o in outputs if o['output_type'] == 'error' or 'Traceback' in json.dumps(o)]

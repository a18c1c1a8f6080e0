"Run all notebooks in order, or those that match a pattern, and save their outputs."
import json
import subprocess
import sys
from pathlib import Path

NBS = Path(__file__).resolve().parents[1]/'nbs'


def drop_frames(path):
    "Remove the frame of a page that was served while the notebook ran, and progress bars."
    nb = json.loads(path.read_text(encoding='utf-8'))
    for cell in nb['cells']:
        if cell['cell_type'] == 'code':
            cell['outputs'] = [o for o in cell['outputs'] if '<iframe' not in json.dumps(o.get('data', {})) and not is_progress(o)]
    path.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


def is_progress(output):
    return output.get('output_type') == 'stream' and '%|' in ''.join(output['text']) and 'paper-tasks' not in ''.join(output['text'])


for path in sorted(p for p in NBS.rglob(sys.argv[1] if len(sys.argv) > 1 else '*.ipynb') if '.ipynb_checkpoints' not in p.parts):
    print(path.relative_to(NBS), flush=True)
    subprocess.run([Path(sys.executable).parent/'exec_nb', path, '--dest', path, '--exc_stop'], check=True, cwd=path.parent)
    drop_frames(path)
subprocess.run([Path(sys.executable).parent/'nbdev_clean'], check=True, cwd=NBS.parent)

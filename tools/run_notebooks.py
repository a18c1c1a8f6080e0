"""Run notebooks in order and save their outputs: all of them, or those named: `python tools/run_notebooks.py 05_tagging.ipynb '01*.ipynb'`.

On the sample papers, in a few minutes; in full where PAPER_TASKS_DATA names the folder with the data. Each notebook that depends on it shows
near its top which of the two its outputs are from (`run`). A notebook that fails keeps the outputs that it had; the others are run, and the
exit status is 1. Later notebooks read what earlier ones left in `runs/`, so the first failure is the one to look at.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NBS = Path(__file__).resolve().parents[1]/'nbs'
BIN = Path(sys.executable).parent


def is_progress(output):
    text = ''.join(output.get('text', ''))
    return output.get('output_type') == 'stream' and '%|' in text and 'paper-tasks' not in text


def drop_frames(path):
    "Remove the frame of a page that was served while the notebook ran, and progress bars."
    nb = json.loads(path.read_text(encoding='utf-8'))
    for cell in nb['cells']:
        if cell['cell_type'] == 'code':
            cell['outputs'] = [o for o in cell['outputs'] if '<iframe' not in json.dumps(o.get('data', {})) and not is_progress(o)]
    path.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


def chosen(patterns):
    "The notebooks that `patterns` name, in order."
    found = {pattern: set(NBS.rglob(pattern)) for pattern in patterns or ['*.ipynb']}
    if nothing := [p for p, paths in found.items() if not paths]: sys.exit(f'no notebook is called {nothing[0]}: look into {NBS.name}/')
    return sorted(p for p in set().union(*found.values()) if '.ipynb_checkpoints' not in p.parts)


def run(path):
    "Run a notebook; the error as one line, '' if there was none."
    with tempfile.TemporaryDirectory() as folder:
        done = Path(folder)/path.name
        result = subprocess.run([BIN/'exec_nb', path, '--dest', done, '--exc_stop'], cwd=path.parent, stderr=subprocess.PIPE, text=True)
        if result.returncode or not done.exists(): return (result.stderr.strip().splitlines() or [f'exit status {result.returncode}'])[-1]
        drop_frames(done)
        path.write_bytes(done.read_bytes())
    return ''


def main(argv=None):
    parser = argparse.ArgumentParser(description='Run notebooks and save their outputs.')
    parser.add_argument('notebooks', nargs='*', help="names or patterns, such as '01*.ipynb'; all by default")
    paths, failed = chosen(parser.parse_args(argv).notebooks), {}
    data = os.environ.get('PAPER_TASKS_DATA')
    if data and not (NBS.parent/data).is_dir(): sys.exit(f'PAPER_TASKS_DATA is {data}, which is no folder: name the folder with the data, or leave it away')
    print(f'{len(paths)} notebooks, {"in full, from " + data if data else "on the sample"}', flush=True)
    for i, path in enumerate(paths, 1):
        print(f'[{i}/{len(paths)}] {path.relative_to(NBS)} … ', end='', flush=True)
        start, error = time.perf_counter(), run(path)
        print(f'{"failed: " + error if error else "done"} ({time.perf_counter() - start:.0f} s)', flush=True)
        if error: failed[path.name] = error
    subprocess.run([BIN/'nbdev_clean'], check=True, cwd=NBS.parent)
    if failed: print(f'{len(failed)} of {len(paths)} notebooks failed and keep the outputs that they had: {", ".join(failed)}')
    return 1 if failed else 0


if __name__ == '__main__': sys.exit(main())

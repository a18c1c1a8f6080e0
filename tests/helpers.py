"Small things that the tests share."
import csv, gzip, io, json, os, re, subprocess, sys
from collections import namedtuple
from pathlib import Path

GOOD = 'We present a parser for Basque that learns from a small treebank and from raw text, and compare it with three others.'
PAPER_TASKS = Path(sys.executable).parent/'paper-tasks'
ENV = {k: v for k, v in os.environ.items() if not k.startswith(('PYTHON', 'COVERAGE'))} | {'OMP_NUM_THREADS': '1'}

UNUSABLE = { # why: an abstract, and what the complaint must say
    'empty': ('', 'empty'), 'whitespace': (' \t\n\u3000', 'empty'), 'invisible': ('\u200b\u200b\ufeff', 'empty|no words'), '5 MB': ('parsing ' * 650_000, '50,000'),
    'NUL bytes': ('We present\0 a parser.', 'NUL'), 'a lone surrogate': ('We present \ud83d a parser.', 'UTF-8'), 'no letters': ('0.5 + 1.5 = 2', 'no words'),
    'Chinese': ('本文提出一种新的句法分析方法。' * 10, 'Latin'), 'Russian': ('Мы представляем синтаксический анализатор. ' * 9, 'Latin'), 'Greek': ('Παρουσιάζουμε έναν νέο συντακτικό αναλυτή για τα βασκικά.', 'Latin'),
    'tags alone': ('<b>' * 9_000, 'no words'), 'an entity alone': ('&nbsp;', 'empty|no words'), 'a stamp alone': ('arXiv:2301.00001v2 [cs.CL] 3 Jan 2023', 'empty|no words')}

Done = namedtuple('Done', 'status out err')
_bar = re.compile(r'.*\[\d+:\d\d.*/(s|paper|batch)\]\s*')

def complaint(err):
    "The one line that the command complained with, whatever bar stood above it."
    assert 'Traceback' not in err, err
    lines = [last for line in err.split('\n') if (last := line.split('\r')[-1]).strip() and not _bar.fullmatch(last)]
    assert len(lines) == 1 and lines[0].startswith('paper-tasks: ') and len(lines[0]) < 1000, err[:3000]
    return lines[0]

def refused(done):
    "The line of a command that could do nothing."
    assert (done.status, done.out) == (2, ''), done
    return complaint(done.err)

def shell(*argv, **kwargs):
    "Run the installed command."
    kwargs = dict(capture_output=True, timeout=60, env=ENV) | kwargs
    done = subprocess.run([PAPER_TASKS, *argv], **kwargs)
    return Done(done.returncode, *((s or b'').decode() for s in (done.stdout, done.stderr)))

def put(path, content):
    "Write bytes, text or rows, in the format that the name announces."
    path = Path(path)
    if isinstance(content, list) and '.parquet' in path.name:
        import pyarrow, pyarrow.parquet
        pyarrow.parquet.write_table(pyarrow.table({k: [r.get(k) for r in content] for k in dict.fromkeys(k for r in content for k in r)}), f := io.BytesIO())
        content = f.getvalue()
    if isinstance(content, list):
        f = io.StringIO(newline='')
        if '.csv' in path.name:
            w = csv.DictWriter(f, list(dict.fromkeys(k for r in content for k in r)))
            w.writeheader(); w.writerows({k: v.replace('\0', '\ue000') if isinstance(v, str) else v for k, v in r.items()} for r in content)
        else: f.writelines(json.dumps(r)+'\n' for r in content)
        content = f.getvalue().replace('\ue000', '\0') # Python 3.10 cannot write NUL bytes as CSV
    if isinstance(content, str): content = content.encode()
    path.write_bytes(gzip.compress(content) if path.name.endswith('.gz') else content)
    return path

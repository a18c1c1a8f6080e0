"""How much memory and time it takes to collect the whole archive, on a stand-in of its size.

    python benchmarks/collect_archive.py [--rows N] [--folder DIR]

Writes invented papers as four parquet files and as one gzipped JSON list, collects them in processes of their own with a
progress bar, prints a table and writes it to `collect_archive.json` beside this file."""
import argparse
import gzip
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path

from from_paper_with_tasks.scraping import CATEGORIES

ROWS, SHARDS = 576_261, 4 # of the archive
CHUNK = 10_000            # rows that are written at once, as one row group


class Papers:
    "Invented papers with the lengths of real ones; the same for the same seed."
    def __init__(self, seed=0):
        self.r = random.Random(seed)
        self.words = [''.join(self.r.choices('etaoinshrdlcumwfgypbvk', k=self.r.randint(2, 11))) for _ in range(20_000)]
        self.weights = list(accumulate(1/(n + 10) for n in range(len(self.words))))
        self.tasks = [self.text(3).title() for _ in range(4_000)]
        names = [(slug.replace('-', ' ').title(), area) for area, slugs in CATEGORIES.items() for slug in slugs]
        names += [(self.text(2).title(), self.r.choice([*CATEGORIES, 'General'])) for _ in range(270)]
        collections = [dict(name=name, description=self.text(40), parent=None, area=area) for name, area in names]
        self.methods = [self.method(self.r.choice(collections)) for _ in range(1_900)]

    def text(self, n): return ' '.join(self.r.choices(self.words, cum_weights=self.weights, k=n))

    def method(self, collection):
        return dict(name=self.text(1).title(), full_name=self.text(3), description=self.text(70), introduced_year=self.r.randint(1990, 2025), source_title=self.text(8),
                    source_url='http://arxiv.org/abs/2101.00001v1', code_snippet_url='', main_collection=collection)

    def paper(self, n):
        r = self.r
        title, day = self.text(r.randint(5, 14)).title(), date(2012, 1, 1) + timedelta(n*4_900//ROWS)
        arxiv = f'{day:%y%m}.{n % 100_000:05}' if r.random() < 0.8 else None
        abstract = self.text(r.randint(110, 260)).capitalize() + '.'
        return dict(
            paper_url=f'https://paperswithcode.com/paper/{title.lower().replace(" ", "-")}-{n}', arxiv_id=arxiv, nips_id=None, openreview_id=None if arxiv else f'or{n}',
            title=title, abstract=abstract, short_abstract=abstract[:200], url_abs=f'http://arxiv.org/abs/{arxiv}v1', url_pdf=f'http://arxiv.org/pdf/{arxiv}v1.pdf', proceeding=None,
            authors=[self.text(2).title() for _ in range(r.randint(1, 8))], tasks=r.choices(self.tasks, k=min(r.randrange(8), 5)), date=day.isoformat(),
            conference_url_abs=None, conference_url_pdf=None, conference=None, reproduces_paper=None, methods=r.choices(self.methods, k=max(0, r.randint(-4, 9))))


def generate(folder, rows):
    "The stand-in, in both forms, chunk by chunk."
    import pyarrow as pa
    import pyarrow.parquet as pq
    papers, dump, schema = Papers(), folder/'papers-with-abstracts.json.gz', schema_of(pa)
    shard = -(-rows//SHARDS)
    (folder/'shards').mkdir()
    with gzip.open(dump, 'wt', encoding='utf-8', compresslevel=4) as f:
        f.write('[')
        for start in range(0, rows, shard):
            stop = min(rows, start + shard)
            with pq.ParquetWriter(folder/'shards'/f'train-{start//shard:05}-of-{SHARDS:05}.parquet', schema) as writer:
                for at in range(start, stop, CHUNK):
                    chunk = [papers.paper(n) for n in range(at, min(stop, at + CHUNK))]
                    f.write((',\n' if at else '') + ',\n'.join(map(json.dumps, chunk)))
                    writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
                    print(f'\rwritten: {at + len(chunk):,} of {rows:,} papers', end='', file=sys.stderr, flush=True)
        f.write(']')
    print(file=sys.stderr)
    return folder/'shards', dump


def schema_of(pa):
    "The columns of the archive."
    text, texts = pa.string(), pa.list_(pa.string())
    collection = pa.struct(dict(name=text, description=text, parent=text, area=text))
    method = pa.struct(dict(name=text, full_name=text, description=text, introduced_year=pa.int64(), source_title=text, source_url=text, code_snippet_url=text, main_collection=collection))
    plain = 'paper_url arxiv_id nips_id openreview_id title abstract short_abstract url_abs url_pdf proceeding'.split()
    links = 'date conference_url_abs conference_url_pdf conference reproduces_paper'.split()
    return pa.schema([*[(n, text) for n in plain], ('authors', texts), ('tasks', texts), *[(n, text) for n in links], ('methods', pa.list_(method))])


COLLECT = '''
import json, resource, sys, time
from pathlib import Path
from from_paper_with_tasks.archive import Archive
from from_paper_with_tasks.scraping import Selection, collect
started = time.monotonic()
done = collect(Archive(sys.argv[1]), sys.argv[2], Selection(**json.loads(sys.argv[3])))
seconds = time.monotonic() - started
status = Path('/proc/self/status') # ru_maxrss counts what the process was forked from, too
peak = int(status.read_text().split('VmHWM:')[1].split()[0]) if status.exists() else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024
print(json.dumps(dict(papers=done.papers, failed=len(done.failed), seconds=round(seconds, 1), peak_mb=round(peak/1024))))
'''


def measure(what, where, rows, selection, out):
    "Collect in a process of its own; the figures."
    size = sum(p.stat().st_size for p in where.iterdir()) if where.is_dir() else where.stat().st_size
    done = subprocess.run([sys.executable, '-c', COLLECT, where, out, json.dumps(selection)], check=True, stdout=subprocess.PIPE, text=True)
    out.unlink()
    figures = json.loads(done.stdout)
    return dict(what=what, size_mb=round(size/1e6), rows=rows, **figures, rows_per_second=round(rows/figures['seconds']))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rows', type=int, default=ROWS, help=f'papers to invent (default: {ROWS:,}, as many as the archive has)')
    parser.add_argument('--folder', help='where the files go until the end (default: a temporary folder; 4 GB are needed)')
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=args.folder, prefix='archive-'))
    try:
        shards, dump = generate(folder, args.rows)
        every, default = {}, dict(categories=sum(CATEGORIES.values(), []))
        runs = [measure(what, where, args.rows, selection, folder/f'{n}.jsonl') for n, (what, where, selection) in enumerate((
            ('four parquet files', shards, every), ('four parquet files, 29 categories', shards, default), ('one JSON list, gzipped', dump, every)))]
    finally: shutil.rmtree(folder)
    figures = dict(runs=runs, machine=f'{platform.system()} {platform.machine()}, {os.cpu_count()} cores', python=platform.python_version(),
                   versions={p: version(p) for p in ('pyarrow', 'ijson')})
    Path(__file__).with_suffix('.json').write_text(json.dumps(figures, indent=1) + '\n')
    columns = list(runs[0])
    for row in ([dict(zip(columns, columns))] + runs): print('  '.join(f'{row[c]!s:>{max(len(c), 38 if c == "what" else 8)}}' for c in columns))


if __name__ == '__main__': main()

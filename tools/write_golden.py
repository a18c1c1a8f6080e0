"Write the sample papers' scores by the bundled model to tests/golden.json, for other machines to be compared with."
import json

from from_paper_with_tasks.core import PACKAGE, ROOT, atomic_write, read_rows
from from_paper_with_tasks.tagging import PaperTagger

tagger = PaperTagger.from_pretrained()
tagged = tagger.tag_rows(read_rows(PACKAGE/'sample'/'papers.jsonl'), top=5)
scores = [{s['task']: s['score'] for s in row['scores']} for row in tagged]
with atomic_write(ROOT/'tests'/'golden.json') as f: json.dump(dict(model=tagger.checksum, scores=scores), f, indent=1, ensure_ascii=False)

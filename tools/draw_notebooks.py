"Draw nbs/images/notebooks.svg: the numbered notebooks, in the order in which an abstract passes through them."
import html, json, re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAGES = {'00': 'papers and words', '01': 'collect', '02': 'clean', '03': 'train', '04': 'compress', '05': 'tag', '06': 'evaluate', '07': 'show', '08': 'serve', '09': 'command'}
MAKES = {'01': 'papers.jsonl', '02': 'a table', '03': 'a classifier', '04': 'a bundle', '05': 'tasks', '06': 'figures'} # what goes on to the next
ROWS = [('00', '01', '02', '03', '04'), ('05', '06', '07', '08', '09')]
WIDTH, LINE, GAP = 212, 17, 26
STYLE = ('text{font:12px system-ui,sans-serif;fill:#222}.h{font-weight:700;font-size:14px}.m{font-style:italic;font-size:11px;fill:#555}'
         'rect{fill:#f3f6f4;stroke:#9ab5a5}path{stroke:#777;fill:none}'
         '@media(prefers-color-scheme:dark){text{fill:#eee}.m{fill:#bbb}rect{fill:#202824;stroke:#5d7868}path{stroke:#999}}')


def notebooks():
    "Number and title of each numbered notebook, by stage."
    found = {}
    for p in sorted(ROOT.glob('nbs/[0-9][0-9]*.ipynb')):
        first = ''.join(json.loads(p.read_text(encoding='utf-8'))['cells'][0]['source'])
        found.setdefault(p.name[:2], []).append((p.stem.split('_')[0], re.match('# (.+)', first)[1]))
    return found


def box(stage, entries, x, y, height):
    "A stage with its notebooks."
    lines = [f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{height}" rx="8"/><text class="h" x="{x+12}" y="{y+22}">{STAGES[stage]}</text>']
    lines += [f'<text x="{x+12}" y="{y+44+LINE*i}">{n}&#160;&#160;{html.escape(title)}</text>' for i, (n, title) in enumerate(entries)]
    if stage in MAKES: lines.append(f'<text class="m" x="{x+12}" y="{y+height-10}">makes {MAKES[stage]}</text>')
    return ''.join(lines)


def drawing():
    "The SVG."
    found, y, parts = notebooks(), 8, []
    for row in ROWS:
        row = [s for s in row if s in found]
        height = 62 + LINE*max(len(found[s]) for s in row)
        for i, s in enumerate(row):
            x = 8 + i*(WIDTH + GAP)
            parts.append(box(s, found[s], x, y, height))
            if i: parts.append(f'<path d="M{x-GAP+3} {y+height/2}h{GAP-8}m-5 -4l5 4l-5 4"/>')
        y += height + GAP
    width = 16 + 5*WIDTH + 4*GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y-GAP+8}" width="{width}" role="img" aria-label="the notebooks and what they make">'
            f'<style>{STYLE}</style>{"".join(parts)}</svg>\n')


if __name__ == '__main__': (ROOT/'nbs'/'images'/'notebooks.svg').write_text(drawing(), encoding='utf-8')

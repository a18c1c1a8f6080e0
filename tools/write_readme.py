"Write README.md from nbs/index.ipynb (nbdev_readme does the same, but needs Quarto)."
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def output_markdown(output):
    "A cell's output as Markdown."
    data = output.get('data', {})
    if 'text/markdown' in data: return ''.join(data['text/markdown']).rstrip()
    text = ''.join(data.get('text/plain', output.get('text', ''))).rstrip()
    return text and f'```\n{text}\n```'


def cell_markdown(cell):
    "A cell as Markdown: prose as it is, code with its output below."
    source = ''.join(cell['source'])
    if cell['cell_type'] == 'markdown': return source.replace('](images/', '](nbs/images/')
    if source.startswith('#| hide'): return ''
    code = [] if source.startswith('#| echo: false') else [f'```python\n{source}\n```']
    return '\n\n'.join([*code, *filter(None, map(output_markdown, cell['outputs']))])


def readme():
    cells = json.loads((ROOT/'nbs'/'index.ipynb').read_text(encoding='utf-8'))['cells']
    head = '<!-- Written by tools/write_readme.py from nbs/index.ipynb: edit the notebook. -->\n\n'
    return head + '\n\n'.join(filter(None, map(cell_markdown, cells))) + '\n'


if __name__ == '__main__':
    (ROOT/'README.md').write_text(readme(), encoding='utf-8')

"""Build the site from the notebooks as they are saved, without Quarto and without a network: build_docs.py [FOLDER]

nbdev's own processors expand the notebooks, sidebar.yml says which page stands where, and Sphinx writes the pages under the
names that Quarto would give them."""
import ast
import importlib
import inspect
import os
import re
import shutil
import sys
from pathlib import Path

import yaml
from execnb.nbio import mk_cell, read_nb, write_nb
from fastcore.docments import docments
from nbdev.config import get_config
from nbdev.doclinks import NbdevLookup, _nbpath2html
from nbdev.process import NBProcessor
from nbdev.processors import _default_exp, add_show_docs, hide_line, populate_language, strip_ansi

ROOT = Path(__file__).resolve().parents[1]
NBS = ROOT/'nbs'
SITE = get_config(path=ROOT).doc_host + get_config().doc_baseurl + '/'
CODE = f'{get_config().git_url}/blob/{get_config().branch}'


def sections():
    "The sidebar: title of each section, and its notebooks."
    contents = yaml.safe_load((NBS/'sidebar.yml').read_text(encoding='utf-8'))['website']['sidebar']['contents']
    def like(pattern): return sorted(p.relative_to(NBS).as_posix() for p in NBS.glob(pattern))
    def notebooks(c): return [c] if isinstance(c, str) else like(c['auto'])
    return {c['section']: sum(map(notebooks, c['contents']), []) for c in contents if isinstance(c, dict)}


def pages():
    "Each notebook and the name of its page, both relative and without a suffix."
    found = {nb.removesuffix('.ipynb'): str(_nbpath2html(Path(nb)).with_suffix('')) for nb in ['index.ipynb', *sum(sections().values(), [])]}
    twice = {nb: page for nb, page in found.items() if list(found.values()).count(page) > 1}
    if twice: sys.exit(f'{" and ".join(twice)} would have the same page: rename one of them')
    return found


# --- the reference entry of a function or class

def type_name(annotation):
    if annotation is inspect._empty or annotation is None: return ''
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r'\b(?:\w+\.)+(\w+)', r'\1', text)


def signature(name, symbol):
    "A call with its defaults, one parameter a line if it is long."
    try: parameters = inspect.signature(symbol).parameters.values()
    except ValueError: return name
    shown = [str(p.replace(annotation=inspect._empty)).replace('<factory>', '...') for p in parameters if p.name not in ('self', 'cls')]
    line = f'{name}({", ".join(shown)})'
    return line if len(line) <= 88 else f'{name}(\n' + ''.join(f'    {s},\n' for s in shown) + ')'


def parameters(symbol):
    "What is written beside the signature, as a table."
    try: found = {n: p for n, p in docments(symbol, full=True).items() if n not in ('self', 'cls')}
    except (TypeError, ValueError, AttributeError): return ''
    if hasattr(symbol, 'model_fields'): found = {n: dict(anno=f.annotation, docment=f.description) for n, f in symbol.model_fields.items()} # pydantic's
    rows = [('**returns**' if n == 'return' else f'`{n}`', type_name(p['anno']), ' '.join((p['docment'] or '').split())) for n, p in found.items()]
    rows = [r for r in rows if r[0] != '**returns**' or (any(r[1:]) and not inspect.isclass(symbol))]
    if not any(t or d for _, t, d in rows): return ''
    cells = [[n, f'`{t}`' if t else '', d] for n, t, d in rows]
    return '\n'.join('| ' + ' | '.join(c.replace('|', r'\|') for c in row) + ' |' for row in [['parameter', 'type', 'meaning'], ['---']*3, *cells])


def source_of(symbol):
    "Where a symbol stands in the repository."
    try: path, (_, line) = Path(inspect.getsourcefile(symbol)).resolve(), inspect.getsourcelines(symbol)
    except (TypeError, OSError): return ''
    return f'<div class="source"><a href="{CODE}/{path.relative_to(ROOT)}#L{line}">source</a></div>'


def reference(module, name, level):
    "What `show_doc` says of a symbol, with its parameters as a table."
    symbol = module
    for part in name.split('.'): symbol = getattr(symbol, part)
    own = vars(symbol).get('__doc__') if inspect.isclass(symbol) else symbol.__doc__ # not that of a library's class
    heading, doc = f'{"#"*level} `{name}`', inspect.cleandoc(own or '')
    if not callable(symbol): return f'{heading}\n\n{doc}' # a property
    if inspect.isclass(symbol) and doc.startswith(f'{symbol.__name__}('): doc = '' # which dataclasses write
    function = inspect.unwrap(getattr(symbol, '__func__', symbol))
    return '\n\n'.join([heading, source_of(function), f'```python\n{signature(name, symbol)}\n```', doc, parameters(function)])


# --- a notebook

def methods(code, name):
    "The public methods in the body of a class."
    found = [c.body for c in ast.parse(code).body if isinstance(c, ast.ClassDef) and c.name == name]
    return [f'{name}.{f.name}' for body in found for f in body if isinstance(f, ast.FunctionDef) and not f.name.startswith('_')]


def only_imports(code):
    return all(isinstance(s, (ast.Import, ast.ImportFrom)) for s in ast.parse(code).body)


def familiar(nb, module):
    "The names that a notebook defines or imports from the package, and where their entries are."
    code = '\n'.join(c.source for c in nb.cells if c.cell_type == 'code')
    own = re.findall(r'^(?:def|class) (\w+)', code, re.M)
    imported = re.findall(r'^from (from_paper_with_tasks\.\w+) import \(?((?:[\w ]+,?\s*)+)', code, re.M)
    found = [(n, f'{module}.{n}') for n in own] + [(n, f'{m}.{n}') for m, names in imported for n in re.findall(r'\w+', names)]
    return {n: url for n, full in found if (url := NbdevLookup().doc(full))}


def markdown(text, name, known):
    "Markdown of nbdev and Quarto as MyST has it: symbols and notebooks are linked, callouts are admonitions."
    lookup, here = NbdevLookup(), pages()
    def symbol(m): # a plain word, such as `labels`, is a symbol where the notebook knows it as one
        url = known.get(m[1]) or (None if re.fullmatch('[a-z]+', m[1]) else lookup.doc(m[1]))
        return f'[{m[0]}]({url})' if url else m[0]
    def mentioned(m): return f'[{m[0]}]({SITE}{here[m[1]]}.html)' if m[1] in here and m[1] != name else m[0]
    def linked(m):
        target = os.path.normpath(os.path.join(os.path.dirname(name), m[1]))
        return f']({SITE}{here.get(target, target)}.html{m[2] or ""})'
    def outside_code(part):
        part = re.sub(r'`(?:nbs/)?([\w/]+)(?:\.ipynb)?`(?!\])', mentioned, part)
        part = '\n'.join(line if line.startswith('#') else re.sub(r'(?<!\[)`([\w.]+)(?:\(\))?`', symbol, line) for line in part.split('\n'))
        part = re.sub(r'\]\((?!https?:)([\w./-]+)\.ipynb(#[\w.-]+)?\)', linked, part)
        part = re.sub(r'^:::+ *\{\.callout-(\w+) title="(.*?)".*\}', r':::{admonition} \2\n:class: \1', part, flags=re.M)
        return re.sub(r'^:::+ *\{\.callout-(\w+).*\}', r':::{\1}', part, flags=re.M)
    return ''.join(p if p.startswith('```') else outside_code(p) for p in re.split(r'(^```.*?^```)', text, flags=re.M | re.S))


def tidy_outputs(cell):
    "Without what a page cannot show: live widgets, which need scripts from elsewhere, and progress bars."
    for o in cell.get('outputs', []):
        if live := [m for m in o.get('data', {}) if m.startswith('application/vnd.jupyter')]:
            for mime in [*live, 'text/plain']: o['data'].pop(mime, None)
        if re.search(r'<th>[^<]*[A-Za-z]{4}[^<]*</th>\s*<td>', html := ''.join(o.get('data', {}).get('text/html', ''))): # rows have names
            o['data']['text/html'] = html.replace('class="dataframe"', 'class="dataframe named"')
    cell['outputs'] = [o for o in cell.get('outputs', []) if o.get('data') or o.get('text')]


def tagged(cell, *tags): cell.metadata['tags'] = [*cell.metadata.get('tags', []), *tags]; return cell


def code_cells(cell, shown):
    "A code cell as it is shown: what is exported under its reference entries and folded, what is hidden not at all."
    tidy_outputs(cell)
    has = cell.directives_
    if 'hide' in has or 'default_exp' in has: return []
    if has.keys() & {'export', 'exporti'}: return shown + ([] if only_imports(cell.source) else [tagged(cell, 'hide-input')])
    cell['source'] = re.sub(r'^#\| *[\w-]+:.*\n', '', cell.source, flags=re.M)
    if cell.source.startswith('%%bash\n'): return [mk_cell(f'```sh\n{cell.source[7:]}\n```', 'markdown'), tagged(cell, 'remove-input')]
    if has.get('echo:') == ['false']: tagged(cell, 'remove-input')
    elif has.get('code-fold:') == ['true']: tagged(cell, 'hide-input')
    return [cell]


def page(path):
    "A notebook that myst-nb can show."
    name = str(path.relative_to(NBS).with_suffix(''))
    nb = read_nb(path)
    module = _default_exp(nb)
    module = importlib.import_module(f'{get_config().lib_path.name}.{module}') if module else None
    NBProcessor(nb=nb, procs=[populate_language, add_show_docs, strip_ansi, hide_line], process=True)
    cells, shown, level, known = [], [], 1, familiar(nb, getattr(module, '__name__', ''))
    for cell in reversed(nb.cells): # the entries of a cell stand behind it
        if getattr(cell, 'has_sd', False): shown.append(cell.source[9:-1]); continue
        cell['entries'], shown = shown, []
        cells.insert(0, cell)
    out = []
    for cell in cells:
        if cell.cell_type == 'markdown':
            if m := re.match('(#+) ', cell.source): level = len(m[1])
            cell['source'] = markdown(cell.source, name, known)
            out.append(cell)
        elif cell.cell_type == 'code':
            names = [(n, min(level + 1 + deeper, 5)) for top in cell.pop('entries') for deeper, n in [(0, top), *((1, m) for m in methods(cell.source, top))]]
            entries = [mk_cell(reference(module, *n), 'markdown') for n in names]
            out += code_cells(cell, entries)
    nb['cells'], nb['metadata'] = out, dict(kernelspec=nb.metadata.get('kernelspec', {}))
    return nb


def toctrees():
    return '\n\n'.join(f'```{{toctree}}\n:hidden:\n:caption: "{title}"\n\n' + '\n'.join(pages()[nb.removesuffix(".ipynb")] for nb in nbs) + '\n```'
                       for title, nbs in sections().items())


def write_sources(folder):
    "The pages' sources; a page that did not change is left alone, so that Sphinx need not read it again."
    made = set()
    for name, target in pages().items():
        nb, path = page(NBS/f'{name}.ipynb'), folder/f'{target}.ipynb'
        if name == 'index': nb['cells'].append(mk_cell(toctrees(), 'markdown'))
        for i, cell in enumerate(nb['cells']): # what nbdev noted, and ids that are the same each time
            for key in set(cell) - {'cell_type', 'source', 'metadata', 'outputs', 'execution_count'}: del cell[key]
            cell['id'] = f'cell-{i}'
            cell['metadata'] = {'tags': cell['metadata'].get('tags', [])}
        path.parent.mkdir(parents=True, exist_ok=True)
        new = folder/'new.ipynb'
        write_nb(nb, new)
        if path.exists() and path.read_bytes() == new.read_bytes(): new.unlink()
        else: new.replace(path)
        made.add(path)
    for path in set(folder.rglob('*.ipynb')) - made: path.unlink()
    shutil.copytree(NBS/'images', folder/'images', dirs_exist_ok=True)


def build(target, work=ROOT/'build'/'docs'):
    "Write the site into a folder; the exit status of Sphinx."
    from sphinx.cmd.build import main
    write_sources(work/'pages')
    status = main(['-b', 'html', '-q', '-W', '--keep-going', '-c', str(ROOT/'tools'/'docs'), '-d', str(work/'doctrees'), str(work/'pages'), str(work/'html')])
    if status == 0:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(work/'html', target, ignore=shutil.ignore_patterns('.buildinfo', '_sources', 'objects.inv'))
    return status


if __name__ == '__main__': sys.exit(build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT/'_docs').resolve()))

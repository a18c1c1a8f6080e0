"""Find what makes a notebook hard to read or its outputs untrue; `python tools/check_notebooks.py [NOTEBOOK …]`, all of `nbs/` by default.

One line a finding: the notebook, the number of the cell from 1, what is wrong and how to mend it; exit status 1 if there is any.

- A *lesson cell* is a code cell that readers see: it has no directive (`#| export`, `#| hide`, …) and holds more than imports.
- A *setup cell* is a lesson cell that binds names and shows nothing. It is fine where the next code cell is a lesson that shows something
  made of them; elsewhere a lesson that ends in an assignment is a finding.
- A name means one thing in a notebook. Those of figures (`fig`, `ax`, `axes`), of loops and of `with` may come again, and a collection may
  grow (`site |= …`).
- Each parameter of what is exported has its words beside it, unless its type is a class of this package, which has words of its own.
  Methods without docstring in a class made from a library's do what the library says.
- An exported symbol is shown if a lesson of its notebook names it, or one of another notebook that imports it, or something that is shown uses it.
  (A site uses the functions that are decorated with it, a library's class its methods.)
"""
import ast
import io
import json
import re
import sys
import tokenize
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from statistics import median

NBS = Path(__file__).resolve().parents[1]/'nbs'
LONGEST_CELL, LONGEST_LINE, MEDIAN_CELL = 30, 150, 10
TEXT_OUTPUT, IMAGE_OUTPUT = 12_000, 250_000  # bytes of JSON a cell
FREE_NAMES = {'fig', 'ax', 'axes', '_'}
TESTS = {'test_eq', 'test_ne', 'test_close', 'test_fail', 'test_is', 'test_shuffled', 'test_eq_type', 'is_close', 'assert_allclose'}
PARAMETER = re.compile(r'\s+\*{0,2}\w+\s*(:[^#]*)?(=[^#]*)?,?\s*# ')  # a parameter and what it is
MACHINE = re.compile(r'(?<![\w.:/])(?:/work|/home|/tmp|/root|/Users|/var/folders)/[\w.-]+|[A-Z]:\\\\?Users')
DEF = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Cell:
    "A cell with what the rules ask about it."
    raw: dict    # as the file holds it
    number: int  # from 1

    @property
    def source(self): return ''.join(self.raw['source'])
    @property
    def code(self): return self.raw['cell_type'] == 'code'
    @property
    def outputs(self): return self.raw.get('outputs', [])
    @cached_property
    def directives(self): return re.findall(r'^#\|\s*(.*?)\s*$', self.source, re.M) if self.code else []
    @cached_property
    def exported(self): return any(re.match(r'exporti?\b|exports\b', d) for d in self.directives)
    @cached_property
    def lesson(self): return self.code and not self.directives and not self.imports_only and bool(self.source.strip())

    @cached_property
    def body(self):
        "The statements; none where it is not Python alone (`%magic`, `!command`)."
        if not self.code: return []
        try: return ast.parse(re.sub(r'^(\s*)[%!].*', r'\1pass', self.source, flags=re.M)).body
        except SyntaxError: return []

    @cached_property
    def imports_only(self): return bool(self.body) and all(map(is_import, self.body))

    @cached_property
    def comments(self):
        "Line number and text of each comment but directives."
        if not self.body: return []
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT and not t.string.startswith('#|')]

    @property
    def shows(self): return bool(self.outputs) or any(map(shows_error, self.body))

    @cached_property
    def lines(self): return [s for s in self.source.splitlines() if s.strip() and not s.startswith('#|')]


@dataclass
class Notebook:
    path: Path

    @cached_property
    def raw(self): return json.loads(self.path.read_text(encoding='utf-8'))
    @cached_property
    def cells(self): return [Cell(c, i) for i, c in enumerate(self.raw['cells'], 1)]
    @cached_property
    def code(self): return [c for c in self.cells if c.code]
    @cached_property
    def module(self): return next((d.split()[1] for c in self.code for d in c.directives if d.startswith('default_exp ')), None)
    @cached_property
    def lessons(self): return [c for c in self.cells if c.lesson]
    @cached_property
    def exports(self): return [c for c in self.cells if c.exported]


# --- what a statement is -------------------------------------------------------------------------------------------------------------

def is_import(node):
    "An import, or one that may fail (`try: import …`)."
    if isinstance(node, ast.Try): return all(map(is_import, node.body))
    if isinstance(node, ast.Pass): return True
    return isinstance(node, (ast.Import, ast.ImportFrom))

def called(node):
    "The name of what an expression statement calls."
    call = node.value if isinstance(node, ast.Expr) else None
    f = call.func if isinstance(call, ast.Call) else None
    return f.id if isinstance(f, ast.Name) else f.attr if isinstance(f, ast.Attribute) else None

def shows_error(node): return bool({'ExceptionExpected', 'expect_fail', 'test_fail'} & names([node]))
def is_test(node): return isinstance(node, ast.Assert) or called(node) in TESTS or isinstance(node, ast.For) and all(map(is_test, node.body))

def bound(node):
    "The names that a statement binds, with what they become."
    if isinstance(node, (*DEF, ast.ClassDef)): return [(node.name, ast.dump(node))]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [(n.id, ast.dump(node)) for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]

def names(nodes): return {n.id if isinstance(n, ast.Name) else n.attr for s in nodes for n in ast.walk(s) if isinstance(n, (ast.Name, ast.Attribute))}
def patched(f): return any('patch' in ast.dump(d) for d in f.decorator_list)
def symbols(cell): return [s for s in cell.body if isinstance(s, (*DEF, ast.ClassDef))]

def functions(cell):
    "Functions and methods, but for those that do what a library's class says."
    for s in symbols(cell):
        if isinstance(s, DEF): yield s
        else: yield from (f for f in s.body if isinstance(f, DEF) and (ast.get_docstring(f) or f.name == '__init__' or not foreign(s)))

@lru_cache
def classes(folder=NBS):
    "The names of the classes that the notebooks export."
    return {s.name for p in folder.rglob('*.ipynb') for c in Notebook(p).exports for s in symbols(c) if isinstance(s, ast.ClassDef)}

@lru_cache
def shown_elsewhere(folder):
    "What the lessons of a notebook use of others: by module, the names."
    found = {}
    for nb in map(Notebook, folder.rglob('*.ipynb')):
        used = names(s for c in nb.lessons for s in c.body)
        for s in (s for c in nb.code for s in c.body if isinstance(s, ast.ImportFrom) and s.module):
            found.setdefault(s.module.rpartition('.')[2], set()).update({a.name for a in s.names} & used)
    return found

def foreign(cls): return any(not names([b]) & (classes() | {'ABC', 'Exception'}) for b in cls.bases)

def ours(annotation):
    "Whether a type names a class of this package, in quotes or not."
    return annotation is not None and bool(set(re.findall(r'\w+', ast.unparse(annotation))) & classes())

def last_binds(node): return isinstance(node, (*DEF, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)) or isinstance(node, ast.For) and last_binds(node.body[-1])
def private(name): return name.startswith('_')


# --- rules: each yields (number of the cell, what is wrong: how to mend it) ----------------------------------------------------------

def opening(nb):
    first = nb.cells[0]
    lines = [s for s in first.source.splitlines() if s.strip()]
    if first.raw['cell_type'] == 'raw' or lines[:1] == ['---']: return
    if not (len(lines) == 2 and lines[0].startswith('# ') and lines[1].startswith('> ')):
        yield 1, 'does not open with a title and one line: begin with a cell of "# Title" and "> what it is about"'

def headings(nb):
    for c in nb.cells[1:]:
        if c.raw['cell_type'] != 'markdown': continue
        lines = [s for s in re.sub(r'^(`{3,}|~{3,}).*?^\1', '', c.source, flags=re.M|re.S).splitlines() if s.strip()]
        found = [s for s in lines if re.match(r'#{1,6} ', s)]
        if found and len(lines) > 1: yield c.number, f'the heading {found[0]!r} shares its cell: give it one of its own'
        if found and found[0].startswith('# '): yield c.number, f'a second title {found[0]!r}: use ## or ###'

def lengths(nb):
    for c in nb.exports:
        if len(c.lines) > LONGEST_CELL: yield c.number, f'{len(c.lines)} exported lines, {LONGEST_CELL} is the limit: split it where an idea ends'
    sizes = [sum(not PARAMETER.match(s) for s in c.lines) for c in nb.exports if not c.imports_only]
    if len(sizes) > 3 and median(sizes) > MEDIAN_CELL:
        most = sorted(nb.exports, key=lambda c: -len(c.lines))[:3]
        yield most[0].number, f'{median(sizes):g} exported lines at the median without those of parameters, {MEDIAN_CELL} is the limit: split cells of several symbols'

def line_lengths(nb):
    for c in nb.code:
        for s in c.source.splitlines():
            if len(s) > LONGEST_LINE: yield c.number, f'a line of {len(s)} characters, {LONGEST_LINE} is the limit: break {s.strip()[:40]!r}'

def imports(nb):
    for c in nb.code:
        found = [s for s in c.body if is_import(s) and not isinstance(s, ast.Pass)]
        if found and not c.imports_only and 'hide' not in c.directives: yield c.number, f'{ast.unparse(found[0]).splitlines()[0]!r} stands among other code: move it to a cell of imports'

def lesson_comments(nb):
    for c in nb.lessons:
        for _, text in c.comments[:1]: yield c.number, f'a comment in a lesson ({text[:40]!r}): say it in markdown, or split the cell'

def printed_words(nb):
    for c in nb.lessons:
        for node in ast.walk(ast.Module(c.body, [])):
            if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'print':
                if any(isinstance(a, ast.JoinedStr) or isinstance(a, ast.Constant) and isinstance(a.value, str) for a in node.args):
                    yield c.number, f'prints words ({ast.unparse(node)[:40]!r}): say them in markdown and end with the value'

def nothing_shown(nb):
    code = [c for c in nb.code if c.lesson or c.exported]
    for i, c in enumerate(code):
        if not (c.lesson and c.body and last_binds(c.body[-1])) or c.shows: continue
        made = set()
        for after in code[i:]:
            if after.exported or made and after.shows and made & names(after.body): break
            made |= names(after.body[-1:]) | {n for s in after.body for n, _ in bound(s)} if not after.shows else set()
        if after.exported or not (after.shows and made & names(after.body)):
            yield c.number, f'ends in {ast.unparse(c.body[-1]).splitlines()[0][:40]!r} and shows nothing: end with the value worth seeing'

def reassigned(nb):
    seen = {}
    for c in nb.code:
        if not (c.lesson or c.exported): continue
        for s in c.body:
            for name, value in bound(s):
                if name in FREE_NAMES or private(name) or isinstance(s, DEF) and patched(s): continue
                before = seen.setdefault(name, (c, value))
                if before[1] == value or c.exported and before[0].exported: continue
                yield c.number, f'{name!r} is something else in cell {before[0].number}: give it a name of its own'

def left_undone(nb):
    for c in nb.cells:
        found = re.search(r'\b(TODO|FIXME|XXX)\b', c.source)
        if found: yield c.number, f'a {found[0]}: do it, or write it into an issue'
        if any(re.match(r'eval:\s*false', d) for d in c.directives): yield c.number, 'is not run (eval: false): make it run, or write it as markdown'

def tests_only(nb):
    for c in nb.lessons:
        if c.body and all(map(is_test, c.body)) and not c.outputs:
            yield c.number, 'tests alone: end with the value worth seeing, or move it to tests/'

def docstrings(nb):
    for c in nb.exports:
        for node in [*functions(c), *(s for s in c.body if isinstance(s, ast.ClassDef))]:
            doc = ast.get_docstring(node, clean=False)
            if doc and '\n' in doc: yield c.number, f'the docstring of {node.name} has several lines: keep one, and say the rest in markdown'
            if not doc and not private(node.name): yield c.number, f'{node.name} has no docstring: say in one line what it does'

def docments(nb):
    for c in nb.exports:
        behind = {line for line, _ in c.comments}
        above = {line + 1 for line, _ in c.comments if c.source.splitlines()[line-1].lstrip().startswith('#')}
        for f in functions(c):
            if private(f.name) and f.name != '__init__': continue
            params = [p for p in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs) if p.arg not in ('self', 'cls')]
            lines = [p.lineno for p in params]
            bare = [p.arg for p in params if not ours(p.annotation) and p.lineno not in above and not (p.lineno in behind and lines.count(p.lineno) == 1)]
            if bare: yield c.number, f'{f.name} does not say what {", ".join(bare)} is: one parameter a line, with "# what it is" behind it'

def never_shown(nb):
    uses, all_symbols = {}, [s for c in nb.exports for s in symbols(c)]
    librarys = {s.name for s in all_symbols if isinstance(s, ast.ClassDef) and foreign(s)}
    for s in all_symbols:
        owners = names([s.args.args[0].annotation]) if isinstance(s, DEF) and patched(s) else set()
        called_by_class = owners if s.name.startswith('__') else owners & librarys
        for name in called_by_class: uses.setdefault(name, set()).update([s.name])
        for d in s.decorator_list: # `@site.get('/')`: whoever uses the site uses the function
            if isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute): uses.setdefault(next(iter(names([d.func.value]))), set()).add(s.name)
        uses.setdefault(s.name, set()).update(names([s]))
    for s in (s for c in nb.exports for s in c.body if not isinstance(s, (*DEF, ast.ClassDef))):
        for name, _ in bound(s): uses.setdefault(name, set()).update(names([s]))
    shown = names(s for c in nb.lessons for s in c.body) | shown_elsewhere(nb.path.parent).get(nb.module, set())
    while more := {n for name in shown & uses.keys() for n in uses[name]} - shown: shown |= more
    for c in nb.exports:
        for s in symbols(c):
            if not private(s.name) and s.name not in shown: yield c.number, f'{s.name} is run by no lesson: show what it does, or begin its name with _'

def outputs_there(nb):
    for c in nb.lessons:
        last = c.body[-1] if c.body else None
        plain = isinstance(last, ast.Expr) and not isinstance(last.value, (ast.Call, ast.Await, ast.Constant))
        if (plain or called(last) == 'print') and not c.outputs and not c.source.rstrip().endswith(';'):
            yield c.number, 'has no saved output: run the notebook (tools/run_notebooks.py) and save it'

def output_errors(nb):
    for c in nb.code:
        if any(o['output_type'] == 'error' or 'Traceback (most recent' in json.dumps(o) for o in c.outputs):
            yield c.number, 'its output is an error: mend the cell, or show the error with ExceptionExpected'

def output_sizes(nb):
    for c in nb.code:
        parts = [(k, len(json.dumps(v))) for o in c.outputs for k, v in [*o.get('data', {}).items(), ('text', o.get('text', ''))]]
        pictures, words = sum(n for k, n in parts if k.startswith('image/')), sum(n for k, n in parts if not k.startswith('image/'))
        if words > TEXT_OUTPUT: yield c.number, f'an output of {words:,} bytes of text, {TEXT_OUTPUT:,} is the limit: show less'
        if pictures > IMAGE_OUTPUT: yield c.number, f'pictures of {pictures:,} bytes, {IMAGE_OUTPUT:,} is the limit: lower their size or dpi'

def output_paths(nb):
    for c in nb.code:
        for o in c.outputs:
            texts = [o.get('text', ''), *(v for k, v in o.get('data', {}).items() if not k.startswith('image/'))]
            found = next(filter(None, (MACHINE.search(''.join(t)) for t in texts if isinstance(t, (str, list)))), None)
            if found: yield c.number, f'its output holds a path of one machine ({found[0]}): show the name alone'

def unclean(nb):
    "What `nbdev_clean` would change."
    from nbdev.clean import clean_nb
    cleaned = json.loads(json.dumps(nb.raw))
    clean_nb(cleaned)
    for c, new in zip(nb.cells, cleaned['cells']):
        if c.raw != new: yield c.number, 'holds counts, ids or metadata of a run: run nbdev_clean'
    if nb.raw['metadata'] != cleaned['metadata']: yield 1, 'its metadata is that of one machine: run nbdev_clean'


RULES = [opening, headings, lengths, line_lengths, imports, lesson_comments, printed_words, nothing_shown, reassigned, left_undone, tests_only, docstrings,
         docments, never_shown, outputs_there, output_errors, output_sizes, output_paths, unclean]


def findings(path, rules=RULES):
    "What the rules find in a notebook, a line each, in the order of its cells."
    nb = Notebook(Path(path))
    found = [(n, r.__name__, text) for r in rules for n, text in r(nb)]
    return [f'{nb.path.name} cell {n}: {text}' for n, _, text in sorted(found, key=lambda f: f[0])]


def main(argv):
    paths = [Path(a) for a in argv] or sorted(NBS.rglob('*.ipynb'))
    found = [f for p in paths if '.ipynb_checkpoints' not in p.parts for f in findings(p)]
    print('\n'.join(found) or f'{len(paths)} notebooks, nothing found')
    return 1 if found else 0


if __name__ == '__main__': sys.exit(main(sys.argv[1:]))

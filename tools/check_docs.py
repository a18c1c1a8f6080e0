"""Find links of the built site that lead nowhere, and anything that it would fetch from elsewhere: check_docs.py [FOLDER]

No network is needed: of an address on another site only the form is looked at."""
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

LOADS = {('script', 'src'), ('img', 'src'), ('link', 'href'), ('iframe', 'src'), ('source', 'src'), ('video', 'src'), ('embed', 'src'), ('object', 'data')}


class Page(HTMLParser):
    "The anchors of a page, where its links lead, and what it loads."
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == 'id' or (tag, name) == ('a', 'name'): self.ids.add(value)
            elif (tag, name) == ('a', 'href'): self.links.append(value or '')
            elif (tag, name) in LOADS: self.loads.append(value or '')


def malformed(url):
    "Why an address on another site cannot be right, or None."
    parts = urlsplit(url)
    if parts.scheme == 'mailto': return None if '@' in parts.path else 'no address of a person'
    if parts.scheme not in ('http', 'https'): return f'unknown scheme {parts.scheme!r}'
    if not re.fullmatch(r'([\w-]+\.)+[a-z]{2,}|127\.0\.0\.1|localhost', parts.hostname or ''): return 'no name of a host'
    if re.search(r'[\s<>"{}|\\^`]', url) or re.search(r'#LNone|\.ipynb#.*#', url): return 'characters that no address has'


def problems(folder):
    "What is wrong with the links of a site, a line each."
    pages = {p.relative_to(folder).as_posix(): Page(p.read_text(encoding='utf-8')) for p in sorted(folder.rglob('*.html'))}
    found = []
    for name, page in pages.items():
        for url in [*page.links, *page.loads]:
            if url.startswith('data:'): continue
            if urlsplit(url).scheme:
                if url in page.loads and not url.startswith('#'): found.append(f'{name} loads {url}, which is not on the site')
                if why := malformed(url): found.append(f'{name} links to {url}: {why}')
                continue
            target, _, anchor = urljoin(name, unquote(url)).partition('#')
            target = target.partition('?')[0]
            if target.startswith('/') or not (folder/(target or name)).is_file(): found.append(f'{name} links to {url}, which is not there')
            elif anchor and target.endswith('.html') and anchor not in pages[target].ids: found.append(f'{name} links to {url}: that page has no such place')
    for css in folder.rglob('*.css'):
        found += [f'{css.relative_to(folder)} loads {u}, which is not on the site' for u in re.findall(r'url\(["\']?(?:https?:)?(//[^)"\']+)', css.read_text(encoding='utf-8'))]
    return list(dict.fromkeys(found))


if __name__ == '__main__':
    found = problems(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]/'_docs'))
    print('\n'.join(found) or 'every link leads somewhere')
    sys.exit(bool(found))

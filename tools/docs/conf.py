"Sphinx's settings, see tools/build_docs.py."
import re
import sys
from pathlib import Path

from docutils.utils.math.latex2mathml import tex2mathml

sys.path.insert(0, str(Path(__file__).parents[1]))
from build_docs import CODE, SITE, get_config, pages

cfg = get_config()
project = html_title = cfg.title
author, copyright, version = cfg.author, f'2026, {cfg.author}', cfg.version
extensions = ['myst_nb', 'sphinx_copybutton']
root_doc = 'index'
nb_execution_mode = 'off'
nb_ipywidgets_js = {}
nb_render_markdown_format = 'gfm'
nb_merge_streams = True
nb_code_prompt_show = nb_code_prompt_hide = 'source'
myst_enable_extensions = ['dollarmath', 'colon_fence', 'attrs_inline']
myst_heading_anchors = 5
suppress_warnings = ['myst.header', 'mystnb.unknown_mime_type']
pygments_dark_style = 'github-dark'
html_theme = 'furo'
html_static_path = ['static']
html_css_files = ['site.css']
html_favicon = 'static/icon.svg'
html_copy_source = html_show_sphinx = html_use_index = smartquotes = False
html_math_renderer = 'mathml'
html_theme_options = dict(source_repository=cfg.git_url, footer_icons=[])
copybutton_exclude = '.linenos, .gp, .go'


def anchor(title):
    "The anchor that Quarto, by way of pandoc, gives a heading; nbdev's links rely on it."
    text = re.sub(r'[^\w\s.-]', '', title.lower())
    return re.sub(r'\s+', '-', re.sub(r'^[^a-z]+', '', text)) or 'section'


def add_anchors(app, doctree):
    from docutils import nodes
    taken = set(doctree.ids)
    for section in doctree.findall(nodes.section):
        name = anchor(section.next_node(nodes.title).astext())
        if name not in taken: section['ids'].insert(0, name); taken.add(name); doctree.ids[name] = section


def finish_page(app, pagename, templatename, context, doctree):
    "Links within the site are relative, and each page knows its notebook."
    if 'body' in context: context['body'] = context['body'].replace(f'class="reference external" href="{SITE}', 'class="reference internal" href="' + '../'*pagename.count('/'))
    notebooks = {page: nb for nb, page in pages().items()}
    if pagename in notebooks: context['theme_source_view_link'] = context['theme_source_edit_link'] = f'{CODE}/nbs/{notebooks[pagename]}.ipynb'


def visit_math(self, node):
    import docutils.nodes as nodes
    self.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app):
    app.connect('doctree-read', add_anchors)
    app.connect('html-page-context', finish_page)
    app.add_html_math_renderer('mathml', (visit_math, None), (visit_math, None))
    return dict(parallel_read_safe=True, parallel_write_safe=True)

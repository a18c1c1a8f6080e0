from from_paper_with_tasks.tagging import PaperTagger
from from_paper_with_tasks.web_serving import make_site

app = make_site(PaperTagger.from_pretrained())

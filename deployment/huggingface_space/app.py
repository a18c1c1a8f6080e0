from from_paper_with_tasks.app import launch, make_app
from from_paper_with_tasks.tagging import PaperTagger

launch(make_app(PaperTagger.from_pretrained()))

from from_paper_with_tasks.app import launch, make_app
from from_paper_with_tasks.feedback import feedback_from_env
from from_paper_with_tasks.tagging import PaperTagger

tagger = PaperTagger.from_pretrained()
launch(make_app(tagger, feedback_from_env(tagger)))

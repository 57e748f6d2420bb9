"""A new study: looks at data, asks what data cannot tell, and writes a commented study file that runs as it is."""

from ssinfer.new.draft import Draft, write_draft
from ssinfer.new.panel import draft_of_panel
from ssinfer.new.question import Answers, Question

__all__ = ["Answers", "Draft", "Question", "draft_of_panel", "write_draft"]

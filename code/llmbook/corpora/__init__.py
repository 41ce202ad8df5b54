"""Texts to learn from: Tales (whose source is known), Python's own English, the reader's files."""

from llmbook.corpora.files import text_file

__all__ = ["text_file"]

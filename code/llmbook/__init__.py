"""The shared code of *Deep Learning and Large Language Models: Theory and Practice*.

Everything that more than one chapter uses stands here once. Chapters list it with
``llmbook.show`` and prove it against its reference; ``tests/`` does so more strictly.
"""

__version__ = "0.1.0"

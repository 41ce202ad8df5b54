"""The shared code of *Deep Learning and Large Language Models: Theory and Practice*.

Everything that more than one chapter uses stands here once. Chapters list it with
``llmbook.show`` and prove it against its reference; ``tests/`` does so more strictly.
"""

import warnings

__version__ = "0.1.0"

# tqdm, as transformers uses it, warns in a notebook that has no widgets. The book wants none: a
# page with widgets asks other servers for scripts.
warnings.filterwarnings("ignore", message="IProgress not found")

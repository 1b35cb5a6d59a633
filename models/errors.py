# SPDX-License-Identifier: MIT
"""What goes wrong with models."""


class ModelError(Exception):
    """A model is missing, changed or unusable; the text is one line: which, why, what to do."""

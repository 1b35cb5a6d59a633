# SPDX-License-Identifier: MIT
"""What users and faces may be called. Wrong is InvalidArgumentError."""

from faceauthd.results import InvalidArgumentError

LONGEST_LABEL = 64  # characters
LONGEST_USER = 256  # bytes


def check_user(user: str) -> None:
    """Raise InvalidArgumentError unless the text can be a user's name."""
    try:
        length = len(user.encode("utf-8"))
    except UnicodeEncodeError:
        raise InvalidArgumentError("the user name is not valid UTF-8") from None
    if not 0 < length <= LONGEST_USER or not user.isprintable():
        raise InvalidArgumentError(
            f"a user name has 1 to {LONGEST_USER} bytes and no control characters"
        )


def check_label(label: str) -> None:
    """Raise InvalidArgumentError unless the text can be a label."""
    if not label.strip() or len(label) > LONGEST_LABEL or not label.isprintable():
        raise InvalidArgumentError(
            f"a label has 1 to {LONGEST_LABEL} characters, and no control characters"
        )


def new_label(wanted: str, taken: set[str]) -> str:
    """The wanted label, or the first free "face N" where it is empty."""
    if wanted in taken:
        raise InvalidArgumentError(f'there is a face "{wanted}" already; choose another label')
    free = (f"face {number}" for number in range(1, len(taken) + 2))
    return wanted or next(label for label in free if label not in taken)


def free_label(wanted: str, taken: set[str]) -> str:
    """The wanted label, or with the first number behind it that makes it another one."""
    numbered = (f"{wanted[: LONGEST_LABEL - 5]} ({n})" for n in range(2, len(taken) + 3))
    return next(label for label in (wanted, *numbered) if label not in taken)

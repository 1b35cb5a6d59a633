# SPDX-License-Identifier: MIT
"""Faces as one text, to be sealed under a key of the administrator's and taken elsewhere.

JSON, so that a later version can read it; every field is checked on the way back as strangers'
are (fields.py). The daemon seals it (``seal``) under a key that it is given and forgets: what
passphrase or recipient that came from is the command's business (cli/store_file.py).
"""

import json
from collections.abc import Sequence

import numpy as np

from faceauthd.fields import Fields, WireError, pack_vector, parse
from faceauthd.names import check_label, check_user
from faceauthd.results import LARGEST_BACKUP, InvalidArgumentError
from faceauthd.store import FaceRecord
from faceauthd.vault import SealError, Vault

FORMAT = 1
PURPOSE = "backup"  # what the sealed text is bound to, so that it is taken for nothing else
MOST_FACES = 10_000
MOST_NUMBERS = 65_536  # of one face
LONGEST = 256  # characters of an engine's, a model's or a camera's name
_FAR = 2**53


def seal(faces: Sequence[FaceRecord], vault: Vault) -> bytes:
    """The faces, which are not damaged, as a text for ``opened``.

    InvalidArgumentError where ``opened`` would refuse so many: a backup that cannot be restored
    is none.
    """
    listed = [
        {
            "face_id": face.face_id,
            "user": face.user,
            "label": face.label,
            "engine": face.engine,
            "model": face.model,
            "camera": face.camera,
            "created": face.created,
            "rows": len(face.vectors),
            "vectors": pack_vector(face.vectors.ravel()),
        }
        for face in faces
    ]
    text = json.dumps({"format": FORMAT, "faces": listed}).encode()
    sealed = vault.seal(text, PURPOSE)
    if len(faces) > MOST_FACES or len(sealed) > LARGEST_BACKUP:
        raise InvalidArgumentError(
            f"{len(faces)} faces are too many for one backup; back each user up by themselves"
        )
    return sealed


def opened(sealed: bytes, vault: Vault) -> list[FaceRecord]:
    """The faces in what ``seal`` made; InvalidArgumentError where it is none, or the key wrong."""
    try:
        message = parse(vault.open(sealed, PURPOSE))
        message.whole("format", FORMAT, FORMAT)
        faces = [_face(each) for each in message.objects("faces", MOST_FACES)]
        message.end()
    except SealError:
        raise InvalidArgumentError(
            "the backup does not open: wrong passphrase or key, or it was changed"
        ) from None
    except WireError as error:
        raise InvalidArgumentError(f"the backup cannot be read: {error}") from None
    return faces


def _face(fields: Fields) -> FaceRecord:
    rows = fields.whole("rows", 1, MOST_NUMBERS)
    numbers = fields.vector("vectors", MOST_NUMBERS)
    if len(numbers) % rows:
        raise WireError("a face whose rows are not equally long")
    face = FaceRecord(
        face_id=fields.text("face_id", 64),
        user=fields.text("user", LONGEST),
        label=fields.text("label", LONGEST),
        engine=fields.text("engine", LONGEST),
        model=fields.text("model", LONGEST),
        camera=fields.text("camera", LONGEST),
        created=fields.whole("created", 0, _FAR),
        vectors=np.asarray(numbers.reshape(rows, -1), np.float32),
    )
    fields.end()
    check_user(face.user)
    check_label(face.label)
    if not face.face_id.isascii() or not face.face_id:
        raise WireError("a face without an id")
    return face

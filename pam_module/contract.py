# SPDX-License-Identifier: MIT
"""The daemon's names on the bus, and its hints that ask a person for something.

faceauthd has them too, and tests compare them.
"""

SERVICE = "org.faceauth.FaceAuth1"
OBJECT_PATH = "/org/faceauth/FaceAuth1"
INTERFACE = "org.faceauth.FaceAuth1.Manager"

# What a challenge asks for; who is not told what to do cannot do it.
GESTURES = {
    "blink": "Close your eyes for a moment, then open them.",
    "turn-left": "Turn your head to your left, then back.",
    "turn-right": "Turn your head to your right, then back.",
    "nod": "Nod once.",
}

# SPDX-License-Identifier: MIT
"""The daemon's names on the bus; faceauthd/results.py has them too, and a test compares them."""

SERVICE = "org.faceauth.FaceAuth1"
OBJECT_PATH = "/org/faceauth/FaceAuth1"
INTERFACE = "org.faceauth.FaceAuth1.Manager"

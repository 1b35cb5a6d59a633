# SPDX-License-Identifier: MIT
"""Where frames come from: V4L2 cameras, video files, folders and archives of pictures.

``list_cameras`` says what there is, ``open_source`` opens one. Importing this package does not
import OpenCV; opening a source does. Every failure is a CameraError: a reason and one line.

terms      the shared words         ioctls     questions to the kernel
discovery  which cameras there are  opening    configuration → source
v4l2, video, pictures, picture      films: pictures in order
capture    films → frames
"""

from faceauthd.camera.discovery import list_cameras
from faceauthd.camera.opening import open_source
from faceauthd.camera.terms import CameraError, CameraInfo, Frame

__all__ = ["CameraError", "CameraInfo", "Frame", "list_cameras", "open_source"]

# SPDX-License-Identifier: MIT
"""What ``faceauth doctor`` looks at, one module for each part of the system.

Each module has a ``check(machine)`` that yields its findings, and takes all it knows of the system
from the `Machine`. A check states what it saw; what it cannot see is a finding, too ("unknown").
"""

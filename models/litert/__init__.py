# SPDX-License-Identifier: MIT
"""ONNX networks as LiteRT runs them: a small converter, for the networks that look at faces.

convert      an ONNX file to a TFLite file, in memory
operators    what is written for each of ONNX's operators
translation  what they share: which values are computed, and which are known
graph        the TFLite file, operation by operation
"""

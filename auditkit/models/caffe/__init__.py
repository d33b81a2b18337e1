"""Caffe classifiers: a differentiable PyTorch module, and OpenCV's reading of it to hold it to."""

from auditkit.models.caffe.module import CaffeModule, load_caffe
from auditkit.models.caffe.runtime import CaffeRuntime
from auditkit.models.caffe.weights import read_mean_image

__all__ = ["CaffeModule", "CaffeRuntime", "load_caffe", "read_mean_image"]

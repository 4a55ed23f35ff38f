"""tensor -> tensor: the layers, useful alone in any PyTorch program."""

from plait.layers.activation import Activation
from plait.layers.blocks import ResidualBlock, SeparableConv
from plait.layers.chain import Chain
from plait.layers.characters import CharacterConv
from plait.layers.conversion import Flatten, ToMap, ToSequence
from plait.layers.convolution import Conv
from plait.layers.dense import Dense
from plait.layers.dropout import Dropout
from plait.layers.embedding import Embedding
from plait.layers.layer import Layer
from plait.layers.log_mel import LogMel
from plait.layers.losses import LossOptions, make_loss
from plait.layers.norm import Norm
from plait.layers.normalize import Normalize
from plait.layers.own import Own
from plait.layers.own_cell import OwnCell
from plait.layers.pooling import AdaptivePool, GlobalPool, Pool
from plait.layers.pretrained import Pretrained
from plait.layers.reading import LAYERS, read_network
from plait.layers.recurrence import Recurrent
from plait.layers.scale import Scale
from plait.layers.shapes import Map, Samples, Sequence, Shape, Tokens, Vector, Words
from plait.layers.spatial_recurrence import SpatialRecurrent
from plait.layers.spec_augment import SpecAugment
from plait.layers.squeeze import Squeeze
from plait.layers.stack import Parallel, Repeat, Residual, Stack, Tap, outlined
from plait.layers.table import network_table
from plait.layers.whitening import Whitening

__all__ = [
    "LAYERS",
    "Activation",
    "AdaptivePool",
    "Chain",
    "CharacterConv",
    "Conv",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalPool",
    "Layer",
    "LogMel",
    "LossOptions",
    "Map",
    "Norm",
    "Normalize",
    "Own",
    "OwnCell",
    "Parallel",
    "Pool",
    "Pretrained",
    "Recurrent",
    "Repeat",
    "Residual",
    "ResidualBlock",
    "Samples",
    "Scale",
    "SeparableConv",
    "Sequence",
    "Shape",
    "SpatialRecurrent",
    "SpecAugment",
    "Squeeze",
    "Stack",
    "Tap",
    "ToMap",
    "ToSequence",
    "Tokens",
    "Vector",
    "Whitening",
    "Words",
    "make_loss",
    "network_table",
    "outlined",
    "read_network",
]

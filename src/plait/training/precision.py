"""Which numbers to train in: bfloat16 where the hardware multiplies it faster, float32 elsewhere."""

from typing import Literal

import torch
from torch import nn

Precision = Literal["bfloat16", "float32"]


def device() -> torch.device:
    """Where training happens: the first GPU, or the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bfloat16() -> bool:
    """Whether the hardware multiplies bfloat16 itself (AMX or AVX512-BF16, or a GPU of 2020 or later)."""
    if device().type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def fast_bfloat16_products() -> bool:
    """Whether plain matrix products are faster in bfloat16; with AVX512-BF16 alone they measure slower."""
    if device().type == "cuda":
        return has_bfloat16()
    return bool(torch.cpu._is_amx_tile_supported())


def autocast(precision: str) -> torch.autocast:
    """The context of a forward pass outside Lightning; the same as Lightning's."""
    return torch.autocast(device().type, torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False)


def placed(network: nn.Module) -> nn.Module:
    """The network on the device, kernels laid out channels last, as the fast convolutions read them."""
    return network.to(device()).to(memory_format=torch.channels_last)

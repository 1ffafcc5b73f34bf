"""The Inception network of FID and KID.

2048 features of a picture, from a weights file that the user names.

Architecture: Szegedy et al. (arXiv 1512.00567), in the variant of the TensorFlow graph of 2015-12-05 that
every published FID uses (average pools do not count their padding, the last block pools by maximum, pictures
are enlarged to 299² by the bilinear rule of TensorFlow 1). Module names are those of the port
`pt_inception-2015-12-05-6726825d.pth`, so that its state dict fits. Without that file nothing here can be
used, and nothing is downloaded.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 2048
EDGE = 299
Size = int | tuple[int, int]


class BasicConv2d(nn.Module):
    """Convolution without bias, batch normalisation by stored statistics, ReLU."""

    def __init__(self, channels: int, out: int, size: Size, stride: int = 1, padding: Size = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, size, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _same(channels: int, out: int, size: Size) -> BasicConv2d:
    """A convolution that keeps the size of the picture."""
    padding = size // 2 if isinstance(size, int) else (size[0] // 2, size[1] // 2)
    return BasicConv2d(channels, out, size, padding=padding)


def _mean_pool(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class Block35(nn.Module):
    """35² blocks (5b, 5c, 5d)."""

    def __init__(self, channels: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = _same(channels, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = _same(channels, 48, 1), _same(48, 64, 5)
        self.branch3x3dbl_1, self.branch3x3dbl_2, self.branch3x3dbl_3 = (
            _same(channels, 64, 1),
            _same(64, 96, 3),
            _same(96, 96, 3),
        )
        self.branch_pool = _same(channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch5x5_2(self.branch5x5_1(x)),
                double,
                self.branch_pool(_mean_pool(x)),
            ],
            dim=1,
        )


class Reduce17(nn.Module):
    """35² → 17² (6a)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = BasicConv2d(channels, 384, 3, stride=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _same(channels, 64, 1), _same(64, 96, 3)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], dim=1)


class Block17(nn.Module):
    """17² blocks (6b … 6e): convolutions of 7 × 7 in rows and columns."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        row, column = (1, 7), (7, 1)
        self.branch1x1 = _same(channels, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = _same(channels, inner, 1), _same(inner, inner, row)
        self.branch7x7_3 = _same(inner, 192, column)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = _same(channels, inner, 1), _same(inner, inner, column)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = _same(inner, inner, row), _same(inner, inner, column)
        self.branch7x7dbl_5 = _same(inner, 192, row)
        self.branch_pool = _same(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_mean_pool(x))], dim=1)


class Reduce8(nn.Module):
    """17² → 8² (7a)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = _same(channels, 192, 1), BasicConv2d(192, 320, 3, stride=2)
        self.branch7x7x3_1, self.branch7x7x3_2 = _same(channels, 192, 1), _same(192, 192, (1, 7))
        self.branch7x7x3_3, self.branch7x7x3_4 = _same(192, 192, (7, 1)), BasicConv2d(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, stride=2)], dim=1)


class Block8(nn.Module):
    """8² blocks (7b, 7c): 3 × 3 split into a row and a column side by side. 7c pools by maximum."""

    def __init__(self, channels: int, *, by_maximum: bool) -> None:
        super().__init__()
        row, column = (1, 3), (3, 1)
        self.by_maximum = by_maximum
        self.branch1x1 = _same(channels, 320, 1)
        self.branch3x3_1, self.branch3x3_2a, self.branch3x3_2b = (
            _same(channels, 384, 1),
            _same(384, 384, row),
            _same(384, 384, column),
        )
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _same(channels, 448, 1), _same(448, 384, 3)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = _same(384, 384, row), _same(384, 384, column)
        self.branch_pool = _same(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.by_maximum else _mean_pool(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled)]
        return torch.cat(parts, dim=1)


class Inception(nn.Module):
    """Pictures [B, 3, H, W] uint8 → features [B, 2048] float32; always in evaluation mode, without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv2d(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3)
        self.Conv2d_2b_3x3 = _same(32, 64, 3)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, 1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = Block35(192, 32), Block35(256, 64), Block35(288, 64)
        self.Mixed_6a = Reduce17(288)
        self.Mixed_6b, self.Mixed_6c = Block17(768, 128), Block17(768, 160)
        self.Mixed_6d, self.Mixed_6e = Block17(768, 160), Block17(768, 192)
        self.Mixed_7a = Reduce8(768)
        self.Mixed_7b, self.Mixed_7c = Block8(1280, by_maximum=False), Block8(2048, by_maximum=True)
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        x = (enlarge(images.float()) - 128.0) / 128.0
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean(dim=(2, 3))


def enlarge(x: Tensor, edge: int = EDGE) -> Tensor:
    """x [B, C, H, W] → [B, C, edge, edge] as TensorFlow 1 resizes.

    Pixel i of the result reads place i · H / edge, linearly.
    """
    for axis in (2, 3):
        size = x.shape[axis]
        place = torch.arange(edge, device=x.device, dtype=torch.float32) * torch.tensor(
            size / edge, device=x.device
        )
        low = place.long().clamp(max=size - 1)
        share = (place - low).reshape([-1, 1] if axis == 2 else [-1])
        before, after = x.index_select(axis, low), x.index_select(axis, (low + 1).clamp(max=size - 1))
        x = before + (after - before) * share
    return x

"""How far apart two colours are to the eyes of who sees all of them, or not all."""

from __future__ import annotations

import numpy as np

# Linear RGB as seen without one kind of cone: Machado, Oliveira and Fernandes, "A physiologically-
# based model for simulation of color vision deficiency", 2009, severity 1.
KINDS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Linear sRGB to XYZ for the white of daylight (D65), divided by that white: IEC 61966-2-1.
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
) / np.array([[0.95047], [1.0], [1.08883]])


def linear_rgb(colour: str) -> np.ndarray:
    """Return a colour "#rrggbb" as linear RGB from 0 to 1."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(linear: np.ndarray) -> np.ndarray:
    """Return CIE 1976 L*a*b*."""
    xyz = TO_XYZ @ np.clip(linear, 0, 1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(a: str, b: str, kind: str) -> float:
    """Return ΔE of 1976 between two colours as ``kind`` sees them; 2 is just to be noticed."""
    first, second = (lab(KINDS[kind] @ linear_rgb(colour)) for colour in (a, b))
    return float(np.linalg.norm(first - second))


def contrast_with_white(colour: str) -> float:
    """Return the contrast of WCAG 2, which asks 3 of lines in a picture."""
    return 1.05 / (float(TO_XYZ[1] @ linear_rgb(colour)) + 0.05)

"""The exact way between a film's own pixels and the working grid of the net: crop, mirror, scale per axis.

In: points `(row, col)` or pictures of the whole film. Out: the same in the other frame. Pixel centres stand at
integers in both frames, so the edges of a film of n rows lie at -0.5 and n - 0.5, and scaling keeps the edges.
A picture may be a reduced copy of the film: it is understood to cover the whole film, whatever its size.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where the working grid lies on the film."""

    film_rows: int
    """Height of the original film in pixels."""
    film_cols: int
    """Width of the original film in pixels."""
    row0: float
    """Top edge of the crop, in half-open film pixels (0 is the film's upper edge)."""
    col0: float
    """Left edge of the crop."""
    row1: float
    """Bottom edge of the crop (film_rows is the film's lower edge)."""
    col1: float
    """Right edge of the crop."""
    mirrored: bool
    """True where the columns were reversed, so that the chest wall lies on the left."""
    rows: int
    """Height of the working grid."""
    cols: int
    """Width of the working grid."""

    def __post_init__(self) -> None:
        inside = 0 <= self.row0 < self.row1 <= self.film_rows and 0 <= self.col0 < self.col1 <= self.film_cols
        if not inside or self.rows < 1 or self.cols < 1:
            raise ValueError(f"not a grid on a film of {self.film_rows} x {self.film_cols}: {self}")

    @classmethod
    def whole(cls, film_rows: int, film_cols: int, rows: int | None = None, cols: int | None = None) -> Grid:
        """The grid of a whole film without crop or mirror, at its own size unless another is given."""
        return cls(
            film_rows=film_rows,
            film_cols=film_cols,
            row0=0,
            col0=0,
            row1=film_rows,
            col1=film_cols,
            mirrored=False,
            rows=rows or film_rows,
            cols=cols or film_cols,
        )

    @property
    def scale(self) -> tuple[float, float]:
        """Working pixels per film pixel, down and across."""
        return self.rows / (self.row1 - self.row0), self.cols / (self.col1 - self.col0)

    @property
    def working_rows_of_film(self) -> float:
        """Height that the whole film would have at the working scale: the unit of sizes in the candidate rule."""
        return self.film_rows * self.scale[0]

    def to_film(self, points: NDArray) -> NDArray[np.float64]:
        """Points `(n, 2)` on the working grid -> film pixels."""
        rows, cols = np.asarray(points, np.float64).reshape(-1, 2).T
        if self.mirrored:
            cols = self.cols - 1 - cols
        down, across = self.scale
        return np.stack([(rows + 0.5) / down + self.row0 - 0.5, (cols + 0.5) / across + self.col0 - 0.5], axis=1)

    def to_working(self, points: NDArray) -> NDArray[np.float64]:
        """Points `(n, 2)` in film pixels -> the working grid; points off the crop come out off the grid."""
        rows, cols = np.asarray(points, np.float64).reshape(-1, 2).T
        down, across = self.scale
        rows = (rows + 0.5 - self.row0) * down - 0.5
        cols = (cols + 0.5 - self.col0) * across - 0.5
        return np.stack([rows, self.cols - 1 - cols if self.mirrored else cols], axis=1)

    def picture_to_working(self, picture: NDArray) -> NDArray:
        """A picture of the whole film, any size and dtype, on the working grid; area means where it shrinks.

        A crop whose edges fall inside a pixel of the picture is widened to whole pixels only if that costs less
        than a thousandth of a pixel; otherwise the picture is sampled bilinearly at the exact places.
        """
        down, across = picture.shape[0] / self.film_rows, picture.shape[1] / self.film_cols
        edges = np.array([self.row0 * down, self.row1 * down, self.col0 * across, self.col1 * across])
        whole = np.rint(edges).astype(int)
        if np.abs(edges - whole).max() < 1e-3:
            part = picture[whole[0] : whole[1], whole[2] : whole[3]]
            shrinks = part.shape[0] >= self.rows and part.shape[1] >= self.cols
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            out = cv2.resize(part, (self.cols, self.rows), interpolation=method)
        else:
            out = _sample(
                picture, (edges[0], edges[2]), (self.rows, self.cols), (edges[1] - edges[0], edges[3] - edges[2])
            )
        return np.ascontiguousarray(out[:, ::-1]) if self.mirrored else out

    def mask_to_working(self, mask: NDArray) -> NDArray[np.bool_]:
        """A lesion's mask (any size, covering the whole film) on the working grid, label-safe.

        A working pixel belongs to the lesion when at least half of its area does. A lesion too small for that
        keeps the pixels with its largest share, so that none vanishes.
        """
        share = self.picture_to_working((mask > 0).astype(np.float32))
        if share.max() <= 0:
            return np.zeros(share.shape, bool)
        return share >= min(0.5, float(share.max()))

    def to_film_picture(self, working: NDArray, window: tuple[int, int, int, int] | None = None) -> NDArray:
        """What stands on the working grid, in the film's own pixels, bilinear; 0 outside the crop.

        Parameters
        ----------
        working
            `(rows, cols)`, float32, uint8 or uint16.
        window
            Half-open `(row0, col0, row1, col1)` in film pixels; the whole film if absent.
        """
        if working.shape != (self.rows, self.cols):
            raise ValueError(f"picture of {working.shape}, the grid has {(self.rows, self.cols)}")
        row0, col0, row1, col1 = window or (0, 0, self.film_rows, self.film_cols)
        film_rows, film_cols = np.arange(row0, row1), np.arange(col0, col1)
        down, across = self.scale
        rows = (film_rows + 0.5 - self.row0) * down - 0.5
        cols = (film_cols + 0.5 - self.col0) * across - 0.5
        in_rows = (film_rows + 0.5 >= self.row0) & (film_rows + 0.5 <= self.row1)
        in_cols = (film_cols + 0.5 >= self.col0) & (film_cols + 0.5 <= self.col1)
        source = working[:, ::-1] if self.mirrored else working
        out = np.zeros((row1 - row0, col1 - col0), working.dtype)
        if in_rows.any() and in_cols.any():
            out[np.ix_(in_rows, in_cols)] = _bilinear(source, rows[in_rows], cols[in_cols])
        return out

    def json(self) -> str:
        """The grid as one line of JSON; `Grid.from_json` takes it back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Grid:
        """The grid that `json` wrote."""
        return cls(**json.loads(text))


def _bilinear(source: NDArray, rows: NDArray, cols: NDArray) -> NDArray:
    """Bilinear values of `source` at every pair of `rows` and `cols`, its border repeated; dtype kept."""
    across = np.clip(cols, 0, source.shape[1] - 1).astype(np.float32)
    down = np.clip(rows, 0, source.shape[0] - 1).astype(np.float32)
    map_cols, map_rows = np.meshgrid(across, down)
    return cv2.remap(np.ascontiguousarray(source), map_cols, map_rows, cv2.INTER_LINEAR)


def _sample(picture: NDArray, origin: tuple, shape: tuple, extent: tuple) -> NDArray:
    """A window of `picture` whose edges lie between pixels, resampled to `shape`.

    Reduction goes over a grid that is a whole multiple finer, whose area means are then taken.
    """
    fine = [max(1, int(np.ceil(extent[k] / shape[k]))) for k in (0, 1)]
    counts = [shape[k] * fine[k] for k in (0, 1)]
    places = [origin[k] + (np.arange(counts[k]) + 0.5) * extent[k] / counts[k] - 0.5 for k in (0, 1)]
    dense = _bilinear(picture, places[0], places[1])
    return dense if fine == [1, 1] else cv2.resize(dense, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)

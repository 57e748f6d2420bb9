"""Types that many modules name."""

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]
type Positions = NDArray[np.intp]
type Booleans = NDArray[np.bool_]
type Label = Hashable

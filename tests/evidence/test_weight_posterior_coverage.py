"""Authority: real placebos with a true saving of zero: Dutch municipalities, and US counties of the Dartmouth Atlas.

Asserted: the block-bootstrap interval of the pooled coverage at 90% lies inside 85 to 95% in full, and reaches into it
on a share; fits are not refused more than once in fifty.
"""

# ruff: noqa: T201
from __future__ import annotations

import pytest
import weight_posterior_coverage as coverage


@pytest.mark.evidence
@pytest.mark.parametrize("which", ["dutch", "dartmouth"])
def test_coverage_of_the_pooled_saving(which, data_dir, evidence_share):
    full = evidence_share == 1
    if which == "dutch":
        frame = coverage.dutch(data_dir, 1 if full else 6, **({} if full else {"origins": (2018,)}))
    else:
        frame = coverage.dartmouth(data_dir, 1 if full else 3, **({} if full else {"starts": (2008,)}))
    text, pooled, refused = coverage.report(frame)
    print(text)
    assert refused < 0.02
    if full:
        assert pooled["low"] > 85
        assert pooled["high"] < 95
    else:
        assert pooled["low"] < 95
        assert pooled["high"] > 85

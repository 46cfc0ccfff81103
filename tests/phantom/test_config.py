import pytest

from mammomap.errors import ConfigError
from mammomap.phantom import PhantomConfig


@pytest.mark.parametrize(
    "wrong",
    [{"patients": 0}, {"seed": -1}, {"rows": 100}, {"rows": 4701}, {"test_share": 1.1}, {"both_breasts": -0.1}]
    + [{"workers": 0}],
)
def test_settings_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PhantomConfig(**wrong)


def test_a_film_is_240_mm_high():
    assert PhantomConfig(rows=1200).pixel_mm == pytest.approx(0.2)
    assert PhantomConfig(rows=4700).pixel_mm * 4700 == pytest.approx(240)

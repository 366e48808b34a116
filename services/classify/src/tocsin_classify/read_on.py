"""Whether an article must be read to its end. A short-cut, used by models whose config.json asks for it."""

import numpy as np

from tocsin_classify.model_directory import ModelSettings
from tocsin_classify.pool_windows import Floats, softmax


def must_read_on(level: Floats, model: ModelSettings) -> bool:
    """Whether the first windows, of level logits [W, 6], leave open what the rest may report.

    The rest is left unread only when each of them is sure, by `lead_above`, that it reports no conflict.
    """
    return bool(np.any(softmax(level / model.level_temperature)[:, 0] < model.lead_above))

"""What a user would write first: transformers' text-classification pipeline on torch.

Runs in a Python with torch and onnx, and knows nothing of Tocsin: text in, most probable level out.
"""

import argparse
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification
from transformers.models.bert.modeling_bert import BertModel

from benchmarks.classify.child import answer_questions
from benchmarks.classify.rebuild_weights import rebuild_weights
from benchmarks.classify.texts import read_joined

BATCH = 32


class MeanPooledBert(BertModel):  # type: ignore[misc] # torch is not there when types are checked
    """BERT whose pooled output is the mean of its tokens, as Tocsin's network pools."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **rest: Any) -> Any:
        """Whatever BERT gives, with another pooled output."""
        found = super().forward(input_ids=input_ids, attention_mask=attention_mask, **rest)
        weight = attention_mask.unsqueeze(-1).to(found.last_hidden_state.dtype)
        found.pooler_output = (found.last_hidden_state * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        return found


def load_model(directory: Path, checkpoint: Path | None) -> tuple[Any, str]:
    """The classifier of the level, and a sentence on where its weights are from."""
    if checkpoint is not None:
        return AutoModelForSequenceClassification.from_pretrained(checkpoint).eval(), "a checkpoint"
    config = BertConfig.from_pretrained(directory)
    model = BertForSequenceClassification(config)
    model.bert = MeanPooledBert(config, add_pooling_layer=False)
    weights = rebuild_weights(directory / "model.onnx")
    state = {
        "bert." + name.removeprefix("encoder."): torch.from_numpy(array)
        for name, array in weights.items()
        if name.startswith("encoder.")
    }
    state |= {f"classifier.{part}": torch.from_numpy(weights[f"level.{part}"]) for part in ("weight", "bias")}
    model.load_state_dict(state)
    return model.eval(), "the shipped int8 weights as float32"


def main() -> int:
    """Load, then answer {kind, way}: way is `single` or `batched`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--texts", nargs=2, action="append", metavar=("KIND", "JSONL"), required=True)
    options = parser.parse_args()
    started = time.perf_counter()
    model, origin = load_model(options.model, options.checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint or options.model)
    pipeline = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    texts = {kind: read_joined(Path(file)) for kind, file in options.texts}
    ready = {
        "loaded_s": time.perf_counter() - started,
        "weights": origin,
        "tokens": {kind: sum(map(len, tokenizer(own, truncation=True).input_ids)) for kind, own in texts.items()},
        "threads": torch.get_num_threads(),
        "versions": {
            "Python (pipeline)": platform.python_version(),
            "torch": torch.__version__,
            "transformers (pipeline)": transformers.__version__,
        },
    }

    def answer(kind: str, way: str) -> dict[str, Any]:
        began = time.perf_counter()
        if way == "batched":
            found = pipeline(texts[kind], batch_size=BATCH, truncation=True)
        else:
            found = [pipeline(text, truncation=True)[0] for text in texts[kind]]
        return {
            "seconds": time.perf_counter() - began,
            "levels": [int(one["label"]) for one in found],
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }

    # The first text through a model costs more than the others.
    pipeline("a", truncation=True)
    answer_questions(ready, answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())

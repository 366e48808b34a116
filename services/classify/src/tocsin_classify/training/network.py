"""An encoder, mean pooling, linear heads, and the loss they are trained with."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin_classify.model_directory import LEVELS
from tocsin_classify.training.dataset import DIRECTIONS

# Spread of the ordinal target around the true level: a neighbour gets an eighth of its weight, because one
# annotator in eight would have chosen it.
LEVEL_SPREAD = 0.5
DIRECTION_SHARE = 0.5
# The topic loss is a sum over all topics; this brings it to the size of the level's.
TOPIC_SHARE = 0.25
# Paragraphs teach where in a window its level is reported.
SPAN_SHARE = 0.3
# Texts that are no news are few, and easy.
NEWS_SHARE = 0.5


@dataclass(frozen=True)
class Labels:
    """What a batch of B windows of up to L tokens teaches; see `loss_of`."""

    levels: Tensor
    directions: Tensor
    topics: Tensor
    other_weight: Tensor
    news: Tensor
    span_weights: Tensor
    span_windows: Tensor
    span_levels: Tensor

    def to(self, device: torch.device) -> "Labels":
        """The same on another device."""
        return Labels(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class Outputs(NamedTuple):
    """Raw logits for B windows of up to L tokens: [B, 6], [B, 3], [B, T], [B, 1] and, for each token, [B, L, 6].

    The level of a window is linear in the mean of its tokens, so that the mean of `token_level` over the tokens of
    a sentence is what the model thinks of that sentence as it stands in the window.
    """

    level: Tensor
    direction: Tensor
    topics: Tensor
    news: Tensor
    token_level: Tensor


class EscalationNetwork(nn.Module):  # type: ignore[misc] # torch is not there when types are checked
    """Token windows [B, L] to `Outputs`."""

    def __init__(self, encoder: nn.Module, hidden: int, topics: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(0.1)
        self.level = nn.Linear(hidden, LEVELS)
        self.direction = nn.Linear(hidden, len(DIRECTIONS))
        self.topics = nn.Linear(hidden, topics)
        self.news = nn.Linear(hidden, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Outputs:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = self.dropout((states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0))
        return Outputs(
            self.level(pooled),
            self.direction(pooled),
            self.topics(pooled),
            self.news(pooled),
            self.level(states),
        )


def build_network(base: Path | str, topics: int, *, freeze_layers: int) -> EscalationNetwork:
    """The encoder at `base` (a directory or a hub id) under new heads.

    Word, position and type embeddings and the lowest `freeze_layers` layers are not trained, and run without
    dropout: on small data they gain nothing, and their backward pass is saved.
    """
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(base)
    # Without dropout on the attention weights torch takes its fused kernel, a fifth faster on a CPU.
    config.attention_probs_dropout_prob = 0.0
    extra: dict[str, Any] = {"add_pooling_layer": False} if config.model_type == "bert" else {}
    encoder = AutoModel.from_pretrained(base, config=config, **extra)
    network = EscalationNetwork(encoder, config.hidden_size, topics)
    for module in frozen_modules(encoder, freeze_layers):
        module.requires_grad_(False)
        for part in module.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
    return network


def frozen_modules(encoder: nn.Module, freeze_layers: int) -> list[nn.Module]:
    """The embeddings and the lowest layers, where the encoder names them as BERT does."""
    found = [module for name, module in encoder.named_children() if name == "embeddings"]
    found.extend(encoder_layers(encoder)[:freeze_layers])
    return found


def encoder_layers(encoder: nn.Module) -> list[nn.Module]:
    """The layers from the lowest to the highest, where the encoder names them as BERT does."""
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    return list(layers) if isinstance(layers, nn.ModuleList) else []


def start_topics_at_their_share(network: EscalationNetwork, counts: Sequence[int], total: int) -> None:
    """Sets the topic head's bias so that an untrained network already predicts each topic's frequency."""
    share = (torch.tensor(counts, dtype=torch.float32) + 0.5) / (total + 1.0)
    with torch.no_grad():
        network.topics.bias.copy_(torch.log(share / (1.0 - share)))
        network.topics.weight.mul_(0.1)


def ordinal_targets(levels: Tensor) -> Tensor:
    """[B] levels to [B, 6] target distributions that fall off with the distance from the true level."""
    distance = torch.arange(LEVELS, device=levels.device).unsqueeze(0) - levels.unsqueeze(1)
    weight = torch.exp(-(distance.float() ** 2) / (2 * LEVEL_SPREAD**2))
    return weight / weight.sum(dim=1, keepdim=True)


def loss_of(outputs: Outputs, labels: Labels) -> Tensor:
    """Mean loss of a batch.

    levels [B], directions [B], topics [B, T] (0 or 1), news [B] (0 or 1), other_weight [B]; of S spans in the
    windows: span_weights [S, L] (each row sums to one), span_windows [S], span_levels [S].
    """
    level = _ordinal_loss(outputs.level, labels.levels)
    direction = functional.cross_entropy(outputs.direction, labels.directions, reduction="none")
    topic = functional.binary_cross_entropy_with_logits(outputs.topics, labels.topics, reduction="none").sum(dim=1)
    said = level + (DIRECTION_SHARE * direction + TOPIC_SHARE * topic) * labels.other_weight
    news = functional.binary_cross_entropy_with_logits(outputs.news.squeeze(1), labels.news)
    total = (said * labels.news).sum() / labels.news.sum().clamp(min=1.0) + NEWS_SHARE * news
    if len(labels.span_levels):
        spans = torch.einsum("sl,slk->sk", labels.span_weights, outputs.token_level[labels.span_windows])
        # Of all windows, not of all spans: a batch of long articles must not count more than others.
        total = total + SPAN_SHARE * _ordinal_loss(spans, labels.span_levels).sum() / len(labels.levels)
    return total


def _ordinal_loss(logits: Tensor, levels: Tensor) -> Tensor:
    return -(ordinal_targets(levels) * functional.log_softmax(logits, dim=1)).sum(dim=1)

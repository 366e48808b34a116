"""An encoder, mean pooling, three linear heads, and the loss they are trained with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


class ThreeHeads(nn.Module):  # type: ignore[misc] # torch is not there when types are checked
    """Raw logits of level [B, 6], direction [B, 3] and topics [B, T] for token windows [B, L]."""

    def __init__(self, encoder: nn.Module, hidden: int, topics: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(0.1)
        self.level = nn.Linear(hidden, LEVELS)
        self.direction = nn.Linear(hidden, len(DIRECTIONS))
        self.topics = nn.Linear(hidden, topics)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = self.dropout((states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0))
        return self.level(pooled), self.direction(pooled), self.topics(pooled)


def build_network(base: Path | str, topics: int, *, freeze_layers: int) -> ThreeHeads:
    """The encoder at `base` (a directory or a hub id) under three new heads.

    Word, position and type embeddings and the lowest `freeze_layers` layers are not trained, and run without
    dropout: on small data they gain nothing, and their backward pass is saved.
    """
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(base)
    # Without dropout on the attention weights torch takes its fused kernel, a fifth faster on a CPU.
    config.attention_probs_dropout_prob = 0.0
    extra: dict[str, Any] = {"add_pooling_layer": False} if config.model_type == "bert" else {}
    encoder = AutoModel.from_pretrained(base, config=config, **extra)
    network = ThreeHeads(encoder, config.hidden_size, topics)
    for module in frozen_modules(encoder, freeze_layers):
        module.requires_grad_(False)
        for part in module.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
    return network


def frozen_modules(encoder: nn.Module, freeze_layers: int) -> list[nn.Module]:
    """The embeddings and the lowest layers, where the encoder names them as BERT does."""
    found = [module for name, module in encoder.named_children() if name == "embeddings"]
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    if isinstance(layers, nn.ModuleList):
        found.extend(list(layers)[:freeze_layers])
    return found


def start_topics_at_their_share(network: ThreeHeads, counts: Sequence[int], total: int) -> None:
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


def loss_of(
    outputs: tuple[Tensor, Tensor, Tensor],
    levels: Tensor,
    directions: Tensor,
    topics: Tensor,
    other_weight: Tensor,
) -> Tensor:
    """Mean loss of a batch: levels [B], directions [B], topics [B, T] (0 or 1), other_weight [B]."""
    level_logits, direction_logits, topic_logits = outputs
    level = -(ordinal_targets(levels) * functional.log_softmax(level_logits, dim=1)).sum(dim=1)
    direction = functional.cross_entropy(direction_logits, directions, reduction="none")
    topic = functional.binary_cross_entropy_with_logits(topic_logits, topics, reduction="none").sum(dim=1)
    total = level + (DIRECTION_SHARE * direction + TOPIC_SHARE * topic) * other_weight
    return total.mean()

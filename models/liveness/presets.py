# SPDX-License-Identifier: MIT
"""How a network is trained where nobody says otherwise: from nothing, or from the stock model."""

from models.liveness.fitting import Settings
from models.liveness.networks import architecture
from models.liveness.train import STOCK_NETWORK

# From the stock model on a few hundred images of one camera: small steps, or what it knows of other
# attacks is lost. See docs/training.md for what was measured.
FINETUNE_RATE = 2e-4
FINETUNE_EPOCHS, FINETUNE_PATIENCE = 12, 4


def preset(name: str, *, finetune: bool) -> Settings:
    """The settings for the architecture of this name."""
    if architecture(name).head:
        return Settings(architecture=name, start=STOCK_NETWORK, part="head")
    if not finetune:
        return Settings(architecture=name)
    return Settings(
        architecture=name,
        start=STOCK_NETWORK,
        epochs=FINETUNE_EPOCHS,
        patience=FINETUNE_PATIENCE,
        rate=FINETUNE_RATE,
    )

# SPDX-License-Identifier: MIT
"""How a network is trained where nobody says otherwise: from nothing, or from the stock model."""

from models.liveness.fitting import Settings
from models.liveness.networks import architecture
from models.liveness.train import STOCK_NETWORK

# From the stock model on a few hundred images of one camera, by small steps: on 522 images of NUAA
# one epoch at 2e-4 took the loss on people held out from 0.09 to 4.1, two at 3e-5 to 0.007.
FINETUNE_RATE = 3e-5
FINETUNE_EPOCHS, FINETUNE_PATIENCE = 8, 3


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

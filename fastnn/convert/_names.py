"""What a file tells beside numbers: names, as the ``table`` of its network, and its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from fastnn._model.saved_json import loads
from fastnn._model.table_info import KEY, restore_table
from fastnn._training.summary import check_summary
from fastnn.network import Network

__all__ = ["name_network", "only_one", "told_by_fastnn"]


def only_one(networks: Sequence[Network]) -> Network:
    """Return the one network of a file.

    Raises
    ------
    ValueError
        If it holds several.
    """
    if len(networks) != 1:
        raise ValueError(
            f"it is the mean of {len(networks)} networks; convert.members_from gives each of them"
        )
    return networks[0]


def told_by_fastnn(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the lists of classes and features, and the training, if fastnn's export has written.

    Classes of labels that may hold side by side are left out, for a ``table`` has none.

    Raises
    ------
    ValueError
        If they are no JSON.
    """
    if "fastnn" not in texts:
        return {}
    keys = ["features", "training"]
    keys += [] if texts.get("kind") == "multilabel" else ["classes"]
    return {key: loads(texts[key]) for key in keys if key in texts}


def name_network(network: Network, told: Mapping[str, Any]) -> None:
    """Give a network the names of its classes and features, as far as its ``table`` has such.

    Also the summary of its training.

    Parameters
    ----------
    network : Network
    told : mapping
        With "classes", "features" and "training", or some, or none.
    """
    if "training" in told:
        with suppress(ValueError):
            network.training_state.summary = check_summary(told["training"], "training")
    classes, features = told.get("classes"), told.get("features")
    if classes or features:
        entry = {"task": "classification" if classes else "regression", "classes": classes or []}
        entry |= {"features": features, "target": None, "column": None}
        with suppress(ValueError):
            restore_table(network, {KEY: entry})

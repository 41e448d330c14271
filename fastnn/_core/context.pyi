"""The numbers that say what a pass through the layers is for, and what is done."""

import enum

class Mode(enum.IntEnum):
    """What a forward pass is for."""

    PREDICT = 0
    GRADIENT = 1
    TRAIN = 2

class Phase(enum.IntEnum):
    """What the seconds of ``epoch.train_epoch`` are spent on."""

    GATHER = 0
    FORWARD = 1
    NORMALIZATION = 2
    ACTIVATION = 3
    COST = 4
    DELTA = 5
    BACKWARD = 6
    UPDATE = 7
    OPTIMIZER = 8
    SYNC = 9

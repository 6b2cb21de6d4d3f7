"""What the floors above do when a call is taken back and its task is to be open again."""

from collections.abc import Callable

from crm.models import CallTask

TurnBack = Callable[[CallTask], str]
_WAYS_BACK: list[TurnBack] = []


def turns_back(function: TurnBack) -> TurnBack:
    """Register how a floor turns back what it did when the task closed; it answers why it cannot, or nothing.

    One that cannot has changed nothing.
    """
    if function not in _WAYS_BACK:
        _WAYS_BACK.append(function)
    return function


def turn_back(task: CallTask) -> str:
    """Turn back what followed from a closed task, inside the caller's transaction; answers why not, or nothing."""
    return next((words for words in (function(task) for function in _WAYS_BACK) if words), "")

"""The one way in which a service refuses a request."""

from collections.abc import Mapping

from django.utils.functional import Promise

Words = str | Promise


class Invalid(Exception):
    """What is wrong, by field; the empty field name speaks of the whole. Nothing was changed."""

    def __init__(self, errors: Mapping[str, Words | list[str]]) -> None:
        self.errors = {
            field: [str(one) for one in words] if isinstance(words, list) else [str(words)]
            for field, words in errors.items()
        }
        super().__init__(
            "; ".join(
                f"{field}: {' '.join(words)}" if field else " ".join(words) for field, words in self.errors.items()
            )
        )


class Stale(Invalid):
    """Somebody else changed the same things meanwhile; `current` is what stands now."""

    def __init__(self, current: Mapping[str, object], changed: list[str], words: Words) -> None:
        super().__init__({"": words})
        self.current = current
        self.changed = changed


class Outdated(Invalid):
    """It was decided anew after this was said, which the line brought late."""

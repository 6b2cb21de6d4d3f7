"""What the organisation calls those whom it serves: its own word in every sentence of ours, on every page.

Our English says “family”. An organisation that says customer, patient or household sets FAMILY_WORD and
FAMILY_WORD_PLURAL; then our sentences reach the reader through a translation from our English to theirs, as a
fallback of Django's own catalogue. So no page, and no sentence that is written tomorrow, has to think of it.
Code, addresses and column names keep their names.
"""

import gettext
import re
from functools import lru_cache

from django.utils.translation import trans_real
from django.utils.translation.trans_real import CONTEXT_SEPARATOR

_WORD = re.compile(
    # Neither a placeholder nor part of a name: %(family)s, {family}, family_ref, /families/.
    r"(?<!%\()(?<![{/\w-])(?:(?P<article>[Aa]) )?(?P<word>[Ff]amil(?:y|ies))(?![\w}/-])"
)


class OwnWords(gettext.NullTranslations):
    """Sentences in which “family” is said as the organisation says it."""

    def __init__(self, one: str, many: str) -> None:
        super().__init__()
        self.one, self.many = one, many
        self.said = lru_cache(maxsize=4096)(self._said)

    def _said(self, sentence: str) -> str:
        return _WORD.sub(self._own, sentence)

    def _own(self, found: re.Match[str]) -> str:
        ours, article = found["word"], found["article"]
        own = self.many if ours.endswith("ies") else self.one
        if ours[0] == "F":
            own = own[:1].upper() + own[1:]
        if not article:
            return own
        return f"{article}{'n' if own[:1].casefold() in 'aeiou' else ''} {own}"

    def gettext(self, message: str) -> str:
        """The sentence; where Django put a context before it, without that."""
        return self.said(message.rpartition(CONTEXT_SEPARATOR)[2])

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The sentence for one, or for many."""
        return self.gettext(msgid1 if n == 1 else msgid2)


def speak_of(one: str, many: str, language: str) -> None:
    """Say these words from now on, in this process, wherever our English says family and families."""
    if (one, many) != ("family", "families"):
        trans_real.translation(language).add_fallback(OwnWords(one, many))

"""What a text costs here, where the installation says so (COST_SMS and the like)."""

from decimal import Decimal

from django.conf import settings
from django.utils.formats import number_format

from channels.policy.segments import text_size

_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}


def price_of(channel: str, text: str) -> Decimal | None:
    """In COST_CURRENCY; an SMS is paid by the segment, a chat message as a whole. None where no price is set."""
    price: Decimal | None = settings.COSTS.get(channel)
    if price is None:
        return None
    return price * max(text_size(text).segments, 1) if channel == "sms" else price


def money(amount: Decimal) -> str:
    """“£0.09”, or “0.09 CHF” in a currency without a sign of its own; as many decimals as it takes, two at least."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    shown = number_format(amount, decimal_pos=places)
    sign = _SIGNS.get(settings.COST_CURRENCY)
    return f"{sign}{shown}" if sign else f"{shown} {settings.COST_CURRENCY}"


def price_words(channel: str, text: str) -> str:
    """What a text costs in words; empty where no price is set."""
    price = price_of(channel, text)
    return "" if price is None else money(price)

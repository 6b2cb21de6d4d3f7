"""The second factor of a person: an app's codes, and recovery codes that work once each and are kept as digests."""

import base64
import hashlib
import secrets
import time
from typing import Any

import segno
from django.conf import settings
from django.db import transaction
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex

CODES = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
# A code of the app may be one step of 30 seconds early or late.
TOLERANCE = 1


def new_secret() -> str:
    """A fresh key for an app, in hexadecimal."""
    return random_hex(20)


def secret_in_words(secret: str) -> str:
    """The key as apps take it by hand, in groups of four."""
    plain = base64.b32encode(bytes.fromhex(secret)).decode()
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def picture_of(user: Any, secret: str) -> str:
    """The key as a picture that an app's camera reads, as a data address: black on white in any theme."""
    picture = segno.make(TOTPDevice(user=user, key=secret).config_url, error="m")
    return picture.svg_data_uri(scale=5, border=3, dark="#000", light="#fff")


@transaction.atomic
def set_up(*, user: Any, secret: str, code: str) -> TOTPDevice | None:
    """Switch the second factor on if the app shows the right code; answers its device, or None."""
    clock = TOTP(bytes.fromhex(secret))
    clock.time = time.time()
    if not code.isdecimal() or not clock.verify(int(code), TOLERANCE):
        return None
    switch_off(user=user)
    return TOTPDevice.objects.create(user=user, name="app", key=secret, confirmed=True, last_t=clock.t())


@transaction.atomic
def make_recovery_codes(*, user: Any) -> list[str]:
    """Ten new codes in place of the old ones; they can be read only now."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery", confirmed=True)
    codes = ["".join(secrets.choice(LETTERS) for _place in range(10)) for _code in range(CODES)]
    for code in codes:
        device.token_set.create(token=_digest(code))
    return [f"{code[:5]}-{code[5:]}" for code in codes]


@transaction.atomic
def confirm(*, user: Any, code: str) -> Any | None:
    """The device that this code proves, or None; each code counts once, and guessing becomes slower and slower."""
    apps = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True)
    if code.isdecimal() and len(code) <= 8:
        return next((device for device in apps if device.verify_token(code)), None)
    recovery = StaticDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
    if recovery is None or not recovery.verify_token(_digest(code)):
        return None
    # The session is tied to the app's device: recovery codes may be made anew.
    return apps.first()


def seconds_to_wait(user: Any) -> int:
    """How long the next guess is refused, after wrong ones."""
    waits = [0]
    for model in (TOTPDevice, StaticDevice):
        for device in model.objects.filter(user=user, confirmed=True):
            _allowed, why = device.verify_is_allowed()
            if why:
                waits.append(round(why["locked_until"].timestamp() - time.time()) + 1)
    return max(waits)


def has_second_factor(user: Any) -> bool:
    """Whether the person's log-in asks for a code."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def codes_left(user: Any) -> int:
    """Recovery codes that have not been used."""
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=user))


def may_do_without(role: str | None) -> bool:
    """Whether this role may be without a second factor here."""
    return role not in settings.SECOND_FACTOR_ROLES


@transaction.atomic
def switch_off(*, user: Any) -> None:
    """Forget the person's app and recovery codes."""
    for model in (TOTPDevice, StaticDevice):
        for device in model.objects.filter(user=user):
            device.delete()


def _digest(code: str) -> str:
    """What is kept of a recovery code: 50 random bits, guessed at most a few times an hour, need no slow hash."""
    return hashlib.sha256(f"{settings.SECRET_KEY}:{code}".encode()).hexdigest()[:16]

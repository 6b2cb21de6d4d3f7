"""A pair of keys for web push."""

from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print a new pair of VAPID keys as two lines for .env; browsers subscribe anew under new keys."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints and keeps nothing."""
        private = ec.generate_private_key(ec.SECP256R1())
        point = private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        secret = private.private_numbers().private_value.to_bytes(32)
        self.stdout.write(f"VAPID_PUBLIC_KEY={_text(point)}")
        self.stdout.write(f"VAPID_PRIVATE_KEY={_text(secret)}")


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")

"""What went wrong with an email, read from Anymail's errors and from those of Python's SMTP client."""

import re
import smtplib
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from requests.structures import CaseInsensitiveDict

from channels.adapters.reading import never_connected
from channels.ports import SendError, wait_asked

AWS_NEVER_LEFT = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "NoCredentialsError"})

NEVER_LEFT = (
    ConnectionRefusedError,
    socket.gaierror,
    ssl.SSLCertVerificationError,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPNotSupportedError,
)
# RFC 5321, 4.2.3 and RFC 3463: no such mailbox, moved away, not a mailbox name.
DEAD_MAILBOX = frozenset({550, 551, 553})
ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")


def raw_of(response: Any) -> str:
    """Status and body of a vendor's answer; some vendors' own clients answer with a dictionary."""
    if response is None:
        return ""
    status, text = getattr(response, "status_code", ""), getattr(response, "text", None)
    return f"{status} {text}".strip() if isinstance(text, str) else str(response)


def smtp_error(error: OSError) -> SendError:
    """A server's clear no is final (5xx) or may be repeated (4xx); a line that broke later may hide a yes."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return _smtp_refusal(int(code), words, about_address=True)
    if isinstance(error, smtplib.SMTPResponseException) and not isinstance(error, NEVER_LEFT):
        return _smtp_refusal(int(error.smtp_code), error.smtp_error, about_address=False)
    left = not isinstance(error, NEVER_LEFT)
    refused = isinstance(error, smtplib.SMTPAuthenticationError)
    return SendError(str(error)[:400], permanent=False, code="connection", left=left, of_sender=refused)


def _smtp_refusal(code: int, words: bytes | str, *, about_address: bool) -> SendError:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    told = ENHANCED.search(text)
    # A 550 with 5.7.1 speaks of the sender (policy, blocked host), not of the mailbox.
    dead = about_address and code in DEAD_MAILBOX and (told is None or told[0].startswith("5.1."))
    return SendError(f"{code} {text}"[:400], permanent=code >= 500, code=str(code), address_dead=dead)


def _status_and_headers(error: AnymailAPIError) -> tuple[int | None, Mapping[str, str]]:
    """Of an answer as requests has it, or as Amazon's client does; no status where there was no answer."""
    if isinstance(error.response, dict):
        told = error.response.get("ResponseMetadata", {})
        return told.get("HTTPStatusCode"), CaseInsensitiveDict(told.get("HTTPHeaders", {}))
    status = getattr(error, "status_code", None)
    return status, error.response.headers if error.response is not None else {}


def api_error(error: AnymailAPIError) -> SendError:
    """A clear no of the vendor may be repeated or is final; no readable answer means it may have gone out."""
    status, headers = _status_and_headers(error)
    raw = raw_of(error.response)
    if status is None:
        cause = error.__cause__
        unsent = isinstance(cause, requests.ConnectionError) and never_connected(cause)
        unsent = unsent or type(cause).__name__ in AWS_NEVER_LEFT
        return SendError(str(error)[:400], permanent=False, code="connection", left=not unsent)
    if status == 429 or status >= 500:
        # 429 and 503 are said before anything is taken; other 5xx may hide a message that left.
        wait = wait_asked(headers.get("Retry-After"))
        return SendError(
            str(error)[:400],
            permanent=False,
            code=str(status),
            left=status not in (429, 503),
            retry_after=wait,
            raw=raw,
        )
    if status in (401, 403):
        # Our key or our domain is not accepted: no message of ours would be.
        return SendError(str(error)[:400], permanent=False, code=str(status), of_sender=True, raw=raw)
    if status < 300:
        return SendError(str(error)[:400], permanent=False, code="unreadable", left=True, raw=raw)
    return SendError(str(error)[:400], permanent=True, code=str(status), raw=raw)


def recipients_error(error: AnymailRecipientsRefused, said: set[str]) -> SendError:
    """Nobody was taken: the vendor says why, or said nothing of anybody, which Anymail takes for a refusal too."""
    raw = raw_of(error.response)
    if not said:
        return SendError("the vendor's answer names nobody", permanent=False, code="unreadable", left=True, raw=raw)
    return SendError(str(error), permanent=True, code="refused", address_dead="invalid" in said, raw=raw)

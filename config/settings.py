"""Django settings; everything that differs between installations comes from the environment."""

import hashlib
import hmac
import os
from datetime import timedelta
from email.utils import parseaddr

from csp.constants import SELF
from django.utils.translation import gettext_lazy as _

from config import organisation
from config.environment import (
    BASE_DIR,
    VAR_DIR,
    allowed_hosts,
    base_url,
    boolean,
    currency,
    database,
    env,
    log_level,
    optional_email,
    phone_region,
    postal_address,
    price,
    provider,
    push_keys,
    redis_url,
    refuse,
    secret_key,
    smtp,
    standby_provider,
    strict_environment,
    time_zone,
    trusted_origins,
    vendor_settings,
    whole_number,
    word,
    words,
)

DATABASES = {"default": database()}
REDIS_URL = redis_url()
# With a real database or broker this is an installation, not a trial: strict unless DEBUG says otherwise.
EMBEDDED = not env.str("DATABASE_URL", "") and not REDIS_URL
DEBUG = boolean("DEBUG", default=False)
PRODUCTION = not EMBEDDED and not DEBUG
if strict_environment():
    if DEBUG:
        refuse("DEBUG is on; staging and production must run with DEBUG=false.")
    PRODUCTION = True
SECRET_KEY = secret_key(PRODUCTION)
ALLOWED_HOSTS = allowed_hosts(PRODUCTION)
BASE_URL = base_url(PRODUCTION)
CSRF_TRUSTED_ORIGINS = trusted_origins()

INSTALLED_APPS = [
    "config.admin_app.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "django_filters",
    "django_celery_beat",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "anymail",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "auditlog",
    "crm",
    "channels",
    "campaigns",
    "analytics",
    "config",
    "django.forms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "crm.audit.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "config.errors.PageForWrongMethod",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# Our templates come first for form fields too: a browser that cuts at maxlength loses words silently.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.frame",
            ],
            "builtins": ["crm.templatetags.earshot"],
        },
    },
]

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "crm.roles.OfficeBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = time_zone()
ORGANISATION_NAME = env.str("ORGANISATION_NAME", "Riverbend")
# The postal address below marketing email, its lines parted by commas or “|”; laws such as CAN-SPAM ask for it.
ORGANISATION_ADDRESS = postal_address()
UNSUBSCRIBE_EMAIL = optional_email("UNSUBSCRIBE_EMAIL")
# How emails look, and the language in which a family is written to that speaks none a text is written in.
ORGANISATION_LANGUAGE = organisation.language()
ORGANISATION_LOGO_URL = organisation.logo_url()
ORGANISATION_COLOUR = organisation.colour()
# What pages call those who are served: customer, patient, household… config/wording.py says it everywhere.
FAMILY_WORD = word("FAMILY_WORD", env.str("FAMILY_WORD", "family"))
_plural = "families" if FAMILY_WORD == "family" else f"{FAMILY_WORD}s"
FAMILY_WORD_PLURAL = word("FAMILY_WORD_PLURAL", env.str("FAMILY_WORD_PLURAL", _plural))
PHONENUMBER_DEFAULT_REGION = phone_region()
PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "INTERNATIONAL"

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# The manifest needs collectstatic, which an installation runs and a trial does not.
_static = (
    "whitenoise.storage.CompressedManifestStaticFilesStorage"
    if PRODUCTION
    else ("django.contrib.staticfiles.storage.StaticFilesStorage")
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static},
}
WHITENOISE_USE_FINDERS = not PRODUCTION
MEDIA_ROOT = VAR_DIR / "media"
# Files that go along with an email, all of one message together: after encoding still within what every vendor takes.
ATTACHMENTS_MAX_MB = whole_number("ATTACHMENTS_MAX_MB", default=7, least=1, most=25)
ATTACHMENTS_KEPT_DAYS = whole_number("ATTACHMENTS_KEPT_DAYS", default=365, least=1, most=3650)

# Import: what one file may hold, and for how many days its rows are kept, so that it can be taken back.
IMPORT_MAX_MB = whole_number("IMPORT_MAX_MB", default=50, least=1, most=1000)
IMPORT_MOST_ROWS = whole_number("IMPORT_MOST_ROWS", default=500_000, least=1, most=10_000_000)
IMPORT_KEPT_DAYS = whole_number("IMPORT_KEPT_DAYS", default=30, least=1, most=3650)

# Security
_https = BASE_URL.startswith("https://")
if PRODUCTION and not _https and not boolean("ALLOW_HTTP", default=False):
    refuse("BASE_URL does not begin with https://; set ALLOW_HTTP=true only if something else protects the line.")
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
BEHIND_PROXY = boolean("BEHIND_PROXY", default=PRODUCTION)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
PROXY_COUNT = whole_number("PROXY_COUNT", default=1, least=1, most=9) if BEHIND_PROXY else 0
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_AGE = 60 * 60 * 12
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "style-src": [SELF],
        "script-src": [SELF],
        "frame-ancestors": ["'none'"],
        "form-action": [SELF],
        "base-uri": [SELF],
        "object-src": ["'none'"],
    },
}

# Who may enter: guesses are counted by name and address together, so that nobody can lock out a whole office.
AXES_FAILURE_LIMIT = whole_number("LOGIN_TRIES", default=8, least=3, most=100)
AXES_COOLOFF_TIME = timedelta(minutes=whole_number("LOGIN_PAUSE_MINUTES", default=15, least=1, most=1440))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
# What was typed at a wrong try is kept with it, but never a password.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "old_password", "new_password1", "new_password2"]
AXES_CLIENT_IP_CALLABLE = "config.accounts.addresses.client_address"
AXES_LOCKOUT_CALLABLE = "config.accounts.login.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
SECOND_FACTOR_ROLES = words("SECOND_FACTOR_ROLES", frozenset({"staff", "manager", "administrator"}))
OTP_TOTP_ISSUER = f"Earshot {ORGANISATION_NAME}"

# What people change is written down in `crm.models.Change`.
AUDITLOG_LOGENTRY_MODEL = "crm.Change"
# Its own table stays unmade: it would be empty for ever, and hold on to the table of people.
MIGRATION_MODULES = {"auditlog": None}
AUDITLOG_STORE_JSON_CHANGES = True
AUDITLOG_DISABLE_REMOTE_ADDR = True
AUDITLOG_USE_FK_STRING_REPRESENTATION = True

# Background work: the database is the queue, Celery only spreads and wakes.
_broker_dir = VAR_DIR / "broker"
CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost"
CELERY_BROKER_TRANSPORT = None if REDIS_URL else "config.broker:Transport"
if not REDIS_URL:
    for _folder in ("queue", "control", "processed"):
        (_broker_dir / _folder).mkdir(parents=True, exist_ok=True)
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 1800, "socket_timeout": 5, "socket_connect_timeout": 3, "socket_keepalive": True}
    if REDIS_URL
    else {
        "data_folder_in": str(_broker_dir / "queue"),
        "data_folder_out": str(_broker_dir / "queue"),
        "control_folder": str(_broker_dir / "control"),
        "processed_folder": str(_broker_dir / "processed"),
        "store_processed": False,
        "polling_interval": 0.2,
    }
)
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 570
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
DJANGO_CELERY_BEAT_TZ_AWARE = True

# Channels. A channel without credentials speaks through the sandbox, which never leaves this machine.
EMAIL_PROVIDER = provider("EMAIL_PROVIDER", "email")
SMS_PROVIDER = provider("SMS_PROVIDER", "sms")
WHATSAPP_PROVIDER = provider("WHATSAPP_PROVIDER", "whatsapp")
RCS_PROVIDER = provider("RCS_PROVIDER", "rcs")
# Who takes over where the first vendor is paused or failed before anything left.
EMAIL_STANDBY_PROVIDER = standby_provider("EMAIL_STANDBY_PROVIDER", "email", EMAIL_PROVIDER)
SMS_STANDBY_PROVIDER = standby_provider("SMS_STANDBY_PROVIDER", "sms", SMS_PROVIDER)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Earshot <office@earshot.example>")
if "@" not in parseaddr(DEFAULT_FROM_EMAIL)[1]:
    refuse(f"DEFAULT_FROM_EMAIL is “{DEFAULT_FROM_EMAIL}”; it must hold an email address.")
if "smtp" in (EMAIL_PROVIDER, EMAIL_STANDBY_PROVIDER):
    _smtp = smtp()
    EMAIL_HOST, EMAIL_PORT = _smtp["EMAIL_HOST"], _smtp["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _smtp["EMAIL_HOST_USER"], _smtp["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS = bool(_smtp.get("EMAIL_USE_TLS"))
    EMAIL_USE_SSL = bool(_smtp.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 20


def _sandbox_secret(name: str) -> str:
    """A secret that only this installation knows, so that sandbox callbacks are signed like real ones."""
    return hmac.new(SECRET_KEY.encode(), f"sandbox:{name}".encode(), hashlib.sha256).hexdigest()[:32]


# Anymail reads ANYMAIL_… variables under the names of its own documentation.
ANYMAIL: dict[str, object] = {
    name.removeprefix("ANYMAIL_"): value for name, value in os.environ.items() if name.startswith("ANYMAIL_")
}
if ":" not in str(ANYMAIL.get("WEBHOOK_SECRET", ":")):
    refuse("ANYMAIL_WEBHOOK_SECRET has no colon; it looks like user:password.")
ANYMAIL.setdefault("REQUESTS_TIMEOUT", 20)
SANDBOX_EMAIL_SECRET = f"sandbox:{_sandbox_secret('email')}"
# What a vendor has no way for (Brevo: tracking by message) is left to its own settings, instead of refusing the email.
ANYMAIL.setdefault("IGNORE_UNSUPPORTED_FEATURES", True)
ANYMAIL["SEND_DEFAULTS"] = {"track_opens": True, "track_clicks": True}

# Every vendor's own settings, under the names of channels/registry.py.
globals().update(
    vendor_settings({
        "email": (EMAIL_PROVIDER, EMAIL_STANDBY_PROVIDER),
        "sms": (SMS_PROVIDER, SMS_STANDBY_PROVIDER),
        "whatsapp": (WHATSAPP_PROVIDER,),
        "rcs": (RCS_PROVIDER,),
    })
)  # fmt: skip
SANDBOX_TWILIO_AUTH_TOKEN = _sandbox_secret("twilio")
# Messages a second of a new sender, shared by all workers; each sender's own rate stands in the admin.
USUAL_RATES = {"email": 20, "sms": 10, "whatsapp": 5, "rcs": 5, "push": 20}
# Web push needs no account, only a pair of keys that browsers know us by.
VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY = push_keys()
PUSH_PROVIDER = "webpush" if VAPID_PRIVATE_KEY else "sandbox"
# What one text or message costs, shown while somebody writes; where none is set, nothing is shown.
_costs = {"sms": price("COST_SMS"), "whatsapp": price("COST_WHATSAPP"), "rcs": price("COST_RCS")}
COSTS = {channel: cost for channel, cost in _costs.items() if cost is not None}
COST_CURRENCY = currency()
# How long a card stands in the portal before another channel is tried (0: as long as the family likes), and how long
# after its time a call may wait for somebody.
PORTAL_CARD_HOURS = whole_number("PORTAL_CARD_HOURS", default=0, least=0, most=8760)
CALL_OVERDUE_HOURS = whole_number("CALL_OVERDUE_HOURS", default=24, least=1, most=8760)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["crm.api.auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["crm.api.auth.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "crm.api.errors.problem_details",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Counts of requests; with Redis all processes count together.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "config.counts.SharedCounts", "LOCATION": str(VAR_DIR / "counts.sqlite3")}
}
API_RATE = whole_number("API_RATE", default=1200, least=0, most=1_000_000)
API_PORTAL_RATE = whole_number("API_PORTAL_RATE", default=240, least=0, most=1_000_000)
WEBHOOKS_ALLOW_PRIVATE = boolean("WEBHOOKS_ALLOW_PRIVATE", default=False)
SPECTACULAR_SETTINGS = {
    "TITLE": "Earshot API",
    "DESCRIPTION": "Families, what happened with them, what is learned of them, and what is said to them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "Channel": "crm.enums.Channel",
        "ContactChannel": "crm.enums.ContactChannel",
        "DayPart": "crm.enums.DayPart",
        "TaskState": "crm.enums.TaskState",
        "DeliveryState": "channels.enums.DeliveryState",
        "MessageStatus": "channels.enums.MessageStatus",
        "RowStatus": "crm.api.batches.ROW_STATUSES",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": log_level("INFO" if not EMBEDDED else "WARNING")},
}

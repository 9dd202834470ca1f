"""The one settings file. What differs between installations comes from the environment (clinic/env.py)."""

import zoneinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bootstrap_wrapper
from django.contrib.messages import constants as message_levels

from clinic import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

# Time zones come from PyPI's tzdata alone: two machines with different zone data would disagree about
# when a visit begins. clinic/checks.py refuses to start otherwise.
zoneinfo.reset_tzpath(())
zoneinfo.ZoneInfo.clear_cache()

# --- what kind of installation this is ---

DEBUG = env.flag("DEBUG")
DEMO = env.flag("DEMO")
REAL = not DEBUG and not DEMO

SECRET_KEY = env.secret_key(VAR_DIR / "secret-key", may_be_made=not REAL)
#: Signs the links of patients. Its own variable, so that it can outlive a change of SECRET_KEY.
LINK_KEY = env.text("LINK_KEY") or env.derived_key(SECRET_KEY, "patient links")

ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "" if REAL else "localhost,127.0.0.1,[::1]")
#: Links are built from this address, never from the Host header of a request.
BASE_URL = env.base_url("http://127.0.0.1:8000")
CLINIC_NAME = env.text("CLINIC_NAME", "Infusion Clinic")

# --- applications ---

INSTALLED_APPS = [
    "clinic.apps.ClinicConfig",
    "scheduling",
    "clinic.apps.ClinicAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    # Before staticfiles: in debug `runserver` then serves static files through WhiteNoise as well.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_htmx",
    "lucide",
    "phonenumber_field",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "scheduling.middleware.RequestLimitsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Every page asks for a log-in unless its view says @login_not_required.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "clinic.urls"
WSGI_APPLICATION = "clinic.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "clinic.context.site",
            ],
        },
    },
]

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
#: Bootstrap calls it "danger" what Django calls "error".
MESSAGE_TAGS = {message_levels.ERROR: "danger", message_levels.DEBUG: "secondary"}

# --- storage ---

# No ATOMIC_REQUESTS: with IMMEDIATE every page would take SQLite's write lock. Services open transactions.
DATABASES = {"default": env.database(env.text("DATABASE_URL", "sqlite:///var/clinic.sqlite3"), BASE_DIR)}

# On disk, so that all web processes of a machine count the same log-in attempts.
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": VAR_DIR / "cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

STATIC_URL = "static/"
STATICFILES_DIRS = [("bootstrap", bootstrap_wrapper.get_bootstrap_dir())]
STATIC_ROOT = BASE_DIR / "staticfiles" if REAL else None
# Without `collectstatic`, as in a demo, WhiteNoise serves the files where the applications keep them.
WHITENOISE_USE_FINDERS = not REAL
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if REAL
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# --- languages and time ---

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "scheduling" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
#: Whose numbers may be typed without "+" and country code.
PHONENUMBER_DEFAULT_REGION = env.text("PHONE_REGION", "US")
PHONENUMBER_DEFAULT_FORMAT = "INTERNATIONAL"

# --- log-in ---

AUTHENTICATION_BACKENDS = ["scheduling.backends.StaffBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "clinic.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_EMAIL_VERIFICATION = "none"
# "Your password was changed" goes to its owner; "no such account" goes to nobody.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = False
# Wrong passwords: per address and per name. A clinic's desks often share one address.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "reset_password": "10/m/ip,3/m/key",
}
#: How many proxies of ours add themselves to X-Forwarded-For; 0 trusts none.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXIES", 0)

# A working day, and never longer than the browser is open.
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# --- browser protection ---

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = REAL
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if REAL else 0
# This host only: subdomains and the browsers' preload list are for whoever owns the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# A load balancer asks inside the network, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(BASE_URL))]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        # data: for the ticks and arrows in Bootstrap's style sheet.
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# A form of this project is a few kilobytes; a file to import is a few hundred.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
UPLOAD_MAX_BYTES = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- mail and logs ---

globals().update(env.email(env.text("EMAIL_URL", f"filemail://{VAR_DIR / 'mail'}"), BASE_DIR))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("FROM_EMAIL", f"{CLINIC_NAME} <no-reply@localhost>")

#: Messages about a change of booked visits wait this long; until then the change can be taken back.
UNDO_MINUTES = env.number("UNDO_MINUTES", 3)
REPAIR_SECONDS = env.number("REPAIR_SECONDS", 20)
#: How long a worker may hold messages. After a crash another worker takes them over then.
LEASE_SECONDS = env.number("LEASE_SECONDS", 120)

# Masks the links of patients in every record of the process, then applies LOGGING.
LOGGING_CONFIG = "clinic.logs.configure"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO").upper()},
    # Django's own handlers would print twice and mail whole requests; all of it goes to the root.
    "loggers": {"django": {"handlers": [], "propagate": True}},
}

"""The real settings (not debug, not demo) with what tests must not wait for or leave behind."""

import os

# Before the import: the settings read them. Processes that a test starts inherit them.
for name in ("DEBUG", "DEMO", "EMAIL_URL", "LINK_KEY", "BASE_URL", "ALLOWED_HOSTS", "CLINIC_NAME"):
    os.environ.pop(name, None)
os.environ["SECRET_KEY"] = "only-for-tests"

from clinic.settings import *  # noqa: E402, F403
from clinic.settings import DATABASES, VAR_DIR  # noqa: E402

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]

# Two runs at once must not share a file; the workers of one run inherit its name.
RUN = os.environ.setdefault("CLINIC_TEST_RUN", str(os.getpid()))

# A file, not memory: in memory, threads (a live server and its test) meet "table is locked".
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / f"test-{RUN}.sqlite3")}

# The test client and the live server speak http.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

# Without `collectstatic`.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
# Looks a file up when it is asked for: a list of them all for each of the thousands of clients took a tenth of a run.
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

"""Django's settings, derived from the one typed object in ``environment``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from minqing.config import keys, postgres
from minqing.config.environment import ENVIRONMENT, database_parts

STATE = ENVIRONMENT.state
MINQING = ENVIRONMENT
PACKAGE = Path(__file__).resolve().parent.parent

SECRET_KEY = keys.django_secret(STATE)
CHANNEL_PEPPER = keys.read_or_make(
    STATE / "keys" / "channel", secrets.token_bytes(32)
)  # stretches query codes
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = [
    "*"
]  # the tenant middleware serves registered host names only and refuses the rest

# --- what is installed ----------------------------------------------------------------------

SHARED_APPS = [
    "django_tenants",
    "tenants",
    "minqing.demo",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "csp",
]
TENANT_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "sync",
    "search",
    "minqing.accounts",
    "minqing.workdays",
    "minqing.archives",
    "minqing.channel",
    "minqing.desk",
    "minqing.portal",
]
INSTALLED_APPS = [
    "django_tenants",
    "minqing.config",
    *[app for app in SHARED_APPS if app != "django_tenants"],
    *TENANT_APPS,
]

TENANT_MODEL = "tenants.Unit"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_BASE_SCHEMA = "base"
TENANT_CREATION_FAKES_MIGRATIONS = True
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
PUBLIC_SCHEMA_NAME = "public"

AUTH_USER_MODEL = "accounts.Staff"
LOGIN_URL = "/desk/sign-in/"
LOGIN_REDIRECT_URL = "/desk/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- the database -----------------------------------------------------------------------------

_parts = (
    database_parts(ENVIRONMENT.database_url)
    if ENVIRONMENT.database_url
    else {"NAME": "minqing", "USER": postgres.USER}
)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_parts,
        "ENGINE": "minqing.config.database",
        "CONN_MAX_AGE": None,  # opening one per request costs two thirds of the throughput
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,  # transactions stand at the edge of a service
    }
}
MINQING_CLUSTER = (
    None if ENVIRONMENT.database_url else postgres.cluster_for(STATE, durable=ENVIRONMENT.durable)
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- requests ---------------------------------------------------------------------------------

ROOT_URLCONF = "minqing.config.urls"
PUBLIC_SCHEMA_URLCONF = "minqing.config.urls"
WSGI_APPLICATION = "minqing.config.wsgi.application"
MIDDLEWARE = [
    "tenants.middleware.UnitMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "minqing.config.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "minqing.portal.context.page",
            ],
        },
    }
]
# Reports must never touch the disk before they are accepted: uploads are held in memory, with a cap.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "minqing.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.https
# Who came once over HTTPS is never again asked in the clear which page they want.
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if ENVIRONMENT.https else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.https else None
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# --- language, time, files --------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [PACKAGE / "locale"]
LANGUAGE_COOKIE_NAME = "language"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = STATE / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "tenants.files.UnitStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MEDIA_ROOT = STATE / "media"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_FUNCTION": "tenants.current.cache_key",
    },
    "pages": {  # rendered public pages, under their ETag; at most 256 of 128 kB in each process
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "pages",
        "KEY_FUNCTION": "tenants.current.cache_key",
        "OPTIONS": {"MAX_ENTRIES": 256},
    },
}

# --- tasks ------------------------------------------------------------------------------------

CELERY_BROKER_URL = ENVIRONMENT.broker_url or "spool://localhost/"
CELERY_SPOOL = STATE / "queue"

# --- the API ----------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {"TITLE": "Minqing 民情", "VERSION": "1", "SERVE_INCLUDE_SCHEMA": False}

# --- logs: no address, no agent, no query string, no body -------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "minqing": {"level": "INFO"},
        "tenants": {"level": "INFO"},
        "sync": {"level": "INFO"},
        "search": {"level": "INFO"},
        "django.request": {"level": "CRITICAL"},  # its lines hold paths, and paths may hold codes
        "django.security": {"level": "CRITICAL"},
    },
}

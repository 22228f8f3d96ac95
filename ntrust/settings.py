"""Django's settings. What differs between installations comes from ntrust/environment.py."""

import os
from pathlib import Path

import pghistory
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

from ntrust.environment import broker_url, read_environment
from ntrust.logs import logging_settings
from ntrust.schedule import SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent
_environment = read_environment(os.environ, BASE_DIR / ".data" / "services.env")

NTRUST_MODE = _environment.mode
DEBUG = _environment.debug
SECRET_KEY = _environment.secret_key
ALLOWED_HOSTS = _environment.allowed_hosts
CSRF_TRUSTED_ORIGINS = _environment.csrf_trusted_origins
_is_production = NTRUST_MODE == "production"

# Applications, low to high: each may import only from those before it.
INSTALLED_APPS = [
    "ntrust",
    "cohorts",
    "dosing",
    "safety",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "django_filters",
    "drf_spectacular",
    "pghistory",
    "pgtrigger",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ntrust.middleware.RequestContextMiddleware",
    "csp.middleware.CSPMiddleware",
    "ntrust.middleware.AdminContentSecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ntrust.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ntrust.middleware.SessionLifetimeMiddleware",
    "ntrust.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ntrust.middleware.RefusedMethodMiddleware",
    "ntrust.middleware.AccountDutyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "ntrust.urls"
ASGI_APPLICATION = "ntrust.asgi.application"
WSGI_APPLICATION = "ntrust.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ntrust.context_processors.service",
            ],
        },
    },
]

# Data. Actions open their own transactions, so requests do not.
DATABASES = {"default": _environment.database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = _environment.redis_url
# The cache holds the counts of failed log-ins. It is in the database, so that people can log in and
# report while Redis is down.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "ntrust_cache",
    },
    "pace": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "pace"},
}

# Background work: a task is acknowledged once it is done, so a killed worker loses none.
CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# People. Accounts are made by the machine's administrator; nobody signs up.
AUTH_USER_MODEL = "ntrust.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "ntrust.hashers.Argon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "ntrust.accounts.AccountAdapter"
ACCOUNT_FORMS = {"login": "ntrust.forms.LoginForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip"}  # one account's failures: the lock below
MFA_FORMS = {
    "authenticate": "ntrust.forms.SecondStepForm",
    "reauthenticate": "ntrust.forms.SecondConfirmationForm",
}
MFA_TOTP_ISSUER = "ntrust"
MFA_TOTP_TOLERANCE = 1
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

# The only pages that answer without a log-in; everything else redirects to the log-in page.
# tests/accounts/test_login_required.py walks every address and holds the service to this list.
LOGIN_EXEMPT_URL_NAMES = frozenset(
    {
        "healthz",
        "readyz",
        "metrics",
        "account_login",
        "account_inactive",
        "account_logout",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "mfa_authenticate",
        "acknowledge",
    }
)

# Wrong passwords and codes, at log-ins and signatures together: so many in a row inside the window
# lock the account for a time, no shorter than the window.
LOCK_AFTER_FAILURES = 5
LOCK_WINDOW_SECONDS = 15 * 60
LOCK_SECONDS = 30 * 60
# A password older than this is changed before anything else; 0: never.
PASSWORD_DAYS = 365
# In production these roles set an authenticator app up before anything else, and sign with it.
SECOND_FACTOR_ROLES = ["STUDY_MANAGER", "MEDICAL_MONITOR"]

# What stays open to somebody who owes a new password or the two-step log-in.
DUTY_EXEMPT_URL_NAMES = LOGIN_EXEMPT_URL_NAMES | {
    "account_change_password",
    "account_reauthenticate",
    "mfa_activate_totp",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
}

# Sessions end after an hour without a click, and after twelve hours in any case.
SESSION_COOKIE_AGE = 60 * 60
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_LONGEST_SECONDS = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True

# Boards that follow a study: see ntrust/live. What they fetch by themselves is no click: it does
# not lengthen a session (ntrust.middleware.SessionMiddleware).
LIVE_PATH = "/live/"
LIVE_BEAT_SECONDS = 10.0
LIVE_STALE_SECONDS = 30
LIVE_POLL_SECONDS = 5
LIVE_STREAM_SECONDS = 10 * 60
LIVE_BOARDS_A_PERSON = 5

# Headers
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_production
SECURE_SSL_REDIRECT = _is_production
# Asked from inside the network; /metrics says nothing without its token.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if _is_production else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _is_production
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if _environment.behind_tls_proxy else None
)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
# The administration's library builds its pages with scripts and styles in the page itself, so
# these addresses are allowed that: the machine's administrators', and the record lists.
ADMIN_PATHS = ("/admin/", "/manage/records/")
ADMIN_CONTENT_SECURITY = {
    "script-src": [SELF, UNSAFE_INLINE, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
}

# The record lists in that library: the house's colours, the way to all other pages.
UNFOLD_RECORDS = {
    "SITE_TITLE": "ntrust records",
    "SITE_HEADER": "ntrust records",
    "SITE_SYMBOL": "lists",
    "SITE_URL": "/",
    "BORDER_RADIUS": "10px",
    "ENVIRONMENT": "safety.admin.look.environment",
    "COLORS": "safety.admin.look.colours",
    "STYLES": ["safety.admin.look.stylesheet"],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "safety.admin.look.favicon"},
    ],
    "DASHBOARD_CALLBACK": "safety.admin.look.dashboard",
    "SIDEBAR": {"navigation": "safety.admin.look.navigation"},
}

# Language and time: everything is stored and shown in UTC.
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# Files. Development reads them where they lie; elsewhere `collectstatic` names them by content.
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".data" / "static"
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = NTRUST_MODE == "development"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if NTRUST_MODE == "development"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# API. Counts of requests are kept in each process: they cost nothing, and work without Redis.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "ntrust.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "ntrust.api.permissions.HasDoneDuties",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["ntrust.api.permissions.Pace"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "ntrust.api.schema.EndpointSchema",
    "EXCEPTION_HANDLER": "ntrust.api.errors.answer_error",
}
API_REQUESTS_A_MINUTE = 600
SPECTACULAR_SETTINGS = {
    "TITLE": "ntrust",
    "DESCRIPTION": "Cohort management for 3+3 dose escalation. See docs/guide/api.md.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "PREPROCESSING_HOOKS": [],
    "POSTPROCESSING_HOOKS": ["ntrust.api.schema.finish"],
}

# How old may be what pages say of the queue (ntrust/standing.py).
QUEUE_NEWS_SECONDS = 3.0

# Mail
vars().update(_environment.email)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _environment.default_from_email
# What a mail links to, and for how long its link acknowledges; see ntrust/notifications/links.py.
NTRUST_PUBLIC_URL = _environment.public_url
# Whether webhooks and messages may go to this machine itself: for tests and training.
NTRUST_LOOPBACK_TARGETS = _environment.loopback_targets
# Chat and SMS services by which people may be told as well, with their hosts.
NTRUST_CHAT_SERVICES = _environment.chat_services
ACKNOWLEDGE_LINK_SECONDS = 14 * 24 * 60 * 60
# How often one address may open or send links of mails in a minute: a hospital has one for all.
ACKNOWLEDGE_LINKS_A_MINUTE = 60

# Logs
LOGGING_CONFIG = "ntrust.logs.configure"
LOGGING = logging_settings(level=_environment.log_level, as_json=_is_production)

# Row history: rows of the history tables are never changed, carry the context of their change
# (who, why, study revision) and the time of the statement.
PGHISTORY_APPEND_ONLY = True
PGHISTORY_CONTEXT_FIELD = pghistory.ContextJSONField()
PGHISTORY_CONTEXT_ID_FIELD = pghistory.ContextUUIDField()
PGHISTORY_CREATED_AT_FUNCTION = "CLOCK_TIMESTAMP()"

# The seals over history and events: the first key seals, all verify. See ntrust/seals.py.
AUDIT_SEAL_KEYS = _environment.seal_keys
AUDIT_SEAL_HEADS = _environment.seal_heads
METRICS_TOKEN = _environment.metrics_token

# How a sentence is covered for one reader: people of a site know no other site's participants.
NTRUST_COVER = "cohorts.queries.cover_for"
# A sentence without anybody's number, where the protocol lets none stand in a mail.
NTRUST_HIDE_NUMBERS = "cohorts.queries.hide_numbers"
# The number of the decision that an alert asks its reader to read and acknowledge, if it does.
NTRUST_READ_FIRST = "cohorts.policies.decision_to_read"
# What a mail says of the gates to one reader.
NTRUST_GATES = "safety.queries.gates_in_words"
# What an action would change, looked at before it is kept, and what it did, with whom it tells.
NTRUST_EFFECT = "safety.queries.previews.look_at"
NTRUST_TOLD = "safety.queries.previews.tell"

# Every page of a study, and who may open it.
NTRUST_PAGES = "cohorts.templatetags.study_nav.PAGES"

# What every change of a study does first (moments that have passed) and last (the rules), in
# order of the applications. Wiring: the lower layers never import the higher ones.
NTRUST_PASS_TIME = [
    "safety.actions.apply_inbox",
    "cohorts.actions.activate_due_protocol",
    "cohorts.actions.expire_reservations",
    "dosing.actions.pass_time",
    "dosing.actions.flag_overdue",
    "safety.actions.pass_time",
    "safety.actions.reread_candidates",
    "safety.actions.question_reports",
    "ntrust.actions.pass_on_alerts",
]
NTRUST_AFTER_CHANGE = [
    "safety.actions.weigh_events",
    "safety.actions.follow_serious_events",
    "safety.actions.count_reports",
    "dosing.actions.match_medications",
    "dosing.actions.question_medications",
    "safety.actions.question_reports",
    "cohorts.actions.circulate_to_new_sites",
    "dosing.actions.close_treatment",
    "safety.actions.follow_pause_rules",
    "cohorts.actions.apply_rules",
    "cohorts.actions.watch_part_2",
    "safety.actions.withdraw_on_news",
    "dosing.actions.follow_calls",
    "dosing.actions.follow_in_flight",
    "cohorts.actions.tell_of_cohorts",
    "safety.actions.remind",
]
NTRUST_FIGURES = ["safety.queries.figures.read_figures"]

CELERY_BEAT_SCHEDULE = SCHEDULE

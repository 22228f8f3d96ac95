"""Reads what the environment says, once, and refuses what cannot work.

Every refusal names the variable and the fix. Nothing else in the project reads ``os.environ`` for
a setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

MODES = ("development", "training", "production")
DEFAULT_SECRET_KEY = "development-only-key-that-protects-nothing-at-all"  # noqa: S105
SHORTEST_SECRET_KEY = 50
DEFAULT_SEAL_KEY = "development-only-key-that-seals-nothing"
SHORTEST_SEAL_KEY = 32
NEW_SECRET_KEY = '`python3 -c "import secrets; print(secrets.token_urlsafe(64))"` prints one'  # noqa: S105

# Every variable the service reads, with what it is for. tests/ops compares Dockerfile and
# docker-compose.yml with this list.
VARIABLES = {
    "NTRUST_MODE": "development (default), training or production",
    "DATABASE_URL": "postgres://user:password@host:5432/name",
    "REDIS_URL": "redis://host:6379/0, or unix:///path/to/redis.sock",
    "SECRET_KEY": "signs sessions: 50 characters or more, kept secret",
    "AUDIT_SEAL_KEY": "seals the audit trail: 32 characters or more, never in the database",
    "AUDIT_SEAL_KEY_FILE": "a file with that key, instead of the key itself",
    "AUDIT_SEAL_OLD_KEYS": "keys of older seals, with commas between, so that they verify",
    "AUDIT_SEAL_HEADS": "a file outside the database's reach that each seal's head is added to",
    "ALLOWED_HOSTS": "host names the service answers to, with commas between",
    "CSRF_TRUSTED_ORIGINS": "https://name of each public address, with commas between",
    "PUBLIC_URL": "https://name under which people open the service: mails link to it",
    "LOOPBACK_TARGETS": "1 lets webhooks go to this machine; refused in production",
    "CHAT_SERVICES": "chat and SMS services that people may be told by, with commas between",
    "DEBUG": "1 or 0; development only (default 1 there)",
    "NTRUST_DB_POOL_SIZE": "most database connections of one web process; 0 = no pool",
    "LOG_LEVEL": "DEBUG, INFO (default), WARNING or ERROR",
    "EMAIL_URL": "smtp://user:password@host:587/?tls=1; without it mail is printed",
    "DEFAULT_FROM_EMAIL": "sender of the service's mail",
    "METRICS_TOKEN": "what Prometheus sends to read /metrics; without it there is no such page",
    "BEHIND_TLS_PROXY": "1 when a proxy ends TLS and sets X-Forwarded-Proto",
}

CHAT_HOSTS = {
    "slack": ("hooks.slack.com", "slack.com"),
    "discord": ("discord.com",),
    "tgram": ("api.telegram.org",),
    "wxteams": ("api.ciscospark.com", "webexapis.com"),
    "pover": ("api.pushover.net",),
    "threema": ("msgapi.threema.ch",),
    "twilio": ("api.twilio.com",),
    "vonage": ("rest.nexmo.com",),
    "seven": ("gateway.seven.io",),
}
"""The services that may be allowed at all, as apprise names them, and where each is: where a
person names the host themselves nothing is ever sent."""

NO_DATABASE = (
    "No database: run `make up` first, or set DATABASE_URL=postgres://user:password@host:5432/name."
)
NO_REDIS = "No Redis: run `make up` first, or set REDIS_URL=redis://host:6379/0."


@dataclass(frozen=True)
class Environment:
    """The settings that differ between installations, checked."""

    mode: str
    debug: bool
    secret_key: str
    database: dict[str, Any]
    redis_url: str
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    public_url: str
    loopback_targets: bool
    chat_services: dict[str, tuple[str, ...]]
    log_level: str
    email: dict[str, Any]
    default_from_email: str
    behind_tls_proxy: bool
    seal_keys: tuple[str, ...]
    seal_heads: str
    metrics_token: str


def read_services_file(path: Path) -> dict[str, str]:
    """The KEY=VALUE lines that ``make up`` wrote; empty when there is no such file."""
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def read_environment(variables: Mapping[str, str], services_file: Path) -> Environment:
    """Check and gather every setting.

    A variable that is not set is looked up in ``services_file``, except in production, where the
    environment alone counts. Raises ImproperlyConfigured with the fix.
    """
    mode = variables.get("NTRUST_MODE") or "development"
    known = dict(variables)
    if mode != "production":
        known = {**read_services_file(services_file), **{k: v for k, v in known.items() if v}}
        mode = known.get("NTRUST_MODE") or "development"
    if mode not in MODES:
        raise ImproperlyConfigured(
            f"NTRUST_MODE is {mode!r}: set it to development, training or production."
        )
    secret_key = known.get("SECRET_KEY") or DEFAULT_SECRET_KEY
    debug = _flag(known, "DEBUG", default=mode == "development")
    allowed_hosts = _words(known, "ALLOWED_HOSTS")
    if mode == "production":
        _refuse_in_production(debug=debug, secret_key=secret_key, allowed_hosts=allowed_hosts)
    return Environment(
        mode=mode,
        debug=debug,
        secret_key=secret_key,
        database=database_settings(
            known.get("DATABASE_URL", ""), pool_size=_number(known, "NTRUST_DB_POOL_SIZE")
        ),
        redis_url=_redis_url(known.get("REDIS_URL", "")),
        allowed_hosts=allowed_hosts or ["localhost", "127.0.0.1", "[::1]"],
        csrf_trusted_origins=_words(known, "CSRF_TRUSTED_ORIGINS"),
        public_url=_public_url(known, is_production=mode == "production"),
        loopback_targets=_loopback_targets(known, is_production=mode == "production"),
        chat_services=_chat_services(known),
        log_level=_log_level(known),
        email=email_settings(known.get("EMAIL_URL", "")),
        default_from_email=known.get("DEFAULT_FROM_EMAIL") or "ntrust@localhost",
        behind_tls_proxy=_flag(known, "BEHIND_TLS_PROXY", default=False),
        seal_keys=(
            _seal_key(known, is_production=mode == "production", secret_key=secret_key),
            *_words(known, "AUDIT_SEAL_OLD_KEYS"),
        ),
        seal_heads=known.get("AUDIT_SEAL_HEADS", "").strip(),
        metrics_token=_metrics_token(known),
    )


def database_settings(url: str, *, pool_size: int = 0) -> dict[str, Any]:
    """Django's settings for a ``postgres://`` address.

    A socket folder is written percent-encoded as the host, or as ``?host=/folder``. The other
    words after ``?`` go to the driver (``sslmode=require``). With ``pool_size`` the process keeps a
    pool, which suits the web server's threads; without it each thread keeps its connection for a
    minute.
    """
    if not url:
        raise ImproperlyConfigured(NO_DATABASE)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise ImproperlyConfigured(
            f"DATABASE_URL cannot be read ({problem}): "
            "write it as postgres://user:password@host:5432/name."
        ) from problem
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"DATABASE_URL starts with {parts.scheme or 'nothing'!r}, but only PostgreSQL works: "
            "set DATABASE_URL=postgres://user:password@host:5432/name."
        )
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured(
            "DATABASE_URL names no database: add it at the end, as in postgres://host:5432/ntrust."
        )
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or options.pop("port", "")),
        "OPTIONS": options,
        "CONN_MAX_AGE": 0 if pool_size else 60,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }


def email_settings(url: str) -> dict[str, Any]:
    """Django's mail settings for an ``smtp://`` address; without one, mail is printed."""
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    if parts.scheme != "smtp" or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL cannot be read: write it as smtp://user:password@host:587/?tls=1."
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or 25,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": dict(parse_qsl(parts.query)).get("tls") == "1",
        "EMAIL_TIMEOUT": 10,
    }


def broker_url(redis_url: str) -> str:
    """The same Redis in the words of Celery, which spells a socket's address differently."""
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://").replace("db=", "virtual_host=")
    return redis_url


def _refuse_in_production(*, debug: bool, secret_key: str, allowed_hosts: list[str]) -> None:
    if debug:
        raise ImproperlyConfigured("Production refuses DEBUG: unset DEBUG, or set DEBUG=0.")
    if secret_key == DEFAULT_SECRET_KEY or "insecure" in secret_key:
        raise ImproperlyConfigured(
            f"Production refuses the default SECRET_KEY: set SECRET_KEY to one of your own: "
            f"{NEW_SECRET_KEY}."
        )
    if len(secret_key) < SHORTEST_SECRET_KEY or len(set(secret_key)) < 5:
        raise ImproperlyConfigured(
            f"Production refuses a short SECRET_KEY: set one of {SHORTEST_SECRET_KEY} characters "
            f"or more: {NEW_SECRET_KEY}."
        )
    if not allowed_hosts or "*" in allowed_hosts:
        raise ImproperlyConfigured(
            "Production needs ALLOWED_HOSTS: set ALLOWED_HOSTS=trial.example.org "
            "(names with commas between, no *)."
        )


def _seal_key(known: Mapping[str, str], *, is_production: bool, secret_key: str) -> str:
    """The key of the seals, itself or from its file; production needs one of its own."""
    key = known.get("AUDIT_SEAL_KEY", "").strip()
    file = known.get("AUDIT_SEAL_KEY_FILE", "").strip()
    if file:
        if key:
            raise ImproperlyConfigured("Set AUDIT_SEAL_KEY or AUDIT_SEAL_KEY_FILE, not both.")
        try:
            key = Path(file).read_text(encoding="utf-8").strip()
        except OSError as problem:
            raise ImproperlyConfigured(
                f"AUDIT_SEAL_KEY_FILE cannot be read ({problem.strerror}): "
                "set it to a file that this service may read."
            ) from problem
    if not is_production:
        return key or DEFAULT_SEAL_KEY
    if key in ("", DEFAULT_SEAL_KEY, secret_key):
        raise ImproperlyConfigured(
            "Production needs AUDIT_SEAL_KEY, a key of its own that is not in the database: set "
            f"AUDIT_SEAL_KEY, or AUDIT_SEAL_KEY_FILE; {NEW_SECRET_KEY}."
        )
    if len(key) < SHORTEST_SEAL_KEY or len(set(key)) < 5:
        raise ImproperlyConfigured(
            f"Production refuses a short AUDIT_SEAL_KEY: set one of {SHORTEST_SEAL_KEY} characters "
            f"or more: {NEW_SECRET_KEY}."
        )
    return key


def _metrics_token(known: Mapping[str, str]) -> str:
    """What the reader of the figures has to know; a short one could be guessed."""
    token = known.get("METRICS_TOKEN", "").strip()
    if token and len(token) < SHORTEST_SEAL_KEY:
        raise ImproperlyConfigured(
            f"METRICS_TOKEN is short: set one of {SHORTEST_SEAL_KEY} characters or more: "
            f"{NEW_SECRET_KEY}."
        )
    return token


def _public_url(known: Mapping[str, str], *, is_production: bool) -> str:
    """Where people open the service, without a slash at the end; production has to say it."""
    url = known.get("PUBLIC_URL", "").strip().rstrip("/")
    if not url and not is_production:
        return "http://127.0.0.1:8000"
    parts = urlsplit(url)
    schemes = ("https",) if is_production else ("https", "http")
    if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(
            f"PUBLIC_URL is {url!r}: set it to the address under which people open the service, "
            "as in PUBLIC_URL=https://trial.example.org; mails link to it."
        )
    return url


def _loopback_targets(known: Mapping[str, str], *, is_production: bool) -> bool:
    """Whether messages may go to this machine itself; never in production."""
    wanted = _flag(known, "LOOPBACK_TARGETS", default=False)
    if wanted and is_production:
        raise ImproperlyConfigured(
            "Production sends nothing to itself: unset LOOPBACK_TARGETS, or set LOOPBACK_TARGETS=0."
        )
    return wanted


def _chat_services(known: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The services that this installation allows, with their hosts; none unless it says so."""
    words = tuple(sorted({word.lower() for word in _words(known, "CHAT_SERVICES")}))
    for word in words:
        if word not in CHAT_HOSTS:
            raise ImproperlyConfigured(
                f"CHAT_SERVICES names {word!r}: choose from {', '.join(sorted(CHAT_HOSTS))}."
            )
    return {word: CHAT_HOSTS[word] for word in words}


def _redis_url(url: str) -> str:
    if not url:
        raise ImproperlyConfigured(NO_REDIS)
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(
            "REDIS_URL cannot be read: write it as redis://host:6379/0 or unix:///path/redis.sock."
        )
    return url


def _flag(known: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = known.get(name, "").strip().lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: set it to 1 or 0.")


def _number(known: Mapping[str, str], name: str) -> int:
    value = known.get(name, "").strip() or "0"
    if not value.isdigit():
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to a whole number, 0 or more.")
    return int(value)


def _words(known: Mapping[str, str], name: str) -> list[str]:
    return [word.strip() for word in known.get(name, "").split(",") if word.strip()]


def _log_level(known: Mapping[str, str]) -> str:
    level = known.get("LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ImproperlyConfigured(
            f"LOG_LEVEL is {level!r}: set it to DEBUG, INFO, WARNING or ERROR."
        )
    return level

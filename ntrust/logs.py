"""Log lines: JSON in production, coloured text elsewhere.

A line carries the request id, the user's number and what happened; never a subject number, a
measurement or other clinical data, and never the body of a request.
"""

import logging.config
import sys
from typing import Any

import structlog
from structlog.typing import Processor

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_settings(*, level: str, as_json: bool) -> dict[str, Any]:
    """The ``logging`` configuration: every logger, ours and the libraries', in one format."""
    last = _json_lines() if as_json else _console_lines()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *last,
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Their lines repeat ours, but with the address, which may hold a subject number.
            "uvicorn.access": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "ERROR"},
            # Theirs hold addresses by which anybody could write to a person's chat.
            "apprise": {"level": "CRITICAL"},
            "urllib3": {"level": "ERROR"},
        },
    }


def _json_lines() -> list[Processor]:
    # Tracebacks without the values of variables, which may be clinical.
    traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(traceback),
        structlog.processors.JSONRenderer(),
    ]


def _console_lines() -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def configure(settings: dict[str, Any]) -> None:
    """Set up ``logging`` and structlog together; Django calls it once at start-up."""
    logging.config.dictConfig(settings)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

# The image of web, worker, beat, deliver and mail catcher: one image, five commands (docker-compose.yml).
FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /app

RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin ntrust

COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes --only-binary=:all: -r requirements.txt

COPY manage.py ./
COPY ntrust ntrust/
COPY cohorts cohorts/
COPY dosing dosing/
COPY safety safety/

# The static files get names by content, as the running service expects; no server is asked.
RUN DJANGO_SETTINGS_MODULE=ntrust.offline_settings NTRUST_MODE=training \
    python manage.py collectstatic --noinput

USER ntrust

EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 \
    CMD ["python", "-m", "ntrust.probe", "url", "http://127.0.0.1:8000/healthz"]

CMD ["uvicorn", "ntrust.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--timeout-graceful-shutdown", "3"]

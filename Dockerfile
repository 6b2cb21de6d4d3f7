# Two stages: the first installs the locked packages, the second holds them, the code and no build tools.
FROM python:3.11-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --require-hashes --no-deps -r /tmp/requirements.lock

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=config.settings
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin earshot
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . /app
# Static files are hashed and compressed here. The settings need values to start; these exist for this one command only.
RUN mkdir -p /app/var \
    && ENVIRONMENT=production \
       SECRET_KEY=only-for-collecting-static-files-while-building-the-image \
       ALLOWED_HOSTS=build.invalid \
       BASE_URL=https://build.invalid \
       python manage.py collectstatic --noinput --verbosity 0 \
    && mkdir -p /app/var/media \
    && chown -R earshot /app/var/media
USER earshot
EXPOSE 8000
# It asks under a name that is served, because a refused one would fill the log.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os; host = os.environ.get('ALLOWED_HOSTS', '').split(',')[0].strip().lstrip('.').replace('*', '') or 'localhost'; line = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); line.request('GET', '/healthz', headers={'Host': host}); raise SystemExit(line.getresponse().status != 200)"]
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-tmp-dir", "/dev/shm", "--access-logfile", "-"]

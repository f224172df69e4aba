# One image, four commands: prepare, web, worker, dispatch (compose.yaml). No secret goes in; docs/deployment.md.

FROM node:24-slim AS npm
WORKDIR /npm
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci", "--ignore-scripts"]

FROM python:3.11-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN ["python", "-m", "venv", "--without-pip", "/opt/venv"]
COPY requirements.txt /tmp/requirements.txt
# Wheels only: nothing is compiled, so no compiler is needed, and nothing of a package runs while the image is built.
RUN ["python", "-m", "pip", "--python", "/opt/venv/bin/python", "install", \
     "--require-hashes", "--only-binary", ":all:", "-r", "/tmp/requirements.txt"]
WORKDIR /app
COPY . .
COPY --from=npm /npm/node_modules node_modules
# The same folder for every command that only reads the code: no database, no key (as the Makefile does).
RUN ["env", "PORTAL_DATA_DIR=/nonexistent", "/opt/venv/bin/python", "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
RUN ["/opt/venv/bin/python", "-m", "compileall", "-q", "/app"]

FROM python:3.11-slim-trixie
RUN ["useradd", "--system", "--uid", "10001", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "portal"]
RUN ["install", "--directory", "--owner=portal", "--group=portal", "--mode=0700", "/data"]
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=portal.settings \
    PORTAL_DATA_DIR=/data
WORKDIR /app
USER 10001
EXPOSE 8000
# For web. The other services have a check of their own in compose.yaml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); \
c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["python", "-m", "granian", "--interface", "asgi", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--backpressure", "6000", "--no-ws", "--workers-kill-timeout", "3", \
     "--respawn-failed-workers", "portal.asgi:application"]

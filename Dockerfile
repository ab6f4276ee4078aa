# One file for all images:
#   docker build --build-arg SERVICE=registry  --tag hongling-registry  .
#   docker build --build-arg SERVICE=allowance --tag hongling-allowance .
#   docker build --build-arg SERVICE=talent    --tag hongling-talent    .
#   docker build --build-arg SERVICE=console   --tag hongling-console   .
# The console is what operators type in, and what provisions; it runs no service.
# PYTHON_IMAGE_DIGEST: @sha256:… of that tag, see deploy/pin-images.sh; without it whatever the tag names on that day.
ARG PYTHON_IMAGE_DIGEST=""
FROM python:3.11.14-slim-trixie${PYTHON_IMAGE_DIGEST}

ARG SERVICE
RUN case "$SERVICE" in registry|allowance|talent|console) ;; \
      *) echo "build with --build-arg SERVICE=registry, allowance, talent or console" >&2; exit 1 ;; esac

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    LANG=C.UTF-8

# Exactly the files whose hashes are written down: nothing is compiled, nothing else is fetched. All are wheels but nkeys, which is
# published as source only (one module of Python); the image's own setuptools packs it.
COPY requirements-runtime.lock /tmp/requirements.lock
RUN pip install --require-hashes --only-binary=:all: --no-binary=nkeys --no-build-isolation \
      --requirement /tmp/requirements.lock && rm /tmp/requirements.lock

# /keys, /principals, /attachments, /bank and /streams/<n> are made here so that a new volume mounted on them belongs to the user below.
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin hongling \
    && mkdir --mode=0755 /streams \
    && mkdir --mode=0700 /keys /principals /attachments /bank /streams/1 /streams/2 /streams/3 \
    && chown hongling:hongling /keys /principals /attachments /bank /streams/1 /streams/2 /streams/3

WORKDIR /app
COPY contracts/ contracts/
COPY eventlog/ eventlog/
COPY services/ services/
COPY console/ console/
COPY policies/ policies/
COPY standards/ standards/
COPY cycles/ cycles/
COPY deploy/hongling /usr/local/bin/hongling
RUN python -m compileall -q contracts eventlog services console

USER hongling
ENV SERVICE=$SERVICE
# exec: the service itself gets the signal to stop, and finishes the batch in hand.
STOPSIGNAL SIGTERM
CMD ["/bin/sh", "-c", "case \"$SERVICE\" in console) exec sleep infinity ;; *) exec hongling run \"$SERVICE\" ;; esac"]

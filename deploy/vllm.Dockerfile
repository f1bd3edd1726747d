# vLLM's own image, not run as root.
#   docker build -f deploy/vllm.Dockerfile -t citewise-vllm deploy
FROM vllm/vllm-openai:v0.32.0

RUN useradd --system --uid 10002 --user-group --home-dir /var/lib/vllm vllm \
    && install -d -o vllm -g vllm /var/lib/vllm

ENV HOME=/var/lib/vllm \
    HF_HOME=/var/lib/vllm/huggingface \
    VLLM_CACHE_ROOT=/var/lib/vllm/cache \
    VLLM_NO_USAGE_STATS=1

USER 10002:10002
VOLUME /var/lib/vllm
EXPOSE 8000

# A large model takes minutes to load, its first download more.
HEALTHCHECK --interval=10s --timeout=5s --start-period=1800s --retries=3 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]

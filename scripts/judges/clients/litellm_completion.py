"""LiteLLM's completion."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from driver import MESSAGES, MODEL, SECONDS, URL, cited, serve

litellm.suppress_debug_info = True


def ask(stream):
    reply = litellm.completion(
        model=f"openai/{MODEL}",
        api_base=URL,
        api_key="none",
        messages=MESSAGES,
        stream=stream,
        num_retries=0,
        max_retries=0,
        timeout=SECONDS,
    )
    if not stream:
        message = reply.choices[0].message
        return message.content, cited(getattr(message, "annotations", None))
    text, notes = "", []
    for chunk in reply:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            notes += getattr(choice.delta, "annotations", None) or []
    return text, cited(notes)


serve(ask)

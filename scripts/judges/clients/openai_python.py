"""openai-python, chat completions."""

from driver import MESSAGES, MODEL, SECONDS, URL, cited, serve
from openai import OpenAI

client = OpenAI(base_url=URL, api_key="none", max_retries=0, timeout=SECONDS)


def ask(stream):
    if not stream:
        message = client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message
        return message.content, cited(message.annotations)
    text, notes = "", []
    for chunk in client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            notes += getattr(choice.delta, "annotations", None) or []
    return text, cited(notes)


serve(ask)

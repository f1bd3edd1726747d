"""LlamaIndex's OpenAILike."""

from driver import MODEL, QUESTION, SECONDS, URL, cited, serve
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

llm = OpenAILike(
    model=MODEL, api_base=URL, api_key="none", is_chat_model=True, max_retries=0, timeout=SECONDS
)


def ask(stream):
    messages = [ChatMessage(role="user", content=QUESTION)]
    if not stream:
        reply = llm.chat(messages)
        return reply.message.content, cited(reply.raw.choices[0].message.annotations)
    text, notes = "", []
    for reply in llm.stream_chat(messages):
        text += reply.delta or ""
        for choice in reply.raw.choices:
            notes += getattr(choice.delta, "annotations", None) or []
    return text, cited(notes)


serve(ask)

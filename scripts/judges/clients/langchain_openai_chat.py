"""LangChain's ChatOpenAI."""

from driver import MODEL, QUESTION, SECONDS, URL, cited, serve
from langchain_openai import ChatOpenAI

chat = ChatOpenAI(base_url=URL, api_key="none", model=MODEL, max_retries=0, timeout=SECONDS)


def ask(stream):
    if not stream:
        message = chat.invoke(QUESTION)
    else:
        message = None
        for chunk in chat.stream(QUESTION):
            message = chunk if message is None else message + chunk
    notes = [
        note
        for block in message.content_blocks
        for note in block.get("annotations", [])
        if note.get("url")
    ]
    return message.text, cited(notes)


serve(ask)

"""openai-python, Responses."""

from driver import MODEL, QUESTION, SECONDS, URL, cited, serve
from openai import OpenAI

client = OpenAI(base_url=URL, api_key="none", max_retries=0, timeout=SECONDS)


def ask(stream):
    if stream:
        with client.responses.stream(model=MODEL, input=QUESTION) as events:
            response = events.get_final_response()
    else:
        response = client.responses.create(model=MODEL, input=QUESTION)
    notes = [note for part in response.output[-1].content for note in part.annotations]
    return response.output_text, cited(notes)


serve(ask)

"""What every Python client shares: asked line by line, it answers with a JSON line each.

A line in is "whole" or "stream"; a line out has the text, the addresses that the client's own
objects cite, and the error that it raised, if any.
"""

import json
import os
import sys
import traceback

URL = os.environ["JUDGE_URL"] + "/v1"
MODEL = os.environ["JUDGE_MODEL"]
QUESTION = os.environ["JUDGE_QUESTION"]
MESSAGES = [{"role": "user", "content": QUESTION}]
SECONDS = 40


def cited(annotations):
    """The addresses of OpenAI's annotations, as objects or dicts."""
    found = []
    for note in annotations or []:
        note = note if isinstance(note, dict) else note.model_dump()
        found.append(note.get("url_citation", note)["url"])
    return found


def serve(ask):
    """Answer the lines of standard input with `ask(stream) -> (text, addresses)`."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        said = {"text": "", "cited": [], "error": None}
        try:
            said["text"], said["cited"] = ask(line.strip() == "stream")
        except Exception as error:
            said["error"] = type(error).__name__
            if os.environ.get("JUDGE_VERBOSE"):
                traceback.print_exc()
        print(json.dumps(said), flush=True)

"""curl: an error is a status of 400 or more, a broken transfer, or an error frame."""

import json
import subprocess

from driver import MESSAGES, MODEL, SECONDS, URL, cited, serve


class CurlError(Exception):
    pass


def ask(stream):
    body = json.dumps({"model": MODEL, "messages": MESSAGES, "stream": stream})
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--no-buffer",
            "--max-time",
            str(SECONDS),
            "--header",
            "content-type: application/json",
            "--data",
            body,
            f"{URL}/chat/completions",
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise CurlError(f"exit status {done.returncode}: {done.stdout[:200]}")
    if not stream:
        message = json.loads(done.stdout)["choices"][0]["message"]
        return message["content"], cited(message["annotations"])
    text, notes = "", []
    for line in filter(None, done.stdout.split("\n")):
        data = line.removeprefix("data: ")
        if data == "[DONE]":
            break
        chunk = json.loads(data)
        if "error" in chunk:
            raise CurlError(str(chunk["error"]))
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            notes += choice["delta"].get("annotations") or []
    return text, cited(notes)


serve(ask)

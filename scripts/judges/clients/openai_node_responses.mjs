// openai-node, Responses.
import OpenAI from "openai";
import { cited, model, question, seconds, serve, url } from "./driver.mjs";

const client = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0, timeout: seconds * 1e3 });

await serve(async (stream) => {
  const asked = { model, input: question };
  const response = stream
    ? await client.responses.stream(asked).finalResponse()
    : await client.responses.create(asked);
  const parts = response.output.at(-1).content;
  return [
    parts.map((part) => part.text).join(""),
    cited(parts.flatMap((part) => part.annotations)),
  ];
});

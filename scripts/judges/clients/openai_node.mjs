// openai-node, chat completions.
import OpenAI from "openai";
import { cited, messages, model, seconds, serve, url } from "./driver.mjs";

const client = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0, timeout: seconds * 1e3 });

await serve(async (stream) => {
  const reply = await client.chat.completions.create({ model, messages, stream });
  if (!stream) {
    const { message } = reply.choices[0];
    return [message.content, cited(message.annotations)];
  }
  let text = "";
  const notes = [];
  for await (const chunk of reply) {
    for (const { delta } of chunk.choices) {
      text += delta.content ?? "";
      notes.push(...(delta.annotations ?? []));
    }
  }
  return [text, cited(notes)];
});

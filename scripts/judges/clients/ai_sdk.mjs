// Vercel AI SDK; JUDGE_PROVIDER is chat, responses or compatible.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";
import { model, question, serve, url } from "./driver.mjs";

const openai = createOpenAI({ baseURL: url, apiKey: "none" });
const compatible = createOpenAICompatible({ name: "citewise", baseURL: url, apiKey: "none" });
const languageModel = {
  chat: () => openai.chat(model),
  responses: () => openai.responses(model),
  compatible: () => compatible.chatModel(model),
}[process.env.JUDGE_PROVIDER]();

await serve(async (stream) => {
  const asked = { model: languageModel, prompt: question, maxRetries: 0, onError: () => {} };
  if (!stream) {
    const { text, sources } = await generateText(asked);
    return [text, sources.map((source) => source.url)];
  }
  let text = "";
  const sources = [];
  for await (const part of streamText(asked).fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") text += part.text;
    if (part.type === "source") sources.push(part.url);
  }
  return [text, sources];
});

// What every JavaScript client shares; see driver.py.
import { createInterface } from "node:readline";

export const url = `${process.env.JUDGE_URL}/v1`;
export const model = process.env.JUDGE_MODEL;
export const question = process.env.JUDGE_QUESTION;
export const messages = [{ role: "user", content: question }];
export const seconds = 40;

export const cited = (annotations) =>
  (annotations ?? []).map((note) => (note.url_citation ?? note).url);

export async function serve(ask) {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of createInterface({ input: process.stdin })) {
    const said = { text: "", cited: [], error: null };
    try {
      [said.text, said.cited] = await ask(line.trim() === "stream");
    } catch (error) {
      said.error = error?.constructor?.name ?? "Error";
      if (process.env.JUDGE_VERBOSE) console.error(error);
    }
    console.log(JSON.stringify(said));
  }
}

// Handles each alert of Curfew at least once, in any number of processes.
import { createClient } from "redis";

const [stream, group] = ["{curfew}:alerts", "pager"];
// Each process has a name of its own.
const consumer = process.env.CONSUMER ?? `pager-${process.pid}`;
// After this time another process takes over what somebody was given and has not acknowledged.
const idle = Number(process.env.IDLE_MS ?? 60_000);

const client = createClient({ url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379/0" });
client.on("error", (error) => console.error(error.message));
await client.connect();

function handle(id, alert) {
  if (alert.state === "firing") console.log(id, alert.severity, alert.message);
}

async function dealWith(entries) {
  for (const entry of entries) {
    // An entry that was trimmed from the stream in the meantime.
    if (entry === null) continue;
    handle(entry.id, entry.message);
    // Only now: an alert that a process died over comes again.
    await client.xAck(stream, group, entry.id);
  }
}

try {
  await client.xGroupCreate(stream, group, "0", { MKSTREAM: true });
} catch (error) {
  if (!error.message.startsWith("BUSYGROUP")) throw error;
}

for (;;) {
  let cursor = "0-0";
  do {
    const claimed = await client.xAutoClaim(stream, group, consumer, idle, cursor, { COUNT: 100 });
    cursor = claimed.nextId;
    await dealWith(claimed.messages);
  } while (cursor !== "0-0");
  const streams = await client.xReadGroup(group, consumer, { key: stream, id: ">" }, { COUNT: 100, BLOCK: 5_000 });
  for (const { messages } of streams ?? []) await dealWith(messages);
}

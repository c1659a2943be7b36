// An A2A client over gRPC in JavaScript, straight from the protocol's .proto file.
//
//     npm ci
//     node client.mjs ADDRESS "text" [TENANT] [--proto PATH]
//
// It prints an agent's words as they come. ADDRESS is that of an agent, or of a gateway, where the
// tenant names the agent. The last line is the state in which the agent left the task; the exit code
// is 0 when it completed it or asks for more.
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const PROTO = fileURLToPath(new URL("../../protos/a2a/v1/a2a.proto", import.meta.url));
const ANSWERED = ["TASK_STATE_COMPLETED", "TASK_STATE_INPUT_REQUIRED", "MESSAGE"];
const UNFINISHED = ["TASK_STATE_UNSPECIFIED", "TASK_STATE_SUBMITTED", "TASK_STATE_WORKING"];

const textOf = (parts) => parts.map((part) => part.text ?? "").join("");

// Prints what the agent says; returns the state of its task, or MESSAGE when it made none.
async function follow(responses) {
  let state = UNFINISHED[0];
  for await (const response of responses) {
    switch (response.payload) {
      case "task":
        state = response.task.status.state;
        break;
      case "artifact_update":
        process.stdout.write(textOf(response.artifact_update.artifact.parts));
        break;
      case "status_update": {
        const { status } = response.status_update;
        state = status.state;
        process.stdout.write(textOf(status.message?.parts ?? []));
        break;
      }
      case "message":
        state = "MESSAGE";
        process.stdout.write(textOf(response.message.parts));
        break;
    }
  }
  return state;
}

async function ask(proto, address, text, tenant) {
  const definition = protoLoader.loadSync(proto, {
    keepCase: true,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const { A2AService } = grpc.loadPackageDefinition(definition).lf.a2a.v1;
  const client = new A2AService(
    address.replace(/^grpc:\/\//, ""),
    grpc.credentials.createInsecure(),
  );
  const metadata = new grpc.Metadata();
  metadata.set("a2a-version", "1.0");
  const message = { message_id: randomUUID(), role: "ROLE_USER", parts: [{ text }] };
  try {
    const state = await follow(client.SendStreamingMessage({ tenant, message }, metadata));
    console.log(`\n${state}`);
    if (UNFINISHED.includes(state)) console.error("the stream ended before the task did");
    return ANSWERED.includes(state) ? 0 : 1;
  } catch (error) {
    console.error(`${grpc.status[error.code] ?? error.name}: ${error.details ?? error.message}`);
    return 1;
  } finally {
    client.close();
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { proto: { type: "string", default: PROTO } },
});
const [address, text, tenant = ""] = positionals;
if (address === undefined || text === undefined) {
  console.error('usage: node client.mjs ADDRESS "text" [TENANT] [--proto PATH]');
  process.exitCode = 2;
} else {
  process.exitCode = await ask(values.proto, address, text, tenant);
}

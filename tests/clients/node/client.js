// An ordinary day of fhir-kit-client: one line of JSON, what came of each step.
const Client = require("fhir-kit-client");

const SYSTEM = "urn:ietf:rfc:3986";
const URN = "urn:uuid:0a0b0c0d-0000-4000-8000-000000000003";
const task = (more) => ({ resourceType: "Task", status: "requested", intent: "order", ...more });
const refused = (attempt) => attempt.then(() => "done", (error) => error.response.status);

async function day(baseUrl) {
  const client = new Client({ baseUrl });
  const said = {};
  said.fhirVersion = (await client.capabilityStatement()).fhirVersion;
  const owner = await client.create({ resourceType: "Organization", body: { resourceType: "Organization", name: "Kit" } });
  const body = task({ identifier: [{ system: SYSTEM, value: URN }], owner: { reference: `Organization/${owner.id}` } });
  const once = { headers: { "If-None-Exist": `identifier=${SYSTEM}|${URN}` } };
  const first = await client.create({ resourceType: "Task", body, options: once });
  const again = await client.create({ resourceType: "Task", body, options: once });
  said.conditional = first.id === again.id;
  const JSONPatch = [{ op: "replace", path: "/status", value: "accepted" }];
  said.stale = await refused(client.patch({ resourceType: "Task", id: first.id, JSONPatch, options: { headers: { "If-Match": 'W/"9"' } } }));
  const patched = await client.patch({ resourceType: "Task", id: first.id, JSONPatch, options: { headers: { "If-Match": 'W/"1"' } } });
  said.patched = [patched.status, patched.meta.versionId];
  said.first = (await client.vread({ resourceType: "Task", id: first.id, version: "1" })).status;
  said.history = (await client.resourceHistory({ resourceType: "Task", id: first.id })).entry.length;
  said.ofType = (await client.typeHistory({ resourceType: "Task" })).type;
  for (let n = 0; n < 4; n += 1) await client.create({ resourceType: "Task", body: task({ owner: body.owner }) });
  const searchParams = { owner: body.owner.reference, _count: 2 };
  let page = await client.resourceSearch({ resourceType: "Task", searchParams });
  const ids = new Set();
  while (page) {
    page.entry.forEach((entry) => ids.add(entry.resource.id));
    page = page.link.some((link) => link.relation === "next") && (await client.nextPage({ bundle: page }));
  }
  said.paged = ids.size;
  const posted = await client.resourceSearch({ resourceType: "Task", searchParams: { status: "accepted,requested", owner: owner.id }, options: { postSearch: true } });
  said.posted = posted.total;
  said.resolved = (await client.resolve({ reference: patched.owner.reference })).name;
  const entry = [{ fullUrl: "urn:uuid:5f1c7c3e-0000-4000-8000-000000000009", resource: task(), request: { method: "POST", url: "Task" } },
    { request: { method: "GET", url: `Task/${first.id}` } }];
  for (const type of ["batch", "transaction"]) {
    const answer = await client[type]({ body: { resourceType: "Bundle", type, entry } });
    said[type] = [answer.type, ...answer.entry.map((one) => one.response.status.slice(0, 3))];
  }
  const outcome = await client.operation({ name: "$validate", resourceType: "Task", input: task({ status: "done" }) });
  said.validated = [outcome.issue[0].severity, outcome.issue[0].expression[0]];
  said.deleted = await refused(client.delete({ resourceType: "Task", id: first.id }));
  said.missing = await refused(client.read({ resourceType: "Task", id: "nothing" }));
  console.log(JSON.stringify(said));
}

day(process.argv[2]).catch((error) => { console.error(error, JSON.stringify(error.response && error.response.data)); process.exit(1); });

// Starts swagger-ui on the document of this service. A file of its own, since the page allows no inline script.
// An example that is XML already is shown as it is; swagger-ui would build one from the schema instead.
const plainXml = {
  afterLoad() {
    const build = this.fn.getSampleSchema;
    this.fn.getSampleSchema = (schema, media, config, example) =>
      typeof example === "string" && /xml/.test(media) ? example : build(schema, media, config, example);
  },
};

const place = document.getElementById("console");

// Whoever is logged in shows with each request that it comes from here. Who is not, and has no token either, is told 401.
let session = "";
if (place.dataset.token) {
  fetch(place.dataset.token, { headers: { Accept: "text/plain" } }).then(async (answer) => {
    if (answer.ok) session = await answer.text();
  });
}

window.ui = SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  validatorUrl: null, // the public validator is another host
  deepLinking: true,
  docExpansion: "list",
  // by heading
  filter: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  requestInterceptor: (request) => {
    if (session) request.headers["X-Stafett-Form"] = session;
    return request;
  },
  syntaxHighlight: { activated: true },
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [() => plainXml],
  layout: "BaseLayout",
});

// Starts swagger-ui on the document of this service. A file of its own, since the page allows no inline script.
const place = document.getElementById("console");
window.ui = SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  validatorUrl: null, // the public validator is another host
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  syntaxHighlight: { activated: true },
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});

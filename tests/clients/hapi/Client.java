import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.api.SearchStyleEnum;
import ca.uhn.fhir.rest.api.SummaryEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.gclient.ReferenceClientParam;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import org.hl7.fhir.r4.model.*;

/** An ordinary day of HAPI's client: one line "name: what came of it" for each step, on stdout. */
class Client {
  static final String SYSTEM = "urn:ietf:rfc:3986";

  public static void main(String[] words) {
    FhirContext context = FhirContext.forR4();
    context.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.ONCE);
    IGenericClient client = context.newRestfulGenericClient(words[0]);
    if (words[1].equals("xml")) client.setEncoding(EncodingEnum.XML);
    String urn = "urn:uuid:0a0b0c0d-0000-4000-8000-0000000000" + (words[1].equals("xml") ? "01" : "02");

    CapabilityStatement statement = client.capabilities().ofType(CapabilityStatement.class).execute();
    say("capabilities", statement.getFhirVersion().toCode());

    Patient patient = new Patient();
    patient.addName().setFamily("Hapisen").addGiven("Kåre");
    MethodOutcome made = client.create().resource(patient).execute();
    say("create", made.getCreated() + " " + made.getId().getResourceType() + " v" + made.getId().getVersionIdPart());

    Task task = new Task();
    task.setStatus(Task.TaskStatus.REQUESTED).setIntent(Task.TaskIntent.ORDER);
    task.addIdentifier().setSystem(SYSTEM).setValue(urn);
    task.setFor(new Reference(made.getId().toUnqualifiedVersionless()));
    task.getRestriction().getPeriod().setEndElement(new DateTimeType("2026-12-24"));
    MethodOutcome first = client.create().resource(task).conditional().where(Task.IDENTIFIER.exactly().systemAndIdentifier(SYSTEM, urn)).execute();
    MethodOutcome second = client.create().resource(task).conditional().where(Task.IDENTIFIER.exactly().systemAndIdentifier(SYSTEM, urn)).execute();
    say("conditional create", first.getCreated() + " then " + Boolean.TRUE.equals(second.getCreated()) + ", the same: "
        + first.getId().getIdPart().equals(second.getId().getIdPart()));

    Task read = client.read().resource(Task.class).withId(first.getId().getIdPart()).execute();
    say("read", read.getStatus().toCode() + " " + read.getRestriction().getPeriod().getEndElement().getValueAsString());

    read.setStatus(Task.TaskStatus.ACCEPTED);
    Task unversioned = read.copy();
    unversioned.setId(first.getId().getIdPart());
    say("update without its version", refused(() -> client.update().resource(unversioned).execute()));
    say("update", "v" + client.update().resource(read).execute().getId().getVersionIdPart());
    say("update of a stale version", refused(() -> client.update().resource(read).execute()));

    String patch = "[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"in-progress\"}]";
    MethodOutcome patched = client.patch().withBody(patch).withId(first.getId().toUnqualifiedVersionless())
        .withAdditionalHeader("If-Match", "W/\"2\"").execute();
    say("patch", "v" + patched.getId().getVersionIdPart());
    say("vread", client.read().resource(Task.class).withIdAndVersion(first.getId().getIdPart(), "1").execute().getStatus().toCode());
    say("history", client.history().onInstance(first.getId().toUnqualifiedVersionless()).andReturnBundle(Bundle.class).execute().getEntry().size() + " versions");

    Bundle found = client.search().forResource(Task.class)
        .where(new ReferenceClientParam("patient").hasId(made.getId().toUnqualifiedVersionless()))
        .and(new TokenClientParam("status").exactly().code("in-progress"))
        .include(Task.INCLUDE_PATIENT).returnBundle(Bundle.class).execute();
    say("search with include", found.getTotal() + " of " + found.getEntry().size() + " entries");
    Bundle posted = client.search().forResource(Task.class).where(Task.IDENTIFIER.exactly().systemAndIdentifier(SYSTEM, urn))
        .usingStyle(SearchStyleEnum.POST).returnBundle(Bundle.class).execute();
    say("search by post", String.valueOf(posted.getEntry().size()));
    say("count", String.valueOf(client.search().forResource(Task.class).where(Task.IDENTIFIER.exactly().systemAndIdentifier(SYSTEM, urn))
        .summaryMode(SummaryEnum.COUNT).returnBundle(Bundle.class).execute().getTotal()));

    Bundle transaction = new Bundle();
    transaction.setType(Bundle.BundleType.TRANSACTION);
    String person = "urn:uuid:5f1c7c3e-0000-4000-8000-000000000001";
    transaction.addEntry().setFullUrl(person).setResource(new Patient().addName(new HumanName().setFamily("Hapitrans")))
        .getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Patient");
    Task other = new Task();
    other.setStatus(Task.TaskStatus.REQUESTED).setIntent(Task.TaskIntent.ORDER).setFor(new Reference(person));
    transaction.addEntry().setResource(other).getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Task");
    Bundle answer = client.transaction().withBundle(transaction).execute();
    say("transaction", answer.getEntry().stream().map(e -> e.getResponse().getStatus().substring(0, 3)).toList().toString());

    Task bad = new Task();
    bad.setIntent(Task.TaskIntent.ORDER);
    say("create of an invalid task", refused(() -> client.create().resource(bad).execute()));
    OperationOutcome outcome = (OperationOutcome) client.validate().resource(bad).execute().getOperationOutcome();
    say("validate", outcome.getIssueFirstRep().getSeverity().toCode() + " " + outcome.getIssueFirstRep().getExpression().get(0).getValue());
  }

  static void say(String name, String what) { System.out.println(name + ": " + what); }

  static String refused(Runnable action) {
    try { action.run(); return "done"; }
    catch (BaseServerResponseException refusal) {
      return refusal.getStatusCode() + (refusal.getOperationOutcome() == null ? " without an outcome" : " with an outcome");
    }
  }
}

import { accessible, connect, go, picture } from "../journey";
import { expect, test } from "../serve";

/** Harbor's contacts by a plain low-code file, with a user and a password among its settings. */
const file = `version: 6.44.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [contacts]}
streams:
  - type: DeclarativeStream
    name: contacts
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: "{{ config['base_url'] }}/api/v1"
        path: contacts
        authenticator:
          type: BasicHttpAuthenticator
          username: "{{ config['credentials']['user'] }}"
          password: "{{ config['credentials']['password'] }}"
      record_selector:
        type: RecordSelector
        extractor: {type: DpathExtractor, field_path: [data]}
      paginator:
        type: DefaultPaginator
        page_size_option: {type: RequestOption, inject_into: request_parameter, field_name: limit}
        page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: cursor}
        pagination_strategy:
          type: CursorPagination
          page_size: "{{ config['page_size'] }}"
          cursor_value: "{{ response.next_cursor }}"
          stop_condition: "{{ not response.has_more }}"
    schema_loader:
      type: InlineSchemaLoader
      schema:
        type: object
        properties:
          id: {type: string}
          email: {type: string}
          first_name: {type: string}
  - type: DeclarativeStream
    name: secretive
    retriever: {type: CustomRetriever, class_name: source_harbor.components.Secretive}
spec:
  type: Spec
  connection_specification:
    type: object
    required: [base_url, credentials]
    properties:
      base_url: {type: string, title: Address, order: 0, pattern: "^https?://", pattern_descriptor: "https://…"}
      page_size: {type: integer, title: Records a page, default: 20, maximum: 200}
      credentials:
        type: object
        title: Signing in
        order: 1
        oneOf:
          - title: User and password
            required: [user, password]
            properties:
              kind: {type: string, const: password}
              user: {type: string, title: User}
              password: {type: string, title: Password, airbyte_secret: true}
          - title: Nothing
            properties: {kind: {type: string, const: nothing}}
`;

test.use({ contacts: 60 });

test("a pasted connector file is tried, mended in the editor, and read by a sync", async ({
  app: page,
  patchbay,
}) => {
  const { harbor_url } = await patchbay.call<{ harbor_url: string }>("start_sample_platforms");

  await test.step("add it from pasted text", async () => {
    await go(page, "Connectors");
    await page.getByRole("link", { name: "Add a connector" }).click();
    const sheet = page.getByRole("dialog", { name: "Add a connector" });
    await sheet.getByRole("button", { name: "Pasted text" }).click();
    await sheet.getByLabel("Connector file").fill(file.replace("SimpleRetriever", "SimpleRetreiver"));
    await expect(sheet.getByText(/^Line \d+, column \d+/)).toBeVisible();
    await sheet.getByLabel("Connector file").fill(file);
    await expect(sheet.getByText("Reads contacts.")).toBeVisible();
    await expect(sheet.getByText(/The stream `secretive` is left out/)).toBeVisible();
    await sheet.getByLabel("Name").fill("My Harbor");
    await picture(page, "connector-add");
    await accessible(page, "connector-add");
    await sheet.getByRole("button", { name: "Add", exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: /my-harbor/ })).toBeVisible();
    await expect(page.getByText("1 stream is left out")).toBeVisible();
    await page.getByRole("group").filter({ hasText: "contacts" }).first().click();
    await picture(page, "connector-streams");
    await accessible(page, "connector-streams");
  });

  const fill = async () => {
    const form = page.getByRole("dialog").or(page.getByRole("main")).last();
    await form.getByLabel("Address").fill(harbor_url);
    await form.getByLabel("User", { exact: true }).fill("api");
    await form.getByLabel("Password").fill("harbor-basic-demo");
  };

  await test.step("try a stream with settings that are not saved", async () => {
    await page.getByRole("button", { name: "Try", exact: true }).click();
    await page.getByRole("button", { name: "Read the first page" }).click();
    await expect(page.getByText("Address is needed")).toBeVisible();
    await fill();
    await page.getByRole("button", { name: "Read the first page" }).click();
    await expect(page.getByRole("button", { name: "Page 1" })).toBeVisible();
    await expect(page.getByText(/limit=20/)).toBeVisible();
    await page.getByRole("button", { name: "Next page" }).click();
    await expect(page.getByRole("button", { name: "Page 2" })).toBeVisible();
    await expect(page.getByText("harbor-basic-demo")).toHaveCount(0);
    await picture(page, "connector-try");
    await accessible(page, "connector-try");
  });

  await test.step("connect with it, with what is wrong said beside the field", async () => {
    await page.getByRole("link", { name: "Connect", exact: true }).click();
    const sheet = page.getByRole("dialog");
    await sheet.getByLabel("Address").fill("harbor");
    await sheet.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(sheet.getByText("Write it like https://…")).toBeVisible();
    await expect(sheet.getByText("User is needed")).toBeVisible();
    await picture(page, "connector-form");
    await accessible(page, "connector-form");
    await fill();
    await sheet.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(sheet.getByRole("status").filter({ hasText: "Connected" })).toBeVisible();
    await sheet.getByRole("button", { name: "Done" }).click();
  });

  await test.step("edit the file: an error is shown with its place, a save is a version", async () => {
    await go(page, "Connectors");
    await page.getByRole("link", { name: "my-harbor", exact: true }).click();
    await page.getByRole("button", { name: "File", exact: true }).click();
    const editor = page.getByRole("textbox", { name: "File of my-harbor" });
    await expect(editor).toBeVisible();
    await editor.getByText("first_name").click();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.keyboard.type("phone: {type: [strin");
    await expect(page.getByText("1 error")).toBeVisible();
    await picture(page, "connector-editor-error");
    await page.keyboard.type("g]}");
    await expect(page.getByText("1 stream can be read")).toBeVisible();
    await page.getByRole("button", { name: "Changes" }).click();
    const sheet = page.getByRole("dialog", { name: "What saving changes" });
    await expect(sheet.getByText("contacts: the field phone came")).toBeVisible();
    await expect(sheet.getByText("phone: {type: [string]}")).toBeVisible();
    await picture(page, "connector-changes");
    await accessible(page, "connector-changes");
    await sheet.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("Saved as version 2")).toBeVisible();
    await picture(page, "connector-editor");
    await accessible(page, "connector-editor", [".cm-editor"]);
    await page.getByRole("button", { name: /^Versions/ }).click();
    await expect(page.getByRole("row", { name: /2 in use/ })).toBeVisible();
    await page.getByRole("button", { name: "Use version 1" }).click();
    await expect(page.getByRole("row", { name: /1 in use/ })).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).first().click();
    await expect(page.getByRole("row", { name: /2 in use/ })).toBeVisible();
    await picture(page, "connector-versions");
    await accessible(page, "connector-versions");
  });

  await test.step("a sync reads with it", async () => {
    await connect(page, "Postino");
    const all = await patchbay.call<{ id: string; connector: string }[]>("list_connections");
    const of = (connector: string) => all.find((each) => each.connector === connector)?.id;
    const { id: sync } = await patchbay.call<{ id: string }>("create_sync", {
      name: "By my own connector",
      source: { connection: of("my-harbor"), stream: "contacts" },
      target: { connection: of("postino"), stream: "subscribers" },
      mode: "upsert",
      match_on: ["email_address"],
    });
    const constant = (target: string, value: string) => ({
      target,
      origin: { kind: "constant", value },
      steps: [],
      on_failure: { kind: "hold" },
    });
    const email = {
      target: "email_address",
      origin: { kind: "fields", paths: ["email"] },
      steps: [{ name: "trim", with: {} }, { name: "lower", with: {} }],
      on_failure: { kind: "hold" },
    };
    const rules = [email, constant("list_id", "lst_main"), constant("status", "subscribed")];
    await patchbay.call("save_draft", { sync, mapping: { version: 1, rules } });
    await patchbay.call("publish_sync", { sync });
    const { run } = await patchbay.call<{ run: string }>("start_run", { sync });
    await expect
      .poll(async () => {
        const told = await patchbay.call<{ summary: { state: string; counts: { read: number } } }>(
          "get_run",
          { run },
        );
        return `${told.summary.state} ${told.summary.counts.read}`;
      })
      .toBe("completed 60");
  });

  await test.step("delete it and take that back", async () => {
    await go(page, "Connectors");
    await page.getByRole("link", { name: "my-harbor", exact: true }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText(/1 connection stands still until it is back/)).toBeVisible();
    await expect(page.getByRole("link", { name: "my-harbor", exact: true })).toHaveCount(0);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(page.getByRole("link", { name: "my-harbor", exact: true })).toBeVisible();
    await picture(page, "connectors");
    await accessible(page, "connectors");
  });
});

import { accessible, connect, go, picture, signIn, signInPage } from "../journey";
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
    await expect(sheet.getByText(/^Line 9, column \d+/)).toBeVisible();
    await sheet.getByLabel("Connector file").fill(file);
    await expect(sheet.getByText("Reads contacts.")).toBeVisible();
    await expect(sheet.getByText(/The stream secretive is left out/)).toBeVisible();
    await sheet.getByLabel("Name").fill("My Harbor");
    await accessible(page, "connector-add");
    await sheet.getByRole("button", { name: "Add", exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: /My Harbor/ })).toBeVisible();
    await expect(page.getByText("1 stream is left out")).toBeVisible();
    await page.getByRole("group").filter({ hasText: "contacts" }).first().click();
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
    await expect(page.getByText("Nothing was read yet")).toBeVisible();
    await accessible(page, "connector-try-empty");
    await page.getByRole("button", { name: "Read the first page" }).click();
    await expect(page.getByText("Address is needed")).toBeVisible();
    await fill();
    await expect(page.getByText("Address is needed")).toHaveCount(0);
    await page.getByRole("button", { name: "Read the first page" }).click();
    await expect(page.getByRole("button", { name: "Page 1" })).toBeVisible();
    await expect(page.getByRole("region", { name: "Records" })).toContainText('"first_name"');
    await accessible(page, "connector-try");
    await page.getByRole("button", { name: "Next page" }).click();
    await expect(page.getByRole("button", { name: "Page 2" })).toBeVisible();
    await page.getByRole("button", { name: /^Requests/ }).click();
    await expect(page.getByText(/limit=20/)).toBeVisible();
    await page.getByText(/^Sent: \d+ headers/).click();
    await expect(page.getByText("authorization")).toBeVisible();
    await expect(page.getByText("harbor-basic-demo")).toHaveCount(0);
    await accessible(page, "connector-try-requests");
    await page.getByRole("button", { name: "State" }).click();
    await expect(page.getByText("contacts has no cursor")).toBeVisible();
    await page.getByRole("button", { name: "Next page" }).click();
    await page.getByRole("button", { name: "Next page" }).click();
    await expect(page.getByText("Everything has been read.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Next page" })).toHaveCount(0);
  });

  await test.step("connect with it, with what is wrong said beside the field", async () => {
    await page.getByRole("link", { name: "Connect", exact: true }).click();
    const sheet = page.getByRole("dialog");
    await sheet.getByLabel("Address").fill("harbor");
    await sheet.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(sheet.getByText("Write it like https://…")).toBeVisible();
    await expect(sheet.getByText("User is needed")).toBeVisible();
    await accessible(page, "connector-form");
    await fill();
    await sheet.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(sheet.getByRole("status").filter({ hasText: "Connected" })).toBeVisible();
    await sheet.getByRole("button", { name: "Done" }).click();
  });

  await test.step("edit the file: an error is shown with its place, a save is a version", async () => {
    await go(page, "Connectors");
    await page.getByRole("link", { name: "My Harbor", exact: true }).click();
    await page.getByRole("button", { name: "File", exact: true }).click();
    const editor = page.getByRole("textbox", { name: "File of My Harbor" });
    await expect(editor).toBeVisible();
    await editor.getByText("first_name").click();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.keyboard.type("phone: {type: [strin");
    await expect(page.getByText("1 error")).toBeVisible();
    await picture(page, "connector-editor-error");
    await page.keyboard.type("g]}");
    await expect(page.getByText("1 stream can be read")).toBeVisible();
    await page.getByRole("button", { name: "Try this text" }).click();
    const trying = page.getByRole("dialog", { name: "Try this text" });
    await trying.getByRole("button", { name: "Read the first page" }).click();
    await expect(trying.getByRole("button", { name: "Page 1" })).toBeVisible();
    await accessible(page, "connector-try-text");
    await trying.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Changes" }).click();
    const sheet = page.getByRole("dialog", { name: "What saving changes" });
    await expect(sheet.getByText("contacts: the field phone is new")).toBeVisible();
    await expect(sheet.getByText("phone: {type: [string]}")).toBeVisible();
    await accessible(page, "connector-changes");
    await sheet.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("Saved as version 2")).toBeVisible();
    await accessible(page, "connector-editor");
    await page.getByRole("button", { name: /^Versions/ }).click();
    await expect(page.getByRole("row", { name: /2 in use/ })).toBeVisible();
    await page.getByRole("button", { name: "Compare" }).click();
    const compared = page.getByRole("dialog", { name: /^Version 1 in place of/ });
    await expect(compared.getByText("the field phone is no longer there")).toBeVisible();
    await accessible(page, "connector-version");
    await compared.getByRole("button", { name: "Close" }).first().click();
    await page.getByRole("button", { name: "Use this version: 1" }).click();
    await expect(page.getByRole("row", { name: /1 in use/ })).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).first().click();
    await expect(page.getByRole("row", { name: /2 in use/ })).toBeVisible();
    await accessible(page, "connector-versions");
  });

  await test.step("a sync reads with it", async () => {
    await connect(page, "Postino");
    await page.getByRole("button", { name: "Done" }).click();
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
    await page.getByRole("link", { name: "My Harbor", exact: true }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText(/1 connection stands still until it is back/)).toBeVisible();
    await expect(page.getByRole("link", { name: "My Harbor", exact: true })).toHaveCount(0);
    await page.getByRole("button", { name: "Undo" }).first().click();
    await expect(page.getByRole("link", { name: "My Harbor", exact: true })).toBeVisible();
    await accessible(page, "connectors");
  });
});

/** A form with a field of every kind, two of them in a group of their own. */
const form = file.replace(
  /connection_specification:[\s\S]*$/,
  `connection_specification:
    type: object
    required: [base_url, page_size, credentials, start_date]
    groups: [{id: who, title: Who you are}, {id: what, title: What is read}]
    properties:
      base_url: {type: string, title: Address, order: 0, group: who, description: "Of your shop, with https."}
      start_date:
        type: string
        format: date-time
        title: Read from
        description: 'Older records are left out. See <a href="https://example.com">the docs</a>.'
        pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
        pattern_descriptor: YYYY-MM-DDTHH:mm:ssZ
        order: 2
        group: what
      region: {type: string, title: Region, enum: [eu, us], default: eu, order: 3, group: what, always_show: true}
      tags: {type: array, title: Only with these tags, items: {type: string}, order: 4, group: what, examples: [vip], always_show: true}
      kinds: {type: array, title: Kinds, items: {type: string, enum: [person, company]}, order: 5, group: what}
      archived: {type: boolean, title: Archived ones too, default: false, order: 6, group: what}
      page_size: {type: integer, title: Records a page, default: 20, minimum: 1, maximum: 200, group: what, order: 7}
      note: {type: string, title: Note, multiline: true}
      internal: {type: string, airbyte_hidden: true, default: hush}
      credentials:
        type: object
        title: Signing in
        order: 1
        group: who
        oneOf:
          - title: Token
            required: [token]
            properties:
              kind: {type: string, const: token}
              token: {type: string, title: Token, airbyte_secret: true}
          - title: User and password
            required: [user, password]
            properties:
              kind: {type: string, const: password}
              user: {type: string, title: User}
              password: {type: string, title: Password, airbyte_secret: true}
`,
);

test("a form has every kind of field and says what does not fit as soon as it is left", async ({
  app: page,
  patchbay,
}) => {
  const { harbor_url } = await patchbay.call<{ harbor_url: string }>("start_sample_platforms");
  await patchbay.call("save_connector", { name: "shop", text: form, origin: { kind: "pasted" } });
  await go(page, "Connections");
  await page.getByRole("link", { name: "Connect a platform" }).first().click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: /^Shop/ }).click();
  await expect(sheet.getByText("Older records are left out. See the docs.")).toBeVisible();
  await accessible(page, "form-empty");

  await sheet.getByLabel("Address").fill(harbor_url);
  await sheet.getByLabel("Kind", { exact: true }).selectOption("User and password");
  await sheet.getByLabel("User", { exact: true }).fill("api");
  await sheet.getByLabel("Password").fill("harbor-basic-demo");
  await sheet.getByRole("textbox", { name: "Records a page" }).fill("500");
  await expect(sheet.getByText("This can be at most 200")).toHaveCount(0);
  await sheet.getByRole("textbox", { name: "Records a page" }).press("Tab");
  await expect(sheet.getByText("This can be at most 200")).toBeVisible();
  await sheet.getByRole("textbox", { name: "Records a page" }).fill("25");
  await expect(sheet.getByText("This can be at most 200")).toHaveCount(0);
  await sheet.getByLabel("Region").selectOption("us");
  await sheet.getByRole("textbox", { name: "Only with these tags" }).fill("vip, new");
  await sheet.getByRole("textbox", { name: "Only with these tags" }).press("Enter");
  await sheet.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(sheet.getByText("Read from is needed")).toBeVisible();
  await sheet.getByLabel("Read from").fill("2026-01-31T08:30:00");
  await sheet.getByText(/^More settings/).click();
  await sheet.getByLabel("person").check();
  await accessible(page, "form-filled");
  await sheet.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(sheet.getByRole("status").filter({ hasText: "Connected" })).toBeVisible();

  const [connection] = await patchbay.call<{ id: string }[]>("list_connections");
  const { settings } = await patchbay.call<{ settings: Record<string, unknown> }>("get_connection", {
    connection: connection?.id,
  });
  expect(settings).toEqual({
    base_url: harbor_url,
    start_date: "2026-01-31T08:30:00Z",
    region: "us",
    tags: ["vip", "new"],
    kinds: ["person"],
    archived: false,
    page_size: 25,
    internal: "hush",
    credentials: { kind: "password", user: "api", password: { $secret: "/credentials/password" } },
  });
});

test("files are added together, and a replacement says first what it changes for syncs", async ({
  app: page,
  patchbay,
}) => {
  const { harbor_url } = await patchbay.call<{ harbor_url: string }>("start_sample_platforms");
  const yaml = (name: string, text: string) => ({
    name,
    mimeType: "application/yaml",
    buffer: Buffer.from(text),
  });
  const broken = file.replace("type: DpathExtractor", "type: DpathExtracter");

  await test.step("one of two files is wrong and left out", async () => {
    await go(page, "Connectors");
    await page.getByLabel("Find a connector or a stream").fill("nothing like it");
    await expect(page.getByText("No connector has “nothing like it” in it")).toBeVisible();
    await accessible(page, "connectors-none-found");
    await page.getByRole("button", { name: "Show all" }).click();
    await page.getByRole("link", { name: "Add a connector" }).click();
    const sheet = page.getByRole("dialog", { name: "Add a connector" });
    await accessible(page, "connector-add-empty");
    await sheet.getByLabel("Files…").setInputFiles([
      yaml("tea-house.yaml", file),
      yaml("broken.yaml", broken),
    ]);
    await expect(sheet.getByText("Did you mean DpathExtractor?")).toBeVisible();
    await accessible(page, "connector-add-several");
    await sheet.getByRole("button", { name: "Add 2 connectors" }).hover();
    await sheet.getByRole("button", { name: "Leave broken out" }).click();
    await sheet.getByRole("button", { name: "Add", exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Tea House" })).toBeVisible();
  });

  await test.step("a sync uses it", async () => {
    const config = {
      base_url: harbor_url,
      credentials: { kind: "password", user: "api", password: "harbor-basic-demo" },
    };
    await patchbay.call("start_connect", {
      connector: "tea-house",
      auth_method: "settings",
      name: "",
      config,
      reconnect: null,
    });
    const connected = () =>
      patchbay.call<{ id: string; connector: string }[]>("list_connections");
    await expect.poll(async () => (await connected()).length).toBe(1);
    await connect(page, "Postino");
    await page.getByRole("button", { name: "Done" }).click();
    const all = await connected();
    const of = (connector: string) => all.find((each) => each.connector === connector)?.id;
    const { id: sync } = await patchbay.call<{ id: string }>("create_sync", {
      name: "Tea guests",
      source: { connection: of("tea-house"), stream: "contacts" },
      target: { connection: of("postino"), stream: "subscribers" },
      mode: "upsert",
      match_on: ["email_address"],
    });
    const rule = {
      target: "email_address",
      origin: { kind: "fields", paths: ["email"] },
      steps: [],
      on_failure: { kind: "hold" },
    };
    await patchbay.call("save_draft", { sync, mapping: { version: 1, rules: [rule] } });
  });

  await test.step("a file without the field that the sync reads", async () => {
    await go(page, "Connectors");
    await page.getByRole("link", { name: "Tea House", exact: true }).click();
    await page.getByRole("button", { name: "Replace file…" }).click();
    const sheet = page.getByRole("dialog", { name: /^Replace the file of/ });
    await sheet.getByLabel("A file…").setInputFiles(yaml("new.yaml", file.replace("          email: {type: string}\n", "")));
    await expect(sheet.getByText("What changes for your syncs: 1 thing")).toBeVisible();
    await expect(sheet.getByRole("link", { name: "Tea guests" })).toBeVisible();
    await accessible(page, "connector-replace");
    await sheet.getByRole("button", { name: "Replace", exact: true }).click();
    await expect(page.getByText("Version 2 is used now")).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(page.getByText("version 1", { exact: true })).toBeVisible();
  });

  await test.step("the editor offers what can stand in a place, and puts a misspelt word right", async () => {
    await page.getByRole("button", { name: "File", exact: true }).click();
    const editor = page.getByRole("textbox", { name: "File of Tea House" });
    await editor.getByText("CursorPagination").dblclick();
    await page.keyboard.type("Page");
    await page.keyboard.press("Control+Space");
    await expect(page.getByRole("option", { name: "PageIncrement" })).toBeVisible();
    await picture(page, "connector-editor-completion");
    await page.keyboard.press("Escape");
    await page.keyboard.type("Incremant");
    await expect(page.getByText("Did you mean PageIncrement?")).toBeVisible();
    await accessible(page, "connector-editor-wrong");
    await page.getByRole("button", { name: "Put it right" }).click();
    await expect(page.getByText("Did you mean PageIncrement?")).toHaveCount(0);
    await expect(editor).toContainText("type: PageIncrement");
    await page.getByRole("button", { name: "Discard" }).click();
    await expect(editor).toContainText("type: CursorPagination");
  });
});

/** The same with signing in at Harbor's own page. */
const oauth = file
  .replace("type: BasicHttpAuthenticator", "type: BearerAuthenticator")
  .replace(
    "username: \"{{ config['credentials']['user'] }}\"",
    "api_token: \"{{ config['credentials']['access_token'] }}\"",
  )
  .replace(/ *password: "\{\{.*\n/, "")
  .replace(
    / {10}- title: User and password[\s\S]*?airbyte_secret: true\}\n/,
    "          - title: Your account\n            properties: {kind: {type: string, const: oauth}}\n",
  )
  .concat(`  advanced_auth:
    auth_flow_type: oauth2.0
    predicate_key: [credentials, kind]
    predicate_value: oauth
    oauth_config_specification:
      oauth_user_input_from_connector_config_specification:
        properties: {base: {type: string, path_in_connector_config: [base_url]}}
      oauth_connector_input_specification:
        consent_url: "{{ base }}/oauth/authorize?client_id={{ client_id_value }}&redirect_uri={{ redirect_uri_value | urlencode }}&scope={{ scopes_value | urlencode }}&state={{ state_value }}&response_type=code"
        access_token_url: "{{ base }}/oauth/token"
        scopes: [{scope: contacts.read}]
      complete_oauth_output_specification:
        properties:
          access_token: {type: string, path_in_connector_config: [credentials, access_token]}
          refresh_token: {type: string, path_in_connector_config: [credentials, refresh_token]}
      complete_oauth_server_output_specification:
        properties:
          client_id: {type: string, path_in_connector_config: [credentials, client_id]}
          client_secret: {type: string, path_in_connector_config: [credentials, client_secret]}
`);

test("where the file describes it, signing in goes to the platform's own page", async ({
  app: page,
  patchbay,
}) => {
  const { harbor_url } = await patchbay.call<{ harbor_url: string }>("start_sample_platforms");
  await patchbay.call("save_connector", { name: "shop", text: oauth, origin: { kind: "pasted" } });
  await go(page, "Connections");
  await page.getByRole("link", { name: "Connect a platform" }).first().click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: /^shop/i }).click();
  await sheet.getByRole("textbox", { name: "Address" }).fill(harbor_url);
  await expect(sheet.getByText("Before you sign in")).toBeVisible();
  await expect(sheet.getByRole("button", { name: "Copy the address" })).toBeVisible();
  await sheet.getByRole("button", { name: "Sign in with Shop" }).click();
  await expect(sheet.getByText("Client ID is needed")).toBeVisible();
  await sheet.getByLabel("Client ID").fill("patchbay-desktop");
  await accessible(page, "form-oauth");
  const platform = await signInPage(page, () =>
    sheet.getByRole("button", { name: "Sign in with Shop" }).click(),
  );
  await signIn(platform);
  await expect(sheet.getByRole("status").filter({ hasText: "Connected" })).toBeVisible();
  const [connection] = await patchbay.call<{ id: string }[]>("list_connections");
  const { settings } = await patchbay.call<{ settings: Record<string, unknown> }>("get_connection", {
    connection: connection?.id,
  });
  expect(settings.credentials).toMatchObject({
    kind: "oauth",
    client_id: "patchbay-desktop",
    access_token: { $secret: "/credentials/access_token" },
  });
});

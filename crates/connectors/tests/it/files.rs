//! What a connector file says of settings and schemas, and what of it cannot be read here.

use std::sync::Arc;

use connectors::declarative::manifest::Manifest;
use connectors::declarative::platform::Platform;
use connectors::http::{Client, Limits, NoSignIn};
use connectors::protocol::Session;
use connectors::{Access, Source as _};
use model::clock::Clock;
use serde_json::{Value as Json, json};

use crate::parts::{Routes, asked, platform, read, session, stream};

const RULES: &str = "
spec:
  type: Spec
  connection_specification: {type: object, required: [region], properties: {region: {type: string, enum: [eu, us]}, limit: {type: integer}}}
  config_normalization_rules:
    type: ConfigNormalizationRules
    config_migrations:
      - type: ConfigMigration
        transformations:
          - {type: ConfigAddFields, fields: [{type: AddedFieldDefinition, path: [region], value: \"{{ config.place }}\"}], condition: \"{{ 'place' in config }}\"}
          - {type: ConfigRemoveFields, field_pointers: [[place]]}
    transformations:
      - {type: ConfigAddFields, fields: [{type: AddedFieldDefinition, path: [path], value: \"in/{{ config.region }}\"}]}
    validations:
      - {type: DpathValidator, field_path: [limit], validation_strategy: {type: ValidateAdheresToSchema, base_schema: {type: integer, maximum: 9}}}
";

fn with_rules() -> String {
    let file = stream("", "").replace("path: /s}", "path: \"{{ config.path }}\"}");
    format!("{RULES}{file}")
}

#[tokio::test]
async fn settings_are_migrated_worked_out_and_refused_before_anything_is_asked() {
    const ROUTES: Routes = &[("/in/eu", 200, r#"{"data":[{"id":1}]}"#)];
    for (what, config, kept, wanted, failure) in [
        (
            "old settings",
            json!({"place": "eu"}),
            Some(json!({"region": "eu"})),
            "/in/eu",
            "",
        ),
        ("new ones", json!({"region": "eu"}), None, "/in/eu", ""),
        (
            "too much",
            json!({"region": "eu", "limit": 10}),
            None,
            "",
            "the connection's settings at limit",
        ),
    ] {
        let server = platform(ROUTES).await;
        let session = session(&server, &with_rules(), config).unwrap();
        assert_eq!(session.changed_config(), kept, "{what}");
        let came = read(&session, &["s"], &Json::Null).await;
        assert_eq!(came.configs, Vec::from_iter(kept), "{what}");
        assert_eq!(asked(&server), wanted, "{what}");
        let said = came.failed.first().map_or("", |(_, said)| said.as_str());
        assert!(
            said.contains(failure) && said.is_empty() == failure.is_empty(),
            "{what}: {said}"
        );
    }
}

#[tokio::test]
async fn a_check_holds_the_settings_against_what_the_connector_asks_for() {
    const ROUTES: Routes = &[("/in/eu", 200, r#"{"data":[{"id":1}]}"#)];
    for (config, failure) in [
        (json!({"region": "eu"}), ""),
        (json!({}), "at region: it is missing"),
        (
            json!({"region": "xx", "limit": "a"}),
            "should be one of eu, us",
        ),
    ] {
        let server = platform(ROUTES).await;
        let session = session(&server, &with_rules(), config).unwrap();
        let said = match session.check().await {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(
            said.contains(failure) && said.is_empty() == failure.is_empty(),
            "{said}"
        );
        assert_eq!(asked(&server).is_empty(), !failure.is_empty());
    }
}

#[tokio::test]
async fn a_platform_that_describes_its_fields_is_asked_and_records_are_fitted_to_them() {
    const LOADER: &str = "
    schema_loader:
      type: DynamicSchemaLoader
      retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /fields}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}
      schema_type_identifier:
        schema_pointer: [fields]
        key_pointer: [name]
        type_pointer: [kind]
        types_mapping: [{type: TypesMap, current_type: num, target_type: integer}]
";
    const ROUTES: Routes = &[
        (
            "/fields",
            200,
            r#"[{"fields":[{"name":"id","kind":"string"},{"name":"n","kind":"num"}]}]"#,
        ),
        ("/s", 200, r#"{"data":[{"id":7,"n":"12"}]}"#),
    ];
    let yaml = stream("", LOADER).replace(
        "field_path: [data]}}",
        "field_path: [data]}, schema_normalization: Default}",
    );
    let server = platform(ROUTES).await;
    let session = session(&server, &yaml, json!({})).unwrap();
    let came = read(&session, &["s"], &Json::Null).await;
    assert_eq!(came.of("s"), r#"{"id":"7","n":12}"#, "{:?}", came.failed);
    let found = session.discover().await.unwrap();
    assert_eq!(
        found["streams"][0]["json_schema"]["properties"],
        json!({"id": {"type": ["null", "string"]}, "n": {"type": ["null", "integer"]}})
    );
}

#[tokio::test]
async fn schemas_stand_in_files_beside_the_connector_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("schemas")).unwrap();
    for (name, field) in [("s", "a"), ("other", "b")] {
        let schema = json!({"type": "object", "properties": {field: {"type": "integer"}}});
        let file = folder.path().join("schemas").join(format!("{name}.json"));
        std::fs::write(file, schema.to_string()).unwrap();
    }
    for (what, loader, fields) in [
        ("not said", "", vec!["a"]),
        (
            "a file",
            "    schema_loader: {type: JsonFileSchemaLoader, file_path: \"./source_x/schemas/{{ parameters['name'] }}.json\", $parameters: {name: other}}",
            vec!["b"],
        ),
        (
            "several",
            "    schema_loader: [{type: InlineSchemaLoader, schema: {type: object, properties: {c: {type: string}}}}, {type: JsonFileSchemaLoader, file_path: ./schemas/s.json}]",
            vec!["c", "a"],
        ),
        (
            "a file that is not there",
            "    schema_loader: {type: JsonFileSchemaLoader, file_path: ./schemas/none.json}",
            vec![],
        ),
    ] {
        let file = folder.path().join("manifest.yaml");
        std::fs::write(
            &file,
            stream("", loader).replace("BASE", "http://127.0.0.1:9"),
        )
        .unwrap();
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let manifest = Arc::new(Manifest::load(&file).unwrap());
        let session = Session::new(manifest, json!({}), None, Access::unattended()).unwrap();
        let found = session.discover().await.unwrap();
        let properties = &found["streams"][0]["json_schema"]["properties"];
        let names: Vec<&str> = properties
            .as_object()
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let mut expected = fields.clone();
        expected.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, expected, "{what}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_name_and_the_other_streams_run() {
    const REQUESTER: &str = "requester: {type: HttpRequester, url_base: BASE, path: /s}";
    const SELECTOR: &str = "record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}";
    const ROUTES: Routes = &[("/s", 200, r#"{"data":[{"id":1}]}"#)];
    for (what, from, to, names) in [
        (
            "a retriever",
            "type: SimpleRetriever",
            "type: OddRetriever",
            "`OddRetriever`",
        ),
        (
            "a decoder",
            SELECTOR,
            "decoder: {type: OddDecoder}\n      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}",
            "`OddDecoder`",
        ),
        (
            "an extractor",
            "type: DpathExtractor",
            "type: OddExtractor",
            "`OddExtractor`",
        ),
        (
            "a paginator",
            SELECTOR,
            "record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}\n      paginator: {type: OddPaginator}",
            "`OddPaginator`",
        ),
        (
            "an authenticator",
            REQUESTER,
            "requester: {type: HttpRequester, url_base: BASE, path: /s, authenticator: {type: OddAuth}}",
            "`OddAuth`",
        ),
        (
            "an error handler",
            REQUESTER,
            "requester: {type: HttpRequester, url_base: BASE, path: /s, error_handler: {type: OddHandler}}",
            "`OddHandler`",
        ),
        (
            "a partition router",
            SELECTOR,
            "record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}\n      partition_router: {type: OddRouter}",
            "`OddRouter`",
        ),
        (
            "a schema loader",
            "primary_key: id",
            "schema_loader: {type: OddLoader}",
            "`OddLoader`",
        ),
        (
            "a transformation",
            "primary_key: id",
            "transformations: [{type: OddChange}]",
            "`OddChange`",
        ),
        (
            "a cursor",
            "primary_key: id",
            "incremental_sync: {type: OddCursor, cursor_field: a}",
            "`OddCursor`",
        ),
        (
            "a state migration",
            "primary_key: id",
            "state_migrations: [{type: OddMigration}]",
            "`OddMigration`",
        ),
        (
            "python",
            "type: DpathExtractor",
            "type: CustomRecordExtractor, class_name: source_x.Y",
            "CustomRecordExtractor (source_x.Y)",
        ),
    ] {
        let good = stream("", "");
        let bad = good.replace("name: s", "name: bad").replace(from, to);
        assert!(bad.contains(to), "{what}");
        let file = format!("{good}{}", bad.replace("\nstreams:\n", ""));
        let server = platform(ROUTES).await;
        let session = session(&server, &file, json!({})).unwrap();
        let refused = &session.connector().refused;
        assert_eq!(refused.len(), 1, "{what}: {refused:?}");
        assert_eq!(refused[0].stream, "bad", "{what}");
        assert!(
            refused[0].reason.contains(names),
            "{what}: {}",
            refused[0].reason
        );
        let came = read(&session, &["bad", "s"], &Json::Null).await;
        assert_eq!(came.of("s"), r#"{"id":1}"#, "{what}");
        assert_eq!(came.failed.len(), 1, "{what}");
        assert!(
            came.failed[0].1.contains(names),
            "{what}: {}",
            came.failed[0].1
        );
    }
}

#[tokio::test]
async fn a_connection_is_tested_by_its_settings_first_and_by_streams_that_are_made() {
    const MADE: &str = "
dynamic_streams:
  - type: DynamicDeclarativeStream
    stream_template: {type: DeclarativeStream, name: x, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /s}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}}}
    components_resolver:
      type: ParametrizedComponentsResolver
      stream_parameters: {type: StreamParametersDefinition, list_of_parameters_for_stream: [{name: one}]}
      components_mapping: [{type: ComponentMappingDefinition, field_path: [name], value: \"{{ components_values['name'] }}\"}]
";
    const ROUTES: Routes = &[("/s", 200, r#"{"data":[{"id":1}]}"#)];
    for (what, yaml, last, said) in [
        (
            "settings that are missing",
            with_rules(),
            "Settings",
            Err("at region: it is missing"),
        ),
        (
            "a stream that is made",
            MADE.to_owned(),
            "Read one",
            Ok("a record came back"),
        ),
    ] {
        let server = platform(ROUTES).await;
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let manifest = Manifest::parse("odd", &yaml.replace("BASE", &server.url())).unwrap();
        let clock = Clock::system();
        let http = Client::new("Odd", Limits::default(), clock.clone()).unwrap();
        let signer = Arc::new(NoSignIn);
        let tested = Platform::new(Arc::new(manifest), json!({}), signer, http, clock);
        let steps = tested.check(&Access::unattended()).await;
        let step = steps.last().unwrap();
        assert_eq!(step.name, last, "{what}: {steps:?}");
        match (&step.result, said) {
            (Ok(words), Ok(expected)) => assert_eq!(words, expected, "{what}"),
            (Err(words), Err(expected)) => assert!(words.contains(expected), "{what}: {words}"),
            _ => panic!("{what}: {steps:?}"),
        }
    }
}

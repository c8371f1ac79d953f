//! What `patchbay connector validate` says, and how it ends.

use std::path::Path;

use crate::program::{Ended, end_of, patchbay};

const GOOD: &str = "type: DeclarativeSource
check: {type: CheckStream, stream_names: [people]}
streams:
  - type: DeclarativeStream
    name: people
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url_base: 'http://127.0.0.1:9', path: people}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}
";

async fn validate(folder: &Path, text: &str, more: &[&str]) -> Ended {
    let file = folder.join("people.yaml");
    std::fs::write(&file, text).unwrap();
    let mut command = patchbay(&folder.join("data"));
    command
        .args(["connector", "validate"])
        .arg(&file)
        .args(more);
    let mut ended = end_of(command).await;
    ended.stdout = ended
        .stdout
        .replace(&folder.display().to_string(), "[folder]");
    ended
}

#[tokio::test]
async fn a_file_that_is_right_ends_well_and_so_does_one_with_warnings_only() {
    let folder = tempfile::tempdir().unwrap();
    let right = validate(folder.path(), GOOD, &[]).await.well();
    assert_eq!(
        right.stdout,
        "0 errors, 0 warnings in [folder]/people.yaml.\n"
    );
    let odd = GOOD.replace("path: people", "path: people, pathh: persons");
    let warned = validate(folder.path(), &odd, &[]).await.well();
    assert_eq!(
        warned.stdout,
        "[folder]/people.yaml:8:93: warning: `pathh` is not known in HttpRequester and has no effect
  at streams[0].retriever.requester.pathh
  expected perhaps `path`
0 errors, 1 warning in [folder]/people.yaml.
"
    );
    assert!(
        !folder.path().join("data").exists(),
        "nothing is made in the data folder"
    );
}

#[tokio::test]
async fn a_file_with_errors_ends_with_one_and_programs_get_json() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = GOOD.replace("DpathExtractor", r#""Dpath\e[31m""#);
    let ended = validate(folder.path(), &wrong, &[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains(":9:58: error: `Dpath\u{fffd}[31m` is not known here\n"),
        "the file does not steer the terminal: {ended:?}"
    );
    let ended = validate(folder.path(), &wrong, &["--json"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report = ended.json();
    assert_eq!(
        (&report["errors"], &report["warnings"]),
        (&1.into(), &0.into())
    );
    let finding = &report["findings"][0];
    assert_eq!(finding["line"], 9);
    assert_eq!(
        finding["path"],
        "streams[0].retriever.record_selector.extractor"
    );
    assert_eq!(finding["severity"], "error");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = patchbay(&folder.path().join("data"));
    command
        .args(["connector", "validate"])
        .arg(folder.path().join("nothing.yaml"));
    let ended = end_of(command).await;
    assert_ne!(ended.code, Some(0));
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("nothing.yaml"), "{ended:?}");
}

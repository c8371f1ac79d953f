//! A file that is not named in `main.rs` would never run.

use std::path::Path;

#[test]
fn every_file_of_an_integration_test_is_in_its_main_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut checked = 0;
    let mut folders = vec![root.join("tests/it")];
    for entry in std::fs::read_dir(root.join("crates")).unwrap() {
        folders.push(entry.unwrap().path().join("tests/it"));
    }
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_module =
                path.extension().is_some_and(|end| end == "rs") || path.join("mod.rs").is_file();
            if name != "main" && is_module {
                assert!(
                    main.lines().any(
                        |line| line.trim_start_matches("pub(crate) ") == format!("mod {name};")
                    ),
                    "{} is not in main.rs",
                    path.display()
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "only {checked} files were found");
}

//! Compiles the configuration, and a permission for the window's one command: what no capability names is refused.

use std::path::Path;

const BUILT_UI: &str = "../ui/dist";

fn main() {
    // The pages are compiled in, and no other file of ours tells cargo when they change.
    println!("cargo::rerun-if-changed={BUILT_UI}");
    if !Path::new(BUILT_UI).join("index.html").is_file() {
        // So that the shell can be checked before the UI was ever built.
        println!(
            "cargo::warning=the UI is not built, so the window will be empty: `npm run build` in ui/"
        );
        if let Err(error) = std::fs::create_dir_all(BUILT_UI) {
            println!("cargo::error={BUILT_UI} could not be made: {error}");
        }
    }
    let commands = tauri_build::AppManifest::new().commands(&["call"]);
    if let Err(error) =
        tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))
    {
        println!("cargo::error=the desktop app's configuration is not valid: {error:#}");
    }
}

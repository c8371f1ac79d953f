//! `cargo xtask setup`: what is missing here, and getting it.
//!
//! Nothing is installed twice and nothing is asked twice: when all is there, this costs two short processes.
//! System packages are installed where we may (root, or sudo without a password, on Debian and Ubuntu);
//! elsewhere the exact command is printed and the verb stops.

use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::command::{npm, output, run, succeeds};
use crate::packages::{self, Need};
use crate::{Failure, Result, flags, paths};

const NODE_AT_LEAST: u32 = 20;

pub(crate) fn main(arguments: &[String]) -> Result {
    flags(arguments, &[])?;
    system_packages(&Need::ALL)?;
    npm_packages(&paths::ui())?;
    npm_packages(&paths::root().join("tests/e2e"))?;
    println!("Everything is there: `cargo xtask run` opens Patchbay, `cargo xtask test` tests it.");
    Ok(())
}

/// Sees to the system packages for what is about to be done.
pub(crate) fn system_packages(needs: &[Need]) -> Result {
    match std::env::consts::OS {
        "linux" => linux(needs),
        "macos" => macos(),
        "windows" => windows(needs),
        other => {
            println!(
                "{other} is not a system that Patchbay is tested on; going on without looking for packages."
            );
            Ok(())
        }
    }
}

fn linux(needs: &[Need]) -> Result {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    match family(&release) {
        Family::Debian => debian(needs),
        Family::Fedora => by_signs(needs, "sudo dnf install", packages::fedora),
        Family::Arch => by_signs(needs, "sudo pacman -S --needed", packages::arch),
        Family::Unknown => by_signs(needs, "install what your system calls", packages::fedora),
    }
}

#[derive(PartialEq, Eq, Debug)]
enum Family {
    Debian,
    Fedora,
    Arch,
    Unknown,
}

/// Which package names hold, from the text of os-release.
fn family(release: &str) -> Family {
    let names: Vec<&str> = release
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .collect();
    let is = |wanted: &[&str]| names.iter().any(|name| wanted.contains(name));
    if is(&["debian", "ubuntu"]) {
        Family::Debian
    } else if is(&["fedora", "rhel"]) {
        Family::Fedora
    } else if is(&["arch"]) {
        Family::Arch
    } else {
        Family::Unknown
    }
}

fn debian(needs: &[Need]) -> Result {
    let wanted: Vec<&packages::Package> = needs
        .iter()
        .flat_map(|need| packages::debian(*need))
        .collect();
    let installed = installed_on_debian(&wanted);
    let missing_of = |need: &Need| -> Vec<&'static str> {
        packages::debian(*need)
            .iter()
            .filter(|package| {
                !installed.iter().any(|name| name == package.name)
                    && !paths::on_path(package.or_program)
            })
            .map(|package| package.name)
            .collect()
    };
    let mut all = Vec::new();
    for need in needs {
        let missing = missing_of(need);
        if !missing.is_empty() {
            println!("Missing {}: {}", need.reason(), missing.join(" "));
            all.extend(missing);
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    let by_hand = format!(
        "sudo apt-get install --no-install-recommends {}",
        all.join(" ")
    );
    let Some(prefix) = root_prefix() else {
        return Err(Failure::new(format!(
            "System packages are missing and this user may not install them without a password. Run\n\n  {by_hand}\n\nand then the same command again."
        )));
    };
    println!(
        "Installing {} system packages with apt, without their recommendations.",
        all.len()
    );
    if !has_package_lists() {
        apt(prefix, &["update", "-qq"])?;
    }
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&all);
    if apt(prefix, &install).is_err() {
        println!("That did not work: fetching the package lists, then once more.");
        apt(prefix, &["update", "-qq"])?;
        apt(prefix, &install).map_err(|failure| {
            Failure::new(format!(
                "{failure}\nThe system packages could not be installed. By hand:\n\n  {by_hand}"
            ))
        })?;
    }
    Ok(())
}

fn installed_on_debian(wanted: &[&packages::Package]) -> Vec<String> {
    // dpkg-query fails when one of the names is not known, and still prints the others.
    let listed = Command::new("dpkg-query")
        .args(["-W", "-f", "${Package} ${db:Status-Status}\n"])
        .args(wanted.iter().map(|package| package.name))
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    listed
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .map(str::to_owned)
        .collect()
}

/// How to become root without asking; None where we may not.
fn root_prefix() -> Option<&'static [&'static str]> {
    if std::env::var_os("PATCHBAY_NO_INSTALL").is_some() {
        None
    } else if output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
        Some(&[])
    } else if succeeds("sudo", &["-n", "true"]) {
        Some(&["sudo", "-n"])
    } else if std::io::stdin().is_terminal() && paths::on_path(&["sudo"]) {
        println!("sudo will ask for your password.");
        Some(&["sudo"])
    } else {
        None
    }
}

fn has_package_lists() -> bool {
    std::fs::read_dir("/var/lib/apt/lists").is_ok_and(|files| {
        files
            .flatten()
            .any(|file| file.file_name().to_string_lossy().contains("_Packages"))
    })
}

fn apt(prefix: &[&str], arguments: &[&str]) -> Result {
    let words: Vec<&str> = prefix
        .iter()
        .chain(&[
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=300",
        ])
        .chain(arguments)
        .copied()
        .collect();
    let Some((program, rest)) = words.split_first() else {
        return Ok(());
    };
    run(Command::new(program).args(rest))
}

fn by_signs(needs: &[Need], install: &str, names: fn(Need) -> &'static str) -> Result {
    let unmet: Vec<Need> = needs
        .iter()
        .copied()
        .filter(|need| !is_met(*need))
        .collect();
    if unmet.is_empty() {
        return Ok(());
    }
    for need in &unmet {
        println!("Missing {}", need.reason());
    }
    let names: Vec<&str> = unmet.iter().map(|need| names(*need)).collect();
    Err(Failure::new(format!(
        "System packages are missing. Run\n\n  {install} {}\n\nand then the same command again.",
        names.join(" ")
    )))
}

fn is_met(need: Need) -> bool {
    let signs = packages::signs(need);
    signs
        .programs
        .iter()
        .all(|program| paths::on_path(&[program]))
        && (signs.one_of.is_empty() || paths::on_path(signs.one_of))
        && signs
            .libraries
            .iter()
            .all(|library| succeeds("pkg-config", &["--exists", library]))
}

/// Whether what a need is for can be done already; installs nothing.
pub(crate) fn is_there(need: Need) -> bool {
    std::env::consts::OS != "linux" || is_met(need)
}

fn macos() -> Result {
    if succeeds("xcode-select", &["-p"]) {
        return Ok(());
    }
    Err(Failure::new(
        "Apple's command line tools are missing. Run\n\n  xcode-select --install\n\nand then the same command again.",
    ))
}

fn windows(needs: &[Need]) -> Result {
    // The MSVC linker is there, or this program would not run; WebView2 comes with Windows 10 and 11.
    if needs.contains(&Need::Core) && !paths::on_path(&["perl"]) {
        return Err(Failure::new(
            "Perl is missing, which OpenSSL (inside SQLCipher) is built with. Run\n\n  winget install StrawberryPerl.StrawberryPerl\n\nopen a new terminal, and then the same command again.",
        ));
    }
    Ok(())
}

/// Installs a folder's npm packages if its lock file is not the one they were installed from.
pub(crate) fn npm_packages(folder: &Path) -> Result {
    if !folder.join("package.json").is_file() {
        return Ok(());
    }
    node()?;
    let lock = folder.join("package-lock.json");
    let modules = folder.join("node_modules");
    let stamp = modules.join(".installed-from");
    let Ok(wanted) = std::fs::read(&lock) else {
        return run(&mut npm(folder, ["install", "--no-audit", "--no-fund"]));
    };
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if installed_by_hand(&lock, &modules) {
        std::fs::write(&stamp, &wanted)?;
        return Ok(());
    }
    println!("Installing npm packages in {}", relative(folder));
    // Not `npm ci`: it refuses a lock file that lacks the optional packages of other systems, and a registry that
    // does not carry those cannot write one that has them. This takes what the lock file says and leaves it alone.
    run(&mut npm(
        folder,
        [
            "install",
            "--no-save",
            "--no-audit",
            "--no-fund",
            "--prefer-offline",
        ],
    ))?;
    std::fs::write(&stamp, &wanted)?;
    Ok(())
}

/// Whether somebody ran npm here after the lock file last changed. npm's own note is written right before it.
fn installed_by_hand(lock: &Path, modules: &Path) -> bool {
    let changed = |path: &Path| {
        path.metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    match (changed(lock), changed(&modules.join(".package-lock.json"))) {
        (Some(lock), Some(installed)) => installed + Duration::from_secs(5) >= lock,
        _ => false,
    }
}

fn node() -> Result {
    let version = Command::new("node")
        .arg("--version")
        .output()
        .ok()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    match major(&version) {
        Some(major) if major >= NODE_AT_LEAST => Ok(()),
        Some(_) => Err(Failure::new(format!(
            "Node {version} is too old for the UI's tools: {NODE_AT_LEAST} or newer is needed, from https://nodejs.org or your system's packages."
        ))),
        None => Err(Failure::new(format!(
            "Node is missing: the UI is built with it. Install version {NODE_AT_LEAST} or newer from https://nodejs.org or your system's packages."
        ))),
    }
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn relative(folder: &Path) -> String {
    folder
        .strip_prefix(paths::root())
        .unwrap_or(folder)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_comes_from_id_or_from_what_it_is_like() {
        let check =
            |release: &str, expected: Family| assert_eq!(family(release), expected, "{release}");
        check(
            "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n",
            Family::Debian,
        );
        check("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Family::Debian);
        check(
            "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
            Family::Fedora,
        );
        check("ID=manjaro\nID_LIKE=arch\n", Family::Arch);
        check("ID=alpine\n", Family::Unknown);
        check("", Family::Unknown);
    }

    #[test]
    fn node_versions_are_read_by_their_major_number() {
        assert_eq!(major("v20.19.2"), Some(20));
        assert_eq!(major("v24.0.0-nightly"), Some(24));
        assert_eq!(major(""), None);
        assert_eq!(major("system"), None);
    }
}

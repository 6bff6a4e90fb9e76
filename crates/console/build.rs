//! Makes cargo embed the console again when its build changes, also when the first build appears.

use std::path::Path;

/// Cargo runs a build script in every build if a path that it names is missing. So without a build of the console, the
/// nearest folder that exists is named.
const WATCHED: [&str; 3] = ["web/dist", "web", "."];

fn main() {
    let watched = WATCHED.into_iter().find(|path| Path::new(path).exists());
    println!("cargo::rerun-if-changed={}", watched.unwrap_or("."));
}

//! How the container's binary is linked.

use std::path::PathBuf;
use std::{env, fs, io};

/// The functions that run in a container, made by `.ci/hot-functions`; `*` stands for what differs from
/// build to build.
const HOT_FUNCTIONS: &str = "hot_functions.txt";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={HOT_FUNCTIONS}");
    let is = |name: &str, value: &str| {
        let set = env::var_os(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
        let set = set.to_string_lossy();
        set.split(',').any(|it| it == value)
    };
    if !(is("OS", "linux") && is("ENV", "gnu") && is("FEATURE", "crt-static")) {
        return Ok(());
    }
    // Relocations as a bitmap (RELR) instead of a table: 0.9 MiB less. Only in a static program, which
    // brings the C library that can read it.
    println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    // Linux maps code in stretches around what is touched: what runs lies side by side, right behind
    // the C library, which the linker puts last.
    let folder = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    let script = PathBuf::from(folder).join("hot_functions.ld");
    let names = fs::read_to_string(HOT_FUNCTIONS)?;
    let sections = names
        .lines()
        .map(|name| format!("*(.text.{name} .text.unlikely.{name})\n"));
    let sections: String = sections.collect();
    fs::write(
        &script,
        format!("SECTIONS {{ .text.hot : {{\n{sections}}} }} INSERT AFTER .text;\n"),
    )?;
    println!("cargo:rustc-link-arg-bins=-Wl,-T,{}", script.display());
    Ok(())
}

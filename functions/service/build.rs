//! How the container's binary is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| {
        let set = std::env::var_os(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
        let set = set.to_string_lossy();
        set.split(',').any(|it| it == value)
    };
    // The addresses that a program sets right when it starts as a bitmap, not a table: 0.9 MiB less.
    // Only in a static program, which brings the C library that can read it.
    if is("OS", "linux") && is("ENV", "gnu") && is("FEATURE", "crt-static") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

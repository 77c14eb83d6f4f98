//! Compiles `usage/v1` with protox, so that nobody has to install protoc.

use std::error::Error;

const FILES: [&str; 9] = [
    "usage/v1/catalog.proto",
    "usage/v1/file.proto",
    "usage/v1/record.proto",
    "usage/v1/rule.proto",
    "usage/v1/webhook.proto",
    "usage/v1/event.proto",
    "usage/v1/command.proto",
    "usage/v1/feed.proto",
    "usage/v1/report.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=usage");
    let descriptors = protox::compile(FILES, ["."])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}

//! Compiles the .proto files with protox: no protoc is needed.

use std::path::Path;

use prost::Message as _;

const FILES: [&str; 14] = [
    "smarthome/events/v1/events.proto",
    "smarthome/events/v1/subjects.proto",
    "smarthome/access/v1/types.proto",
    "smarthome/access/v1/access.proto",
    "smarthome/access/v1/guests.proto",
    "smarthome/access/v1/registry.proto",
    "smarthome/access/v1/subjects.proto",
    "smarthome/access/v1/audit.proto",
    "smarthome/access/v1/device_status.proto",
    "smarthome/access/v1/completeness.proto",
    "smarthome/access/v1/alarms.proto",
    "smarthome/access/v1/reads.proto",
    "smarthome/access/v1/resident.proto",
    "smarthome/access/v1/statistics.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=smarthome");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    std::fs::write(
        Path::new(&out).join("descriptors.bin"),
        descriptors.encode_to_vec(),
    )?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}

//! The properties of `tests/read/properties`, compiled for the fuzzer. They stand there because the ordinary suite runs
//! the committed corpus through them.

#[path = "../tests/read/make.rs"]
#[expect(dead_code, reason = "the suites use more of it")]
mod make;
#[path = "../tests/read/properties/mod.rs"]
mod properties;

/// Runs one input through the property of a target, which panics where it doesn't hold.
pub fn check(target: &str, data: &[u8]) {
    for (name, property) in properties::ALL {
        if name == target {
            property(data);
        }
    }
}

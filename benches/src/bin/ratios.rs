//! Placeholder until the ratios exist.
fn main() {}
